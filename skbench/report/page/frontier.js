"use strict";
// The best contribution for each CORR: blends that maximise a mix of the two means.

const STEPS = 12;
const ROUNDS = 8;

// Weights >= 0 that maximise w'line - w'form w / 2, by coordinate descent.
function fitted(form, line, start) {
  const k = line.length;
  const w = start.slice();
  for (let sweep = 0; sweep < 400; sweep += 1) {
    let moved = 0;
    let size = 0;
    for (let i = 0; i < k; i += 1) {
      if (form[i * k + i] > 0) {
        let slope = line[i];
        for (let j = 0; j < k; j += 1) slope -= form[i * k + j] * w[j];
        const next = Math.max(0, w[i] + slope / form[i * k + i]);
        moved = Math.max(moved, Math.abs(next - w[i]));
        w[i] = next;
      }
      size = Math.max(size, w[i]);
    }
    if (moved <= 1e-9 * size) break;
  }
  return w;
}

const toSumOne = (w) => {
  const sum = w.reduce((a, b) => a + b, 0);
  return sum > 0 ? w.map((x) => x / sum) : null;
};

// Of one mix: what a blend is worth, and the better blend that its slopes lead to. At the
// best one the slopes of all lines equal those of all forms, each era's form weighing by
// its score over its variance.
class Mix {
  // `terms` are { score, share, eras }: the place of a score, what its mean counts, where.
  constructor(moments, proportion, columns, terms) {
    Object.assign(this, { moments, columns, terms, mixed: moments.at(proportion) });
    this.pairs = columns.map((i) => columns.map((j) => {
      const [a, b] = i < j ? [i, j] : [j, i];
      return a * K - (a * (a - 1)) / 2 + b - a;
    }));
  }

  means(w) { return this.terms.map((term) => this.pass(term, w, null)); }

  value(w) {
    return this.means(w).reduce((sum, mean, i) => sum + this.terms[i].share * mean, 0);
  }

  better(w) {
    const k = this.columns.length;
    const [form, line] = [new Float64Array(k * k), new Float64Array(k)];
    this.terms.forEach((term) => term.share && this.pass(term, w, { form, line }));
    return toSumOne(fitted(form, line, w));
  }

  // Mean of a score over its eras; what its slopes are made of is added to `sums`.
  pass({ score, share, eras }, w, sums) {
    const { columns, pairs, moments } = this;
    const { forms, lines } = this.mixed;
    const k = columns.length;
    let total = 0;
    for (const e of eras) {
      const first = moments.places[score][e] * PAIRS;
      let [along, variance] = [0, 0];
      for (let a = 0; a < k; a += 1) {
        along += w[a] * lines[score][e * K + columns[a]];
        if (w[a]) {
          let sum = 0;
          for (let b = 0; b < k; b += 1) sum += w[b] * forms[first + pairs[a][b]];
          variance += w[a] * sum;
        }
      }
      if (!(variance > 0)) continue;
      const value = along / Math.sqrt(variance);
      total += value;
      if (!sums) continue;
      const scale = share / eras.length;
      for (let a = 0; a < k; a += 1) {
        sums.line[a] += (scale * lines[score][e * K + columns[a]]) / Math.sqrt(variance);
        const factor = (scale * value) / variance;
        for (let b = 0; b < k; b += 1) sums.form[a * k + b] += factor * forms[first + pairs[a][b]];
      }
    }
    return total / eras.length;
  }

  // The best of what the slopes lead to, from the best of several starts.
  best(starts) {
    const better = (a, b) => (b && (!a || this.value(b) > this.value(a)) ? b : a);
    let found = starts.reduce(better, null);
    let point = found;
    for (let round = 0; round < ROUNDS && point; round += 1) {
      point = this.better(point);
      const last = found;
      found = better(found, point);
      if (found === last) break;
    }
    return found;
  }
}

// Yields blends from the best CORR to the best contribution, each with its two means, in
// the eras from first to last in which all of these models have both scores.
function* frontier(moments, proportion, columns, first, last) {
  const { lines } = moments.at(proportion);
  const has = (score, e) => columns.every((i) => !Number.isNaN(lines[score][e * K + i]));
  const all = DATA.eras.map((_, e) => e).filter((e) => e >= first && e <= last);
  const eras = [0, 1].map((score) => all.filter((e) => has(score, e)));
  if (!columns.length || eras.some((some) => !some.length)) return;
  const single = columns.map((_, i) => columns.map((__, j) => (i === j ? 1 : 0)));
  const starts = [columns.map(() => 1 / columns.length), ...single];
  const terms = (share) => [{ score: 0, share: 1 - share, eras: eras[0] },
    { score: 1, share, eras: eras[1] }];
  let previous = null;
  for (let step = 0; step <= STEPS; step += 1) {
    // A mean contribution is mostly smaller than a mean CORR; so steps grow slowly.
    const mix = new Mix(moments, proportion, columns, terms(step / STEPS));
    const best = mix.best(previous ? [previous, ...starts] : starts);
    if (best) {
      previous = best;
      const weights = DATA.models.map(() => 0);
      columns.forEach((i, a) => { weights[i] = best[a]; });
      const [corr, mmc] = mix.means(best);
      yield { weights, corr, mmc };
    }
  }
}
