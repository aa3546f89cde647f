"use strict";
// The switches, and what follows from them.

const MANY = 5; // models among which one may stand out by chance

const state = {
  score: find("score").value,
  reference: find("reference").value,
  span: "all",
  view: "cumulative",
  sort: { key: `mean ${find("score").value}`, descending: true },
  shown: new Map(), // each model that is ticked, with the number of its colour
  isChosen: false, // whether the reader ticked others than the best
};

function swatchOf(model) {
  if (model === referenceModel()) return { color: colour("text"), dash: STROKES.dot };
  if (!state.shown.has(model)) return { color: "transparent" };
  const slot = state.shown.get(model);
  const { color, symbol } = lineStyle(slot);
  return { color, symbol: slot < COLOURS ? null : symbol };
}

function legendEntries() {
  const models = [...state.shown.keys()].filter((model) => model !== referenceModel());
  const entries = models.map((model) => [model, swatchOf(model)]);
  if (!referenceSeries()) return entries;
  return [...entries, [referenceName(), { color: colour("text"), dash: STROKES.dot }]];
}

// What the chosen eras can tell, in a sentence or two.
function verdict() {
  const { label, least_eras: least } = DATA.scores[state.score];
  const all = rowsOf(state.span);
  const rows = all.filter((row) => row.model !== referenceModel());
  const n = Math.max(0, ...all.map((row) => row.of(state.score).n_eras));
  if (n === 0) return `No ${DATA.unit} has a final ${label} yet, so there is nothing to tell.`;
  if (n < least) {
    return `${counted(n, DATA.unit)} of ${label} ${n === 1 ? "is" : "are"} too few to tell models apart: `
      + `an interval needs ${least}, twice as many as share days with each other.`;
  }
  if (referenceSeries()) return comparison(rows, n, label);
  const start = `${label} over up to ${counted(n, DATA.unit)}.`;
  return state.reference === "" ? `${start} Choose what to compare with to see differences.`
    : `${start} ${referenceName()} has no ${label}: compare with a model that has it.`;
}

function comparison(rows, n, label) {
  const differences = rows.map(differenceOf);
  const verdicts = differences
    .map((d) => (d ? told(d.low, d.high) : "too few"));
  const count = (what) => verdicts.filter((each) => each === what).length;
  const [above, below, few] = [count("above"), count("below"), count("too few")];
  const shared = Math.max(0, ...differences.map((d) => (d ? d.n_eras : 0)));
  const which = shared < n ? `, of which ${shared} have ${referenceName()} too` : "";
  return `${label} over up to ${counted(n, DATA.unit)}${which}: of ${counted(rows.length, "model")}, `
    + `${above} clearly above ${referenceName()}, ${below} clearly below, `
    + `and ${count("unclear")} that cannot be told from it`
    + (few ? `; ${few} with too few ${DATA.unit}s to say.` : ".")
    + (above + below && rows.length >= MANY
      ? " With so many models, chance alone may set one or more of them apart." : "")
    + moreEras(rows);
}

// How many eras it would take to tell the model apart that comes closest to it.
function moreEras(rows) {
  const needed = rows.map(differenceOf)
    .filter((d) => d && told(d.low, d.high) === "unclear" && d.mean)
    .map((d) => d.n_eras * (((d.high - d.low) / 2) / Math.abs(d.mean)) ** 2);
  if (!needed.length) return "";
  const least = Math.min(...needed);
  const eras = least > 1000 ? "more than 1,000" : `some ${Math.ceil(least / 10) * 10}`;
  return ` Choose among those by something else: it would take ${eras} ${DATA.unit}s in all `
    + `to tell even one of them from ${referenceName()}, if its difference stays as it is.`;
}

function correlationText() {
  if (DATA.correlations) return "Correlations as they were given to this report. 1 is the same, 0 unrelated.";
  const { label } = DATA.scores[state.score];
  if (!hasCorrelations(DATA.scores[state.score].correlations.values)) {
    return `It takes two models with three ${DATA.unit}s of ${label} in common to say.`;
  }
  return `Correlations of the models' ${label} over ${DATA.unit}s (not of their predictions): `
    + `do they have their good and bad ${DATA.unit}s together? 1 is always, 0 is unrelated. `
    + "Models that differ make a steadier ensemble.";
}

function drawTexts() {
  const { label, explained } = DATA.scores[state.score];
  find("explained").textContent = explained ? `${label}: ${explained}.` : "";
  find("verdict").textContent = verdict();
  find("correlation-text").textContent = correlationText();
}

function drawTable() {
  drawHeadings();
  const headings = [...document.querySelectorAll("#models th[data-key]")];
  const there = headings.some((cell) => cell.dataset.key === state.sort.key);
  if (!there) state.sort = { key: `mean ${state.score}`, descending: true };
  drawRows();
}

function drawLines() {
  drawScores();
  drawDrawdowns();
  drawSwatches(swatchOf);
  drawLegend("drawdown-legend", legendEntries());
  drawWorst();
}

// The best by the chosen score and span are at the top, and ticked.
function arrange() {
  orderBoxes(bestFirst());
  showBest(bestFirst());
}

function drawAll() {
  arrange();
  drawTexts();
  drawTable();
  drawLines();
  if (DATA.quantiles) drawQuantiles();
  drawStrip();
  drawCorrelations();
  if (DATA.weights) drawWeights();
  if (DATA.exposures) drawExposures();
}

function onRadio(name, draw) {
  find(name).addEventListener("change", (event) => {
    state[name] = event.target.value;
    draw();
  });
}

find("switches").addEventListener("submit", (event) => event.preventDefault());
find("score").addEventListener("change", (event) => {
  if (state.sort.key === `mean ${state.score}`) state.sort.key = `mean ${event.target.value}`;
  state.score = event.target.value;
  drawAll();
});
find("reference").addEventListener("change", (event) => {
  state.reference = event.target.value;
  drawTexts();
  drawTable();
  drawLines();
});
onRadio("span", drawAll);
onRadio("view", drawScores);
find("window").addEventListener("change", drawScores);
find("quantile-model")?.addEventListener("change", drawQuantiles);
onScreen(() => {
  drawAll();
  drawAnalysis();
});

drawBoxes(DATA.models, drawLines, bestFirst);
drawAll();
setUpAnalysis();
drawAnalysis();
