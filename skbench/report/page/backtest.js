"use strict";
// The page of a backtest: its switches, its lists and its charts.

const DASHES = { "equal weights": "dot", "best single model": "dash", "in sample": "dashdot" };
const MEASURES = { corr: "CORR", mmc: "MMC", exposure: "largest exposure" };

const state = {
  score: find("score").value,
  candidate: find("candidate").value,
  shown: new Map(), // each candidate that is ticked, with the number of its colour
};

const current = () => DATA.scores[state.score];
const rivalsOf = (name) => DATA.candidates.find((one) => one.name === name).rivals;
const rowOf = (name) => current().table.find((row) => row.name === name);
const level = `${+(100 * DATA.confidence).toFixed(6)}\u00a0%`;

// What is known of a difference, in words.
function judged(low, high) {
  if (low === null) return "too few eras for an interval";
  const ends = `${level} interval ${number(low)} to ${number(high)}`;
  return low > 0 || high < 0 ? ends : `${ends}, which holds 0`;
}

// The list

const ranged = (key, label, low, high, words) => ({
  key, label, value: (row) => row[key],
  show: (row) => (row[key] === null ? ["–"]
    : [number(row[key]), ...words(row), ...range(row[low], row[high])]),
});

function candidateColumns() {
  const { label, n_candidates: chances } = current();
  const joint = { key: "joint_low", label: "Held together", value: (row) => row.joint_low,
    show: (row) => (row.joint_low === null ? ["–"]
      : [verdictOn(row.joint_low, row.joint_high), ...range(row.joint_low, row.joint_high)]) };
  return [
    nameColumn("name", "Candidate"),
    ranged("mean", `Mean ${label}`, "mean_low", "mean_high", () => []),
    ranged("difference", "From equal weights", "difference_low", "difference_high",
      (row) => [" ", verdictOn(row.difference_low, row.difference_high)]),
    ...(chances > 1 ? [joint] : []),
    plainColumn("sharpe", "Sharpe", 3),
    { ...plainColumn("max_drawdown", "Drawdown", 3), ascendingFirst: true },
    { key: "turnover", label: "Turnover", ascendingFirst: true, value: (row) => row.turnover,
      show: (row) => [row.turnover === null ? "–" : `${number(100 * row.turnover, 0)} %`] },
    { ...plainColumn("exposure", "Exposure", 3), ascendingFirst: true },
    plainColumn("n_eras", "Eras", 0),
  ];
}

function drawList() {
  const { verdict, table, n_candidates: chances } = current();
  find("verdict").textContent = `${verdict}.`;
  find("chances").textContent = chances === 1 ? ""
    : `The best of ${chances} has had ${chances} chances to look good, so the interval in the `
      + "sentence is one of those that hold over all candidates together.";
  const told = table.map((row) => row.shorter).filter(Boolean);
  find("beneath").hidden = !told.length;
  find("shorter").replaceChildren(...told.map((text) => element("li", {}, text)));
  makeList("candidates", candidateColumns(), table, "mean", (row) => row.shorter);
}

// The lines

function borders() {
  const places = DATA.windows.map((era) => DATA.eras.indexOf(era)).filter((i) => i > 0);
  return places.map((i) => ({ type: "line", yref: "paper", y0: 0, y1: 1, x0: i - 0.5,
    x1: i - 0.5, layer: "below", line: { color: colour("gap"), width: 1 } }));
}

// The same for all charts over time, so that they stand one below the other.
const timeAxis = () => ({ ...eraAxis(), range: [-0.5, DATA.eras.length - 0.5] });

const ticked = () =>
  [...state.shown].filter(([name]) => Object.hasOwn(current().cumulative, name));

// What the candidates that are ticked stand against; those of the first in full colour.
function rivals() {
  const found = new Map();
  ticked().forEach(([name], i) => Object.entries(rivalsOf(name)).forEach(([kind, rival]) => {
    if (found.has(rival) || !Object.hasOwn(current().cumulative, rival)) return;
    found.set(rival, { color: colour(i === 0 ? "text" : "soft"), dash: DASHES[kind] });
  }));
  return [...found];
}

function swatchOf(name) {
  if (!state.shown.has(name)) return { color: "transparent" };
  const slot = state.shown.get(name);
  const { color, symbol } = lineStyle(slot);
  return { color, symbol: slot < COLOURS ? null : symbol };
}

