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
 * What answers of a status have alike that differ in one header, `own`: a response without a body, and its headers, of which each name and value is a
 * line. Nothing in it belongs to the request that it was made for, so that others can use it.
 */
export function alike(status, lines, own) {
  const response = new Response(null, { status, headers: kept(lines) });
  return { response, headers: response.headers, own };
}

/**
 * A response: a copy of what many have alike, after the one header that is its own was set there. To give headers one by one, to touch the response's
 * own object for them, or to have an object of options read for each, costs more than everything else here. `body` is a view of wasm's memory, and is copied.
 */
export function send({ response, headers, own }, value, body) {
  headers.set(own, value);
  return new Response(body.byteLength === 0 ? null : body.slice(), response);
}

/** The functions that write lines, by level. */
const writers = ['log', 'warn', 'error'];

/** Whether a line was written in this isolate. */
let hasWritten = false;

/** Writes a line of a level to the log. */
export function log(level, line) {
  hasWritten = true;
  console[writers[level]](line);
}

/**
 * Writes a line about the request whose context this is. With the first line that is written in an isolate, the platform loads what it writes them
 * with, which may take longer than the answer: such a line is written when the answer is on its way.
 */
export function logLater(context, level, line) {
  if (hasWritten) return log(level, line);
  let begin;
  const begun = new Promise((resolve) => {
    begin = resolve;
  });
  try {
    context.waitUntil(begun.then(() => pause(0)).then(() => log(level, line)));
    begin();
  } catch {
    // The platform takes no more work for this request.
    log(level, line);
  }
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

/** A static file, as bytes; null where there is none, and a text where it cannot be read. */
export async function file(env, name) {
  try {
    // The binding looks at the path alone.
    const response = await env.ASSETS.fetch(`http://assets/${name}`);
    if (response.status === 404) return null;
    if (!response.ok) throw new Error(`the file is answered with ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    return String(error);
  }
}

/** The time that a test gives a request, ms since the epoch; NaN where it gives none. */
export const testNow = ({ headers }) => Number(headers.get('X-Burgee-Test-Now') ?? Number.NaN);

/** Puts a message, which is JSON, into a queue: null, or a text where it cannot be reached. */
export async function enqueue(env, queue, message) {
  try {
    await env[queue].send(JSON.parse(message));
    return null;
  } catch (error) {
    return String(error);
  }
}

// ---- A tenant's object -------------------------------------------------------------------------------------------------

/** A comment is written to an event stream so often, in milliseconds, that nothing between takes it for dead. */
const HEARTBEAT_MS = 15_000;

/**
 * The response that is an event stream of a tenant, or a text where its object cannot be reached. The object writes to it through a socket,
 * so that it can rest while the stream stands open: what keeps the stream open is this request.
 */
export async function stream(env, tenant, about, heartbeat, status, lines) {
  let socket;
  try {
    const headers = { Upgrade: 'websocket', 'X-Burgee-Tenant': tenant, 'X-Burgee-Stream': encodeURIComponent(about) };
    const response = await object(env, tenant).fetch('http://internal/events', { headers });
    socket = response.webSocket;
    if (!socket) return `the object answers ${response.status}`;
  } catch (error) {
    return String(error);
  }
  const encoder = new TextEncoder();
  let beat;
  const end = () => {
    clearInterval(beat);
    socket.close();
  };
  const body = new ReadableStream({
    start(controller) {
      const write = (text) => controller.enqueue(encoder.encode(text));
      // What the object says last it says by closing: the client comes back with the id that it had last.
      const close = () => {
        clearInterval(beat);
        try {
          controller.close();
        } catch {
          // The client has gone already.
        }
      };
      socket.addEventListener('message', ({ data }) => write(data));
      socket.addEventListener('close', close);
      socket.addEventListener('error', close);
      beat = setInterval(() => write(heartbeat), HEARTBEAT_MS);
      // Headers go out with the first bytes.
      write(heartbeat);
      socket.accept();
    },
    cancel: end,
  });
  const response = new Response(body, { status, headers: kept(lines) });
  ends.set(response, end);
  return response;
}

/** What ends the streams that are responses. */
const ends = new WeakMap();

/** Ends a stream, if the response is one, when whoever asked for it has gone: the platform does not cancel the body then. */
export function endWith(request, response) {
  const end = ends.get(response);
  if (end) request.signal.addEventListener('abort', end);
  return response;
}

/** An object that does not say its version within so many milliseconds counts as unreachable: whoever evaluates does not wait longer. */
const VERSION_WITHIN_MS = 1_000;

/** A snapshot is given more time: it may be large. */
const SNAPSHOT_WITHIN_MS = 10_000;

/** A tenant's object. */
export const object = (env, tenant) => env.TENANTS.get(env.TENANTS.idFromName(tenant));

/** What is promised, or an error where it takes longer. */
export async function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The version of a tenant's snapshot, by its object; a text where that cannot be had. Without objects all versions are 0. */
export async function truth(env, tenant) {
  if (!env.TENANTS) return 0;
  try {
    const ask = async () => {
      const response = await object(env, tenant).fetch('http://internal/version');
      return (await response.json()).version;
    };
    return await within(VERSION_WITHIN_MS, ask());
  } catch (error) {
    return String(error);
  }
}

/** A tenant's snapshot, by its object, as bytes; null where it has none, and a text where it cannot be read. */
export async function snapshot(env, tenant) {
  try {
    const ask = async () => {
      const response = await object(env, tenant).fetch('http://internal/snapshot');
      if (response.status === 404) return null;
      if (!response.ok) throw new Error(`the object answers ${response.status}`);
      return new Uint8Array(await response.arrayBuffer());
    };
    return await within(SNAPSHOT_WITHIN_MS, ask());
  } catch (error) {
    return String(error);
  }
}

/**
 * Carries a caller's request to a tenant's object, with the headers of `lines` and no others: `[status, lines, body]`, the lines being the values of
 * the headers that `wanted` names. A text where the object cannot be reached. `body` is a view of wasm's memory, and is copied.
 */
export function carry(env, tenant, method, target, lines, body, wanted) {
  const bodied = body.byteLength > 0 && method !== 'GET' && method !== 'HEAD';
  const request = new Request(`http://carried${target}`, { method, headers: kept(lines), body: bodied ? body.slice() : undefined });
  return carried(env, tenant, request, wanted.split('\n'));
}

async function carried(env, tenant, request, wanted) {
  try {
    const response = await object(env, tenant).fetch(request);
    const bytes = new Uint8Array(await response.arrayBuffer());
    return [response.status, wanted.map((name) => response.headers.get(name) ?? '').join('\n'), bytes];
  } catch (error) {
    return String(error);
  }
}
