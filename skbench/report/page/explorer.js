"use strict";
// The page of blends: its weights, its switches, what they say, and its charts.

const RECENT = 52;
const HAS_MMC = DATA.rules.length > 0;
const NEUTRAL = DATA.layout.n_ways === 2;
const LABELS = { corr: "CORR", mmc: "MMC", payout: "Payout" };
const KINDS = { given: "Knows nothing", learned: "Learned from all eras (in sample)",
  before: "Learned from what was known before the chosen eras", published: "Published",
  implied: "The Meta Model" };

const state = {
  weights: DATA.models.map(() => 1 / K),
  locked: new Set(),
  base: null, // the weights as they were before one of them was moved
  proportion: 0,
  first: 0,
  last: ERAS - 1,
  shown: new Map(DATA.models.map((name, i) => [name, i])), // the models with a slider
};
let moments = null;
let curve = []; // blends of the frontier
let now = null; // what was drawn last

const isShown = (i) => state.shown.has(DATA.models[i]);
const equalWeights = () => DATA.models.map(() => 1 / K);
const brief = (value) => String(+value.toFixed(4));

// Arithmetic

function payoutOf({ corr, mmc }) {
  const rule = DATA.rules[Number(find("rule").value)];
  const factor = Number(find("factor").value);
  const most = rule.clip === null ? Infinity : rule.clip;
  return corr.map((value, i) => (value === null || mmc[i] === null ? null
    : Math.max(-most, Math.min(most, factor * (rule.corr * value + rule.mmc * mmc[i])))));
}

const withPayout = (scores) => (HAS_MMC ? { ...scores, payout: payoutOf(scores) } : scores);
const measures = () => (HAS_MMC ? ["corr", "mmc", "payout"] : ["corr"]);

function referenceScores() {
  const value = find("reference").value;
  if (value === "") return null;
  if (value === "meta") return moments.ofReference();
  const weights = value === "equal" ? equalWeights()
    : DATA.models.map((_, i) => Number(i === Number(value)));
  return moments.scores(weights, 0);
}

function referenceName() {
  const { options, selectedIndex } = find("reference");
  return options[selectedIndex].textContent;
}

const referenceInWords = () =>
  (find("reference").value === "meta" ? "the Meta Model" : referenceName());

// Weights

const sumOf = (places) => places.reduce((sum, i) => sum + state.weights[i], 0);

// Scale some weights to a sum; where all are 0, share it alike.
function scale(places, sum, base) {
  const whole = places.reduce((total, i) => total + base[i], 0);
  places.forEach((i) => {
    state.weights[i] = Math.abs(whole) > 1e-12 ? (base[i] * sum) / whole : sum / places.length;
  });
}

const free = (but) => DATA.models.map((_, i) => i)
  .filter((i) => isShown(i) && !state.locked.has(i) && i !== but);
const held = (but) => DATA.models.map((_, i) => i)
  .filter((i) => state.locked.has(i) && i !== but);

function move(i, value) {
  if (!state.base || state.base.moved !== i) state.base = { moved: i, weights: [...state.weights] };
  const others = free(i);
  if (find("keep").checked && others.length) {
    const room = 1 - sumOf(held(i));
    state.weights[i] = Math.min(value, Math.max(room, 0));
    scale(others, room - state.weights[i], state.base.weights);
  } else {
    state.weights[i] = value;
  }
  changed();
}

function normalise() {
  state.base = null;
  const places = free(null);
  if (places.length) scale(places, 1 - sumOf(held(null)), [...state.weights]);
  changed();
}

// Weights from elsewhere: models that have one get a slider.
function setWeights(weights, proportion = state.proportion) {
  const hidden = DATA.models.filter((name, i) => weights[i] !== 0 && !state.shown.has(name));
  const moved = NEUTRAL && proportion !== state.proportion;
  state.base = null;
  state.weights = [...weights];
  if (moved) state.proportion = proportion;
  if (hidden.length) {
    hidden.forEach(show);
    makeRows();
  }
  changed({ blends: hidden.length > 0 || moved });
}

