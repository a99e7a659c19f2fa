/** The functions of `evaluator.js`: they take the registry each time. */

import { BurgeeError } from './errors.js';
import { Snapshot } from './snapshot.js';
import type { BatchRequest, Decision, Explanation, Registry, Request } from './types.js';

/** What can be evaluated: a registry or snapshot as an object, as JSON text, as UTF-8 bytes, or compiled. */
export type Source = Registry | string | Uint8Array | Snapshot;

interface Compiled {
  readonly json: string;
  readonly snapshot: Snapshot;
}

const compiled = new WeakMap<object, Compiled>();
let latest: Compiled | undefined;

/** Decides one flag. */
export function evaluate(registry: Source, request: Request): Decision {
  return snapshotOf(registry).decide(object(request).key, request.context ?? {}, request);
}

/** Decides flags in the order asked, repeats included. */
export function evaluateBatch(registry: Source, request: BatchRequest): Decision[] {
  const snapshot = snapshotOf(registry);
  if (!Array.isArray(object(request).flags)) {
    throw new BurgeeError('invalid_request', '/flags', 'must be an array of flag keys');
  }
  // One time for all of them.
  const options = { overrides: request.overrides, now: request.now ?? Date.now() };
  return request.flags.map((key) => snapshot.decide(key, request.context ?? {}, options));
}

/** Decides one flag, with every step and what it compared. */
export function explain(registry: Source, request: Request): Explanation {
  return snapshotOf(registry).explain(object(request).key, request.context ?? {}, request);
}

function object<T>(request: T): T {
  if (typeof request !== 'object' || request === null) {
    throw new BurgeeError('invalid_request', '', 'the request must be an object');
  }
  return request;
}

/**
 * The registry, compiled. An object is compiled again when its JSON has changed: callers of these functions may change a registry in
 * place, and an answer from before the change would be wrong. Those who evaluate often keep a `Snapshot`.
 */
function snapshotOf(registry: Source): Snapshot {
  if (registry instanceof Snapshot) return registry;
  if (registry instanceof Uint8Array) return new Snapshot(registry);
  if (typeof registry === 'string') {
    if (latest?.json !== registry) latest = { json: registry, snapshot: new Snapshot(registry) };
    return latest.snapshot;
  }
  const json = JSON.stringify(registry);
  const known = typeof registry === 'object' && registry !== null ? compiled.get(registry) : undefined;
  if (known !== undefined && known.json === json) return known.snapshot;
  const snapshot = new Snapshot(json ?? '');
  compiled.set(registry, { json, snapshot });
  known?.snapshot.free();
  return snapshot;
}
