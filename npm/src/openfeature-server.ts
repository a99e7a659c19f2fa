/** `burgee/openfeature-server`: the provider for OpenFeature's SDK for servers, `@openfeature/server-sdk`. */

import {
  type EvaluationContext,
  type Hook,
  type JsonValue,
  OpenFeatureEventEmitter,
  type Provider,
  type ProviderEvents,
  ProviderFatalError,
  type ResolutionDetails,
  type TrackingEventDetails,
} from '@openfeature/server-sdk';
import type { Client, ClientOptions } from './client.js';
import { BOOLEAN, Core, NUMBER, OBJECT, type ProviderExtras, STRING, isFatal } from './openfeature/provider.js';

export type { TrackingEvent } from './openfeature/provider.js';

/** What the provider takes: what `createClient` takes, and `hooks`, `onTrack` and `cache`. */
export type BurgeeServerProviderOptions = ClientOptions & ProviderExtras<Hook, EvaluationContext, TrackingEventDetails>;

/**
 * Evaluates where the program runs. The targeting key is the attribute `user_id`; everything else in the context is an attribute by its
 * own name.
 */
export class BurgeeServerProvider implements Provider {
  /** The provider's name, for logs and hooks. */
  readonly metadata = { name: 'burgee' } as const;
  /** Which of OpenFeature's SDKs it is for. */
  readonly runsOn = 'server';
  /** Where the SDK hears that it is ready or stale, that flags have changed, and of errors. */
  readonly events = new OpenFeatureEventEmitter();
  /** The hooks of the options. */
  readonly hooks: Hook[];
  /** Waits for the first snapshot. Absent where there is one already: the SDK then takes the provider for ready at once. */
  readonly initialize?: () => Promise<void>;
  readonly #core: Core<Hook, EvaluationContext, TrackingEventDetails>;

  /**
   * @throws {BurgeeError} `invalid_option`, as `createClient`.
   */
  constructor(options: BurgeeServerProviderOptions) {
    this.#core = new Core(options, (event, details) => this.events.emit(event as ProviderEvents.Ready, details));
    this.hooks = this.#core.hooks;
    if (!this.#core.isReady) this.initialize = () => this.#initialize();
  }

  /** The client that it evaluates with. It is closed with the provider. */
  get client(): Client {
    return this.#core.client;
  }

  /** Resolves a boolean flag. Errors are in the details, as codes, with the caller's default. */
  async resolveBooleanEvaluation(key: string, otherwise: boolean, context: EvaluationContext): Promise<ResolutionDetails<boolean>> {
    return this.#core.resolve(key, BOOLEAN, otherwise, context) as ResolutionDetails<boolean>;
  }

  /** Resolves a string flag. Errors are in the details, as codes, with the caller's default. */
  async resolveStringEvaluation(key: string, otherwise: string, context: EvaluationContext): Promise<ResolutionDetails<string>> {
    return this.#core.resolve(key, STRING, otherwise, context) as ResolutionDetails<string>;
  }

  /** Resolves a number or integer flag. Errors are in the details, as codes, with the caller's default. */
  async resolveNumberEvaluation(key: string, otherwise: number, context: EvaluationContext): Promise<ResolutionDetails<number>> {
    return this.#core.resolve(key, NUMBER, otherwise, context) as ResolutionDetails<number>;
  }

  /** Resolves a json flag, whose shape is not checked. Errors are in the details, as codes, with the caller's default. */
  async resolveObjectEvaluation<T extends JsonValue>(key: string, otherwise: T, context: EvaluationContext): Promise<ResolutionDetails<T>> {
    return this.#core.resolve(key, OBJECT, otherwise, context) as ResolutionDetails<T>;
  }

  /** Gives what was reported to `onTrack`. */
  track(name: string, context: EvaluationContext, details: TrackingEventDetails): void {
    this.#core.track(name, context, details);
  }

  /** Closes the client, once the SDK is done with the provider. */
  async onClose(): Promise<void> {
    this.client.close();
  }

  async #initialize(): Promise<void> {
    try {
      await this.#core.initialize();
    } catch (error) {
      throw isFatal(error) ? new ProviderFatalError((error as Error).message, { cause: error }) : error;
    }
  }
}
