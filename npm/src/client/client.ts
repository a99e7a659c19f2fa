/// <reference lib="esnext.disposable" preserve="true" />
/** A snapshot that keeps itself up to date, and evaluates where it is. */

import {
  type Attributes,
  BurgeeError,
  type Context,
  type Evaluation,
  type Flag,
  type FlagType,
  type JsonValue,
  type Options,
  Snapshot,
} from '../index.js';
import { changedFlags } from './changes.js';
import { batchId, Exposures } from './exposures.js';
import { type ClientOptions, type ClientStatus, checkOptions, type FromUrl, type SnapshotSource, urlText } from './options.js';
import { Poller } from './poller.js';
import { Place, type Stored } from './storage.js';
import { type Cancel, isHidden, watchPage } from './timers.js';
import { Verifier } from './verify.js';

/** What an evaluation by a client may bring beside the context. */
export interface EvaluateOptions extends Options {
  /** Whether it counts as an exposure, if it serves a variant; true when left out. */
  readonly track?: boolean | undefined;
}

/** What stands for a snapshot where there is none: it knows no flag. It is never freed, because it has nothing in it. */
let nothing: Snapshot | undefined;

/** Feature flags from an URL or from a snapshot: `createClient`. It answers at once and never waits; what is new comes in the background. */
export class Client {
  readonly #options: ClientOptions;
  readonly #exposures: Exposures | undefined;
  readonly #poller: Poller | undefined;
  readonly #place: Place | undefined;
  readonly #verifier: Verifier | undefined;
  /** What is stored is being verified. */
  #starting: Promise<void> | undefined;
  readonly #unwatch: Cancel;
  #status: ClientStatus = 'empty';
  #snapshot: Snapshot | undefined;
  /** The one before: freed when the next one comes, so that whoever just asked for it may finish. */
  #previous: Snapshot | undefined;
  /** What the snapshot was compiled from, where the next document will be held against it. */
  #document: string | Uint8Array | undefined;
  #closed = false;

