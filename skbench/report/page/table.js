"use strict";
// The list of models: what its columns are, and how it is sorted.

// First the columns of the chosen score, then the means of the others.
function columnsOf() {
  const others = Object.keys(DATA.scores).filter((name) => name !== state.score);
  const difference = referenceSeries() ? [differenceColumn()] : [];
  return [meanColumn(state.score, "Mean"), intervalColumn(), ...difference,
    sharpeColumn(),
    { ...ownColumn("max_drawdown", "Drawdown"), ascendingFirst: true },
    ...others.map((name) => meanColumn(name, DATA.scores[name].label))];
}

function meanColumn(name, label) {
  return {
    key: `mean ${name}`, label, score: name, value: (row) => row.of(name).mean,
    beneath: (row) => row.of(name).shorter.mean,
    count: (row) => row.of(name).n_eras,
    show: (row) => [number(row.of(name).mean)],
  };
}

function ownColumn(field, label) {
  return {
    key: field, label, score: state.score, value: (row) => row.of(state.score)[field],
    show: (row) => [number(row.of(state.score)[field], 3)],
  };
}

function sharpeColumn() {
  return {
    ...ownColumn("sharpe", "Sharpe"),
    show: (row) => {
      const { sharpe, sharpe_low: low, sharpe_high: high } = row.of(state.score);
      return [number(sharpe, 3), ...range(low, high, 3)];
    },
  };
}

function intervalColumn() {
  return {
    key: "interval", label: "Interval", score: state.score,
    value: (row) => row.of(state.score).low,
    show: (row) => {
      const { low, high } = row.of(state.score);
      return low === null ? ["–"] : [`${number(low)} to ${number(high)}`];
    },
  };
}

function differenceColumn() {
  const none = { mean: null, low: null, high: null, n_eras: 0 };
  const difference = (row) => row.model === referenceModel() ? none
    : differenceOf(row) || none;
  return {
    key: "difference", label: "Difference", value: (row) => difference(row).mean,
    count: (row) => difference(row).n_eras,
    show: (row) => {
      if (row.model === referenceModel()) return ["–"];
      const { mean: middle, low, high } = difference(row);
      return [number(middle), ...range(low, high), " ", verdictOn(low, high)];
    },
  };
}

// One object a model of the chosen span; `of` gives its numbers by score.
function rowsOf(span) {
  const rows = new Map(DATA.models.map((model) => [model, new Map()]));
  DATA.summary.filter((row) => row.span === span)
    .forEach((row) => rows.get(row.model).set(row.score, row));
  const none = { mean: null, low: null, high: null, sharpe: null, sharpe_low: null,
    sharpe_high: null, max_drawdown: null, n_eras: 0, differences: {}, shorter: null };
  return [...rows].map(([model, scores]) =>
    ({ model, of: (score) => scores.get(score) || none }));
}

// The models from the best to the worst by the chosen score in the chosen span.
const bestFirst = () => ranked(rowsOf(state.span), meanColumn(state.score, ""), true)
  .map((row) => row.model);

function drawHeadings() {
  const columns = columnsOf();
  const rows = rowsOf(state.span);
  const nOthers = Object.keys(DATA.scores).length - 1;
  const group = (colSpan, text) => element("th", { colSpan, scope: "colgroup" }, text);
  const groups = element("tr", { className: "groups" }, element("td", {}),
    group(columns.length - nOthers, DATA.scores[state.score].label),
    ...(nOthers ? [group(nOthers, "Mean of other scores")] : []));
  const model = { key: "model", label: "Model", ascendingFirst: true };
  const names = element("tr", {}, heading(model, sortBy),
    ...columns.map((column) => heading(column, sortBy, usualCount(column, rows))));
  document.querySelector("#models thead").replaceChildren(groups, names);
}

function sortBy(column) {
  state.sort = turned(state.sort, column);
  drawRows();
}

// Models with fewer eras of a score stand beneath the others, whatever the direction.
// By the mean, they are sorted by what both have.
function ranked(rows, { score, value, beneath = value }, descending) {
  const isShorter = (row) => Boolean(score && row.of(score).shorter);
  const whole = rows.filter((row) => !isShorter(row));
  return [...sorted(whole, value, descending),
    ...sorted(rows.filter(isShorter), beneath, descending)];
}

function drawRows() {
  const columns = columnsOf();
  const chosen = columns.find((column) => column.key === state.sort.key);
  const rows = ranked(rowsOf(state.span), chosen || { value: (row) => row.model },
    state.sort.descending);
  const usual = columns.map((column) => usualCount(column, rows));
  const told = rows.map((row) => row.of(state.score).shorter).filter(Boolean);
  find("shorter").replaceChildren(...told.map(({ told: text }) => element("li", {}, text)));
  document.querySelector("#models tbody").replaceChildren(
    ...rows.map((row) => drawRow(row, columns, usual)));
  markSorted("models", state.sort);
}

const badge = (text) => element("span", { className: "badge" }, text);

// Whether the weights of a blend were learned from eras that it is scored in.
function isFlattered(model) {
  return Boolean(DATA.made && (DATA.made[model] || "").startsWith("in sample"));
}

function drawRow(row, columns, usual) {
  const name = element("th", { scope: "row" }, nameOf(row.model));
  const compared = row.model === referenceModel();
  if (compared) name.append(" ", badge("compared with"));
  if (isFlattered(row.model)) name.append(" ", badge("in sample"));
  const cells = columns.map((column, i) =>
    element("td", {}, ...shown(column, row, usual[i])));
  return element("tr", { className: compared ? "compared" : "" }, name, ...cells);
}