function makeRows() {
  const rows = DATA.models.map((name, i) => [name, i]).filter(([, i]) => isShown(i));
  find("rows").replaceChildren(...rows.map(([name, i]) => {
    const range = element("input", { type: "range", id: `weight-${i}`, min: 0, max: 1, step: 0.005 });
    const exact = element("input", { type: "number", id: `number-${i}`, step: 0.01,
      ariaLabel: `weight of ${name}` });
    const lock = element("input", { type: "checkbox", id: `lock-${i}`, checked: state.locked.has(i),
      ariaLabel: `lock the weight of ${name}` });
    range.addEventListener("input", () => move(i, range.valueAsNumber));
    exact.addEventListener("change", () => move(i, exact.valueAsNumber || 0));
    lock.addEventListener("change", () => {
      if (lock.checked) state.locked.add(i);
      else state.locked.delete(i);
      state.base = null;
    });
    return element("div", { className: "weight" },
      element("label", { htmlFor: range.id }, name), range, exact,
      element("span", { className: "lock" }, lock));
  }));
  find("boxes").querySelectorAll("input").forEach((box) => {
    box.checked = state.shown.has(box.value);
  });
  showWeights();
}

function showWeights() {
  DATA.models.forEach((_, i) => {
    const range = find(`weight-${i}`);
    if (!range) return;
    range.value = state.weights[i];
    const exact = find(`number-${i}`);
    if (exact !== document.activeElement || exact.valueAsNumber !== state.weights[i]) {
      exact.value = brief(state.weights[i]);
    }
  });
  if (NEUTRAL) {
    find("proportion").value = state.proportion;
    find("proportion-number").value = brief(state.proportion);
  }
  const sum = sumOf(DATA.models.map((_, i) => i));
  find("sum").textContent = `sum ${number(sum, 3)}`;
}

// Models were ticked, or not: those without a slider have no weight.
function tick() {
  const gone = DATA.models.map((_, i) => i).filter((i) => !isShown(i) && state.weights[i] !== 0);
  gone.forEach((i) => { state.weights[i] = 0; state.locked.delete(i); });
  state.base = null;
  makeRows();
  if (gone.length && find("keep").checked) normalise();
  changed({ blends: true });
}

// Presets

// The weights of a preset for the chosen eras: of those that are learned also the ones
// that were known before. Null where there were none yet.
function weightsBefore(preset) {
  const place = (window) => DATA.eras.indexOf(window.first);
  const known = preset.windows.filter((window) => place(window) <= state.first);
  return known.length && place(known.at(-1)) >= 0 ? known.at(-1).weights : null;
}

function presetGroups() {
  const own = DATA.presets.map((preset, i) => ({ value: String(i), kind: preset.kind, preset,
    weights: preset.weights }));
  const before = own.filter(({ kind }) => kind === "learned").map(({ value, preset }) =>
    ({ value: `before ${value}`, kind: "before", preset, weights: weightsBefore(preset) }));
  return [...own, ...before];
}

function drawPresets() {
  const every = presetGroups();
  const groups = Object.entries(KINDS).map(([kind, label]) => {
    const options = every.filter((one) => one.kind === kind).map(({ value, preset, weights }) =>
      element("option", { value, disabled: weights === null },
        preset.name + (weights === null ? " (too few eras before them)" : "")));
    return element("optgroup", { label }, ...options);
  }).filter((group) => group.children.length);
  find("preset").replaceChildren(element("option", { value: "" }, "weights of your own"), ...groups);
  markPreset();
}

// Weights of presets and of links are rounded to 6 digits.
const alike = (a, b) => a.every((value, i) => Math.abs(value - b[i]) < 1e-6);

// The preset whose weights these are, if any.
function markPreset() {
  const one = presetGroups().find(({ weights }) => weights && alike(weights, state.weights));
  find("preset").value = one ? one.value : "";
}

