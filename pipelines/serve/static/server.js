// Questions to the server, with its token where it has one.

const STORED = "manytoone-token";
let token = sessionStorage.getItem(STORED);

export class Failed extends Error {
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

export function useToken(value) {
  token = value;
  sessionStorage.setItem(STORED, value);
}

// JSON of a path; throws `Failed` with the reason in one line.
export async function asked(path, options = {}) {
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Failed(0, "The server cannot be reached.");
  }
  const found = await response.json().catch(() => ({ error: `The server answered ${response.status}.` }));
  if (!response.ok) throw new Failed(response.status, found.error ?? `The server answered ${response.status}.`);
  return found;
}

export const askText = (text, explain = false) =>
  asked(`/answer?explain=${Number(explain)}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text }) });

export const askFile = (file) =>
  asked("/answer?explain=1", { method: "POST", headers: { "Content-Type": "application/octet-stream" }, body: file });

// The bytes of the built-in example.
export async function exampleFile(number) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const response = await fetch(`/example?number=${number}`, { headers });
  if (!response.ok) throw new Failed(response.status, "There is no example.");
  return response.blob();
}

// A stream: `told` gets each answer, `closed` the end.
export function openStream(told, closed) {
  const protocols = ["manytoone"];
  if (token) {
    const bytes = String.fromCharCode(...new TextEncoder().encode(token));
    protocols.push(`token.${btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")}`);
  }
  const address = new URL("/stream", location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(address, protocols);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("message", (event) => told(JSON.parse(event.data)));
  socket.addEventListener("close", () => closed());
  return socket;
}
