/** An evaluation in OpenFeature's words (`docs/evaluation.md`, section 6). All of them come from the evaluator. */

import type { Client } from '../client.js';
import { type Attributes, BurgeeError, type Evaluation, type Flag, type FlagType, type Snapshot } from '../index.js';

/** The codes of OpenFeature that a provider of its own accord comes to. */
export type ResolutionError = 'FLAG_NOT_FOUND' | 'TYPE_MISMATCH' | 'TARGETING_KEY_MISSING' | 'PROVIDER_NOT_READY' | 'PROVIDER_FATAL';

/** Whether trying again with what there is would not help: the credentials are not those that the server wants. */
export function isFatal(error: unknown): boolean {
  return error instanceof BurgeeError && error.code === 'unauthorized';
}

/** What a provider gives for a flag: the SDK's `ResolutionDetails`, without its enumerations. */
export interface Resolution<T> {
  value: T;
  variant?: string;
  reason: string;
  errorCode?: ResolutionError;
  errorMessage?: string;
  flagMetadata: Readonly<Record<string, string | number | boolean>>;
}

/** Resolves flags by a client. */
export class Resolver {
  readonly #client: Client;
  readonly #cache: boolean;
  /** The snapshot whose answers are kept, and those, by the key of their flag. */
  #of: Snapshot | undefined;
  readonly #kept = new Map<string, Evaluation>();

  constructor(client: Client, cache: boolean) {
    this.#client = client;
    this.#cache = cache;
  }

  /**
   * Resolves a flag.
   *
   * @param types those that its type must be one of
   * @param otherwise the caller's default
   * @param context the SDK's evaluation context
   * @param problem what went wrong last, for the message where there is no snapshot yet
   */
  resolve<T>(
    key: string,
    types: readonly FlagType[],
    otherwise: T,
    context: Readonly<Record<string, unknown>>,
    problem: BurgeeError | undefined,
  ): Resolution<T> {
    const client = this.#client;
    if (client.status === 'empty') {
      const code = isFatal(problem) ? 'PROVIDER_FATAL' : 'PROVIDER_NOT_READY';
      return failed(otherwise, code, problem?.message ?? 'there is no snapshot yet');
    }
    const flag = client.snapshot.flag(key);
    if (!flag.exists) return failed(otherwise, 'FLAG_NOT_FOUND', `there is no flag ${key}`);
    const { type } = flag;
    // A flag that is wrong in itself has no type, and no value either.
    if (type !== null && !types.includes(type)) return failed(otherwise, 'TYPE_MISMATCH', `the flag ${key} is of the type ${type}`);
    const attributes = attributesOf(context);
    const kept = this.#cache ? this.#keptOf(flag) : undefined;
    if (kept !== undefined) {
      client.record(kept, attributes);
      return { ...told(kept, otherwise), reason: 'CACHED' };
    }
    const evaluation = client.evaluate(flag, attributes);
    if (evaluation.reason === 'no_bucketing_unit' && !hasTargetingKey(context)) {
      return failed(otherwise, 'TARGETING_KEY_MISSING', `the flag ${key} needs a targeting key`, evaluation.metadata);
    }
    if (this.#cache) this.#keep(flag, evaluation);
    return told(evaluation, otherwise);
  }

  #keptOf(flag: Flag): Evaluation | undefined {
    if (this.#of === this.#client.snapshot) return this.#kept.get(flag.key);
    this.#of = this.#client.snapshot;
    this.#kept.clear();
    return undefined;
  }

  /** Keeps an answer that no context and no time can change, as the evaluator says of the flag. */
  #keep(flag: Flag, evaluation: Evaluation): void {
    const { asked, readsTime } = flag.described;
    if (asked.reads.length === 0 && !readsTime) this.#kept.set(flag.key, evaluation);
  }
}

function told<T>(evaluation: Evaluation, otherwise: T): Resolution<T> {
  const { variant, value, openfeature_reason: reason, metadata: flagMetadata } = evaluation;
  return variant === null ? { value: otherwise, reason, flagMetadata } : { value: value as T, variant, reason, flagMetadata };
}

function failed<T>(value: T, errorCode: ResolutionError, errorMessage: string, flagMetadata = {}): Resolution<T> {
  return { value, reason: 'ERROR', errorCode, errorMessage, flagMetadata };
}

function hasTargetingKey({ targetingKey }: Readonly<Record<string, unknown>>): boolean {
  return typeof targetingKey === 'string' && targetingKey !== '';
}

/** The attributes of an evaluation context: all of it, and the targeting key as the user. */
function attributesOf(context: Readonly<Record<string, unknown>>): Attributes {
  const attributes: Record<string, unknown> = { ...context };
  for (const name of Object.keys(attributes)) {
    const value = attributes[name];
    // The evaluator knows times as text. One that is no time is nothing that could be compared.
    if (value instanceof Date) attributes[name] = Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  }
  if (hasTargetingKey(context)) attributes['user_id'] = context['targetingKey'];
  return attributes as Attributes;
}
