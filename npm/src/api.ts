/** What every entry exports. */

import { trap } from './engine.js';

export { hashBucket } from './engine.js';
export { BurgeeError, type ErrorCode } from './errors.js';
export { evaluate, evaluateBatch, explain, type Source } from './dropin.js';
export { Context, Flag, Snapshot } from './snapshot.js';
export type * from './types.js';

/** @internal For tests: `burgee[Symbol.for(...)]` is not possible on a module, so the name says it. */
export const __trap = trap;
