"use strict";
// What models are compared with: the benchmark, the Meta Model, or any of the models.

const MODEL_KEY = "model "; // and the place of the model in the list

const isModelChosen = () => state.reference.startsWith(MODEL_KEY);

const referenceName = () => (isModelChosen()
  ? DATA.models[Number(state.reference.slice(MODEL_KEY.length))] : DATA[state.reference].name);

// Scores of what models are compared with, if it has this score.
function referenceSeries() {
  const { values, references } = DATA.scores[state.score];
  if (!isModelChosen()) return references[state.reference] || null;
  return Object.hasOwn(values, referenceName()) ? values[referenceName()] : null;
}

// The model that others are compared with, if it is one of them and has the score.
function referenceModel() {
  const isModel = referenceSeries() && (isModelChosen() || DATA[state.reference].is_model);
  return isModel ? referenceName() : null;
}

// The mean of a model less that of what it is compared with; null if there is none. A
// pair of models is there once, the later one less the one before it.
function differenceOf(row) {
  if (!isModelChosen()) return row.of(state.score).differences[state.reference] || null;
  const { models, ...squares } = DATA.pairs.find(
    ({ span, score }) => span === state.span && score === state.score);
  const [i, j] = [models.indexOf(row.model), models.indexOf(referenceName())];
  if (i < 0 || j < 0) return null;
  const [middle, low, high, n_eras] = ["mean", "low", "high", "n_eras"]
    .map((key) => squares[key][Math.max(i, j)][Math.min(i, j)]);
  return i > j ? { mean: middle, low, high, n_eras }
    : { mean: negated(middle), low: negated(high), high: negated(low), n_eras };
}

const negated = (value) => (value === null ? null : -value);