  /** @internal */
  constructor(options: ClientOptions) {
    checkOptions(options);
    this.#options = options;
    const { onExposure } = options;
    if (onExposure !== undefined) {
      this.#exposures = new Exposures(options.exposures, (batch) => this.#tell(() => onExposure(batch, batchId())));
    }
    if (options.url === undefined) {
      const { snapshot } = options;
      if (snapshot instanceof Snapshot) this.#snapshot = snapshot;
      else this.#compile(snapshot);
      this.#status = 'fresh';
    } else {
      this.#place = new Place(options.storage, urlText(options.url), options.tenant);
      const verifier = options.verify && new Verifier(options.verify, options.fetch);
      this.#verifier = verifier;
      this.#poller = new Poller(options, {
        take: (bytes, etag, signature) => this.#take(bytes, etag, signature),
        verify: verifier && ((bytes, signature, signal) => verifier.verify(bytes, signature, signal)),
        unchanged: () => this.#become('fresh'),
        failed: (error) => {
          if (this.#status !== 'empty') this.#become('stale');
          this.#report(error);
        },
      });
      this.#start(options);
    }
    this.#unwatch = watchPage(
      () => {
        this.flush();
        // A page may go without being hidden, and come back.
        if (isHidden()) this.#poller?.pause();
      },
      () => this.#poller?.resume(),
    );
  }

  /** What the snapshot stands on. */
  get status(): ClientStatus {
    return this.#status;
  }

  /**
   * The snapshot that is evaluated; one without flags while the status is `empty`. It is the client's: ask for it anew each time,
   * because it is freed some time after another one has taken its place.
   */
  get snapshot(): Snapshot {
    return this.#snapshot ?? (nothing ??= new Snapshot({ flags: [] }));
  }

  /**
   * Waits until there is a snapshot.
   *
   * @throws {BurgeeError} what went wrong, if the first request brought none; later ones go on in the background.
   */
  async whenReady(): Promise<void> {
    await this.#starting;
    if (this.#closed) throw new BurgeeError('freed', '', 'the client was closed');
    if (this.#status === 'empty') await this.#poller!.outcome();
  }

  /**
   * Asks for a new snapshot now, or waits for the request that is under way; a client without an URL has nothing to ask. Beside the
   * rejection, a failure is reported as that of any other request is.
   *
   * @throws {BurgeeError} what went wrong.
   */
  async refresh(): Promise<void> {
    await this.#poller?.ask();
  }

  /**
   * Decides a flag, as `Snapshot.evaluate` does; one that serves a variant is an exposure.
   *
   * @param flag a key, or what a snapshot's `flag` gave
   * @param context attributes, or what a snapshot's `context` gave; of an earlier snapshot too
   * @throws {BurgeeError} `invalid_request` for a key, a context or options that are none.
   */
  evaluate(flag: string | Flag, context: Context | Attributes, options?: EvaluateOptions): Evaluation {
    const evaluation = this.snapshot.evaluate(flag, context, options);
    if (this.#exposures !== undefined && options?.track !== false) this.record(evaluation, context);
    return evaluation;
  }

  /** @internal Counts an evaluation that was made before as one that is used now. */
  record(evaluation: Evaluation, context: Context | Attributes): void {
    this.#exposures?.record(evaluation, attributesOf(context));
  }

  /** Decides every flag, as `Snapshot.evaluateAll` does: key → value, `null` where there is none. None of it is an exposure. */
  evaluateAll(context: Context | Attributes, options?: { now?: number }): Record<string, JsonValue> {
    return this.snapshot.evaluateAll(context, options);
  }

  /** A boolean flag's value; `otherwise` where it has none, is of another type, or is unknown. */
  boolean(key: string, otherwise: boolean, context: Context | Attributes = {}, options?: EvaluateOptions): boolean {
    return this.#value(key, ['boolean'], otherwise, context, options);
  }

  /** A string flag's value; `otherwise` where it has none, is of another type, or is unknown. */
  string(key: string, otherwise: string, context: Context | Attributes = {}, options?: EvaluateOptions): string {
    return this.#value(key, ['string'], otherwise, context, options);
  }

  /** An integer flag's value; `otherwise` where it has none, is of another type, or is unknown. */
  integer(key: string, otherwise: number, context: Context | Attributes = {}, options?: EvaluateOptions): number {
    return this.#value(key, ['integer'], otherwise, context, options);
  }

  /** A number or integer flag's value; `otherwise` where it has none, is of another type, or is unknown. */
  number(key: string, otherwise: number, context: Context | Attributes = {}, options?: EvaluateOptions): number {
    return this.#value(key, ['number', 'integer'], otherwise, context, options);
  }

  /** A json flag's value, frozen; `otherwise` where it has none, is of another type, or is unknown. Its shape is not checked. */
  json<T extends JsonValue>(key: string, otherwise: T, context: Context | Attributes = {}, options?: EvaluateOptions): T {
    return this.#value(key, ['json'], otherwise, context, options);
  }

  /** Hands over the exposures that wait to be, now. */
  flush(): void {
    this.#exposures?.flush();
  }

  /**
   * Ends it: no more requests, the exposures that wait are handed over, and its memory is given back. Every flag is unknown afterwards,
   * so that what still runs gets its own defaults.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#poller?.close();
    this.#unwatch();
    this.flush();
    this.#previous?.free();
    if (this.#owns()) this.#snapshot?.free();
    this.#previous = this.#snapshot = this.#document = undefined;
    this.#become('empty');
  }

  /** The same as `close`: `using client = createClient(…)`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes what is there already, and asks for what is new. */
  #start(options: FromUrl): void {
    const poller = this.#poller!;
    if (options.bootstrap !== undefined) {
      // The page may have been rendered with it, so it counts even where something newer is stored.
      this.#try(options.bootstrap, 'bootstrap', (error) => this.#report(error));
    }
    const stored = this.#status === 'empty' ? this.#place!.read() : undefined;
    const take = ({ document, etag }: Stored) => {
      if (this.#try(document, 'stored', () => this.#place!.clear())) poller.etag = etag;
    };
    if (stored !== undefined && this.#verifier !== undefined) {
      this.#starting = this.#verifyStored(this.#verifier, stored, take).then(() => {
        if (!this.#closed) void poller.ask();
      });
      return;
    }
    if (stored !== undefined) take(stored);
    void poller.ask();
  }

  /** Takes what is stored if it is signed: whoever could write to the storage could otherwise write flags. It never rejects. */
  async #verifyStored(verifier: Verifier, stored: Stored, take: (stored: Stored) => void): Promise<void> {
    try {
      await verifier.verify(new TextEncoder().encode(stored.document), stored.signature);
    } catch (error) {
      // Without keys nothing is known of it; it may be right the next time.
      if (error instanceof BurgeeError && error.code !== 'unavailable') this.#place!.clear();
      return;
    }
    // Meanwhile `refresh` may have brought a newer one, or `close` been called.
    if (this.#closed || this.#status !== 'empty') return;
    take(stored);
    const { onStatus } = this.#options;
    // It was not there from the start.
    if (onStatus !== undefined && this.#snapshot !== undefined) this.#tell(() => onStatus('stored', 'empty'));
  }

  /** Takes a document that may be refused. Gives whether it was not. */
  #try(document: SnapshotSource, status: ClientStatus, refused: (error: BurgeeError) => void): boolean {
    try {
      this.#compile(document, this.#verifier !== undefined && status === 'stored');
      this.#status = status;
      return true;
    } catch (error) {
      if (!(error instanceof BurgeeError)) throw error;
      refused(error);
      return false;
    }
  }

  /** Takes the server's document. */
  #take(bytes: Uint8Array, etag: string | null, signature: string | null): void {
    const before = this.#document;
    const keys = this.#snapshot?.flagKeys ?? [];
    // A server without ETags, or one whose ETags a page of another origin may not read, sends the same again and again.
    if (before !== undefined && isSame(before, bytes)) return this.#become('fresh');
    this.#compile(bytes, this.#verifier !== undefined);
    this.#poller!.etag = etag;
    this.#place!.write(etag, signature, bytes);
    this.#become('fresh');
    const { onChange } = this.#options;
    if (onChange === undefined) return;
    const { version, flagKeys } = this.snapshot;
    let changed: readonly string[];
    try {
      changed = changedFlags(before === undefined ? undefined : text(before), text(bytes));
    } catch {
      // The evaluator reads what this engine's JSON does not, such as what is nested too deeply for it: perhaps all of them.
      changed = [...new Set([...flagKeys, ...keys])];
    }
    if (changed.length > 0) this.#tell(() => onChange(Object.freeze({ version, changed: Object.freeze(changed) })));
  }

  /** Compiles a document and puts it in place. If it is refused, everything stays as it was. */
  #compile(document: SnapshotSource, isVerified = false): void {
    // At most two are there at any time.
    this.#previous?.free();
    this.#previous = undefined;
    const next = new Snapshot(document);
    const { tenant } = this.#options;
    // One signature stands for all tenants, so that another's snapshot may be signed as well.
    if (isVerified && tenant !== undefined && next.tenant !== tenant) {
      next.free();
      throw new BurgeeError('signature_invalid', '/tenant', 'must be the tenant that was asked for');
    }
    this.#previous = this.#snapshot;
    this.#snapshot = next;
    if (ArrayBuffer.isView(document)) this.#document = new Uint8Array(document);
    else this.#document = typeof document === 'string' ? document : JSON.stringify(document);
  }

  /** Whether the snapshot was compiled here, and is to be freed here. */
  #owns(): boolean {
    return this.#options.snapshot !== this.#snapshot;
  }

  #value<T>(key: string, types: readonly FlagType[], otherwise: T, context: Context | Attributes, options?: EvaluateOptions): T {
    const flag = this.snapshot.flag(key);
    if (flag.type === null || !types.includes(flag.type)) return otherwise;
    const { variant, value } = this.evaluate(flag, context, options);
    return variant === null ? otherwise : (value as T);
  }

  #become(status: ClientStatus): void {
    const previous = this.#status;
    if (status === previous) return;
    this.#status = status;
    const { onStatus } = this.#options;
    if (onStatus !== undefined) this.#tell(() => onStatus(status, previous));
  }

  /** Calls a function of the user's. What it fails with must not reach whoever happened to evaluate a flag. */
  #tell(call: () => unknown): void {
    const failed = (cause: unknown) => {
      this.#report(new BurgeeError('callback_failed', '', `a function that the client was given has failed: ${cause}`, { cause }));
    };
    try {
      const given = call();
      if (typeof given === 'object') Promise.resolve(given).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  #report(error: BurgeeError): void {
    try {
      this.#options.onError?.(error);
    } catch {
      // There is nobody left to tell.
    }
  }
}

/** The attributes of a context, written or not. */
function attributesOf(context: Context | Attributes | null | undefined): Attributes {
  // The class is not for others to name, so a context is known by what it belongs to.
  return (context?.snapshot instanceof Snapshot ? (context as Context).attributes : (context as Attributes | null | undefined)) ?? {};
}

function isSame(one: string | Uint8Array, other: Uint8Array): boolean {
  return typeof one !== 'string' && one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** A document's text. */
function text(document: string | Uint8Array): string {
  return typeof document === 'string' ? document : new TextDecoder().decode(document);
}
