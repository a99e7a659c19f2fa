// What tenant.js is told: bridge.rs calls these.

import { kept } from '../../worker/src/bridge.js';

/** The answer to a caller's request, and what must follow it. `body` is a view of wasm's memory, and is copied. */
export const answer = (status, lines, body, undo, after) =>
  ({ status, headers: kept(lines), body: body.slice(), undo, after: JSON.parse(after) });

/** What came of something that nobody waits for. */
export const outcome = (after) => ({ undo: false, after: JSON.parse(after) });

/** An attempt to deliver, as JSON, and what must follow; `attempt` is undefined where there is nothing to deliver. */
export const attempt = (attempt, after) => ({ undo: false, after: JSON.parse(after), attempt });

/** A snapshot to write to KV. */
export const publication = (tenant, version, bytes) => ({ tenant, version, bytes: bytes.slice() });

/** What is to be signed, and the key: a JWK as JSON. */
export const toSign = (key, document, publicForm) =>
  ({ key, inputs: [document, publicForm].filter(({ byteLength }) => byteLength > 0).map((input) => input.slice()) });
