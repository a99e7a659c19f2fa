// What bridge.rs calls. Lines instead of objects: one string crosses faster than a dozen, and headers hold no line breaks.

// Given by `start` and `sorry`: the headers to read, and the answers for requests that a trap took with it.
let names = [];
let placeholder;
let lastWords = [];

/** Takes what the calls below need and do not change: once per instance, instead of with each request. */
export function start(lines, forRequestId) {
  names = lines.split('\n');
  placeholder = forRequestId;
  lastWords = [];
}

/** Takes the answer for paths that begin with `prefix` and with no earlier one. */
export function sorry(prefix, status, head, body) {
  lastWords.push({ prefix, status, head, body });
}

// How to end each request under way. A trap ends the instance without a word to any of them, and they would hang until
// the platform gives up on them. The generated code starts a new instance for the next request.
const underWay = new Set();

addEventListener('error', ({ error }) => {
  if (!(error instanceof WebAssembly.RuntimeError)) return;
  for (const end of underWay) end();
  underWay.clear();
});

/** The answer, or, if the instance is lost before there is one, an error that looks like every other. */
export async function guard(answer, request, requestId) {
  const began = Date.now();
  let end;
  const lost = new Promise((resolve) => {
    end = resolve;
  });
  underWay.add(end);
  try {
    return (await Promise.race([answer, lost])) ?? apologise(request, requestId, began);
  } finally {
    underWay.delete(end);
  }
}

/** Answers and logs as bridge.rs would have done. */
function apologise({ method, url }, requestId, began) {
  const timestamp = new Date().toISOString();
  const { pathname } = new URL(url);
  const { status, head, body } = lastWords.find(({ prefix }) => pathname.startsWith(prefix));
  const path = pathname.slice(0, 256);
  const [level, message, tenant, error] = ['error', 'request', null, 'internal_error'];
  const line = { timestamp, level, message, method, path, status, tenant, request_id: requestId, duration_ms: Date.now() - began, error };
  console.error(JSON.stringify(line));
  const escaped = JSON.stringify(requestId).slice(1, -1);
  const text = body.replaceAll(placeholder, () => escaped);
  return send(status, head.replaceAll(placeholder, () => requestId), new TextEncoder().encode(text));
}

/** A request's method, URL and headers, each on a line; an absent header is an empty one. */
export function head(request) {
  const { headers } = request;
  let lines = `${request.method}\n${request.url}`;
  for (const name of names) lines += `\n${headers.get(name) ?? ''}`;
  return lines;
}

/** A request's body, or null where it is longer than `limit` bytes, of which no more than these are ever held. */
export async function body(request, limit) {
  const announced = Number(request.headers.get('Content-Length') ?? Number.NaN);
  if (announced > limit) return null;
  if (announced <= limit) return new Uint8Array(await request.arrayBuffer());
  const chunks = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) return null;
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** A response; `head` is the headers' names and values, each on a line. `body` is a view of wasm's memory, and is copied. */
export function send(status, head, body) {
  const lines = head.split('\n');
  const headers = [];
  for (let at = 0; at + 1 < lines.length; at += 2) headers.push([lines[at], lines[at + 1]]);
  return new Response(body.byteLength === 0 ? null : body.slice(), { status, headers });
}
