/** The evaluator with its tools, in one module beside the program: it evaluates, lints and reads documents. */

import { readFileSync } from 'node:fs';
import type { Engine } from '../../generated-tools/burgee.js';
import type { Fault, Finding, Flag, KillSwitch, Override, Segment } from '../../generated/model.js';
import { provide, recover, start, view } from '../engine.js';
import { BurgeeError } from '../errors.js';

provide(() => readFileSync(new URL('tools.wasm', import.meta.url)) as Uint8Array<ArrayBuffer>);

/** An entry of a document, in its canonical form. */
export interface Entry<T> {
  /** Its place in its list. */
  readonly index: number;
  /** The bytes of its JSON, as it was written. */
  readonly bytes: number;
  readonly value: T;
}

/** The entries of a document that are not at fault, and all faults of those that are. */
export interface Documents {
  readonly flags: readonly Entry<Flag>[];
  readonly segments: readonly Entry<Segment>[];
  readonly overrides: readonly Entry<Override>[];
  readonly kill_switches: readonly Entry<KillSwitch>[];
  readonly faults: readonly Fault[];
}

/**
 * What is valid in a document, and yet likely a mistake.
 *
 * @throws {BurgeeError} if the document is refused.
 */
export function lint(document: Uint8Array, now: number): Finding[] {
  return ask(document, (engine) => engine.lint(document.length, now)) as Finding[];
}

/**
 * A document's entries, and what is wrong with them.
 *
 * @throws {BurgeeError} if the document is refused.
 */
export function documents(document: Uint8Array): Documents {
  return ask(document, (engine) => engine.documents(document.length)) as Documents;
}

function ask(document: Uint8Array, call: (engine: Engine) => string): unknown {
  try {
    const engine = start() as unknown as Engine;
    view(engine.scratch(document.length), document.length).set(document);
    return JSON.parse(call(engine));
  } catch (error) {
    if (typeof error !== 'string') throw recover(error);
    const { code, pointer, message } = JSON.parse(error);
    throw new BurgeeError(code, pointer, message);
  }
}
