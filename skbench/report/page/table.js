"use strict";
// The list of models: what its columns are, and how it is sorted.

// Each column: its key and heading, the value to sort by, and what a cell shows. First
// those of the chosen score, then the means of the others.
function columnsOf() {
  const others = Object.keys(DATA.scores).filter((name) => name !== state.score);
  const difference = referenceSeries() ? [differenceColumn()] : [];
  return [meanColumn(state.score, "Mean"), intervalColumn(), ...difference,
    ownColumn("sharpe", "Sharpe"),
    { ...ownColumn("max_drawdown", "Drawdown"), ascendingFirst: true },
    ...others.map((name) => meanColumn(name, DATA.scores[name].label))];
}

function meanColumn(name, label) {
  return {
    key: `mean ${name}`, label, value: (row) => row.of(name).mean,
    show: (row) => withCount(row.of(name).mean, row.of(name).n_eras),
  };
}

function ownColumn(field, label) {
  return {
    key: field, label, value: (row) => row.of(state.score)[field],
    show: (row) => withCount(row.of(state.score)[field], row.of(state.score).n_eras, 3),
  };
}

function intervalColumn() {
  return {
    key: "interval", label: "Interval", value: (row) => row.of(state.score).low,
    show: (row) => {
      const { low, high } = row.of(state.score);
      return low === null ? ["–"] : [`${number(low)} to ${number(high)}`];
    },
  };
}

function differenceColumn() {
  const none = { mean: null, low: null, high: null, n_eras: 0 };
  const difference = (row) => row.model === referenceModel() ? none
    : row.of(state.score).differences[state.reference] || none;
  return {
    key: "difference", label: "Difference", value: (row) => difference(row).mean,
    show: (row) => {
      if (row.model === referenceModel()) return ["–"];
      const { mean, low, high, n_eras: n } = difference(row);
      const range = low === null ? [] : [element("span", { className: "range" },
        `${number(low)} to ${number(high)}`)];
      return [...withCount(mean, n), " ", ...range, " ",
        element("span", { className: `told ${told(low, high)}` }, told(low, high))];
    },
  };
}

// What an interval of a difference says.
function told(low, high) {
  if (low === null) return "too few";
  if (low > 0) return "above";
  return high < 0 ? "below" : "unclear";
}

// A number with that of the eras it rests on.
function withCount(value, n, digits = 4) {
  const count = element("small", { title: counted(n, DATA.unit) }, String(n));
  // The space keeps them apart where the list is copied or read aloud.
  return [number(value, digits), " ", count];
}

// One object a model of the chosen span; `of` gives its numbers by score.
function rowsOf(span) {
  const rows = new Map(DATA.models.map((model) => [model, new Map()]));
  DATA.summary.filter((row) => row.span === span)
    .forEach((row) => rows.get(row.model).set(row.score, row));
  const none = { mean: null, low: null, high: null, sharpe: null, max_drawdown: null,
    n_eras: 0, differences: {} };
  return [...rows].map(([model, scores]) =>
    ({ model, of: (score) => scores.get(score) || none }));
}

function heading(column) {
  const button = element("button", { type: "button" }, column.label);
  button.addEventListener("click", () => sortBy(column));
  const cell = element("th", { scope: "col" }, button);
  cell.dataset.key = column.key;
  return cell;
}

function drawHeadings() {
  const columns = columnsOf();
  const nOthers = Object.keys(DATA.scores).length - 1;
  const group = (colSpan, text) => element("th", { colSpan, scope: "colgroup" }, text);
  const groups = element("tr", {}, element("td", {}),
    group(columns.length - nOthers, DATA.scores[state.score].label),
    ...(nOthers ? [group(nOthers, "Mean of other scores")] : []));
  const model = { key: "model", label: "Model", ascendingFirst: true };
  const names = element("tr", {}, ...[model, ...columns].map(heading));
  document.querySelector("#models thead").replaceChildren(groups, names);
}

function sortBy(column) {
  const { sort } = state;
  const first = !column.ascendingFirst;
  const descending = sort.key === column.key ? !sort.descending : first;
  state.sort = { key: column.key, descending };
  drawRows();
}

function drawRows() {
  const columns = columnsOf();
  const chosen = columns.find((column) => column.key === state.sort.key);
  const key = chosen ? chosen.value : (row) => row.model;
  const rows = sorted(rowsOf(state.span), key, state.sort.descending);
  document.querySelector("#models tbody").replaceChildren(
    ...rows.map((row) => drawRow(row, columns)));
  document.querySelectorAll("#models th[data-key]").forEach((cell) => {
    const direction = state.sort.descending ? "descending" : "ascending";
    if (cell.dataset.key === state.sort.key) cell.setAttribute("aria-sort", direction);
    else cell.removeAttribute("aria-sort");
  });
}

function drawRow(row, columns) {
  const name = element("th", { scope: "row" }, row.model);
  const compared = row.model === referenceModel();
  if (compared) name.append(" ", element("span", { className: "badge" }, "compared with"));
  const cells = columns.map((column) => element("td", {}, ...column.show(row)));
  return element("tr", { className: compared ? "compared" : "" }, name, ...cells);
}