function choosePreset(value) {
  const one = presetGroups().find((each) => each.value === value);
  if (one && one.weights) setWeights(one.weights, one.preset.proportion);
}

// Eras

function setSpan(first, last, kind = "range") {
  [state.first, state.last] = [first, last];
  find("span").value = kind;
  find("range").hidden = kind !== "range";
  find("first").value = String(first);
  find("last").value = String(last);
  drawPresets();
  changed({ eras: true });
}

function chooseSpan(kind) {
  if (kind === "range") setSpan(state.first, state.last);
  else setSpan(kind === "all" ? 0 : ERAS - RECENT, ERAS - 1, kind);
}

const isPart = () => state.first > 0 || state.last < ERAS - 1;
const spanOf = (first, last) => (first === last ? `era ${DATA.eras[first]}`
  : `eras ${DATA.eras[first]} to ${DATA.eras[last]}`);

// Charts over time

// As numbers, which plotly draws faster than labels; a tick shows the label of its era.
function timeAxis() {
  const count = narrow.matches ? 4 : 8;
  const every = Math.max(1, Math.ceil(ERAS / count));
  const places = DATA.eras.map((_, i) => i).filter((i) => i % every === 0);
  return { ...FIXED, range: [-0.5, ERAS - 0.5], tickvals: places, showgrid: false, zeroline: false,
    ticktext: places.map((i) => shortened(DATA.eras[i])), title: { text: DATA.unit } };
}

// Margins that follow the labels cost plotly a second drawing.
const FIXED = { automargin: false };
const MARGIN = { l: 68, r: 12, t: 12, b: 44 };

const PLACES = DATA.eras.map((_, i) => i);
const ERA_TEXTS = eraTexts();

const sumLine = (name, values, style) => ({ type: "scatter", mode: "lines", name: literal(name),
  x: PLACES, y: cumulative(values), customdata: ERA_TEXTS, connectgaps: true,
  hovertemplate: `${literal(name)}<br>era %{customdata}: %{y:.4f}<extra></extra>`,
  line: { width: 2, ...style } });

function chosenShade() {
  if (!isPart()) return [];
  return [{ type: "rect", yref: "paper", y0: 0, y1: 1, x0: state.first - 0.5,
    x1: state.last + 0.5, layer: "below", fillcolor: colour("shade"), line: { width: 0 } }];
}

function drawLine(score, own, other) {
  const traces = [sumLine("your blend", own[score], { color: colour("model-0") })];
  if (other) {
    traces.push(sumLine(referenceName(), other[score], { color: colour("text"), dash: "dot" }));
  }
  chart(`${score}-chart`, traces, layout(narrow.matches ? 200 : 230, { xaxis: timeAxis(),
    yaxis: { ...FIXED, title: { text: `cumulative ${LABELS[score]}` } }, margin: MARGIN, shapes: chosenShade(),
    dragmode: coarse.matches ? false : "select", selectdirection: "h", selections: [] }));
}

function listenToBrush(id) {
  find(id).on("plotly_selected", (event) => {
    if (!event || !event.range) return;
    const [from, to] = event.range.x;
    const inside = (x) => Math.min(ERAS - 1, Math.max(0, x));
    const [first, last] = [inside(Math.ceil(from)), inside(Math.floor(to))];
    if (first <= last) setSpan(first, last);
  });
}

// Numbers

function heads() {
  const other = find("reference").value === "" ? [] : [`From ${referenceInWords()}`];
  const labels = ["Score", "Mean", "Sharpe", "Drawdown", ...other, "Eras"];
  return element("tr", {}, ...labels.map((label) => element("th", { scope: "col" }, label)));
}

// Whether there is no difference but for rounding.
const isNothing = ({ mean, low, high }) =>
  Math.max(Math.abs(mean), (high - low) / 2) < 1e-9;

