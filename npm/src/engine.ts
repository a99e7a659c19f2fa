/** The life of the wasm instance: started when it is first needed, and started anew after a trap. */

import * as glue from '../generated/burgee.js';
import { BurgeeError } from './errors.js';
import type { ModuleSource } from './types.js';

export type Handle = glue.Snapshot;
export type KeptContext = glue.Context;

let source: (() => ModuleSource) | undefined;
let module: WebAssembly.Module | undefined;
let engine: glue.Engine | undefined;
let memory: WebAssembly.Memory;
let instances = 0;

/**
 * What the module exports, for the calls that happen often: they pass addresses themselves, without the checks of the glue's classes. Whoever calls
 * them has compared `generation`, and so knows that the addresses are of the instance that runs now.
 */
export let raw: glue.InitOutput;

/** The number of the instance that runs now, 0 while there is none. */
export let generation = 0;

/** Says where the module comes from; it is asked for when it is first needed. */
export function provide(from: () => ModuleSource): void {
  source ??= from;
}

/** Starts with a module that is there, unless there is one already. One that cannot be started is forgotten. */
export function provideNow(given: ModuleSource): void {
  if (source !== undefined) return;
  source = () => given;
  try {
    start();
  } catch (error) {
    source = module = undefined;
    throw error;
  }
}

/** The engine of the instance that runs now. */
export function start(): glue.Engine {
  if (engine !== undefined) return engine;
  // The instance that is there was given up, or did not get as far as an engine.
  if (instances > 0) glue.__wbg_reset_state();
  raw = load();
  memory = raw.memory;
  instances++;
  engine = new glue.Engine();
  generation = instances;
  return engine;
}

function load(): glue.InitOutput {
  if (source === undefined) {
    throw new BurgeeError('not_initialized', '', 'call init() with the module of burgee/burgee.wasm before anything else');
  }
  try {
    module ??= compiled(source());
    // Where there is an instance, this gives that one.
    return glue.initSync({ module });
  } catch (error) {
    // A page's content security policy must allow 'wasm-unsafe-eval', and init() may be given anything.
    throw new BurgeeError('not_initialized', '', `the module cannot be started: ${error}`, { cause: error });
  }
}

function compiled(given: ModuleSource): WebAssembly.Module {
  const from = given instanceof WebAssembly.Module ? given : new WebAssembly.Module(given as BufferSource);
  if (WebAssembly.Module.exports(from).every(({ name }) => name !== 'engine_new')) throw new TypeError('it is another one');
  return from;
}

/** The number of the instance that runs now: handles of another one are dead. */
export function instance(): number {
  start();
  return instances;
}

/**
 * The error to throw for one that was caught around calls into wasm, where nothing of the caller's runs. What this package did not
 * throw is a trap, or a stack or memory that ran out halfway, and leaves the instance in a state that nobody knows. So it is given up
 * and a new one started; snapshots and contexts write themselves again when they are next used.
 */
export function recover(error: unknown): unknown {
  if (error instanceof BurgeeError) return error;
  engine = undefined;
  generation = 0;
  try {
    start();
  } catch {
    // Perhaps there is no stack left for it here: the next call tries again.
  }
  return new BurgeeError('internal', '', 'the evaluator failed, and starts anew', { cause: error });
}

/** Where a snapshot or a context stands in the evaluator's memory. */
export function address(handle: Handle | KeptContext): number {
  return (handle as unknown as { readonly __wbg_ptr: number }).__wbg_ptr;
}

/** A part of the evaluator's memory; taken anew for every use, because any call may move it. */
export function view(address: number, length: number): Uint8Array {
  return new Uint8Array(memory.buffer, address, length);
}

/** The same, as numbers of 32 and of 64 bits. */
export function numberViews(address: number, bytes: number): [Int32Array, Float64Array] {
  return [new Int32Array(memory.buffer, address, bytes >> 2), new Float64Array(memory.buffer, address, bytes >> 3)];
}

/** Copies the numbers that the evaluator left at an address: a view of them would be empty once memory grows. */
export function numbers(address: number, to: Uint32Array): void {
  to.set(new Uint32Array(memory.buffer, address, to.length));
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

/** How much memory the instance that runs now has. It never shrinks. */
export function memoryBytes(): number {
  start();
  return memory.buffer.byteLength;
}
