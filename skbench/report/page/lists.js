"use strict";
// What all lists share: cells, and headings that sort when they are pressed.
//
// A column has a key and a heading (label), the value to sort by, and what a cell shows.

function heading(column, press) {
  const button = element("button", { type: "button" }, column.label);
  button.addEventListener("click", () => press(column));
  const cell = element("th", { scope: "col" }, button);
  cell.dataset.key = column.key;
  return cell;
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
  const drawBody = () => {
    const chosen = columns.find((column) => column.key === sort.key);
    const parts = [rows.filter((row) => !isBeneath(row)), rows.filter(isBeneath)];
    const order = parts.flatMap((some) => sorted(some, chosen.value, sort.descending));
    body.replaceChildren(...order.map((row) =>
      element("tr", {}, ...columns.map((column, i) => i === 0
        ? element("th", { scope: "row" }, ...column.show(row))
        : element("td", {}, ...column.show(row))))));
    markSorted(id, sort);
  };
  const press = (column) => {
    sort = turned(sort, column);
    drawBody();
  };
  document.querySelector(`#${id} thead`).replaceChildren(
    element("tr", {}, ...columns.map((column) => heading(column, press))));
  drawBody();
}

// A number with that of the eras it rests on.
function withCount(value, n, digits = 4) {
  const count = element("small", { title: counted(n, DATA.unit) }, String(n));
  // The space keeps them apart where the list is copied or read aloud.
  return [number(value, digits), " ", count];
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
  ({ key, label, ascendingFirst: true, value: (row) => row[key], show: (row) => [row[key]] });

const plainColumn = (key, label, digits = 4) =>
  ({ key, label, value: (row) => row[key], show: (row) => [number(row[key], digits)] });

// A mean over eras, with its interval.
const meanWithRange = (key, label, digits = 4) => ({
  key, label, value: (row) => row[key],
  show: (row) => [number(row[key], digits),
    ...range(row[`${key}_low`], row[`${key}_high`], digits)],
});

// The same with the number of eras, and in words whether it is above 0.
const judgedMean = (key, label, words) => ({
  key, label, value: (row) => row[key],
  show: (row) => {
    const [low, high] = [row[`${key}_low`], row[`${key}_high`]];
    return [...withCount(row[key], row.n_eras), ...range(low, high), " ",
      verdictOn(low, high, words)];
  },
});