function scoreRow(name, own, other, first, last) {
  const found = summary(own[name], first, last);
  const cells = [
    element("td", {}, number(found.mean), ...range(found.low, found.high)),
    element("td", {}, number(found.sharpe, 3)),
    element("td", {}, number(found.max_drawdown, 3)),
  ];
  if (other) {
    const ahead = meanOf(lessBy(own[name], other[name]), first, last);
    cells.push(element("td", {}, ...(ahead.mean === null ? ["–"]
      : isNothing(ahead) ? ["none"] : [number(ahead.mean), " ", verdictOn(ahead.low, ahead.high), ...range(ahead.low, ahead.high)])));
  }
  return element("tr", {}, element("th", { scope: "row" }, LABELS[name]), ...cells,
    element("td", {}, String(found.n)));
}

function partRows(title, own, other, first, last) {
  const width = other ? 6 : 5;
  const head = element("tr", { className: "part" },
    element("th", { scope: "rowgroup", colSpan: width }, title));
  const rows = measures().map((name) => scoreRow(name, own, other, first, last));
  if (HAS_MMC) {
    const { mean, n } = meanOf(own.meta_model, first, last);
    rows.push(element("tr", {}, element("th", { scope: "row" }, "Correlation with the Meta Model"),
      element("td", {}, number(mean, 3)), element("td"), element("td"),
      ...(other ? [element("td")] : []), element("td", {}, String(n))));
  }
  return [head, ...rows];
}

function drawNumbers({ own, other }) {
  const { first, last } = state;
  const chosen = isPart() ? `The chosen ${spanOf(first, last)}` : `All ${counted(ERAS, "era")}`;
  const after = last < ERAS - 1 ? partRows(
    `The ${spanOf(last + 1, ERAS - 1)} after them, which your choice need not have seen`,
    own, other, last + 1, ERAS - 1) : [];
  document.querySelector("#numbers thead").replaceChildren(heads());
  document.querySelector("#numbers tbody").replaceChildren(
    ...partRows(chosen, own, other, first, last), ...after);
  const line = measures().flatMap((name) => [`${LABELS[name]} `,
    element("b", {}, number(meanOf(own[name], first, last).mean)), " \u00a0 "]);
  find("now").replaceChildren("Mean of the chosen eras: \u00a0", ...line);
}

// What the chosen eras say of the blend, in a sentence.
function sentence({ own, other }) {
  const { first, last } = state;
  const { mean, n } = meanOf(own.corr, first, last);
  if (mean === null) {
    return DATA.models.every((_, i) => !state.weights[i]) ? "Give a model some weight."
      : "In the chosen eras no blend with these models has a score: some of them lack predictions there.";
  }
  const told = `Your blend scores ${number(mean)} CORR an era over ${counted(n, "era")}.`;
  if (!other) return told;
  const ahead = meanOf(lessBy(own.corr, other.corr), first, last);
  if (ahead.mean === null) return `${told} In none of these eras is there a score of ${referenceInWords()}.`;
  if (isNothing(ahead)) return `${told} So does the dotted line, ${referenceInWords()}.`;
  const size = Math.abs(ahead.mean);
  const more = `That is ${size < 0.00005 ? "less than 0.0001" : number(size)} `
    + `${ahead.mean < 0 ? "less" : "more"} than ${referenceInWords()}`
    + (ahead.n < n ? ` in the ${counted(ahead.n, "era")} that both have` : "");
  if (ahead.low === null) return `${told} ${more}; there are too few eras to tell them apart.`;
  const apart = ahead.low > 0 || ahead.high < 0;
  return `${told} ${more}: ${apart ? "more than chance would make of weights that were not chosen by "
    + "looking at these eras" : "these eras cannot tell the two apart"}.`;
}

// The frontier

function means(scores) {
  return ["corr", "mmc"].map((name) => meanOf(scores[name], state.first, state.last).mean);
}

