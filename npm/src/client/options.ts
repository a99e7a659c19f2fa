/** What a client is told, and the check of it: wrong use does not compile, and where nobody compiles it fails at once. */

import { BurgeeError, type Reason, type Registry, type Snapshot } from '../index.js';
import { keyFault } from './verify.js';

/** How often a client asks for a new snapshot unless it is told otherwise, ms: what people expect a change to take, at a cost of 2 requests a minute. */
export const REFRESH = 30_000;

/** How long a request may take unless the client is told otherwise, ms. */
export const TIMEOUT = 10_000;

/** How long an exposure is not reported again unless the client is told otherwise, ms. */
export const EXPOSURE_WINDOW = 10 * 60_000;

/** How long an exposure waits for others at most unless the client is told otherwise, ms. */
export const EXPOSURE_DELAY = 5_000;

/** How many exposures are reported together at most unless the client is told otherwise. */
export const EXPOSURE_BATCH = 100;

/** The longest time that may be asked for, ms: a timer of more than 2^31 - 1, which jitter must not reach either, would fire at once. */
const LONGEST = 2 ** 30;

/** A document as it may be handed over: an object, its JSON text, or its UTF-8 bytes. */
export type SnapshotSource = Registry | string | Uint8Array;

/**
 * Where a client's snapshot comes from:
 *
 * - `empty`: there is none; every flag is unknown, and the caller's default stands
 * - `bootstrap`, `stored`: from `bootstrap` or from `storage`, and not yet confirmed
 * - `fresh`: the source's answer, or what the client was created with
 * - `stale`: the last good one; the request after it failed, or brought a document that is refused
 */
export type ClientStatus = 'empty' | 'bootstrap' | 'stored' | 'fresh' | 'stale';

/** A new snapshot, and what it changes. */
export interface Change {
  /** The new snapshot's version. */
  readonly version: number;
  /**
   * The keys of the flags that are new, gone, or may be evaluated differently, because their definition differs or that of something
   * that they name: a segment, a prerequisite, a kill switch. In the order of the new document; those that are gone come last.
   */
  readonly changed: readonly string[];
}

/** That somebody was served a variant. */
export interface Exposure {
  /** The context's `env`; `dev` where it has none. */
  readonly environment: string;
  /** The flag's key. */
  readonly flag: string;
  /** The variant's key. */
  readonly variant: string;
  /** The flag's version. */
  readonly flag_version: number | null;
  /** The context's `user_id`, falling back to `project_id`, as text; `null` where it has neither. */
  readonly unit: string | null;
  /** Why this variant. */
  readonly reason: Reason;
  /** The rule that decided, if one did. */
  readonly rule_id: string | null;
  /** When, ms since the epoch. */
  readonly at: number;
}

/** How exposures are put together. */
export interface ExposureOptions {
  /** How long the same exposure (environment, flag, variant, version and unit) is not reported again, ms. Ten minutes when left out. */
  readonly window?: number | undefined;
  /** How long an exposure waits for others at most, ms. Five seconds when left out. */
  readonly delay?: number | undefined;
  /** How many are reported together at most. 100 when left out. */
  readonly size?: number | undefined;
}

/** What every client may be told. An error that one of these functions throws, or rejects with, is given to `onError`. */
export interface ClientCallbacks {
  /** Called with each new snapshot that changes a flag, the first one included unless it was there from the start. */
  readonly onChange?: ((change: Change) => void) | undefined;
  /** Called when the status changes. */
  readonly onStatus?: ((status: ClientStatus, previous: ClientStatus) => void) | undefined;
  /**
   * Called with everything that goes wrong in the background: a request that fails (`unavailable`, `unauthorized`), a document that is
   * refused (its own code), a function of yours that throws (`callback_failed`).
   */
  readonly onError?: ((error: BurgeeError) => void) | undefined;
  /**
   * Called with the variants that were served, a batch at a time, and the batch's id: whoever counts what is sent twice under one id counts it once
   * (`POST /v1/exposures` takes `{id, exposures: batch}`). Without it none are recorded.
   */
  readonly onExposure?: ((batch: readonly Exposure[], id: string) => void | Promise<void>) | undefined;
  /** How exposures are put together. */
  readonly exposures?: ExposureOptions | undefined;
}

