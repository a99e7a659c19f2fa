/** Who was served what, each once in a while, and told in batches. */

import type { Attributes, Evaluation } from '../index.js';
import { EXPOSURE_BATCH, EXPOSURE_DELAY, EXPOSURE_WINDOW, type Exposure, type ExposureOptions } from './options.js';
import { type Cancel, later } from './timers.js';

/** How many exposures are remembered, so as not to be reported again: some 2 MB of keys. Of more, the ones seen longest ago are forgotten. */
export const EXPOSURES_KEPT = 10_000;

/** The environment of a context without one (`docs/evaluation.md`, section 2). */
const DEFAULT_ENVIRONMENT = 'dev';

/**
 * A new name for a batch: 128 random bits in hexadecimal digits. `randomUUID` is there in secure contexts alone; this is there in all.
 */
export const batchId = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');

/** Collects exposures, and hands them over in batches. */
export class Exposures {
  readonly #window: number;
  readonly #delay: number;
  readonly #size: number;
  /** When each was last reported, by what makes it the same one; the one seen last at the end. */
  readonly #seen = new Map<string, number>();
  #batch: Exposure[] = [];
  #cancel: Cancel | undefined;
  readonly #deliver: (batch: readonly Exposure[]) => void;

  /** @param deliver is given each batch, frozen; it must not throw */
  constructor(options: ExposureOptions | undefined, deliver: (batch: readonly Exposure[]) => void) {
    this.#deliver = deliver;
    this.#window = options?.window ?? EXPOSURE_WINDOW;
    this.#delay = options?.delay ?? EXPOSURE_DELAY;
    this.#size = options?.size ?? EXPOSURE_BATCH;
  }

  /** Records that an evaluation was used, if it served a variant. */
  record(evaluation: Evaluation, attributes: Attributes): void {
    const { flag_key: flag, variant, flag_version, reason, rule_id } = evaluation;
    if (variant === null) return;
    const env = attributes.env;
    const environment = typeof env === 'string' ? env : DEFAULT_ENVIRONMENT;
    const unit = idText(attributes.user_id) ?? idText(attributes.project_id);
    const at = Date.now();
    if (!this.#isNew(JSON.stringify([environment, flag, variant, flag_version, unit]), at)) return;
    this.#batch.push(Object.freeze({ environment, flag, variant, flag_version, unit, reason, rule_id, at }));
    if (this.#batch.length >= this.#size) this.flush();
    else this.#cancel ??= later(this.#delay, () => this.flush());
  }

  /** Hands over what there is, now. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#batch.length === 0) return;
    const batch = this.#batch;
    this.#batch = [];
    this.#deliver(Object.freeze(batch));
  }

  #isNew(key: string, at: number): boolean {
    const last = this.#seen.get(key);
    // A clock that was set back must not silence it for longer.
    const isNew = last === undefined || at - last >= this.#window || at < last;
    if (last !== undefined) this.#seen.delete(key);
    this.#seen.set(key, isNew ? at : last);
    if (this.#seen.size > EXPOSURES_KEPT) this.#seen.delete(this.#seen.keys().next().value!);
    return isNew;
  }
}

/** The text of an id, as the evaluator reads one (`docs/evaluation.md`, section 2). */
function idText(id: unknown): string | null {
  if (typeof id === 'string' && id !== '') return id;
  return Number.isSafeInteger(id) ? String(id) : null;
}
