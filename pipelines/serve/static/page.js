// The page: asks about what is typed, dropped or filmed, and shows the answer.

import { camera } from "./camera.js";
import { showClasses } from "./classes.js";
import { byId, count, make, percent } from "./elements.js";
import { askFile, asked, askText, exampleFile, openStream, useToken } from "./server.js";
import { showWritten } from "./written.js";

const TYPED_MS = 150, MOST_PAUSE_MS = 10_000;
let about, running = 0, examples = 0;

function fail(reason) {
  const alert = byId("alert");
  alert.textContent = reason;
  alert.hidden = false;
}

// Asks, and shows the answer to the last question only. What takes longer, `explanation`, comes after it.
async function answer(question, source, explanation = null) {
  const mine = ++running, box = byId("answer");
  byId("alert").hidden = true;
  box.setAttribute("aria-busy", "true");
  box.classList.add("busy");
  try {
    const found = await question();
    if (mine !== running) return;
    show(box, found, source);
    byId("status").textContent = found.label ? `${found.label}, ${percent(found.probability)}` : found.text;
    box.scrollIntoView({ block: "nearest", behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth" });
    if (!explanation) return;
    box.append(make("p", { class: "hint" }, "Explaining …"));
    const explained = await explanation().catch((error) => error);
    if (mine !== running) return;
    if (explained instanceof Error) box.lastChild.textContent = `There is no explanation: it ${explained.message}`;
    else show(box, explained, source);
  } catch (error) {
    if (mine !== running) return;
    box.hidden = true;
    if (error.status === 401) askToken();
    fail(source ? `${source}: ${error.message}` : error.message);
  } finally {
    if (mine === running) {
      box.removeAttribute("aria-busy");
      box.classList.remove("busy");
    }
  }
}

function show(box, found, source) {
  box.replaceChildren();
  box.classList.remove("busy");
  if (source) box.append(make("p", { class: "hint" }, source));
  (about.answers_with === "classes" ? showClasses : showWritten)(box, found, about);
  box.hidden = false;
}

function texts() {
  const text = byId("text"), form = byId("text-form");
  form.hidden = false;
  const ask = () => {
    const typed = text.value;
    if (!typed.trim()) return fail("Type a text first.");
    return answer(() => askText(typed), null, about.answers_with === "classes" ? () => askText(typed, true) : null);
  };
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); ask(); }
  });
  const example = byId("text-example");
  example.hidden = !about.examples?.length;
  example.addEventListener("click", () => {
    text.value = about.examples[examples++ % about.examples.length];
    text.dispatchEvent(new Event("input"));
    ask();
  });
  if (about.streams) asTyped(text);
}

// The answer so far while one types: what is added is sent, and anything else begins anew. A stream that is lost
// is opened again after a growing pause.
function asTyped(text) {
  let socket = null, sent = "", timer = null, pauseMs = TYPED_MS;
  const told = (found) => {
    if (found.reading) return send();
    byId("live").hidden = !found.steps && !found.error;
    if (found.error) { byId("live-said").textContent = found.error; sent = null; return; }
    pauseMs = TYPED_MS;
    if (!found.steps) return;
    const last = found.forgotten ? ` (by the last ${count(found.steps - found.forgotten)} words)` : "";
    byId("live-said").textContent = `So far${last}: ${found.label}, ${percent(found.probability)}`;
    byId("live-bar").style.setProperty("--share", found.probability);
  };
  const send = () => {
    if (socket?.readyState !== WebSocket.OPEN || text.value === sent) return;
    if (sent === null || !text.value.startsWith(sent)) { socket.send(""); sent = ""; }
    const more = text.value.slice(sent.length);
    if (more) socket.send(more);
    sent = text.value;
  };
  const open = () => {
    sent = "";
    socket = openStream(told, () => {
      socket = null;
      if (text.value === sent || pauseMs > MOST_PAUSE_MS) return;
      timer = setTimeout(open, pauseMs);
      pauseMs *= 2;
    });
  };
  text.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => (socket ? send() : open()), TYPED_MS);
  });
}

