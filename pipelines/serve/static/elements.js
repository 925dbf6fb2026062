// Small pieces of the page: elements, numbers and pictures. Text goes in as text, never as HTML.

const SVG = "http://www.w3.org/2000/svg";

// An element with attributes and children; a text becomes a text node.
export function make(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

// The same for SVG.
export function draw(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("--")) element.style.setProperty(key, value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== false && value !== null) element.setAttribute(key, value);
  }
  element.append(...children);
  return element;
}

export const byId = (id) => document.getElementById(id);

// A share in per cent; one that is neither nothing nor all is never written as such.
export function percent(share) {
  if (share > 0 && share < 0.0005) return "< 0.1\u00a0%";
  if (share < 1 && share >= 0.9995) return "> 99.9\u00a0%";
  return `${(100 * share).toFixed(1)}\u00a0%`;
}

export const signed = (value) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(2);
export const count = (value) => Number(value).toLocaleString("en");

// A piece of text as one reads it within a sentence.
export function quoted(piece) {
  const text = piece.replace(/\s+/g, " ").trim();
  return `“${text.length > 40 ? `${text.slice(0, 39)}…` : text || "␣"}”`;
}

// The probabilities as bars, the most probable first: two at least, and others that can be seen.
export function chances(probabilities, largest = 6) {
  const all = Object.entries(probabilities);
  const most = Math.min(largest, Math.max(2, all.filter(([, share]) => share >= 0.005).length));
  const list = make("div", { class: "chances" });
  all.slice(0, most).forEach(([name, share], place) => {
    const mark = ["first", "second"][place] ?? "rest";
    list.append(
      make("span", { class: "name" }, name),
      make("span", { class: `bar ${mark}`, "aria-hidden": "true" }, make("i", { "--share": share })),
      make("span", {}, percent(share)),
    );
  });
  if (all.length > most) {
    const rest = all.slice(most).reduce((sum, [, share]) => sum + share, 0);
    list.append(make("span", { class: "hint" }, `${count(all.length - most)} more`), make("span"),
      make("span", { class: "hint" }, percent(rest)));
  }
  return list;
}

// Lets one of several elements be chosen by arrow keys, by the pointer, and by a click.
// `choose(place)` is called with its place; returns a function that chooses one.
export function chosenByKeys(box, elements, choose) {
  let at = -1;
  const move = (place) => {
    const next = Math.max(0, Math.min(elements.length - 1, place));
    if (next === at) return;
    elements[at]?.classList.remove("at");
    at = next;
    elements[at].classList.add("at");
    choose(at);
  };
  box.tabIndex = 0;
  box.addEventListener("keydown", (event) => {
    const leap = Math.max(1, Math.round(elements.length / 10));
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: leap, PageUp: -leap };
    const ends = { Home: 0, End: elements.length - 1 };
    if (event.key in steps) move(at < 0 ? 0 : at + steps[event.key]);
    else if (event.key in ends) move(ends[event.key]);
    else return;
    event.preventDefault();
    elements[at].scrollIntoView?.({ block: "nearest" });
  });
  box.addEventListener("focus", () => at < 0 && move(0));
  const places = new Map(elements.map((element, place) => [element, place]));
  const under = (event) => {
    const found = places.get(event.target.closest?.("[data-step]"));
    if (found !== undefined) move(found);
  };
  box.addEventListener("pointerover", under);
  box.addEventListener("click", under);
  return move;
}
