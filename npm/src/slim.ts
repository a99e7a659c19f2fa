/** Without the module: for those who load it in a way of their own. */

import { provideNow } from './engine.js';
import type { ModuleSource } from './types.js';

export * from './api.js';

/**
 * Gives the evaluator its module: what `burgee/burgee.wasm` holds, as bytes or compiled. Call it once, before anything else;
 * later calls change nothing. It is synchronous; a browser's main thread may ask for the compiled form of larger modules:
 * `init(await WebAssembly.compileStreaming(fetch(url)))`.
 */
export function init(module: ModuleSource): void {
  provideNow(module);
}
