"use strict";
// The charts: each a function that draws one of them from the data and the switches.

const MANY_ROWS = 20;
const LARGEST = 30; // exposures that are drawn

// The name of a score without what it is the sum of, where there is little room.
const briefly = (label) => literal(label.replace(/ \(.*\)$/, ""));

// The models that are ticked and have the score, but for what they are compared with.
function shownModels() {
  const { values } = DATA.scores[state.score];
  return [...state.shown].filter(
    ([model]) => Object.hasOwn(values, model) && model !== referenceModel());
}

// What a chart has as lines: the models that are ticked, and what they are compared with.
function drawnSeries() {
  const { values } = DATA.scores[state.score];
  const reference = referenceSeries();
  const models = shownModels().map(([name, slot]) =>
    ({ name, values: values[name], open: openOf(name), style: lineStyle(slot), slot }));
  if (!reference) return models;
  return [...models, { name: referenceName(), values: reference, open: openOf(referenceModel()),
    style: { color: colour("text"), dash: "dot" }, slot: 0 }];
}

// Values that may still change do not count.
const finalOf = (values, open) => values.map((value, i) => (open[i] ? null : value));

// Whether the value of each round may still change; scores of no model are final.
function openOf(model) {
  const { open } = DATA.scores[state.score];
  const waiting = new Set(Object.hasOwn(open, model) ? open[model] : []);
  return DATA.eras.map((era) => waiting.has(era));
}

// A shade behind each run of rounds that are not final for some model.
function shades(eras) {
  const waiting = new Set(DATA.scores[state.score].unresolved);
  const runs = [];
  eras.forEach((era, i) => {
    if (!waiting.has(era)) return;
    const last = runs.at(-1);
    if (last && last.x1 === i - 0.5) last.x1 = i + 0.5;
    else runs.push({ x0: i - 0.5, x1: i + 0.5 });
  });
  return runs.map((run) => ({ type: "rect", yref: "paper", y0: 0, y1: 1, layer: "below",
    fillcolor: colour("shade"), line: { width: 0 }, ...run }));
}

// Where the sum of a single model would run with either end of the interval as its mean.
function band(places, eras) {
  const models = shownModels();
  if (models.length !== 1) return [];
  const [[model, slot]] = models;
  const { low, high } = rowsOf(state.span).find((row) => row.model === model).of(state.score);
  if (low === null) return [];
  const final = cut(finalOf(DATA.scores[state.score].values[model], openOf(model)), places);
  const counts = [0, ...cumulative(final.map((value) => (value === null ? null : 1)))];
  const at = (end) => counts.map((n) => (n === null ? null : n * end));
  return shade(at(low), at(high), lineStyle(slot).color, "", eras);
}

// Sums that all start from 0 before the first era that all lines have.
function sums() {
  const drawn = drawnSeries();
  const inSpan = shownPlaces();
  const common = firstCommon(drawn.map(({ values }) => cut(values, inSpan)));
  const places = inSpan.slice(Math.max(common, 0));
  const eras = [START, ...cut(DATA.eras, places)];
  const traces = drawn.map(({ name, values, open, style, slot }) => line(name,
    [0, ...cumulative(cut(values, places))], style, slot, [false, ...cut(open, places)], eras));
  return { eras, traces: [...band(places, eras), ...traces], told: aboutStart(drawn, inSpan, common) };
}

// From where the sums run, and what keeps them from starting sooner.
function aboutStart(drawn, places, common) {
  if (!drawn.length || common === 0) return "";
  if (common < 0) {
    return `These lines have no ${DATA.unit} in common: each starts from 0 at its own first.`;
  }
  const first = ({ values }) => cut(values, places).findIndex((value) => value !== null);
  const last = drawn.reduce((a, b) => (first(b) > first(a) ? b : a));
  return `All lines start from 0 before ${DATA.unit} ${DATA.eras[places[common]]}, the first that all of `
    + `them have. Of these, ${last.name} starts last: without it, all can start sooner.`;
}