// Names of the presets as labels, each under another where these lie at one place: there
// beside the point that is nearest to the middle, on whose side they stand.
function labelsOf(points, middle) {
  const reach = [0, 1].map((axis) => {
    const along = points.map(({ at }) => at[axis]);
    return 0.03 * (Math.max(...along) - Math.min(...along));
  });
  const near = (a, b) => reach.every((most, axis) => Math.abs(a.at[axis] - b.at[axis]) <= most);
  const firstOf = points.map((point) => points.findIndex((other) => near(point, other)));
  const aside = ({ at }) => Math.abs(at[0] - middle);
  return points.map((point, i) => {
    const group = points.filter((_, j) => firstOf[j] === firstOf[i]);
    const nearest = group.reduce((a, b) => (aside(b) < aside(a) ? b : a));
    return point === nearest ? group.map(({ name }) => shortened(name)).join("<br>") : "";
  });
}

function drawFrontier() {
  const { proportion } = state;
  const points = presetGroups().filter(({ kind, weights }) => weights && kind !== "before")
    .map(({ preset, weights }) => ({ name: preset.name, kind: preset.kind, weights,
      at: means(moments.scores(weights, proportion)) })).filter(({ at }) => at[1] !== null);
  const mine = means(now.own);
  const some = points.length > 0;
  find("frontier-none").hidden = some;
  ["frontier-chart", "frontier-legend", "walk"].forEach((id) => { find(id).hidden = !some; });
  find("along").disabled = !some || !curve.length;
  find("along").max = Math.max(curve.length - 1, 0);
  if (!some) return;
  const along = points.map(({ at }) => at[0]);
  const middle = (Math.min(...along) + Math.max(...along)) / 2;
  const text = (name, [corr, mmc]) =>
    `${literal(name)}<br>CORR ${number(corr)}<br>MMC ${number(mmc)}`;
  const traces = [
    { name: "frontier", mode: "lines+markers", x: curve.map(({ corr }) => corr),
      y: curve.map(({ mmc }) => mmc), line: { color: colour("model-2"), width: 2 },
      marker: { color: colour("model-2"), size: 7 }, customdata: curve.map(({ weights }) => weights),
      hovertext: curve.map(({ corr, mmc }) => text("frontier", [corr, mmc])) },
    { name: "presets", mode: narrow.matches ? "markers" : "markers+text", x: points.map(({ at }) => at[0]),
      y: points.map(({ at }) => at[1]), text: labelsOf(points, middle),
      textposition: points.map(({ at }) => (at[0] < middle ? "middle right" : "middle left")), textfont: { size: 10, color: colour("soft") },
      marker: { color: colour("model-1"), size: 9, symbol: "diamond" },
      customdata: points.map(({ weights }) => weights),
      hovertext: points.map(({ name, at }) => text(name, at)) },
    { name: "your blend", mode: "markers", x: [mine[0]], y: [mine[1]], customdata: [null],
      marker: { color: colour("model-0"), size: 13, symbol: "circle",
        line: { color: colour("ground"), width: 2 } }, hovertext: [text("your blend", mine)] },
  ].map((trace) => ({ type: "scatter", hoverinfo: "text", ...trace }));
  chart("frontier-chart", traces, layout(narrow.matches ? 300 : 380, {
    xaxis: { ...FIXED, title: { text: "mean CORR" } }, margin: MARGIN,
    yaxis: { ...FIXED, title: { text: "mean MMC" } },
    dragmode: false }));
  drawLegend("frontier-legend", [
    ["best MMC for each CORR", { color: colour("model-2"), symbol: "circle" }],
    ["presets", { color: colour("model-1"), symbol: "diamond", line: false }],
    ["your blend", { color: colour("model-0"), symbol: "circle", line: false }]]);
  listenToPresses();
}

let pressed = false; // whether presses on the chart are listened to, once it is drawn

function listenToPresses() {
  if (pressed) return;
  pressed = true;
  find("frontier-chart").on("plotly_click", ({ points: [point] }) => {
    if (point.customdata) setWeights(point.customdata);
  });
}

let finding = 0; // which search for the frontier is the last