/** What keeps texts by name, across reloads: `localStorage`, or anything like it. */
export interface TextStorage {
  /** Gives the text of a name; `null` where there is none. */
  getItem(key: string): string | null;
  /** Keeps a text by a name. It may throw: the client then does without. */
  setItem(key: string, value: string): void;
  /** Leaves nothing by a name. */
  removeItem(key: string): void;
}

/** The runtime's own type of signal, where it declares one. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } } ? Signal : object;

/** What a client needs of `fetch`: it gives an answer for an address, and rejects where there is none or `signal` is aborted. */
export type Fetch = (
  url: string,
  init: { readonly headers: Record<string, string>; readonly signal: Signal },
) => Promise<{
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body?: { cancel(): Promise<unknown> } | null;
  arrayBuffer(): Promise<ArrayBuffer>;
}>;

/** Headers of a request, by name. */
export type RequestHeaders = Readonly<Record<string, string>>;

/** A public key that snapshots are signed with: an Ed25519 JWK (RFC 8037). */
export interface VerifyKey {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  /** Its id, which the signature names. */
  readonly kid: string;
  /** The key, 32 bytes in base64url. */
  readonly x: string;
}

/** Which signatures a snapshot must carry. */
export interface VerifyOptions {
  /**
   * The keys to be trusted, or the address of a JWK set such as `GET /v1/keys`, which is asked for when a snapshot names a key that is not
   * known. Keys in the program are the stronger: an address is as good as the way to it.
   */
  readonly keys: readonly VerifyKey[] | string | { readonly href: string };
}

/** A client that asks an URL for its snapshot, and keeps asking. */
export interface FromUrl extends ClientCallbacks {
  /** Where the snapshot is: an address that answers `GET` with a document, and `If-None-Match` with 304. A page may give a relative one. */
  readonly url: string | { readonly href: string };
  /** Excluded by `url`. */
  readonly snapshot?: undefined;
  /** How long to wait between requests, ms, give or take a tenth. 30,000 when left out; 0 asks until there is an answer, and then never again. */
  readonly refresh?: number | undefined;
  /** How long one request may take, ms. 10,000 when left out. */
  readonly timeout?: number | undefined;
  /** A document to start with, at once. One that is refused is given to `onError`, and is as good as absent. */
  readonly bootstrap?: SnapshotSource | undefined;
  /** Whose flags they are: sent as `X-Tenant-ID`, and what is stored is kept apart by it. */
  readonly tenant?: string | undefined;
  /** Further headers, such as `Authorization`; a function is asked before each request. */
  readonly headers?: RequestHeaders | (() => RequestHeaders | Promise<RequestHeaders>) | undefined;
  /** Keeps the last good snapshot across reloads. The page's `localStorage` when left out, where there is a page; `null` for none. */
  readonly storage?: TextStorage | null | undefined;
  /** Used for requests instead of the global `fetch`. */
  readonly fetch?: Fetch | undefined;
  /**
   * Takes no snapshot from the URL or from `storage` but one that is signed (`Burgee-Signature`) with one of these keys, and, where `tenant` is
   * given, that is this tenant's. Another is refused, and the last good one stays. `bootstrap` comes with the program, and is trusted as it is.
   */
  readonly verify?: VerifyOptions | undefined;
}

/** A client with a snapshot that does not change. */
export interface FromSnapshot extends ClientCallbacks {
  /** The snapshot: a document, or one that is compiled, which stays yours to free. */
  readonly snapshot: SnapshotSource | Snapshot;
  /** Excluded by `snapshot`, as everything is that is about requests. */
  readonly url?: undefined;
  readonly refresh?: undefined;
  readonly timeout?: undefined;
  readonly bootstrap?: undefined;
  readonly tenant?: undefined;
  readonly headers?: undefined;
  readonly storage?: undefined;
  readonly fetch?: undefined;
  readonly verify?: undefined;
}

/** What `createClient` takes: an `url` or a `snapshot`, and not both. */
export type ClientOptions = FromUrl | FromSnapshot;

type Check = (value: unknown) => string | undefined;

const aFunction: Check = (value) => (typeof value === 'function' ? undefined : 'must be a function');

const milliseconds = (least: number): Check => (value) =>
  typeof value === 'number' && value >= least && value <= LONGEST ? undefined : `must be milliseconds, from ${least} to ${LONGEST}`;

