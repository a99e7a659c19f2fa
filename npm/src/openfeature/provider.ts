/** What the providers for servers and for the web have in common: everything but the SDK's own types. */

import { type Change, type Client, type ClientOptions, type ClientStatus, createClient } from '../client.js';
import { BurgeeError, type FlagType } from '../index.js';
import { type Resolution, Resolver, isFatal } from './resolve.js';

export { isFatal } from './resolve.js';

/** What a page or a program has reported: `client.track(name, details)` of OpenFeature. */
export interface TrackingEvent<Context, Details> {
  /** What happened. */
  readonly name: string;
  /** The evaluation context, as the SDK put it together. */
  readonly context: Context;
  /** What else was said of it. */
  readonly details: Details;
  /** When, ms since the epoch. */
  readonly at: number;
}

/** What a provider may be told beside what `createClient` takes. */
export interface ProviderExtras<Hook, Context, Details> {
  /** Hooks that run with each evaluation by this provider. */
  readonly hooks?: readonly Hook[] | undefined;
  /** Is given what `client.track` reports; without it that is dropped. */
  readonly onTrack?: ((event: TrackingEvent<Context, Details>) => void) | undefined;
  /**
   * Whether the answers of flags that read nothing of the context and the time are kept until the snapshot changes, and given with the
   * reason `CACHED` from the second time on. False when left out: each answer then says why.
   */
  readonly cache?: boolean | undefined;
}

/** Tells the SDK of an event: one of `PROVIDER_READY`, `PROVIDER_STALE`, `PROVIDER_ERROR`, `PROVIDER_CONFIGURATION_CHANGED`. */
export type Emit = (event: string, details: { message?: string; errorCode?: string; flagsChanged?: string[] }) => void;

/** The types of flags that each of OpenFeature's types takes. */
export const BOOLEAN: readonly FlagType[] = ['boolean'];
export const STRING: readonly FlagType[] = ['string'];
export const NUMBER: readonly FlagType[] = ['number', 'integer'];
export const OBJECT: readonly FlagType[] = ['json'];

/** A client, and what it reports turned into a provider's events. */
export class Core<Hook, Context, Details> {
  readonly client: Client;
  readonly hooks: Hook[];
  readonly #resolver: Resolver;
  readonly #onTrack: ProviderExtras<Hook, Context, Details>['onTrack'];
  /** Whether the SDK knows by now that there is something to evaluate: before, it says so itself when `initialize` is over. */
  #announced = false;
  #error: BurgeeError | undefined;

  constructor(options: ClientOptions & ProviderExtras<Hook, Context, Details>, emit: Emit) {
    const { hooks, onTrack, cache, ...rest } = Object(options) as typeof options;
    const { onChange, onStatus, onError } = rest;
    const check = (name: string, value: unknown, isGood: boolean, message: string) => {
      if (value !== undefined && !isGood) throw new BurgeeError('invalid_option', `/${name}`, message);
    };
    check('hooks', hooks, Array.isArray(hooks), 'must be an array');
    check('cache', cache, typeof cache === 'boolean', 'must be a boolean');
    // The client checks the others, but is given others than these.
    for (const [name, value] of Object.entries({ onTrack, onChange, onStatus, onError })) {
      check(name, value, typeof value === 'function', 'must be a function');
    }
    this.hooks = [...(hooks ?? [])];
    this.#onTrack = onTrack;
    this.client = createClient({
      ...rest,
      onChange: (change: Change) => {
        if (this.#announced) emit('PROVIDER_CONFIGURATION_CHANGED', { flagsChanged: [...change.changed] });
        return onChange?.(change);
      },
      onStatus: (status: ClientStatus, previous: ClientStatus) => {
        this.#statusChanged(status, previous, emit);
        return onStatus?.(status, previous);
      },
      onError: (error: BurgeeError) => {
        if (error.code !== 'callback_failed') {
          this.#error = error;
          if (this.#announced && this.client.status === 'empty') this.#failed(error, emit);
        }
        onError?.(error);
      },
    } as ClientOptions);
    this.#resolver = new Resolver(this.client, cache ?? false);
    // The SDK takes a provider without `initialize` for ready.
    this.#announced = this.isReady;
  }

  /** Whether there is something to evaluate. */
  get isReady(): boolean {
    return this.client.status !== 'empty';
  }

  /** Waits until there is. The error, if there is none, is what went wrong. */
  async initialize(): Promise<void> {
    try {
      await this.client.whenReady();
    } finally {
      // From here on the SDK hears of changes from events.
      this.#announced = true;
    }
  }

  /** Resolves a flag of one of some types. */
  resolve<T>(key: string, types: readonly FlagType[], otherwise: T, context: Readonly<Record<string, unknown>>): Resolution<T> {
    return this.#resolver.resolve(key, types, otherwise, context, this.#error);
  }

  /** Hands on what was reported. */
  track(name: string, context: Context, details: Details): void {
    this.#onTrack?.({ name, context, details, at: Date.now() });
  }

  #statusChanged(status: ClientStatus, previous: ClientStatus, emit: Emit): void {
    if (!this.#announced) return;
    if (status === 'stale') emit('PROVIDER_STALE', { message: 'the snapshot could not be refreshed' });
    else if (status === 'fresh' && (previous === 'stale' || previous === 'empty')) emit('PROVIDER_READY', {});
  }

  #failed(error: BurgeeError, emit: Emit): void {
    emit('PROVIDER_ERROR', { message: error.message, ...(isFatal(error) ? { errorCode: 'PROVIDER_FATAL' } : {}) });
  }
}