// Find it a point at a time, so that sliders go on moving.
async function findFrontier() {
  finding += 1;
  const mine = finding;
  const columns = PLACES.length ? DATA.models.map((_, i) => i).filter(isShown) : [];
  const found = [];
  for (const point of frontier(moments, state.proportion, columns, state.first, state.last)) {
    found.push(point);
    await new Promise((resolve) => { setTimeout(resolve); });
    if (mine !== finding) return;
  }
  curve = found;
  drawFrontier();
  said(true);
}

// Taking along

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
// A path that begins with a dash would be taken for an option.
const quotedPath = (path) => quoted(path.startsWith("-") ? `./${path}` : path);

// A file to write that is none of those that are read.
function outputBeside(files) {
  const read = files.map((file) => file.split(/[/\\]/).at(-1));
  for (let i = 1; ; i += 1) {
    const name = `ensemble${i === 1 ? "" : `-${i}`}.parquet`;
    if (!read.includes(name)) return name;
  }
}

const used = () => DATA.models.map((name, i) => [name, state.weights[i]])
  .filter(([, weight]) => weight !== 0);
const digits = (value) => String(+value.toPrecision(6));

// The command, or why there is none.
function command() {
  const weights = used();
  if (!weights.length) return [null, "Give a model some weight."];
  const names = weights.map(([name]) => name);
  const apart = names.filter((name) => Object.hasOwn(DATA.elsewhere, name));
  const lost = apart.filter((name) => DATA.elsewhere[name] === null);
  if (lost.length) {
    return [null, "The command would need a file with these models, and this page knows of none: "
      + `${lost.join(", ")}. Take the Python below.`];
  }
  const files = [...new Set(apart.map((name) => DATA.elsewhere[name]))];
  if (names.some((name) => /[=,]|^\s|\s$/.test(name))
    || [...names, ...files, DATA.folder ?? ""].some((text) => /\p{C}/u.test(text))) {
    return [null, "A name that holds =, a comma or a control character cannot stand in a command: "
      + "take the Python below."];
  }
  const list = weights.map(([name, weight]) => `${name}=${digits(weight)}`).join(",");
  const neutral = state.proportion && DATA.neutralize
    ? ` --neutralize ${quoted(DATA.neutralize)} --proportion ${digits(state.proportion)}` : "";
  const folder = DATA.folder === null ? "FOLDER" : quotedPath(DATA.folder);
  const predictions = files.map((file) => ` --predictions ${quotedPath(file)}`).join("");
  return [`skbench ensemble ${folder}${predictions} --weights ${quoted(list)}${neutral}`
    + ` -o ${outputBeside(files)}`, ""];
}

function pythonCode() {
  const weights = used().map(([name, weight]) => `${JSON.stringify(name)}: ${digits(weight)}`);
  const neutral = state.proportion > 0;
  const { neutralize } = DATA;
  const folder = DATA.folder === null ? "" : `${DATA.folder}/`;
  const features = neutral && neutralize !== null ? [
    "import json",
    "",
  ] : [];
  const named = neutral && neutralize !== null ? [
    `with open(${JSON.stringify(`${folder}features.json`)}) as file:`,
    `    features = json.load(file)["feature_sets"][${JSON.stringify(neutralize)}]`,
    "",
  ] : [];
  return [
    ...features,
    "from sklearn.pipeline import make_pipeline",
    `from skbench import EraRank, EraRankGauss, ${neutral ? "FeatureNeutralizer, " : ""}WeightedEnsemble`,
    "",
    ...named,
    "ensemble = make_pipeline(",
    "    EraRankGauss(),",
    `    WeightedEnsemble({${weights.join(", ")}}),`,
    "    EraRankGauss(),",
    ...(neutral ? [`    FeatureNeutralizer(${neutralize === null ? "" : "features, "}`
      + `proportion=${digits(state.proportion)}),`] : []),
    "    EraRank(),",
    ")",
  ].join("\n");
}

