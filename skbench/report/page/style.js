"use strict";
// How charts look: colours from the style sheet, text that plotly takes literally.

const COLOURS = 6;
const SYMBOLS = ["circle", "square", "diamond", "triangle-up", "x", "star", "cross",
  "triangle-down", "pentagon", "hexagon"];
const narrow = window.matchMedia("(max-width: 40rem)");
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const coarse = window.matchMedia("(pointer: coarse)");
// The whole toolbar is of no use without a mouse, and everything it does is a gesture.
const CONFIG = { responsive: true, displayModeBar: false };

const colour = (name) =>
  getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// plotly reads some HTML tags and entities in every text that it draws.
const literal = (text) =>
  text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;")
    .replace(/\s/g, " ");

// Nothing that rounds to zero keeps a minus.
const number = (value, digits = 4) =>
  value === null ? "–" : value.toFixed(digits).replace(/^-(0\.?0*)$/, "$1");
const counted = (n, noun) => `${n} ${noun}${n === 1 ? "" : "s"}`;

// Names beside a chart, cut in the middle where there is no room: many begin alike.
// Hovering shows them in full.
function shortened(name) {
  const [start, end] = narrow.matches ? [5, 10] : [14, 14];
  if (name.length <= start + end + 1) return literal(name);
  return literal(`${name.slice(0, start)}…${name.slice(-end)}`);
}

// The same of several names: first goes the start that all share, up to a word.
function shortenedAll(names) {
  const room = narrow.matches ? 16 : 29;
  if (names.every((name) => name.length <= room)) return names.map(literal);
  const isShared = (end) => names.every((name) => name.startsWith(names[0].slice(0, end)));
  const words = [...names[0].matchAll(/[_\-./]/g)].map(({ index }) => index + 1);
  const shared = words.filter(isShared).at(-1) || 0;
  return names.map((name) => shortened(shared ? `…${name.slice(shared)}` : name));
}

function layout(height, changes) {
  const axis = { gridcolor: colour("grid"), linecolor: colour("line"),
    zerolinecolor: colour("line"), automargin: true, fixedrange: coarse.matches };
  const { xaxis, yaxis, ...rest } = changes;
  return {
    height,
    margin: { l: 10, r: 10, t: 12, b: 10 },
    font: { color: colour("text"), family: "system-ui, sans-serif", size: 12 },
    paper_bgcolor: colour("ground"),
    plot_bgcolor: colour("ground"),
    hoverlabel: { bgcolor: colour("raised"), bordercolor: colour("line"),
      font: { color: colour("text") }, align: "left" },
    hovermode: "closest",
    showlegend: false,
    // On a touch screen a finger on a chart scrolls the page.
    dragmode: coarse.matches ? false : "zoom",
    xaxis: { ...axis, ...xaxis },
    yaxis: { ...axis, ...yaxis },
    ...rest,
  };
}

function lineStyle(slot) {
  return { color: colour(`model-${slot % COLOURS}`),
    symbol: SYMBOLS[Math.floor(slot / COLOURS) % SYMBOLS.length] };
}

const diverging = () => [[0, colour("low")], [0.5, colour("middle")], [1, colour("high")]];
const rising = () => [[0, colour("middle")], [1, colour("high")]];

const colourBar = (text) =>
  ({ thickness: 10, outlinewidth: 0, tickfont: { color: colour("text") },
    title: { text, side: "top" } });

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const SHAPES = {
  circle: "M11 6a4 4 0 1 0 8 0a4 4 0 1 0-8 0", square: "M11 2h8v8h-8z",
  diamond: "M15 1l5 5l-5 5l-5-5z", "triangle-up": "M15 1l5 9h-10z",
  x: "M11 1l4 4l4-4l1 1l-4 4l4 4l-1 1l-4-4l-4 4l-1-1l4-4l-4-4z",
  star: "M15 0l1.5 4h4.5l-3.5 3l1.5 5l-4-3l-4 3l1.5-5l-3.5-3h4.5z",
  cross: "M13 1h4v3h3v4h-3v3h-4v-3h-3v-4h3z", "triangle-down": "M15 11l5-9h-10z",
  pentagon: "M15 1l5 4l-2 6h-6l-2-6z", hexagon: "M12.500 1h5l2.500 5l-2.500 5h-5l-2.500-5z",
};

// A piece of the line of a chart, for a legend. Like the line, the first six are plain.
function swatch({ color, symbol, dash = "", line = true, hollow = false }) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "swatch");
  svg.setAttribute("aria-hidden", "true");
  const add = (d, attributes) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    Object.entries({ d, ...attributes }).forEach((pair) => path.setAttribute(...pair));
    svg.append(path);
  };
  if (line) add("M0 6H30", { stroke: color, "stroke-width": 2.5, "stroke-dasharray": dash });
  if (symbol) {
    add(SHAPES[symbol], { fill: hollow ? "none" : color, stroke: color, "stroke-width": 1.5 });
  }
  return svg;
}
