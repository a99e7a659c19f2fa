/** What every entry exports. */

import { memoryBytes, trap } from './engine.js';

export { BurgeeError, type ErrorCode } from './errors.js';
export { evaluate, evaluateBatch, explain, hashBucket, type Source } from './dropin.js';
export { type Context, type Flag, Snapshot } from './snapshot.js';
export type * from './types.js';

/** @internal For tests, as the name says. */
export const __trap = trap;

/** @internal For tests, as the name says. */
export const __memoryBytes = memoryBytes;
