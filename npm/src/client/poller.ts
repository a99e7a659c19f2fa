/** Asking for a document again and again: one request at a time, politely, and not while nobody looks. */

import { opened } from '../envelope.js';
import { BurgeeError } from '../index.js';
import { type Fetch, type FromUrl, REFRESH, type Signal, TIMEOUT, urlText } from './options.js';
import { type Cancel, isHidden, jittered, later } from './timers.js';

/** How much earlier or later than told a request is made, as a part of the time between two. */
const JITTER = 0.1;

/** The first wait after a failure, ms. It doubles with each further one. */
const BACKOFF_FIRST = 1_000;

/** The longest wait that doubling comes to, ms. */
const BACKOFF_LONGEST = 5 * 60_000;

/** How much of that wait is left to chance, either way: after an outage everybody comes back at once. */
const BACKOFF_JITTER = 0.3;

/** The longest `Retry-After` that is believed, ms: a slip there must not turn refreshing off for good. */
const RETRY_AFTER_LONGEST = 24 * 60 * 60_000;

/** What is done with answers. */
export interface Receiver {
  /**
   * Takes a document. What it throws is a failure as good as any.
   *
   * @param bytes the document as UTF-8
   * @param etag its ETag, if it has one
   * @param signature its signature, if it has one
   */
  readonly take: (bytes: Uint8Array, etag: string | null, signature: string | null) => void;
  /** Looks whether a document may be taken, before it is. What it rejects with is a failure as good as any. */
  readonly verify?: ((bytes: Uint8Array, signature: string | null, signal: Signal) => Promise<void>) | undefined;
  /** Told that the document is still the one of the ETag that was sent. */
  readonly unchanged: () => void;
  /** Told of a failure. */
  readonly failed: (error: BurgeeError) => void;
}

/** Asks an URL, as its options say, and tells a receiver. */
export class Poller {
  /** The document that the next request may be spared. */
  etag: string | null = null;

  readonly #options: FromUrl;
  readonly #receiver: Receiver;
  readonly #refresh: number;
  #underWay: Promise<void> | undefined;
  #abort: (() => void) | undefined;
  #cancel: Cancel | undefined;
  #failures = 0;
  #error: BurgeeError | undefined;
  /** When to ask next, ms since the epoch. */
  #due = Infinity;
  #closed = false;

  constructor(options: FromUrl, receiver: Receiver) {
    this.#options = options;
    this.#receiver = receiver;
    this.#refresh = options.refresh ?? REFRESH;
  }

  /** Asks now, unless a request is under way, which then serves. It rejects if that fails. */
  ask(): Promise<void> {
    if (this.#closed) return Promise.reject(closed());
    if (this.#underWay !== undefined) return this.#underWay;
    this.#cancel?.();
    const asked = this.#ask().finally(() => {
      this.#underWay = undefined;
      this.#schedule();
    });
    // Those who wait for it are told, and the receiver was; nobody need have waited.
    asked.catch(() => {});
    return (this.#underWay = asked);
  }

  /** The request under way, or how the last one ended. */
  outcome(): Promise<void> {
    return this.#underWay ?? (this.#error === undefined ? Promise.resolve() : Promise.reject(this.#error));
  }

  /** Waits no longer: what falls due is asked for when the page is seen again. */
  pause(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  /** Waits again, or asks if that has fallen due meanwhile. */
  resume(): void {
    if (!this.#closed && this.#underWay === undefined) this.#schedule();
  }

  /** Ends it, with the request that is under way. */
  close(): void {
    this.#closed = true;
    this.pause();
    this.#abort?.();
  }

  async #ask(): Promise<void> {
    try {
      await this.#request();
      this.#failures = 0;
      this.#error = undefined;
      this.#due = this.#refresh === 0 ? Infinity : Date.now() + jittered(this.#refresh, JITTER);
    } catch (caught) {
      if (this.#closed) throw closed();
      const { error, retryAfter } = caught instanceof Unanswered ? caught : { error: caught, retryAfter: 0 };
      this.#error = error instanceof BurgeeError ? error : unavailable(`${error}`, error);
      const backoff = Math.min(BACKOFF_FIRST * 2 ** this.#failures++, BACKOFF_LONGEST);
      this.#due = Date.now() + Math.max(jittered(backoff, BACKOFF_JITTER), retryAfter);
      this.#receiver.failed(this.#error);
      throw this.#error;
    }
  }

  async #request(): Promise<void> {
    const { url, tenant, timeout = TIMEOUT, fetch: given = fetch as unknown as Fetch } = this.#options;
    const controller = new AbortController();
    // Not every `fetch` heeds its signal, and reading the answer takes time too.
    const aborted = new Promise<never>((_, reject) => {
      controller.signal.addEventListener('abort', () => reject(controller.signal.reason), { once: true });
    });
    aborted.catch(() => {});
    this.#abort = () => controller.abort();
    const stop = later(timeout, () => controller.abort(unavailable(`no answer within ${timeout} ms`)));
    try {
      await Promise.race([aborted, this.#answer(given, urlText(url), tenant, controller.signal)]);
    } finally {
      stop();
      this.#abort = undefined;
    }
  }

  async #answer(ask: Fetch, url: string, tenant: string | undefined, signal: AbortSignal): Promise<void> {
    const { headers } = this.#options;
    const sent = { ...(typeof headers === 'function' ? await headers() : headers) };
    if (tenant !== undefined) sent['X-Tenant-ID'] = tenant;
    const etag = this.etag;
    if (etag !== null) sent['If-None-Match'] = etag;
    const response = await ask(url, { headers: sent, signal: signal as Signal });
    const { status } = response;
    if (status === 200) {
      const bytes = opened(new Uint8Array(await response.arrayBuffer()));
      const signature = response.headers.get('Burgee-Signature');
      await this.#receiver.verify?.(bytes, signature, signal as Signal);
      signal.throwIfAborted();
      this.#receiver.take(bytes, response.headers.get('ETag'), signature);
      return;
    }
    // Nobody reads the rest, and until somebody says so the connection is kept for it.
    response.body?.cancel().catch(() => {});
    signal.throwIfAborted();
    if (status === 304 && etag !== null) {
      this.#receiver.unchanged();
      return;
    }
    const code = status === 401 || status === 403 ? 'unauthorized' : 'unavailable';
    throw new Unanswered(new BurgeeError(code, '', `the server answers ${status}`), waitOf(response.headers.get('Retry-After')));
  }

  /** Waits until the next request is due, unless nobody would look at what it brings. */
  #schedule(): void {
    this.pause();
    if (this.#closed || this.#due === Infinity || isHidden()) return;
    this.#cancel = later(Math.max(0, this.#due - Date.now()), () => void this.ask());
  }
}

/** An answer without a document. */
class Unanswered extends Error {
  constructor(
    readonly error: BurgeeError,
    /** How long the server asks to be left alone, ms. */
    readonly retryAfter: number,
  ) {
    super();
  }
}

/** How long a `Retry-After` says, ms: it is a number of seconds, or a date. */
function waitOf(header: string | null): number {
  if (header === null) return 0;
  const wait = /^\s*\d+\s*$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(wait) ? 0 : Math.min(Math.max(wait, 0), RETRY_AFTER_LONGEST);
}

function unavailable(message: string, cause?: unknown): BurgeeError {
  return new BurgeeError('unavailable', '', `the snapshot cannot be had: ${message}`, { cause });
}

function closed(): BurgeeError {
  return new BurgeeError('freed', '', 'the client was closed');
}
