// The answer of a classifier: what it is, how it came about step by step, and why not another.

import { chart } from "./chart.js";
import { chances, chosenByKeys, count, make, percent, quoted, signed } from "./elements.js";

const STRONGEST = 0.75, LEAST = 0.06;

export function showClasses(box, answer, about) {
  const step = about.takes === "text" ? "word" : "frame";
  box.append(
    make("p", { class: "said" }, `${answer.label} `, make("small", {}, percent(answer.probability))),
    chances(answer.probabilities),
    make("p", { class: "hint" }, `${count(answer.steps)} ${step}${answer.steps === 1 ? "" : "s"} read${
      answer.steps === about.most_steps ? "; this model reads no more of an input" : ", to the end"}.`),
  );
  if (answer.unknown_share > 0.5) {
    box.append(make("p", { class: "alert" }, "Doubtful: most of these words are not in the model's vocabulary."));
  }
  if (answer.explanation) box.append(...explained(answer, about, step));
}

function explained(answer, about, step) {
  const { timeline, shares, why_not: other, pieces, frames } = answer.explanation;
  const views = [];
  if (shares) views.push({ name: `What speaks for ${answer.label}`, shares: shares.steps, about: shares, bars: null });
  views.push({ name: "The answer so far", shares: null, bars: null });
  if (other) views.push({ name: `Why not ${answer.runner_up}?`, shares: other.steps, about: other, bars: "third" });
  const readout = make("output", { class: "readout", "aria-live": "polite" });
  const words = pieces && make("p", { class: "steps", role: "group",
    "aria-label": `the ${step}s, coloured; arrow keys move from one to the next` });
  const spans = pieces?.map((piece, k) => make("span", { "data-step": k }, printable(piece)));
  words?.append(...spans);
  const place = make("div");
  const key = make("p", { class: "key" });
  const so_far = running(timeline, answer.steps);
  let view = views[0], curves, at = -1;
  const tell = (k) => {
    at = k;
    curves.mark(k + 1);
    const when = timeline.seconds ? `, ${secondsOf(timeline, k + 1).toFixed(2)} s` : "";
    const what = pieces ? ` ${quoted(pieces[k])}` : "";
    const adds = view.shares ? `: ${signed(view.shares[k])} log-odds` : "";
    readout.textContent = `${step} ${count(k + 1)} of ${count(answer.steps)}${when}${what}${adds}; so far ${percent(so_far[k][0])}`
      + ` ${answer.label}, ${percent(so_far[k][1])} ${answer.runner_up}`;
  };
  const box = words ?? make("div", { role: "group", "aria-label": `the ${step}s and the curve; arrow keys move along` });
  const elements = spans ?? Array.from({ length: answer.steps }, () => make("i"));
  const move = chosenByKeys(box, elements, tell);
  const draw = () => {
    const lines = [{ className: "other", values: timeline.runner_up }, { className: "first", values: timeline.label }];
    curves = chart(timeline.steps, lines, answer.steps, view.shares, view.bars);
    for (const name of ["pointermove", "click"]) curves.addEventListener(name, (event) => move(curves.stepAt(event)));
    place.replaceChildren(curves);
    if (spans) colour(spans, view, so_far);
    key.replaceChildren(...legend(answer, view, Boolean(spans)));
    if (at >= 0) tell(at);
  };
  const choice = make("fieldset", { class: "views", "aria-label": "What the colours show" });
  for (const one of views) {
    const input = make("input", { type: "radio", name: "view", checked: one === view });
    input.addEventListener("change", () => { view = one; draw(); });
    choice.append(make("label", {}, input, one.name));
  }
  draw();
  const found = [choice];
  if (words) found.push(words, readout, place);
  else {
    box.append(strip(frames), place);
    found.push(box, readout);
  }
  found.push(key, ...notes(answer, about, views), why(answer, step, move));
  return found;
}

// [label, runner-up] after each step; where only some were asked, what was last known.
function running(timeline, total) {
  const found = [];
  let place = 0;
  for (let k = 0; k < total; k += 1) {
    while (place + 1 < timeline.steps.length && timeline.steps[place + 1] <= k + 1) place += 1;
    found.push([timeline.label[place], timeline.runner_up[place]]);
  }
  return found;
}

function secondsOf(timeline, step) {
  const place = timeline.steps.findLastIndex((read) => read <= step);
  return timeline.seconds[Math.max(place, 0)];
}

function colour(spans, view, so_far) {
  const largest = view.shares ? Math.max(...view.shares.map(Math.abs)) || 1 : 1;
  spans.forEach((span, k) => {
    // The answer so far: blue where the label leads, amber where the runner-up does.
    const value = view.shares ? view.shares[k] / largest : so_far[k][0] - so_far[k][1];
    const tint = STRONGEST * Math.abs(value);
    const names = view.shares ? [view.bars ?? "plus", "minus"] : ["plus", "third"];
    span.className = `${value > 0 ? names[0] : names[1]}${span.classList.contains("at") ? " at" : ""}`;
    span.style.setProperty("--t", tint < LEAST ? 0 : tint.toFixed(3));
  });
}

function legend(answer, view, hasWords) {
  const item = (mark, text) => make("span", { class: mark }, make("i"), text);
  const found = [item("plus", `${answer.label}, after each step`), item("third", `${answer.runner_up}, after each step`)];
  if (!view.shares) return hasWords ? [...found, make("span", {}, "words: which of them leads so far")] : found;
  const target = view.bars ? answer.runner_up : answer.label;
  return [...found, make("span", {}, `bars${hasWords ? " and words" : ""}: speak for ${target} (up) or against it (red, down)`)];
}

function notes(answer, about, views) {
  const found = [];
  if (answer.explanation.shares === null) {
    found.push(make("p", { class: "hint" }, "So long an input has no shares of its steps: they would take minutes."));
  }
  const missed = views.find((view) => view.about && !view.about.is_complete);
  if (missed) {
    found.push(make("p", { class: "hint" },
      `The shares are rough: they should add up to ${signed(missed.about.difference)}, and miss it by ${missed.about.error.toFixed(2)}.`));
  }
  if (about.looks_ahead) {
    found.push(make("p", { class: "hint" }, "This model reads in both directions: the answer so far is that of each beginning, read by itself."));
  }
  return found;
}

function why(answer, step, move) {
  const other = answer.explanation.why_not;
  const share = percent(answer.probabilities[answer.runner_up]);
  const line = make("p", { class: "why" }, make("b", {}, `Why not ${answer.runner_up} (${share})? `));
  if (!other) return line;
  if (!other.most.length) {
    line.append(`No ${step} speaks for it.`);
    return line;
  }
  line.append(`What speaks most for it: `);
  for (const k of other.most) {
    const piece = answer.explanation.pieces?.[k];
    const name = piece === undefined ? `${step} ${count(k + 1)}` : quoted(piece);
    const button = make("button", { type: "button" }, `${name} ${signed(other.steps[k])}`);
    button.addEventListener("click", () => move(k));
    line.append(button);
  }
  const total = other.difference;
  line.append(` All ${step}s together add ${signed(total)} to its log-odds: ${total < 0 ? "more speaks against it" : "more speaks for it"}.`);
  return line;
}

export function strip(frames) {
  const box = make("div", { class: `frames${frames.length > 6 ? " many" : ""}` });
  for (const frame of frames) {
    const when = frame.seconds === null ? "" : `, ${frame.seconds.toFixed(2)} s`;
    box.append(make("figure", {}, make("img", { src: frame.picture, alt: `frame ${frame.step}${when}` })));
  }
  return box;
}

const printable = (text) => text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, "�");
