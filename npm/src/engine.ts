/** The life of the wasm instance: started when it is first needed, and started anew after a trap. */

import * as glue from '../generated/burgee.js';
import { BurgeeError } from './errors.js';
import { Writer } from './wire.js';

export type Handle = glue.Snapshot;
export type KeptContext = glue.Context;

/** What the module can be made of, synchronously. */
export type ModuleSource = WebAssembly.Module | BufferSource;

let source: (() => ModuleSource) | undefined;
let engine: glue.Engine | undefined;
let memory: WebAssembly.Memory;
let instances = 0;

/** Says where the module comes from; it is asked for when it is first needed. */
export function provide(from: () => ModuleSource): void {
  source ??= from;
}

/** The engine of the instance that runs now. */
export function start(): glue.Engine {
  if (engine !== undefined) return engine;
  if (source === undefined) {
    throw new BurgeeError('not_initialized', '', 'call init() with the module of burgee/burgee.wasm before anything else');
  }
  return run(glue.initSync({ module: source() }).memory);
}

function run(of: WebAssembly.Memory): glue.Engine {
  memory = of;
  instances++;
  engine = new glue.Engine();
  return engine;
}

/** The number of the instance that runs now: handles of another one are dead. */
export function instance(): number {
  start();
  return instances;
}

/**
 * The error to throw for one that was caught around a call into wasm. A trap leaves the instance in a state that nobody
 * knows, so it is given up and a new one started; snapshots then compile themselves again when they are next used.
 */
export function recover(error: unknown): unknown {
  // Running out of stack inside wasm is a RangeError in V8, and an InternalError elsewhere.
  const trapped =
    error instanceof WebAssembly.RuntimeError || (error instanceof RangeError && /call stack/i.test(error.message));
  if (!trapped) return error;
  engine = undefined;
  glue.__wbg_reset_state();
  run(glue.initSync({ module: source!() }).memory);
  return new BurgeeError('internal', '', 'the evaluator failed, and was started anew', { cause: error });
}

/** A part of the evaluator's memory; taken anew for every use, because any call may move it. */
export function view(address: number, length: number): Uint8Array {
  return new Uint8Array(memory.buffer, address, length);
}

/** A copy of the numbers that the evaluator left at an address: a view of them would be empty once memory grows. */
export function numbers(address: number, length: number): Uint32Array {
  return new Uint32Array(memory.buffer, address, length).slice();
}

export function hashBucket(text: string): number {
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

/** Compiles a document. Throws a `BurgeeError` for one that is refused. */
export function compile(json: Uint8Array): Handle {
  const running = start();
  view(running.scratch(json.length), json.length).set(json);
  try {
    return running.compile(json.length);
  } catch (error) {
    if (typeof error !== 'string') throw error;
    const fault = JSON.parse(error);
    throw new BurgeeError(fault.code, fault.pointer, fault.message);
  }
}

/** Traps on purpose, to show that later calls are not affected. */
export function trap(): void {
  try {
    start().trap();
  } catch (error) {
    throw recover(error);
  }
}