// A number of the most recent eras at each era, those before the chosen span too.
function recentLines(reduce) {
  const places = shownPlaces();
  const eras = cut(DATA.eras, places);
  const size = Number(find("window").value);
  const traces = drawnSeries().map(({ name, values, open, style, slot }) => line(name,
    cut(rolling(finalOf(values, open), size, reduce), places), style, slot, [], eras));
  const some = traces.some(({ y }) => y.some((value) => value !== null));
  const told = some || !traces.length ? "" : `None of these lines has ${counted(size, DATA.unit)} yet.`;
  return { eras, traces, told };
}

function drawScores() {
  const label = briefly(DATA.scores[state.score].label);
  const views = { cumulative: [sums, `cumulative ${label}`],
    mean: [() => recentLines(mean), `rolling mean of ${label}`],
    sharpe: [() => recentLines(sharpeRatio), `rolling Sharpe of ${label}`] };
  const [draw, title] = views[state.view];
  const { eras, traces, told } = draw();
  find("rolling").hidden = state.view === "cumulative";
  find("start").textContent = told;
  chart("score-chart", traces, layout(narrow.matches ? 320 : 420,
    { xaxis: eraAxis(eras.map(literal)), yaxis: { title: { text: title } },
      shapes: shades(eras) }));
}

function drawDrawdowns() {
  const { label } = DATA.scores[state.score];
  const places = shownPlaces();
  const eras = cut(DATA.eras, places);
  const traces = drawnSeries().map(({ name, values, open, style, slot }) => line(name,
    drawdown(cut(finalOf(values, open), places)), style, slot, cut(open, places), eras));
  const deepest = traces.flatMap((trace) => trace.y).reduce((a, b) => Math.min(a, b), 0);
  chart("drawdown-chart", traces, layout(narrow.matches ? 220 : 260,
    { xaxis: eraAxis(eras.map(literal)),
      yaxis: { title: { text: `${briefly(label)} below its highest` }, range: [1.06 * deepest || -0.01, 0] } }));
}

function rowAxis(names, height) {
  const every = Math.max(1, Math.ceil((14 * names.length) / height));
  const places = names.map((_, i) => i).filter((i) => i % every === 0);
  const texts = shortenedAll(names);
  return { autorange: "reversed", showgrid: false, zeroline: false, ticks: "",
    tickvals: places, ticktext: cut(texts, places) };
}

const rowsHeight = (n) => n * (n > MANY_ROWS ? 14 : 26) + 80;

function drawStrip() {
  const { values, label } = DATA.scores[state.score];
  const models = bestFirst().filter((model) => Object.hasOwn(values, model));
  const places = shownPlaces();
  const eras = cut(DATA.eras, places);
  const z = models.map((model) => cut(values[model], places));
  // A few extreme eras shall not make all others look alike.
  const end = sizeAt(z.flat(), 0.98) || 1;
  const hovertext = models.map((model, i) => z[i].map((value, j) =>
    `${literal(model)}<br>${DATA.unit} ${literal(eras[j])}: ${number(value)}`));
  const height = rowsHeight(models.length);
  chart("strip-chart", [{ type: "heatmap", x: eras.map(literal), y: models.map((_, i) => i), z,
    hovertext, hoverinfo: "text", hoverongaps: false, zmin: -end, zmax: end,
    colorscale: diverging(), showscale: !narrow.matches, colorbar: colourBar(briefly(label)),
  }], layout(height, { xaxis: eraAxis(eras.map(literal)), yaxis: rowAxis(models, height),
    plot_bgcolor: colour("gap"), shapes: shades(eras).map((shade) => ({ ...shade, layer: "above" })) }));
}

function drawCorrelations() {
  const { models, values } = DATA.correlations || DATA.scores[state.score].correlations;
  const some = hasCorrelations(values);
  document.getElementById("correlation-chart").hidden = !some;
  if (!some) return;
  const [names, z] = orderedSquares(models, values);
  const hovertext = z.map((row, i) => row.map((value, j) =>
    `${literal(names[i])}<br>${literal(names[j])}<br>${number(value, 3)}`));
  const negative = z.flat().some((value) => value !== null && value < 0);
  const room = names.length <= (narrow.matches ? 5 : 14);
  drawSquare("correlation-chart", names, { z, hovertext, zmin: negative ? -1 : 0, zmax: 1,
    colorscale: negative ? diverging() : rising(), colorbar: colourBar("correlation"),
    texttemplate: room ? "%{z:.2f}" : "" }, rowsHeight(names.length), room);
}