function fragment() {
  const parts = used().map(([name, weight]) => ["w", `${digits(weight)} ${name}`]);
  if (state.proportion) parts.push(["p", digits(state.proportion)]);
  if (isPart()) parts.push(["from", DATA.eras[state.first]], ["to", DATA.eras[state.last]]);
  return new URLSearchParams(parts).toString();
}

// Weights, proportion and eras as the fragment of the address says, as far as it can be read.
function readFragment() {
  const parts = new URLSearchParams(window.location.hash.slice(1));
  const weights = DATA.models.map(() => 0);
  parts.getAll("w").forEach((part) => {
    const [value, ...name] = part.split(" ");
    const place = DATA.models.indexOf(name.join(" "));
    if (place >= 0 && Number.isFinite(Number(value))) weights[place] = Number(value);
  });
  const [first, last] = ["from", "to"].map((key) => DATA.eras.indexOf(parts.get(key)));
  if (first >= 0 && last >= first) setSpan(first, last);
  const proportion = Math.min(1, Math.max(0, Number(parts.get("p")) || 0));
  if (weights.some((weight) => weight !== 0)) {
    showOnly(DATA.models.filter((_, i) => weights[i] !== 0));
    makeRows();
    setWeights(weights, proportion);
  }
}

function drawTaken() {
  const [text, why] = command();
  find("command").value = text === null ? why : text;
  document.querySelector("[data-copy=command]").disabled = text === null;
  find("python").value = pythonCode();
  // In the frame of a notebook the page has no address that a link could lead to.
  const placed = window.location.protocol !== "about:";
  find("take-link").hidden = !placed;
  if (placed) find("link").value = `${window.location.href.split("#")[0]}#${fragment()}`;
  document.querySelectorAll("[id$=-done]").forEach((said) => { said.textContent = ""; });
}

async function copy(id) {
  const area = find(id);
  area.select();
  try {
    await navigator.clipboard.writeText(area.value);
  } catch {
    document.execCommand("copy"); // where a page may not write to the clipboard itself
  }
  find(`${id}-done`).textContent = "Copied.";
}

// Drawing

function drawScores() {
  const other = referenceScores();
  now = { own: withPayout(moments.scores(state.weights, state.proportion)),
    other: other && withPayout(other) };
  drawLine("corr", now.own, now.other);
  if (HAS_MMC) drawLine("mmc", now.own, now.other);
  drawNumbers(now); // last, since plotly asks for the place of a chart after every change
}

function drawLegends() {
  const dotted = now.other
    ? [[referenceName(), { color: colour("text"), dash: STROKES.dot }]] : [];
  const shade = isPart() ? [["the chosen eras", { color: colour("gap"), symbol: "square", line: false }]] : [];
  drawLegend("lines-legend", [["your blend", { color: colour("model-0") }], ...dotted, ...shade]);
}

let frame = null;
let rest = null;

// Draw what moves with the next frame, and what may wait once nothing moves any more.
function changed({ blends = false, eras = false } = {}) {
  if (!moments) return;
  said(false);
  showWeights();
  if (!frame) {
    frame = requestAnimationFrame(() => {
      frame = null;
      drawScores();
    });
  }
  if (blends || eras) finding += 1; // the frontier that is being found is an old one
  stale = stale || blends || eras;
  clearTimeout(rest);
  rest = setTimeout(settle, 150);
}

let stale = true;

function settle() {
  if (frame) {
    rest = setTimeout(settle, 50);
    return;
  }
  find("verdict").textContent = sentence(now);
  drawLegends();
  markPreset();
  drawTaken();
  if (HAS_MMC) drawFrontier();
  if (HAS_MMC && stale) findFrontier();
  else said(true);
  stale = false;
}

// Say, for programs that look at the page, whether all of it is drawn.
const said = (all) => { document.documentElement.dataset.settled = String(all); };

// Draw all at once, and not when there is time.
function drawAll() {
  if (!moments) return;
  cancelAnimationFrame(frame);
  clearTimeout(rest);
  frame = null;
  drawScores();
  settle();
}