function files() {
  const form = byId("file-form"), file = byId("file");
  const what = about.takes === "picture" ? "a photo or a clip" : "a clip";
  form.hidden = false;
  byId("file-title").textContent = `Drop ${what} here`;
  file.accept = about.takes === "picture" ? "image/*,video/*" : "video/*,image/gif,.mkv,.avi,.ts";
  byId("file-hint").textContent = `At most ${about.limits.max_megabytes} MB and ${count(about.limits.max_frames)} frames. It is decoded in memory, and nothing is kept.`;
  const ask = (blob, name) => {
    if (blob.size > about.limits.max_megabytes * 1e6) return fail(`${name}: is larger than ${about.limits.max_megabytes} MB.`);
    return answer(() => askFile(blob), name);
  };
  file.addEventListener("change", () => { if (file.files[0]) ask(file.files[0], file.files[0].name); file.value = ""; });
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["dragenter", "dragover"]) {
    addEventListener(name, (event) => { event.preventDefault(); form.classList.add("over"); });
  }
  for (const name of ["dragleave", "drop"]) addEventListener(name, () => form.classList.remove("over"));
  const given = (list) => { if (list?.[0]) ask(list[0], list[0].name || "what was pasted"); };
  addEventListener("drop", (event) => { event.preventDefault(); given(event.dataTransfer?.files); });
  addEventListener("paste", (event) => given(event.clipboardData?.files));
  const example = byId("file-example");
  example.hidden = !about.examples;
  example.addEventListener("click", () => answer(async () => askFile(await exampleFile(examples++)), "a built-in example"));
  byId("camera-button").hidden = !navigator.mediaDevices;
  camera(about, (blob) => ask(blob, "the camera's picture"), fail);
}

function figure({ name, value, kind, interval }) {
  const written = { share: percent, number: (one) => one.toFixed(3), points: (one) => one.toFixed(1) }[kind];
  const ends = interval ? ` (${written(interval[0])} to ${written(interval[1])})` : "";
  return `${name} ${written(value)}${ends}`;
}

function describe() {
  const rows = [["answers", about.answers_with === "classes" ? `one of ${count(about.classes.length)} classes: ${listed(about.classes)}` : "a text"]];
  rows.push(["network", `${about.title}, ${count(about.parameters)} weights${about.looks_ahead ? ", reads in both directions" : ""}`]);
  rows.push(["checkpoint", `${about.run ? `run ${about.run}, ` : ""}${about.checkpoint}`]);
  if (about.train_examples) rows.push(["learnt from", `${count(about.train_examples)} examples${about.trained_on ? `: ${about.trained_on}` : ""}`]);
  byId("about-rows").replaceChildren(...rows.map(([name, value]) => make("tr", {}, make("td", {}, name), make("td", { class: "left" }, value))));
  const report = about.report;
  const figures = report?.figures.map(figure).join(", ");
  byId("about-report").textContent = figures
    ? `In its report, on ${report.num_examples === null ? "the" : count(report.num_examples)} examples (${report.split ?? "test"}): ${figures}.`
      + (report.is_of_another ? " The report tests the run's best.ckpt, and not this checkpoint." : "")
    : "There is no report beside this checkpoint: how good the model is, is not known here.";
  byId("about").hidden = false;
  const best = report?.figures[0];
  const takes = { text: "a text", clip: "a clip", picture: "a photo or a clip" }[about.takes];
  byId("summary").textContent = `Give ${takes}; the model reads all of it and answers with ${about.answers_with === "classes" ? "a class" : "a text"}.`
    + (best ? ` In its report: ${figure(best)}.` : " There is no report beside it.");
}

const listed = (names) => (names.length <= 12 ? names.join(", ") : `${names.slice(0, 12).join(", ")} and ${count(names.length - 12)} more`);

function askToken() {
  byId("main").hidden = true;
  byId("token-form").hidden = false;
  byId("token").focus();
}

async function begin() {
  try {
    about = await asked("/about");
  } catch (error) {
    if (error.status === 401) { byId("summary").textContent = ""; askToken(); } else fail(error.message);
    return;
  }
  const isFirst = byId("text-form").hidden && byId("file-form").hidden;
  byId("token-form").hidden = true;
  byId("alert").hidden = true;
  byId("main").hidden = false;
  describe();
  if (isFirst) (about.takes === "text" ? texts : files)();
}

byId("token-form").addEventListener("submit", async (event) => {
  event.preventDefault();
  useToken(byId("token").value);
  await begin();
  if (!byId("token-form").hidden) fail("The token is wrong.");
});
begin();