// Whether any two models have a correlation.
const hasCorrelations = (values) =>
  values.some((row, i) => row.some((value, j) => i !== j && value !== null));

// Names, and squares of numbers by them, in the order of the models.
function orderedSquares(names, ...squares) {
  const rank = new Map(bestFirst().map((model, i) => [model, i]));
  const place = (i) => rank.get(names[i]) ?? Infinity;
  const order = names.map((_, i) => i).sort((i, j) => (place(i) < place(j) ? -1 : 1));
  return [order.map((i) => names[i]),
    ...squares.map((square) => order.map((i) => order.map((j) => square[i][j])))];
}

// Numbers by two names, as colours; the names below only where there is room for them.
function drawSquare(id, names, trace, height, room) {
  const places = names.map((_, i) => i);
  const below = room && !narrow.matches;
  const full = height + (below ? 110 : 0);
  chart(id, [{ type: "heatmap", x: places, y: places, hoverinfo: "text", hoverongaps: false,
    xgap: 1, ygap: 1, showscale: !narrow.matches, ...trace,
  }], layout(full, { yaxis: rowAxis(names, full), plot_bgcolor: colour("gap"),
    xaxis: { ...rowAxis(names, 700), autorange: true, tickangle: -40,
      showticklabels: below } }));
}

function drawWeights() {
  const rows = sorted(DATA.weights, (row) => row.weight, true);
  const height = rowsHeight(rows.length);
  const whisker = (row, end) => (row[end] === null ? 0 : Math.abs(row[end] - row.weight));
  const text = rows.map((row) => `${literal(row.name)}: ${number(row.weight)}`
    + (row.low === null ? "" : `<br>${number(row.low)} to ${number(row.high)}`));
  chart("weights-chart", [{ type: "bar", orientation: "h", x: rows.map((row) => row.weight),
    y: rows.map((_, i) => i), hovertext: text, hoverinfo: "text", textposition: "none",
    marker: { color: colour("model-5") },
    error_x: { type: "data", symmetric: false, color: colour("text"), thickness: 1.5,
      visible: rows.some((row) => row.low !== null),
      array: rows.map((row) => whisker(row, "high")),
      arrayminus: rows.map((row) => whisker(row, "low")) },
  }], layout(height, { yaxis: rowAxis(rows.map((row) => row.name), height),
    xaxis: { title: { text: "weight" } }, bargap: 0.35 }));
}

function drawExposures() {
  const features = DATA.exposures.features.slice(0, LARGEST);
  const stages = Object.entries(DATA.exposures.stages);
  const height = rowsHeight(features.length);
  const style = (i) => ({ color: colour(`model-${i % COLOURS}`), symbol: "circle",
    hollow: i === 0 && stages.length > 1, line: false });
  chart("exposures-chart", stages.map(([stage, values], i) => ({
    type: "scatter", mode: "markers", name: literal(stage), x: values.slice(0, LARGEST),
    y: features.map((_, j) => j), hoverinfo: "text",
    hovertext: features.map((feature, j) =>
      `${literal(feature)}<br>${literal(stage)}: ${number(values[j])}`),
    marker: { size: 9, line: { width: 2, color: style(i).color }, color: style(i).color,
      symbol: style(i).hollow ? "circle-open" : "circle" },
  })), layout(height, { yaxis: { ...rowAxis(features, height), showgrid: true },
    xaxis: { title: { text: "size of the correlation with the feature" } } }));
  drawLegend("exposures-legend", stages.map(([stage], i) => [stage, style(i)]));
  document.getElementById("exposures-cut").textContent =
    features.length < DATA.exposures.features.length ? `The chart has the largest ${LARGEST}.` : "";
}
