// The camera: a stream of frames for a model of clips, a picture for one that describes pictures.

import { chart } from "./chart.js";
import { byId, chances, count, make, percent } from "./elements.js";
import { openStream } from "./server.js";

const FRAMES_A_SECOND = 8, SIDE_PX = 256, SHOWN = 150;

// `about` is the model; `askPicture(blob)` asks about a picture; `fail(reason)` tells why there is none.
export function camera(about, askPicture, fail) {
  const view = byId("camera-view"), panel = byId("camera");
  const does = byId("camera-do"), said = byId("camera-said"), curve = byId("camera-curve");
  let media = null, socket = null, timer = null;

  const picture = () => new Promise((resolve) => {
    const scale = Math.min(1, SIDE_PX / Math.min(view.videoWidth, view.videoHeight));
    const canvas = make("canvas", { width: Math.round(view.videoWidth * scale), height: Math.round(view.videoHeight * scale) });
    canvas.getContext("2d").drawImage(view, 0, 0, canvas.width, canvas.height);
    canvas.toBlob(resolve, "image/jpeg", 0.9);
  });

  function stop() {
    clearTimeout(timer);
    const closing = socket;
    socket = null;
    closing?.close();
    media?.getTracks().forEach((track) => track.stop());
    media = view.srcObject = null;
    panel.hidden = true;
  }

  // The next frame is sent when the answer to this one has come, and not before it is due.
  function stream() {
    const seen = [];
    let sentAt = 0;
    const send = async () => {
      if (!socket || socket.readyState !== WebSocket.OPEN || !media) return;
      sentAt = performance.now();
      const blob = await picture();
      if (socket?.readyState === WebSocket.OPEN && blob) socket.send(blob);
    };
    socket = openStream((found) => {
      if (found.reading) byId("camera-hint").textContent = `Each frame: ${found.reading}.`;
      else if (found.error) fail(found.error);
      else if (found.steps) show(found, seen);
      else seen.length = 0;
      timer = setTimeout(send, Math.max(0, 1000 / FRAMES_A_SECOND - (performance.now() - sentAt)));
    }, () => { if (socket) { fail("The stream has ended."); stop(); } });
  }

  function show(found, seen) {
    seen.push(found);
    if (seen.length > SHOWN) seen.shift();
    said.replaceChildren(`${found.label} `, make("small", {}, percent(found.probability)));
    byId("camera-chances").replaceChildren(chances(found.probabilities, 4));
    const values = (name) => seen.map((one) => one.probabilities[name]);
    const lines = [{ className: "other", values: values(found.runner_up) }, { className: "first", values: values(found.label) }];
    curve.replaceChildren(
      chart(seen.map((_, k) => k + 1), lines, Math.max(seen.length, 2)),
      make("p", { class: "key" }, make("span", { class: "plus" }, make("i"), found.label),
        make("span", { class: "third" }, make("i"), found.runner_up), make("span", {}, `${count(found.steps)} frames so far`)),
    );
  }

  async function start() {
    try {
      media = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch (error) {
      fail(`There is no picture from the camera: ${error.message}`);
      return;
    }
    view.srcObject = media;
    panel.hidden = false;
    for (const part of [said, curve, byId("camera-chances")]) part.replaceChildren();
    await view.play();
    does.textContent = about.streams ? "Begin anew" : "Take a picture";
    if (about.streams) stream();
    does.focus();
  }

  does.addEventListener("click", async () => {
    if (about.streams) socket?.send("");
    else askPicture(await picture());
  });
  byId("camera-stop").addEventListener("click", () => { stop(); byId("camera-button").focus(); });
  byId("camera-button").addEventListener("click", () => (media ? stop() : start()));
  addEventListener("pagehide", stop);
}
