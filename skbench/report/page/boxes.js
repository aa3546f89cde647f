"use strict";
// Boxes to tick what a chart has as lines. They are the legend of the chart, too.
// `state.shown` holds each name that is ticked, with the number of its colour.

const BEST = 6;

function show(name) {
  const taken = new Set(state.shown.values());
  let slot = 0;
  while (taken.has(slot)) slot += 1;
  state.shown.set(name, slot);
}

function showOnly(names) {
  state.shown.clear();
  names.forEach(show);
}

// Ticks the best again, which others may be by now, unless the reader chose.
function showBest(names) {
  if (state.isChosen) return;
  showOnly(names.slice(0, BEST));
}

// A box for each name, and the buttons that tick several: those that are first by then.
function drawBoxes(names, draw, ordered = () => names) {
  const boxes = names.map((name) => {
    const box = element("input", { type: "checkbox", value: name, checked: state.shown.has(name) });
    box.addEventListener("change", () => {
      if (box.checked) show(name);
      else state.shown.delete(name);
      state.isChosen = true;
      draw();
    });
    return element("label", {}, box, element("i", {}), nameOf(name));
  });
  find("boxes").replaceChildren(...boxes);
  document.querySelectorAll("[data-show]").forEach((button) =>
    button.addEventListener("click", () => {
      const count = { best: BEST, all: names.length, none: 0 }[button.dataset.show];
      showOnly(ordered().slice(0, count));
      state.isChosen = button.dataset.show !== "best";
      draw();
    }));
}

function orderBoxes(names) {
  const labels = new Map([...find("boxes").children].map((label) =>
    [label.querySelector("input").value, label]));
  names.forEach((name) => find("boxes").append(labels.get(name)));
}

function drawSwatches(swatchOf) {
  find("boxes").querySelectorAll("label").forEach((label) => {
    const box = label.querySelector("input");
    box.checked = state.shown.has(box.value);
    label.children[1].replaceWith(swatch(swatchOf(box.value)));
  });
}
