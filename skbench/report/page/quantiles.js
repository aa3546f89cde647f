"use strict";
// Mean target of the rows that one model ranks lowest, ..., highest, as bars.

function quantilesOf(model) {
  return DATA.quantiles.find((row) => row.span === state.span && row.model === model);
}

// What the two ends of the chart come to, in a sentence.
function aboutSpread({ model, n_eras: n, spread: { mean: middle, low, high } }) {
  if (!n) return `${model} has no ${DATA.unit} with a target here.`;
  const where = low === null ? "too few for an interval" : `95 % interval ${number(low)} to ${number(high)}`;
  return `${model}, ${counted(n, DATA.unit)}: the rows that it ranks highest have a target `
    + `${number(middle)} above that of the rows that it ranks lowest (${where}).`;
}

function drawQuantiles() {
  const row = quantilesOf(find("quantile-model").value);
  const names = row.mean.map((_, i) => String(i + 1));
  const end = (side) => row.mean.map((value, i) =>
    (row[side][i] === null ? 0 : Math.abs(row[side][i] - value)));
  find("spread").textContent = aboutSpread(row);
  chart("quantile-chart", [{ type: "bar", x: names, y: row.mean, name: literal(row.model),
    hoverinfo: "text", textposition: "none", marker: { color: colour("model-5") },
    hovertext: row.mean.map((value, i) => `group ${names[i]}: ${number(value)}`
      + (row.low[i] === null ? "" : `<br>${number(row.low[i])} to ${number(row.high[i])}`)),
    error_y: { type: "data", symmetric: false, color: colour("text"), thickness: 1.5,
      visible: row.low.some((low) => low !== null), array: end("high"), arrayminus: end("low") },
  }], layout(narrow.matches ? 260 : 320, { bargap: 0.3,
    xaxis: { type: "category", showgrid: false, tickangle: 0,
      title: { text: "from the lowest predictions to the highest" } },
    yaxis: { title: { text: "target above the mean" } } }));
}