function drawLines() {
  const { cumulative: sums, label } = current();
  const solid = ticked().map(([name, slot]) => line(name, sums[name], lineStyle(slot), slot));
  const broken = rivals().map(([name, style]) => line(name, sums[name], style, 0));
  chart("lines-chart", [...broken, ...solid], layout(narrow.matches ? 320 : 420, {
    xaxis: timeAxis(), yaxis: { title: { text: `cumulative ${literal(label)}` } },
    shapes: borders() }));
  drawSwatches(swatchOf);
  drawLegend("lines-legend", rivals().map(([name, { color, dash }]) =>
    [name, { color, dash: STROKES[dash] }]));
}

// Learned against equal weights

function drawDifference() {
  const { label, n_candidates: chances } = current();
  const found = current().differences[state.candidate];
  const row = rowOf(state.candidate);
  const color = colour("model-0");
  const joint = chances > 1 && row.joint_low !== null;
  const own = row.difference_low !== null;
  chart("difference-chart", [
    ...(joint ? shade(found.joint_low, found.joint_high, colour("soft"), "joint ") : []),
    ...(own ? shade(found.low, found.high, color) : []),
    line(state.candidate, found.cumulative, { color }, 0),
  ], layout(narrow.matches ? 280 : 340, { xaxis: timeAxis(), shapes: borders(),
    yaxis: { title: { text: `cumulative difference in ${literal(label)}` }, zeroline: true,
      zerolinecolor: colour("text"), zerolinewidth: 1.5 } }));
  drawLegend("difference-legend", [
    ["difference from equal weights", { color }],
    ...(own ? [[`${level} band of its mean`, { color: `${color}80`, symbol: "square", line: false }]] : []),
    ...(joint ? [[`band that holds over all ${chances} candidates together`,
      { color: `${colour("soft")}80`, symbol: "square", line: false }]] : []),
  ]);
  find("difference-claim").textContent = differenceClaim(row, found.n_eras, label, joint);
}

function differenceClaim(row, n, label, joint) {
  if (row.difference === null) return `${row.name} has no era of ${label} to compare.`;
  return `${row.name} scores ${number(Math.abs(row.difference))} ${label} an era `
    + `${row.difference < 0 ? "less" : "more"} than equal weights over ${counted(n, "era")} `
    + `(${judged(row.difference_low, row.difference_high)}).`
    + (joint ? " If you picked it as the best of all, go by the interval that holds over all "
      + `together: ${number(row.joint_low)} to ${number(row.joint_high)}`
      + `${row.joint_low > 0 || row.joint_high < 0 ? "" : ", which holds 0"}.` : "");
}

// Weights over time

// The weights of each era, from those of its window.
function byEra(windows, values) {
  const starts = windows.map((era) => DATA.eras.indexOf(era));
  return DATA.eras.map((_, i) => {
    const window = starts.findLastIndex((start) => start <= i);
    return window < 0 ? null : values[window];
  });
}

function weightParts(path) {
  const parts = path.models.map((name, i) =>
    ({ name, values: path.values[i], color: colour(`model-${i}`) }));
  if (!path.n_others) return parts;
  const name = `${counted(path.n_others, "other model")}, added up`;
  return [...parts, { name, values: path.others, color: colour("soft") }];
}

function drawWeights() {
  const known = Object.hasOwn(DATA.weights, state.candidate);
  find("weights-chart").hidden = find("weights-legend").hidden = !known;
  if (!known) {
    find("weights-claim").textContent = `The weights of ${state.candidate} are given, not learned.`;
    return;
  }
  const path = DATA.weights[state.candidate];
  // What is negative cannot be stacked.
  const stacked = path.values.flat().every((weight) => weight >= 0);
  const first = DATA.eras.indexOf(path.windows[0]);
  const traces = weightParts(path).map(({ name, values, color }) => {
    const weights = byEra(path.windows, values).slice(first);
    return { type: "scatter", mode: "lines", name: literal(name), x: eraTexts().slice(first),
      y: weights, hoverinfo: "text", ...(stacked ? { stackgroup: "all", fillcolor: color } : {}),
      line: { shape: "hvh", color, width: stacked ? 0 : 2 },
      hovertext: weights.map((weight, i) =>
        `${literal(name)}<br>era ${literal(DATA.eras[first + i])}: ${number(weight, 3)}`) };
  });
  chart("weights-chart", traces, layout(narrow.matches ? 280 : 340, { xaxis: timeAxis(),
    hovermode: "closest", yaxis: { title: { text: "weight" }, ...(stacked ? { range: [0, 1] } : {}) },
    shapes: borders().map((border) => ({ ...border, layer: "above" })) }));
  drawLegend("weights-legend", weightParts(path).map(({ name, color }) =>
    [name, stacked ? { color, symbol: "square", line: false } : { color }]));
  find("weights-claim").textContent = weightsClaim(path, stacked);
}

