"use strict";
// Intervals of means over eras whose scores overlap, as skbench.metrics.summarize has
// them, and the other numbers of a series; null is an era without a score.

const MOST_COSINES = 24;
const TIMES = DATA.times.map(Number);

function logGamma(x) {
  const terms = [76.18009172947146, -86.50532032941677, 24.01409824083091,
    -1.231739572450155, 0.1208650973866179e-2, -0.5395239384953e-5];
  const shifted = x + 5.5;
  const sum = terms.reduce((total, term, i) => total + term / (x + 1 + i), 1.000000000190015);
  return (x + 0.5) * Math.log(shifted) - shifted + Math.log((2.5066282746310005 * sum) / x);
}

// The regularised incomplete beta function, by its continued fraction (Lentz).
function betaShare(x, a, b) {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaShare(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b)
    + a * Math.log(x) + b * Math.log(1 - x)) / a;
  const away = (value) => (Math.abs(value) < 1e-300 ? 1e-300 : value);
  let [c, d] = [1, 1 / away(1 - ((a + b) * x) / (a + 1))];
  let fraction = d;
  for (let m = 1; m < 500; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away(1 + even * d);
    c = away(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away(1 + odd * d);
    c = away(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return front * fraction;
}

// Within which, on both sides, a share of Student's t lies: by bisection.
function criticalValue(df, confidence) {
  let [low, high] = [0, 1];
  const inside = (t) => 1 - betaShare(df / (df + t * t), df / 2, 0.5);
  while (inside(high) < confidence) high *= 2;
  for (let i = 0; i < 100; i += 1) {
    const middle = (low + high) / 2;
    if (inside(middle) < confidence) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

const prepared = new Map(); // by the eras, the last few sets of them

// What the interval of a mean over some eras takes that depends on their times alone;
// null where they are too few.
function cosines(places) {
  const key = places.join();
  if (!prepared.has(key)) {
    if (prepared.size >= 16) prepared.delete(prepared.keys().next().value);
    prepared.set(key, cosinesAt(places.map((i) => TIMES[i])));
  }
  return prepared.get(key);
}

function cosinesAt(times) {
  const n = times.length;
  const gaps = times.slice(1).map((time, i) => time - times[i]).sort((a, b) => a - b);
  const half = gaps.length / 2;
  const distance = n < 2 ? 1
    : (gaps[Math.ceil(half) - 1] + gaps[Math.floor(half)]) / 2;
  const horizon = Math.max(Math.ceil(DATA.horizon / distance - 1e-6), 1);
  if (n < 2 * horizon) return null;
  const nu = Math.min(Math.max(Math.floor(n / horizon), 2), MOST_COSINES);
  const q = Array.from({ length: nu }, (_, j) => Float64Array.from(times, (__, t) =>
    (Math.SQRT2 * Math.cos((Math.PI * (j + 1) * (t + 0.5)) / n)) / n));
  const products = q.map(() => new Float64Array(n)); // q S
  let overlap = 0;
  let start = 0;
  for (let t = 0; t < n; t += 1) {
    while (times[t] - times[start] >= DATA.horizon) start += 1;
    for (let u = start; u < n && times[u] - times[t] < DATA.horizon; u += 1) {
      const shared = 1 - Math.abs(times[u] - times[t]) / DATA.horizon;
      overlap += shared;
      for (let j = 0; j < nu; j += 1) products[j][t] += shared * q[j][u];
    }
  }
  let [trace, squares] = [0, 0];
  for (let j = 0; j < nu; j += 1) {
    for (let l = 0; l < nu; l += 1) {
      let c = 0;
      for (let t = 0; t < n; t += 1) c += products[j][t] * q[l][t];
      squares += c * c;
      if (j === l) trace += c;
    }
  }
  trace /= nu;
  return { q, scale: overlap / n ** 2 / trace,
    critical: criticalValue((trace * trace) / (squares / nu ** 2), DATA.confidence) };
}

// Mean of the scores from one era to another, and its interval.
function meanOf(series, first, last) {
  const places = [];
  for (let i = first; i <= last; i += 1) if (series[i] !== null) places.push(i);
  const n = places.length;
  if (!n) return { n, mean: null, low: null, high: null };
  const mean = places.reduce((sum, i) => sum + series[i], 0) / n;
  const found = cosines(places);
  if (!found) return { n, mean, low: null, high: null };
  const power = found.q.reduce((sum, row) => {
    let along = 0;
    for (let t = 0; t < n; t += 1) along += row[t] * (series[places[t]] - mean);
    return sum + along * along;
  }, 0) / found.q.length;
  const width = found.critical * Math.sqrt(power * found.scale);
  return { n, mean, low: mean - width, high: mean + width };
}

// All numbers of a series in some eras.
function summary(series, first, last) {
  const { n, mean, low, high } = meanOf(series, first, last);
  const inside = series.slice(first, last + 1);
  const values = inside.filter((value) => value !== null);
  const spread = Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / n);
  const varies = values.some((value) => value !== values[0]) && spread > 0;
  const falls = drawdown(inside).filter((value) => value !== null);
  return { n, mean, low, high, sharpe: varies ? mean / spread : null,
    max_drawdown: n ? Math.max(0, ...falls.map((fall) => -fall)) : null };
}

// One series less another, in the eras that both have.
const lessBy = (series, other) => series.map((value, i) =>
  (value === null || other[i] === null ? null : value - other[i]));
