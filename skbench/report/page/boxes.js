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

// A box for each name, and the buttons that tick several.
function drawBoxes(names, draw) {
  const boxes = names.map((name) => {
    const box = element("input", { type: "checkbox", value: name, checked: state.shown.has(name) });
    box.addEventListener("change", () => {
      if (box.checked) show(name);
      else state.shown.delete(name);
      draw();
    });
    return element("label", {}, box, element("i", {}), element("span", {}, name));
  });
  find("boxes").replaceChildren(...boxes);
  document.querySelectorAll("[data-show]").forEach((button) =>
    button.addEventListener("click", () => {
      const count = { best: BEST, all: names.length, none: 0 }[button.dataset.show];
      showOnly(names.slice(0, count));
      draw();
    }));
}

function drawSwatches(swatchOf) {
  find("boxes").querySelectorAll("label").forEach((label) => {
    const box = label.querySelector("input");
    box.checked = state.shown.has(box.value);
    label.children[1].replaceWith(swatch(swatchOf(box.value)));
  });
}
