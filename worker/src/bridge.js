// What bridge.rs calls, and what entry.js needs beside it. Lines instead of objects: one string crosses faster than a dozen, and headers
// hold no line breaks.

// The headers that are ever read; their places are what `headers` is asked for.
let names = [];

/** Takes the names of headers, a name on each line: once per instance, instead of with each request. */
export function start(lines) {
  names = lines.split('\n');
}

/** A request's method and URL, each on a line. */
export const head = ({ method, url }) => `${method}\n${url}`;

/** The values of those headers whose bits are set, each on a line; an absent header is an empty one. */
export function headers({ headers }, wanted) {
  let lines = '';
  for (let at = 0; wanted >> at !== 0; at += 1) if ((wanted >> at) & 1) lines += `${headers.get(names[at]) ?? ''}\n`;
  return lines;
}

/** A request's body: null where it is longer than `limit` bytes, of which no more are ever held, and false where it breaks off. */
export async function read(request, limit) {
  const announced = Number(request.headers.get('Content-Length') ?? Number.NaN);
  if (announced > limit) return null;
  try {
    if (announced <= limit) return new Uint8Array(await request.arrayBuffer());
    const chunks = [];
    let size = 0;
    for await (const chunk of request.body ?? []) {
      size += chunk.byteLength;
      if (size > limit) return null;
      chunks.push(chunk);
    }
    return new Uint8Array(await new Blob(chunks).arrayBuffer());
  } catch {
    return false;
  }
}

/** Names and values, each on a line, as the platform holds them. */
export function kept(lines) {
  const parts = lines.split('\n');
  const headers = new Headers();
  for (let at = 0; at + 1 < parts.length; at += 2) headers.set(parts[at], parts[at + 1]);
  return headers;
}

/**
 * A response. Its headers are copied from those that many have alike, after the one that is its own was set there: to give them one by
 * one, or to touch the response's own object for them, costs more than everything else here. `body` is a view of wasm's memory, and is copied.
 */
export function send(status, headers, name, value, body) {
  headers.set(name, value);
  return new Response(body.byteLength === 0 ? null : body.slice(), { status, headers });
}

/** Lets so many milliseconds pass. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What a KV namespace holds, as bytes; null where it holds nothing, and a text where it cannot be read. */
export async function stored(env, binding, key, cacheTtl) {
  try {
    const bytes = await env[binding].get(key, { type: 'arrayBuffer', cacheTtl });
    return bytes === null ? null : new Uint8Array(bytes);
  } catch (error) {
    return String(error);
  }
}