function drawExact() {
  const scores = HAS_MMC ? ["corr", "mmc"] : ["corr"];
  makeList("exact-list", [nameColumn("name", "Preset"),
    { ...plainColumn("proportion", "Proportion", 2), ascendingFirst: true },
    ...scores.flatMap((name) => [plainColumn(name, `${LABELS[name]}, exact`, 5),
      plainColumn(`${name}_page`, "here", 5)]),
  ], DATA.exact.rows, "corr");
}

// For programs

const ready = unpacked(DATA.moments).then((numbers) => { moments = new Moments(numbers); });

async function blend(weights, proportion = 0, eras = [DATA.eras[0], DATA.eras.at(-1)]) {
  await ready;
  const unknown = Object.keys(weights).filter((name) => !DATA.models.includes(name));
  if (unknown.length) throw new Error(`no such models: ${unknown.join(", ")}`);
  if (!(proportion >= 0 && proportion <= 1) || (proportion && !NEUTRAL)) {
    throw new Error(`proportion must be ${NEUTRAL ? "from 0 to 1" : "0, without features"}`);
  }
  const [first, last] = eras.map((era) => DATA.eras.indexOf(String(era)));
  if (first < 0 || last < first) throw new Error(`no such eras: ${eras.join(", ")}`);
  const values = DATA.models.map((name) => (Object.hasOwn(weights, name) ? weights[name] : 0));
  const scores = moments.scores(values, proportion);
  const numbers = (name) => {
    const { n, ...found } = summary(scores[name], first, last);
    return { ...found, by_era: scores[name].slice(first, last + 1) };
  };
  return { corr: numbers("corr"), mmc: HAS_MMC ? numbers("mmc") : null };
}

window.skbench = { blend };

// The switches

find("switches").addEventListener("submit", (event) => event.preventDefault());
find("preset").addEventListener("change", (event) => choosePreset(event.target.value));
find("reference").addEventListener("change", () => changed());
find("span").addEventListener("change", (event) => chooseSpan(event.target.value));
find("first").addEventListener("change", (event) => {
  const first = Number(event.target.value);
  setSpan(first, Math.max(first, state.last));
});
find("last").addEventListener("change", (event) => {
  const last = Number(event.target.value);
  setSpan(Math.min(state.first, last), last);
});
find("keep").addEventListener("change", (event) => { if (event.target.checked) normalise(); });
find("normalise").addEventListener("click", normalise);
document.querySelectorAll("[data-copy]").forEach((button) =>
  button.addEventListener("click", () => copy(button.dataset.copy)));

["first", "last"].forEach((id) => find(id).replaceChildren(
  ...DATA.eras.map((era, i) => element("option", { value: String(i) }, era))));

function setProportion(value) {
  state.proportion = Math.min(1, Math.max(0, value || 0));
  changed({ blends: true });
}

if (NEUTRAL) {
  find("proportion").addEventListener("input", (event) => setProportion(event.target.valueAsNumber));
  find("proportion-number").addEventListener("change",
    (event) => setProportion(event.target.valueAsNumber));
}

function chooseRule() {
  const { factor } = DATA.rules[Number(find("rule").value)];
  find("factor").value = factor === null ? 1 : factor;
  changed();
}

if (HAS_MMC) {
  find("rule").addEventListener("change", chooseRule);
  find("factor").addEventListener("change", () => changed());
  find("along").addEventListener("input", (event) => {
    const point = curve[event.target.valueAsNumber];
    if (point) setWeights(point.weights);
  });
}

ready.then(() => {
  drawBoxes(DATA.models, tick);
  if (HAS_MMC) chooseRule();
  setSpan(0, ERAS - 1, "all");
  makeRows();
  drawExact();
  readFragment();
  drawAll();
  listenToBrush("corr-chart");
  if (HAS_MMC) {
    listenToBrush("mmc-chart");
  }
  window.addEventListener("hashchange", readFragment);
  document.documentElement.dataset.ready = "true";
});

onScreen(drawAll);
