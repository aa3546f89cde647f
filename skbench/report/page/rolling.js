"use strict";
// Numbers of the most recent values at each era. A gap stays a gap and counts for nothing.

function rolling(values, size, reduce) {
  const recent = [];
  return values.map((value) => {
    if (value === null) return null;
    recent.push(value);
    if (recent.length > size) recent.shift();
    return recent.length === size ? reduce(recent) : null;
  });
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;

// The mean over the standard deviation; null where nothing varies, whatever rounding says.
function sharpeRatio(values) {
  if (values.every((value) => value === values[0])) return null;
  const middle = mean(values);
  return middle / Math.sqrt(mean(values.map((value) => (value - middle) ** 2)));
}
