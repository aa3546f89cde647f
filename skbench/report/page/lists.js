"use strict";
// What all lists share: cells, and headings that sort when they are pressed.
//
// A column has a key and a heading (label), the value to sort by, what a cell shows and,
// where its numbers rest on eras, on how many (count).

function heading(column, press, usual = null) {
  const button = element("button", { type: "button" }, column.label);
  button.addEventListener("click", () => press(column));
  const cell = element("th", { scope: "col" }, button);
  if (usual !== null) cell.append(" ", element("small", {}, counted(usual, DATA.unit)));
  cell.dataset.key = column.key;
  return cell;
}

// The number of eras that most cells of a column rest on, the larger where two are equal.
function usualCount(column, rows) {
  const times = new Map();
  if (column.count) {
    rows.map(column.count).filter((n) => n).forEach((n) => times.set(n, (times.get(n) || 0) + 1));
  }
  const [first] = [...times].sort(([m, a], [n, b]) => b - a || n - m);
  return first ? first[0] : null;
}

// What a cell shows, with the number of its eras where that is not the one in the heading.
function shown(column, row, usual) {
  const [first, ...rest] = column.show(row);
  const n = column.count ? column.count(row) : usual;
  if (!n || n === usual) return [first, ...rest];
  // The space keeps them apart where the list is copied or read aloud.
  return [first, " ", element("small", { title: counted(n, DATA.unit) }, String(n)), ...rest];
}

// A name, which a narrow column breaks between its words and not inside them.
function nameOf(name) {
  const words = name.split(/(?<=[_\-./])/);
  return element("span", {}, ...words.flatMap((word, i) =>
    (i ? [element("wbr"), word] : [word])));
}

// How a list is sorted once the heading of a column is pressed.
function turned(sort, column) {
  const descending = sort.key === column.key ? !sort.descending : !column.ascendingFirst;
  return { key: column.key, descending };
}

function markSorted(id, sort) {
  document.querySelectorAll(`#${id} th[data-key]`).forEach((cell) => {
    const direction = sort.descending ? "descending" : "ascending";
    if (cell.dataset.key === sort.key) cell.setAttribute("aria-sort", direction);
    else cell.removeAttribute("aria-sort");
  });
}

// A list whose columns and rows stay as they are; the first column names the rows. Those
// that are beneath stay there whatever the direction.
function makeList(id, columns, rows, key, isBeneath = () => false) {
  const body = document.querySelector(`#${id} tbody`);
  let sort = turned({}, columns.find((column) => column.key === key));
  const usual = columns.map((column) => usualCount(column, rows));
  const drawBody = () => {
    const chosen = columns.find((column) => column.key === sort.key);
    const parts = [rows.filter((row) => !isBeneath(row)), rows.filter(isBeneath)];
    const order = parts.flatMap((some) => sorted(some, chosen.value, sort.descending));
    body.replaceChildren(...order.map((row) =>
      element("tr", {}, ...columns.map((column, i) => i === 0
        ? element("th", { scope: "row" }, ...column.show(row))
        : element("td", {}, ...shown(column, row, usual[i]))))));
    markSorted(id, sort);
  };
  const press = (column) => {
    sort = turned(sort, column);
    drawBody();
  };
  document.querySelector(`#${id} thead`).replaceChildren(
    element("tr", {}, ...columns.map((column, i) => heading(column, press, usual[i]))));
  drawBody();
}

function range(low, high, digits = 4) {
  if (low === null) return [];
  return [" ", element("span", { className: "range" },
    `${number(low, digits)} to ${number(high, digits)}`)];
}

// What an interval of a difference says.
function told(low, high) {
  if (low === null) return "too few";
  if (low > 0) return "above";
  return high < 0 ? "below" : "unclear";
}

function verdictOn(low, high, words = {}) {
  const verdict = told(low, high);
  return element("span", { className: `told ${verdict}` }, words[verdict] || verdict);
}

const nameColumn = (key, label) =>
  ({ key, label, ascendingFirst: true, value: (row) => row[key],
    show: (row) => [nameOf(row[key])] });

const plainColumn = (key, label, digits = 4) =>
  ({ key, label, value: (row) => row[key], show: (row) => [number(row[key], digits)] });

// A mean over eras, with its interval.
const meanWithRange = (key, label, digits = 4) => ({
  key, label, value: (row) => row[key],
  show: (row) => [number(row[key], digits),
    ...range(row[`${key}_low`], row[`${key}_high`], digits)],
});

// The same, and in words whether it is above 0. The interval may have a name of its own.
const judgedMean = (key, label, words, ends = key) => ({
  key, label, value: (row) => row[key], count: (row) => row.n_eras,
  show: (row) => {
    const [low, high] = [row[`${ends}_low`], row[`${ends}_high`]];
    return [number(row[key]), ...range(low, high), " ", verdictOn(low, high, words)];
  },
});