const EXPOSURES: Record<keyof ExposureOptions, Check> = {
  window: milliseconds(0),
  delay: milliseconds(0),
  size: (value) => (Number.isSafeInteger(value) && (value as number) >= 1 ? undefined : 'must be an integer of at least 1'),
};

const CALLBACKS: Record<keyof ClientCallbacks, Check> = {
  onChange: aFunction,
  onStatus: aFunction,
  onError: aFunction,
  onExposure: aFunction,
  exposures: (value) => (isObject(value) ? undefined : 'must be an object'),
};

const URL_OPTIONS: Record<Exclude<keyof FromUrl, keyof ClientCallbacks | 'snapshot'>, Check> = {
  url: (value) => (urlText(value) ? undefined : 'must be an URL, as a string or an object'),
  refresh: milliseconds(0),
  timeout: milliseconds(1),
  bootstrap: (value) => (isDocument(value) ? undefined : 'must be a document: an object, JSON text or bytes'),
  tenant: (value) => (typeof value === 'string' && value !== '' ? undefined : 'must be a string, and not empty'),
  headers: (value) => (isObject(value) || typeof value === 'function' ? undefined : 'must be an object or a function'),
  storage: (value) => (isStorage(value) ? undefined : 'must have getItem, setItem and removeItem, or be null'),
  fetch: aFunction,
  verify: (value) => {
    const { keys, ...rest } = isObject(value) ? value : { verify: value };
    if (Object.keys(rest).length > 0) return 'must be {keys}, and nothing else';
    if (globalThis.crypto?.subtle === undefined) return 'needs WebCrypto, which a page has only where it came by https';
    if (!Array.isArray(keys)) return urlText(keys) ? undefined : 'must have keys: public keys, or the URL of a JWK set';
    if (keys.length === 0) return 'must have keys: without one, nothing can be verified';
    const fault = keys.map(keyFault).find((fault) => fault !== undefined);
    return fault && `has a key that is none: it ${fault}`;
  },
};

/**
 * Checks options, however they were written.
 *
 * @throws {BurgeeError} `invalid_option`, with the option's name as its pointer.
 */
export function checkOptions(options: unknown): void {
  if (!isObject(options)) throw refused('', 'the options must be an object');
  const given = Object.keys(options).filter((name) => options[name] !== undefined);
  const has = (name: string) => given.includes(name);
  if (has('url') && has('snapshot')) throw refused('/snapshot', 'excludes url');
  if (!has('url') && !has('snapshot')) throw refused('/url', 'must be there, or snapshot instead of it');
  for (const name of given) {
    if (name === 'snapshot') {
      if (!isDocument(options['snapshot'])) throw refused('/snapshot', 'must be a snapshot: an object, JSON text, bytes, or compiled');
      continue;
    }
    if (Object.hasOwn(URL_OPTIONS, name) && !has('url')) throw refused(`/${name}`, 'is only for a client with an url');
    check({ ...CALLBACKS, ...URL_OPTIONS }, options, name, '');
  }
  const exposures = options['exposures'];
  if (isObject(exposures)) for (const name of Object.keys(exposures)) check(EXPOSURES, exposures, name, '/exposures');
}

function check(known: Record<string, Check>, options: Record<string, unknown>, name: string, under: string): void {
  if (!Object.hasOwn(known, name)) throw refused(`${under}/${name}`, 'is not an option');
  const fault = options[name] === undefined ? undefined : known[name]!(options[name]);
  if (fault !== undefined) throw refused(`${under}/${name}`, fault);
}

/** The text of an URL; empty for what is none. */
export function urlText(url: unknown): string {
  const text = isObject(url) ? url['href'] : url;
  return typeof text === 'string' ? text : '';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDocument(value: unknown): boolean {
  return typeof value === 'string' || isObject(value);
}

function isStorage(value: unknown): boolean {
  if (value === null) return true;
  // Storages are hosts' objects, so their members are looked at and not what they are.
  return isObject(value) && ['getItem', 'setItem', 'removeItem'].every((name) => typeof value[name] === 'function');
}

function refused(pointer: string, message: string): BurgeeError {
  return new BurgeeError('invalid_option', pointer, message);
}
