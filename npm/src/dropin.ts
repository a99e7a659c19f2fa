/** The functions of `evaluator.js`: they take the registry each time. */

import { recover, start, view } from './engine.js';
import { BurgeeError } from './errors.js';
import { Snapshot, stringify } from './snapshot.js';
import type { BatchRequest, Decision, Explanation, Registry, Request } from './types.js';
import { Writer } from './wire.js';

/** What can be evaluated: a registry or snapshot as an object, as JSON text, as UTF-8 bytes, or compiled. */
export type Source = Registry | string | Uint8Array | Snapshot;

/** The `djb2-xor` bucket of a text, 0 to 99, over its UTF-16 code units. */
export function hashBucket(text: string): number {
  if (typeof text !== 'string') throw new BurgeeError('invalid_request', '', 'what is hashed must be a string');
  try {
    const running = start();
    // No code unit takes more than three bytes.
    const room = text.length * 3;
    const writer = new Writer(view(running.scratch(room), room));
    writer.text(text);
    return running.hashBucket(writer.place);
  } catch (error) {
    throw recover(error);
  }
}

/** Decides one flag. */
export function evaluate(registry: Source, request: Request): Decision {
  return compiled(registry, (snapshot) => snapshot.decide(object(request).key, request.context ?? {}, request));
}

/** Decides flags in the order asked, repeats included. */
export function evaluateBatch(registry: Source, request: BatchRequest): Decision[] {
  return compiled(registry, (snapshot) => {
    const { flags, overrides, now } = object(request);
    if (!Array.isArray(flags)) throw new BurgeeError('invalid_request', '/flags', 'must be an array of flag keys');
    // One context, and one time, for all of them.
    const context = snapshot.context(request.context ?? {});
    const options = { overrides, now: now ?? Date.now() };
    return Array.from(flags as readonly string[], (key, index) => {
      if (typeof key !== 'string') throw new BurgeeError('invalid_request', `/flags/${index}`, 'must be a string');
      return snapshot.decide(key, context, options);
    });
  });
}

/** Decides one flag, with every step and what it compared. */
export function explain(registry: Source, request: Request): Explanation {
  return compiled(registry, (snapshot) => snapshot.explain(object(request).key, request.context ?? {}, request));
}

function object<T>(request: T): T {
  if (typeof request !== 'object' || request === null) {
    throw new BurgeeError('invalid_request', '', 'the request must be an object');
  }
  return request;
}

/**
 * How much text of registries is kept, in UTF-16 units, with what was compiled from it: some hundred ordinary registries. Garbage
 * collection cannot be left to decide, because it does not run the finalizers that free a snapshot while a caller's loop runs.
 */
const KEPT_TEXT = 1024 * 1024;

interface Compiled {
  readonly json: string;
  readonly snapshot: Snapshot;
}

/** What is kept, by its JSON, the one used last at the end. */
const kept = new Map<string, Compiled>();
let keptText = 0;
let latest: Compiled | undefined;

/** What registries said when they were compiled. */
const known = new WeakMap<object, string>();

/**
 * Gives the registry, compiled, to `use`. It is known by its JSON: callers of these functions may change a registry in place, and an
 * answer from before the change would be wrong. Those who evaluate often keep a `Snapshot`.
 */
function compiled<T>(registry: Source, use: (snapshot: Snapshot) => T): T {
  if (registry instanceof Snapshot) return use(registry);
  if (ArrayBuffer.isView(registry)) {
    const snapshot = new Snapshot(registry);
    try {
      return use(snapshot);
    } finally {
      snapshot.free();
    }
  }
  const json = typeof registry === 'string' ? registry : stringify(registry);
  if (latest?.json !== json) {
    latest = keep(json);
    if (typeof registry === 'object') replace(registry, json);
  }
  return use(latest.snapshot);
}

function keep(json: string): Compiled {
  const one = kept.get(json) ?? { json, snapshot: new Snapshot(json) };
  forget(json, false);
  kept.set(json, one);
  keptText += json.length;
  for (const oldest of kept.keys()) {
    if (keptText <= KEPT_TEXT || oldest === json) break;
    forget(oldest);
  }
  return one;
}

/** What a registry said before it was changed is not likely to be asked again. */
function replace(registry: object, json: string): void {
  const before = known.get(registry);
  known.set(registry, json);
  if (before !== undefined && before !== json) forget(before);
}

function forget(json: string, free = true): void {
  const one = kept.get(json);
  if (one === undefined) return;
  kept.delete(json);
  keptText -= json.length;
  if (free) one.snapshot.free();
}
