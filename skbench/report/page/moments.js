"use strict";
// The moments of the eras: unpacked, and from them the scores of any blend.
//
// A blend scores, in an era, a line of the weights over the root of a form of them. What
// is neutralised by p has less of both: p of what the features explain of a line, and
// 2 p - p^2 of what they explain of a form.

const SCORES = ["corr", "mmc", "meta_model"];
// Below this share of its variance nothing but rounding is left of a blend.
const NOTHING = 1e-4;
const K = DATA.models.length;
const PAIRS = (K * (K + 1)) / 2;
const ERAS = DATA.eras.length;

// The numbers as Python packed them: the first bytes of all come first.
async function unpacked(text) {
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const planes = new Uint8Array(await new Response(stream).arrayBuffer());
  const n = planes.length / 4;
  const ordered = new Uint8Array(planes.length);
  for (let j = 0; j < 4; j += 1) {
    for (let i = 0; i < n; i += 1) ordered[4 * i + j] = planes[j * n + i];
  }
  return new Float32Array(ordered.buffer);
}

class Moments {
  constructor(numbers) {
    const { n_forms: forms, n_ways: ways, places } = DATA.layout;
    const ends = [forms * ways * PAIRS, SCORES.length * ERAS * ways * K, ERAS];
    const cut = (i) => {
      const start = ends.slice(0, i).reduce((a, b) => a + b, 0);
      return numbers.subarray(start, start + ends[i]);
    };
    [this.forms, this.lines, this.reference] = [cut(0), cut(1), cut(2)];
    Object.assign(this, { n: forms, ways, places: [places[0], places[1], places[1]] });
  }

  // Forms and lines for a proportion, each era's together.
  at(proportion) {
    if (this.mixed && this.mixed.proportion === proportion) return this.mixed;
    this.plain = this.plain || this.formsLess(0);
    this.mixed = { proportion, lines: SCORES.map((_, s) => this.linesLess(s, proportion)),
      forms: proportion ? this.formsLess(proportion * (2 - proportion)) : this.plain };
    return this.mixed;
  }

  // They come with the eras together for each pair.
  formsLess(share) {
    const { forms, n } = this;
    const out = new Float64Array(n * PAIRS);
    for (let p = 0; p < PAIRS; p += 1) {
      for (let f = 0; f < n; f += 1) {
        out[f * PAIRS + p] = forms[p * n + f] - (share && share * forms[(PAIRS + p) * n + f]);
      }
    }
    return out;
  }

  linesLess(score, share) {
    const { ways } = this;
    const lines = this.lines.subarray(score * ERAS * ways * K, (score + 1) * ERAS * ways * K);
    return Float64Array.from({ length: ERAS * K }, (_, place) => {
      const [e, i] = [Math.floor(place / K), place % K];
      const first = e * ways * K + i;
      return lines[first] - (share && share * lines[first + K]);
    });
  }

  // Variance of a blend in the rows of each form.
  variances(weights, proportion) {
    const { forms } = this.at(proportion);
    const { plain } = this;
    const used = weights.map((w, i) => [w, i]).filter(([w]) => w !== 0);
    const places = [];
    const products = [];
    used.forEach(([w, i], a) => used.slice(a).forEach(([v, j]) => {
      places.push(i * K - (i * (i - 1)) / 2 + j - i);
      products.push(i === j ? w * v : 2 * w * v);
    }));
    const out = new Float64Array(this.n);
    for (let f = 0; f < this.n; f += 1) {
      let [sum, whole] = [0, 0];
      const first = f * PAIRS;
      for (let p = 0; p < places.length; p += 1) {
        sum += products[p] * forms[first + places[p]];
        if (proportion) whole += products[p] * plain[first + places[p]];
      }
      out[f] = sum > NOTHING * whole ? sum : 0;
    }
    return out;
  }

  // Scores of a blend by name, one an era, null where it has none.
  scores(weights, proportion) {
    const variances = this.variances(weights, proportion);
    const { lines } = this.at(proportion);
    const used = weights.map((_, i) => i).filter((i) => weights[i] !== 0);
    return Object.fromEntries(SCORES.map((name, s) => [name, DATA.eras.map((_, e) => {
      let along = 0;
      for (const i of used) along += weights[i] * lines[s][e * K + i];
      if (Number.isNaN(along) || !used.length) return null;
      const variance = variances[this.places[s][e]];
      return variance > 0 ? along / Math.sqrt(variance) : 0;
    })]));
  }

  // Scores of the Meta Model, which adds nothing to itself.
  ofReference() {
    const corr = Array.from(this.reference, (value) => (Number.isNaN(value) ? null : value));
    return { corr, mmc: corr.map((value) => (value === null ? null : 0)),
      meta_model: corr.map((value) => (value === null ? null : 1)) };
  }
}
