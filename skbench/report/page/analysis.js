"use strict";
// What the Meta Model consists of and lacks, and which models do well together.

const DRAWN = 5; // models with a colour of their own in the chart of implied weights

function setUpAnalysis() {
  if (!DATA.analysis) return;
  const { implied_weights: implied, underweight, comparison } = DATA.analysis;
  if (implied) makeList("implied-list", impliedColumns(), implied.means, "mean");
  if (underweight) makeList("underweight-list", boardColumns(), underweight, "derivative");
  if (comparison) {
    makeList("comparison-list", comparisonColumns(), comparison, "benchmark_corr");
  }
}

function drawAnalysis() {
  if (!DATA.analysis) return;
  if (DATA.analysis.implied_weights) drawImplied();
  if (DATA.analysis.synergy) drawSynergy();
}

const impliedColumns = () => [
  nameColumn("model", "Model"),
  { key: "mean", label: "Mean weight", value: (row) => row.mean,
    count: (row) => row.n_eras, show: (row) => [number(row.mean, 3)] },
  { key: "interval", label: "Interval", value: (row) => row.low,
    show: (row) => (row.low === null ? ["–"] : range(row.low, row.high, 3)) },
];

const boardColumns = () => [
  nameColumn("model", "Model"),
  judgedMean("derivative", "Derivative", { above: "more helps", below: "more hurts" },
    "derivative_joint"),
  meanWithRange("implied_weight", "Implied weight", 3),
  meanWithRange("corr", "CORR"),
  meanWithRange("contribution", "Contribution"),
];

const comparisonColumns = () => [
  nameColumn("benchmark", "Benchmark"),
  judgedMean("difference", "Difference", { above: "ahead", below: "behind" }),
  plainColumn("corr", "CORR of the model"),
  plainColumn("benchmark_corr", "CORR of the benchmark"),
  plainColumn("share_won", "Windows won", 2),
  plainColumn("correlation", "Correlation", 3),
];

// The models with the largest weights, and the sum of the others.
function parts() {
  const { values, means } = DATA.analysis.implied_weights;
  const names = means.map((row) => row.model);
  const first = names.slice(0, DRAWN).map((name, i) =>
    ({ name, weights: values[name], color: colour(`model-${i}`) }));
  const rest = names.slice(DRAWN).map((name) => values[name]);
  if (!rest.length) return first;
  const sum = rest[0].map((_, era) => rest.map((weights) => weights[era])
    .reduce((a, b) => (b === null ? a : (a ?? 0) + b), null));
  const name = `${counted(rest.length, "other model")}, added up`;
  return [...first, { name, weights: sum, color: colour("soft") }];
}

function drawImplied() {
  const { eras, r2 } = DATA.analysis.implied_weights;
  const x = eras.map(literal);
  const told = (era) => `<br>era ${x[era]}`;
  const bars = parts().map(({ name, weights, color }) => ({
    type: "bar", x, y: weights, hoverinfo: "text", textposition: "none",
    name: literal(name), marker: { color, line: { width: 0 } },
    hovertext: weights.map((weight, era) =>
      `${literal(name)}${told(era)}: weight ${number(weight, 3)}`),
  }));
  const explained = (width, color) => ({
    type: "scatter", mode: "lines+markers", x, y: r2, connectgaps: false, hoverinfo: "text",
    name: "share explained", line: { color, width },
    marker: { color, size: r2.map((_, era) => (isolated(r2, era) ? width + 3 : 0)) },
    hovertext: r2.map((share, era) => `share explained${told(era)}: ${number(share, 3)}`),
  });
  // The broad line below sets the other apart from every colour.
  const lines = [explained(6, colour("ground")), explained(2, colour("text"))];
  chart("implied-chart", [...bars, ...lines], layout(narrow.matches ? 300 : 380, {
    barmode: "stack", bargap: 0, xaxis: { ...eraAxis(x), range: [-0.5, x.length - 0.5] },
    yaxis: { range: [0, 1.02], title: { text: "implied weight" } } }));
  drawLegend("implied-legend", [
    ...parts().map(({ name, color }) => [name, { color, symbol: "square", line: false }]),
    ["share of the Meta Model that they explain", { color: colour("text") }]]);
}

// A star for what the claim goes by: a pair that is clear among all pairs.
const star = (pair) => (pair.jointly_clear ? " *" : "");

// The gain of a pair and its tilt in thousandths, and half the interval of that.
function gainText(pair) {
  if (pair.gain === null) return "";
  const half = (pair.tilt_joint_high - pair.tilt_joint_low) / 2;
  const text = number(1000 * pair.gain, 1) + star(pair)
    + (pair.tilt_joint_low === null ? ""
      : `<br>${number(1000 * pair.tilt, 1)} ±${number(1000 * half, 1)}`);
  return pair.jointly_clear ? `<b>${text}</b>` : text;
}

function gainHover(names, pair) {
  if (pair.gain === null) return "";
  return `${names.map(literal).join("<br>")}<br>gain ${number(pair.gain)}`
    + (pair.tilt === null ? "" : `<br>tilt ${number(pair.tilt)}`)
    + (pair.tilt_joint_low === null ? ", too few eras for an interval"
      : ` (${number(pair.tilt_joint_low)} to ${number(pair.tilt_joint_high)})`) + star(pair);
}

// Pale enough to write on.
const gains = () => [[0, colour("middle")], [1, colour("gain")]];

function drawSynergy() {
  const found = DATA.analysis.synergy;
  const keys = ["gain", "tilt", "tilt_joint_low", "tilt_joint_high", "jointly_clear"];
  const [names, ...squares] =
    orderedSquares(found.models, ...keys.map((key) => found[key]));
  const pairs = names.map((_, i) => names.map((__, j) =>
    Object.fromEntries(keys.map((key, k) => [key, squares[k][i][j]]))));
  const room = names.length <= (narrow.matches ? 5 : 14);
  // A model alone is no pair, and stands for nothing.
  const alone = (i, j) => i === j && pairs[i][j].gain === 0 && !pairs[i][j].tilt;
  const each = (say) => pairs.map((row, i) =>
    row.map((pair, j) => (alone(i, j) ? "" : say(pair, i, j))));
  const text = each((pair) => (room ? gainText(pair) : star(pair).trim()));
  const hovertext = each((pair, i, j) => gainHover([names[i], names[j]], pair));
  const drawn = pairs.map((row, i) =>
    row.map((pair, j) => (alone(i, j) ? null : pair.gain)));
  const most = drawn.flat().reduce((a, b) => Math.max(a, b ?? 0), 0);
  drawSquare("synergy-chart", names, { z: drawn, text, hovertext, texttemplate: "%{text}",
    zmin: 0, zmax: most || 1, colorscale: gains(), colorbar: colourBar("gain"),
    textfont: { color: colour("text") } },
    room ? 44 * names.length + 80 : rowsHeight(names.length), room);
}
