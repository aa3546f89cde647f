"use strict";
// What the charts of all pages share: the data, and how a chart is put on the page.

const DATA = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const FEW = 40; // eras that are so few that every one gets a point
// How the lines of a legend are broken, as those of plotly are.
const STROKES = { dot: "3 3", dash: "9 4", dashdot: "9 3 3 3" };

function chart(id, traces, settings) {
  // plotly forgets the height when the window changes, and asks the page for it.
  find(id).style.height = `${settings.height}px`;
  Plotly.react(id, traces, settings, CONFIG);
}

// A chart that was drawn while it was folded away takes the width that it now has.
function fitCharts(inside) {
  inside.querySelectorAll(".chart").forEach((each) => {
    if (each.checkVisibility()) Plotly.relayout(each, { autosize: true });
  });
}

document.addEventListener("toggle", ({ target }) => fitCharts(target), true);

// What is folded away is printed, too.
function unfoldForPrint() {
  const folded = [...document.querySelectorAll("details:not([open])")];
  folded.forEach((each) => { each.open = true; });
  fitCharts(document);
  window.addEventListener("afterprint", () => folded.forEach((each) => { each.open = false; }),
    { once: true });
}

window.addEventListener("beforeprint", unfoldForPrint);

const eraTexts = () => DATA.eras.map(literal);

function eraAxis(texts = eraTexts()) {
  return { type: "category", categoryorder: "array", categoryarray: texts,
    nticks: narrow.matches ? 5 : 12, tickangle: 0, showgrid: false,
    title: { text: DATA.unit } };
}

// One value an era as a line; those that are open may still change.
function line(name, values, { color, symbol, dash = "solid" }, slot, open = [],
  eras = DATA.eras) {
  const text = values.map((value, i) =>
    `${literal(name)}<br>${DATA.unit} ${literal(eras[i])}: ${number(value)}`
    + (open[i] ? "<br>not final" : ""));
  return {
    type: "scatter", mode: "lines+markers", name: literal(name), x: eras.map(literal), y: values,
    connectgaps: false, hoverinfo: "text", hovertext: text,
    line: { color, width: 2, dash },
    marker: { color, line: { width: 1, color: colour("ground") }, size: pointSizes(values, open, slot),
      symbol: values.map((_, i) => `${symbol || "circle"}${open[i] ? "-open" : ""}`) },
  };
}

// Points where no line would show, where a value is not final, and now and then on lines
// that share their colour with another.
function pointSizes(values, open, slot) {
  const every = Math.ceil(values.length / 12);
  return values.map((value, i) => {
    if (open[i]) return 7;
    if (slot >= COLOURS && i % every === 0) return 8;
    return values.length <= FEW || isolated(values, i) ? 5 : 0;
  });
}

// The ground between two lines that are drawn before anything else.
function shade(low, high, color, name = "", eras = DATA.eras) {
  const edge = (end, values) => ({ type: "scatter", mode: "lines", name: `${name}${end}`,
    x: eras.map(literal), y: values, connectgaps: true, hoverinfo: "skip", line: { width: 0 } });
  const fillcolor = `${color}26`; // 15 % of it
  return [edge("low", low), { ...edge("high", high), fill: "tonexty", fillcolor }];
}

function drawLegend(id, entries) {
  find(id).replaceChildren(...entries.map(([name, style]) =>
    element("li", {}, swatch(style), nameOf(name))));
}

// Colours and room for names change with these.
function onScreen(draw) {
  [dark, narrow, coarse].forEach((query) => query.addEventListener("change", draw));
}
