"use strict";
// Which eras the charts show, and from which the sums of all lines start.

const START = "start"; // stands before the first era, where every sum is 0

// Places of the eras of the chosen span, from the first to the last with a score.
function shownPlaces() {
  const { values, references } = DATA.scores[state.score];
  const series = [...Object.values(values), ...Object.values(references)];
  const scored = DATA.eras.map((_, i) => i).filter((i) => series.some((one) => one[i] !== null));
  if (!scored.length) return DATA.eras.map((_, i) => i);
  const { first } = DATA.spans.find(({ name }) => name === state.span);
  const from = state.span === "all" ? scored[0] : Math.max(scored[0], DATA.eras.indexOf(first));
  return DATA.eras.map((_, i) => i).filter((i) => i >= from && i <= scored.at(-1));
}

const cut = (values, places) => places.map((i) => values[i]);

// The first place where each of the series has a value; -1 if there is none.
function firstCommon(series) {
  if (!series.length) return -1;
  return series[0].findIndex((_, i) => series.every((values) => values[i] !== null));
}
