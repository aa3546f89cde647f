"use strict";
// Arithmetic on one value an era, null where there is none.

// The sum so far. A gap stays a gap, and the sum goes on after it.
function cumulative(values) {
  let sum = 0;
  return values.map((value) => (value === null ? null : (sum += value)));
}

// How far the sum is below its highest point so far, or below 0, where it starts.
function drawdown(values) {
  let highest = 0;
  return cumulative(values).map((sum) => {
    if (sum === null) return null;
    highest = Math.max(highest, sum);
    return sum - highest;
  });
}

// Whether no neighbour has a value, so that no line reaches this one.
function isolated(values, i) {
  const alone = (j) => values[j] === null || values[j] === undefined;
  return !alone(i) && alone(i - 1) && alone(i + 1);
}

// The value that a share of the sizes stays below.
function sizeAt(values, share) {
  const sizes = values.filter((value) => value !== null).map(Math.abs);
  sizes.sort((a, b) => a - b);
  return sizes[Math.floor(share * (sizes.length - 1))] || 0;
}

// In order of what `key` gives; the missing are last whatever the direction.
function sorted(rows, key, descending) {
  const compare = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === null || y === null) return (x === null) - (y === null);
    const order = typeof x === "string" ? x.localeCompare(y) : x - y;
    return descending ? -order : order;
  };
  return [...rows].sort(compare);
}
