"use strict";
// The worst drawdowns: from which high, how far down, and until when.

const WORST = 10;

// Falls of the sum below its highest point so far; the peak is null where it is the start,
// and `over` where the sum has not come back.
function fallsOf(values, eras) {
  const falls = [];
  let peak = null;
  let open = null;
  drawdown(values).forEach((depth, i) => {
    if (depth === null) return;
    if (depth === 0) {
      if (open) falls.push({ ...open, over: eras[i] });
      open = null;
      peak = eras[i];
      return;
    }
    if (!open) open = { peak, depth: 0, bottom: null, length: 0, over: null };
    open.length += 1;
    if (-depth > open.depth) Object.assign(open, { depth: -depth, bottom: eras[i] });
  });
  return open ? [...falls, open] : falls;
}

const eraColumn = (key, label, missing) => ({ key, label, ascendingFirst: true,
  value: (row) => (row[key] === null ? null : DATA.eras.indexOf(row[key])),
  show: (row) => [row[key] === null ? missing : row[key]] });

function drawWorst() {
  const places = shownPlaces();
  const eras = cut(DATA.eras, places);
  const falls = drawnSeries().flatMap(({ name, values, open }) =>
    fallsOf(cut(finalOf(values, open), places), eras).map((fall) => ({ name, ...fall })));
  makeList("worst-list", [
    nameColumn("name", "Model"),
    plainColumn("depth", "Depth", 3),
    eraColumn("peak", `High in ${DATA.unit}`, START),
    eraColumn("bottom", `Low in ${DATA.unit}`, "–"),
    eraColumn("over", "Made up by", "not yet"),
    plainColumn("length", `${DATA.unit === "era" ? "Eras" : "Rounds"} below`, 0),
  ], sorted(falls, ({ depth }) => depth, true).slice(0, WORST), "depth");
}