function weightsClaim({ windows, equal }, stacked) {
  const { turnover } = rowOf(state.candidate);
  return (turnover === null ? `One window: the weights of ${state.candidate} do not move.`
    : `From window to window, ${number(100 * turnover, 0)} % of the weights of ${state.candidate} `
      + `move, on average over ${windows.length} windows.`)
    + ` Equal weights would give each model ${number(100 * equal, 1)} %.`
    + (stacked ? "" : " Some weights are negative, so they are drawn as lines, not as shares.");
}

// Neutralisation

const chosenCurve = () => DATA.curves[Number(find("curve").value)];

function followCandidate() {
  const place = DATA.curves.findIndex(({ rows }) =>
    rows.some(({ name }) => name === state.candidate));
  if (place >= 0) find("curve").value = String(place);
}

function drawCurve() {
  const { measures, rows, name } = chosenCurve();
  Object.keys(MEASURES).forEach((measure) => {
    const there = measures.includes(measure);
    find(`${measure}-chart`).hidden = !there;
    if (there) drawPanel(measure, rows);
  });
  const columns = measures.map((measure) => ({
    ...meanWithRange(measure, MEASURES[measure]),
    count: (row) => row[`${measure}_n_eras`],
  }));
  const proportion = { key: "proportion", label: "Proportion", ascendingFirst: true,
    value: (row) => row.proportion, show: (row) => [String(row.proportion)] };
  makeList("curve-list", [proportion, ...columns], rows.slice(1), "proportion");
  find("curve-claim").textContent = curveClaim(name, measures, rows.at(-1));
}

function drawPanel(measure, rows) {
  const y = rows.map((row) => row[measure]);
  const whisker = (row, end) =>
    (row[`${measure}_${end}`] === null ? 0 : Math.abs(row[`${measure}_${end}`] - row[measure]));
  const color = colour("model-0");
  chart(`${measure}-chart`, [{ type: "scatter", mode: "lines+markers", name: MEASURES[measure],
    x: rows.map((row) => row.proportion), y, hoverinfo: "text", line: { color, width: 2 },
    marker: { color, size: 7 },
    hovertext: rows.map((row) => `proportion ${row.proportion}: ${number(row[measure])}<br>`
      + judged(row[`${measure}_low`], row[`${measure}_high`])),
    error_y: { type: "data", symmetric: false, color, thickness: 1.5, width: 5,
      array: rows.map((row) => whisker(row, "high")),
      arrayminus: rows.map((row) => whisker(row, "low")) } }],
  layout(260, { xaxis: { title: { text: "proportion" }, range: [-0.06, 1.06] },
    yaxis: { title: { text: `difference in ${MEASURES[measure]}` }, zeroline: true,
      zerolinecolor: colour("text"), zerolinewidth: 1.5 } }));
}

function curveClaim(name, measures, last) {
  const told = measures.filter((measure) => last[measure] !== null).map((measure) =>
    `${MEASURES[measure]} ${last[measure] < 0 ? "falls" : "rises"} by `
    + `${number(Math.abs(last[measure]))} (${judged(last[`${measure}_low`], last[`${measure}_high`])})`);
  return `From proportion 0 to ${last.proportion}, with the weights of ${name}: `
    + `${told.join("; ")}.`;
}

function drawChosen() {
  drawDifference();
  if (find("weights-chart")) drawWeights();
  if (find("curve")) drawCurve();
}

function drawAll() {
  drawList();
  drawLines();
  drawChosen();
}

find("switches").addEventListener("submit", (event) => event.preventDefault());
find("score").addEventListener("change", (event) => {
  state.score = event.target.value;
  drawAll();
});
find("candidate").addEventListener("change", (event) => {
  state.candidate = event.target.value;
  if (find("curve")) followCandidate();
  drawChosen();
});
if (find("curve")) find("curve").addEventListener("change", drawCurve);
onScreen(drawAll);

const CANDIDATES = DATA.candidates.filter(({ kind }) => kind === null).map(({ name }) => name);
const alike = (name) => JSON.stringify(rivalsOf(name)) === JSON.stringify(rivalsOf(state.candidate));
const whole = (name) => !rowOf(name).shorter;
showOnly(CANDIDATES.filter((name) => alike(name) && whole(name)).slice(0, BEST));
drawBoxes(CANDIDATES, drawLines);
if (find("curve")) followCandidate();
drawAll();
