// The answer of a model that writes: the text, and where it looked for each token.

import { strip } from "./classes.js";
import { chosenByKeys, count, make, signed } from "./elements.js";

const STRONGEST = 0.8, MOST_ROWS = 40, MOST_COLUMNS = 60;

export function showWritten(box, answer) {
  box.append(make("p", { class: "said text" }, answer.text || "(nothing)"));
  const ended = answer.finished ? "" : " Cut off at the greatest length.";
  box.append(make("p", { class: "hint" }, `Score ${signed(answer.score)}, ${count(answer.tokens.length)} tokens.${ended}`));
  const frames = answer.explanation?.frames;
  // A model without attention looks nowhere; a picture as a whole is looked at as a whole.
  if (!answer.attention[0]?.length || (frames?.length === 1 && !Array.isArray(answer.attention[0][0]))) {
    if (frames) box.append(make("h3", {}, "As the model sees it"), strip(frames));
  } else if (answer.source_tokens) box.append(...overTokens(answer));
  else if (frames) box.append(...overFrames(answer, frames));
}

// The tokens that were written, of which one is chosen.
function written(answer, choose) {
  const spans = answer.tokens.map((token, k) => make("span", { "data-step": k }, token.trim() || "␣"));
  const line = make("p", { class: "tokens written", role: "group", "aria-label": "what it wrote; arrow keys move from one token to the next" });
  spans.forEach((span) => line.append(span, " "));
  const move = chosenByKeys(line, spans, choose);
  return { line, move };
}

function overTokens(answer) {
  const source = answer.source_tokens.map((token) => make("span", {}, token.trim() || "␣"));
  const readout = make("output", { class: "readout", "aria-live": "polite" });
  const { line, move } = written(answer, (k) => {
    const weights = answer.attention[k];
    weights.forEach((weight, j) => source[j]?.style.setProperty("--t", (STRONGEST * weight).toFixed(3)));
    const order = weights.map((weight, j) => [weight, j]).sort((a, b) => b[0] - a[0]).slice(0, 3);
    readout.textContent = `“${answer.tokens[k].trim()}” looks at ` + order.filter(([weight]) => weight >= 0.05)
      .map(([weight, j]) => `“${answer.source_tokens[j].trim()}” ${(100 * weight).toFixed(0)} %`).join(", ");
  });
  const from = make("p", { class: "tokens" });
  source.forEach((span) => from.append(span, " "));
  move(0);
  return [
    make("h3", {}, "Where it looked"),
    make("p", { class: "hint" }, "Choose a token that was written; the source is coloured by its weights."),
    line, readout, from, folded("All at once", matrix(answer)),
  ];
}

function matrix(answer) {
  const columns = answer.source_tokens.slice(0, MOST_COLUMNS), rows = answer.tokens.slice(0, MOST_ROWS);
  const head = make("tr", {}, make("th"), ...columns.map((token) => make("th", { scope: "col" }, token.trim() || "␣")));
  const body = rows.map((token, k) => make("tr", {}, make("th", { scope: "row" }, token.trim() || "␣"),
    ...columns.map((name, j) => make("td", { "--t": answer.attention[k][j].toFixed(3), title: `${token.trim()} → ${name.trim()}: ${answer.attention[k][j].toFixed(2)}` }))));
  const table = make("table", { class: "matrix" }, make("thead", {}, head), make("tbody", {}, ...body));
  return make("div", { class: "wide" }, table);
}

// Weights of a token: one a frame, or, of places, a list a frame.
function overFrames(answer, frames) {
  const hasPlaces = Array.isArray(answer.attention[0][0]);
  const total = answer.attention[0].length;
  const side = hasPlaces ? Math.sqrt(answer.attention[0][0].length) : 0;
  const readout = make("output", { class: "readout", "aria-live": "polite" });
  const isPicture = frames.length === 1 && hasPlaces && Number.isInteger(side);
  let show, shown;
  if (isPicture) [shown, show] = onPicture(frames[0], side);
  else [shown, show] = belowFrames(frames, total);
  const { line, move } = written(answer, (k) => {
    const weights = isPicture ? answer.attention[k][0] : answer.attention[k].map((one) => (hasPlaces ? sum(one) : one));
    show(weights);
    readout.textContent = isPicture ? `“${answer.tokens[k].trim()}”: it looked where the picture is clear` : `“${answer.tokens[k].trim()}” looks at frame ${count(highest(weights) + 1)} most`;
  });
  move(0);
  return [
    make("h3", {}, "Where it looked"),
    make("p", { class: "hint" }, "Choose a word that was written."),
    line, readout, shown,
  ];
}

function onPicture(frame, side) {
  const heat = make("div", { class: "heat", "aria-hidden": "true" });
  heat.style.gridTemplateColumns = `repeat(${side}, 1fr)`;
  const cells = Array.from({ length: side * side }, () => make("i"));
  heat.append(...cells);
  const shown = make("div", { class: "seen" }, make("img", { src: frame.picture, alt: "the picture as the model sees it" }), heat);
  return [shown, (weights) => {
    const largest = Math.max(...weights) || 1;
    weights.forEach((weight, k) => cells[k].style.setProperty("--share", (weight / largest).toFixed(3)));
  }];
}

// Of more frames than are shown, neighbours add up.
function belowFrames(frames, total) {
  const shown = strip(frames);
  shown.classList.remove("many");
  const bars = [...shown.children].map((figure) => {
    const bar = make("i");
    figure.append(make("div", { class: "weight", "aria-hidden": "true" }, bar));
    return bar;
  });
  return [shown, (weights) => {
    const sums = bars.map((_, k) => sum(weights.slice(Math.round((k * total) / bars.length), Math.round(((k + 1) * total) / bars.length))));
    const largest = Math.max(...sums, 0.2);
    sums.forEach((value, k) => bars[k].style.setProperty("--share", (value / largest).toFixed(3)));
  }];
}

function folded(title, content) {
  return make("details", {}, make("summary", {}, title), content);
}

const sum = (values) => values.reduce((total, value) => total + value, 0);
const highest = (values) => values.indexOf(Math.max(...values));
