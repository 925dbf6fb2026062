// The running answer as curves, and below them each step's share as bars.

import { draw, make } from "./elements.js";

const WIDTH = 600, CURVE = 90, BARS = 50, MOST_BARS = 150;

// Curves of [steps], [{className, values}] over `total` steps; `shares` are bars, or null.
export function chart(steps, lines, total, shares = null, barClass = null) {
  const height = CURVE + (shares ? BARS : 0);
  const box = make("div", { class: "charted" });
  const svg = draw("svg", { class: "chart", viewBox: `0 0 ${WIDTH} ${height}`, preserveAspectRatio: "none", role: "img",
    "aria-label": "the answer after every step, and each step's share" });
  for (const y of [0.5, CURVE / 2, CURVE - 0.5]) svg.append(draw("path", { class: "rule", d: `M0 ${y}H${WIDTH}` }));
  const x = (step) => ((step - 0.5) / total) * WIDTH;
  for (const { className, values } of lines) {
    const at = values.map((value, k) => `${x(steps[k]).toFixed(1)},${(2 + (1 - value) * (CURVE - 4)).toFixed(1)}`);
    // A single step is a level line.
    if (at.length === 1) at.push(`${WIDTH},${at[0].split(",")[1]}`);
    svg.append(draw("polyline", { class: className, points: at.join(" ") }));
  }
  if (shares) bars(svg, shares, barClass);
  const marker = draw("path", { class: "at", d: "" });
  svg.append(marker);
  // How high the curves' part of the picture is.
  box.style.setProperty("--part", CURVE / height);
  box.append(svg, ...["100 %", "50 %", "0 %"].map((text, k) => make("span", { "--y": k / 2, "aria-hidden": "true" }, text)));
  box.mark = (step) => marker.setAttribute("d", `M${x(step).toFixed(1)} 0V${height}`);
  box.stepAt = (event) => {
    const box = svg.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    return Math.max(0, Math.min(total - 1, Math.floor(share * total)));
  };
  return box;
}

function bars(svg, shares, barClass) {
  const number = Math.min(shares.length, MOST_BARS);
  const sums = Array.from({ length: number }, (_, k) => {
    const [from, to] = [k, k + 1].map((edge) => Math.round((edge * shares.length) / number));
    return shares.slice(from, to).reduce((sum, value) => sum + value, 0);
  });
  const largest = Math.max(...sums.map(Math.abs)) || 1;
  const middle = CURVE + BARS / 2 + 1, reach = BARS / 2 - 3, width = WIDTH / number;
  svg.append(draw("path", { class: "rule", d: `M0 ${middle}H${WIDTH}` }));
  sums.forEach((value, k) => {
    const size = (Math.abs(value) / largest) * reach;
    if (size < 0.2) return;
    const up = barClass ?? "up";
    svg.append(draw("rect", { class: value > 0 ? up : "down", x: (k * width).toFixed(2), width: Math.max(width - 0.6, 0.6).toFixed(2),
      y: (value > 0 ? middle - size : middle).toFixed(2), height: size.toFixed(2) }));
  });
}
