/** The last good snapshot, kept across reloads. Whatever is wrong with the storage, the client does without it. */

import type { TextStorage } from './options.js';

/** The largest document that is stored, bytes of UTF-8: browsers give an origin some 5 MiB for everything, and reading it blocks the page. */
export const STORED_BYTES = 1024 * 1024;

/** Says that an entry is one of these, of this form: its ETag follows, and the document. */
const MARK = 'burgee/1';

/** The same where a signature stands between the two. */
const SIGNED = 'burgee/1 signed';

/** What was stored. */
export interface Stored {
  readonly etag: string | null;
  /** The signature that it came with. */
  readonly signature: string | null;
  readonly document: string;
}

/** A place in a storage, for one source of snapshots. */
export class Place {
  readonly #storage: TextStorage | null;
  readonly #key: string;

  /** @param storage as the option; where it is undefined, the page's own, if there is a page that has one */
  constructor(storage: TextStorage | null | undefined, url: string, tenant: string | undefined) {
    this.#storage = storage === undefined ? pageStorage() : storage;
    this.#key = tenant === undefined ? `burgee:${url}` : `burgee:${url} ${tenant}`;
  }

  /** What is stored there; nothing where it is not what `write` wrote. */
  read(): Stored | undefined {
    try {
      const text = this.#storage?.getItem(this.#key) ?? '';
      const [mark, etag, signature] = text.split('\n', 3);
      const isSigned = mark === SIGNED;
      if ((mark !== MARK && !isSigned) || etag === undefined || (isSigned && signature === undefined)) return undefined;
      const before = [mark, etag, ...(isSigned ? [signature] : []), ''].join('\n');
      return { etag: etag || null, signature: isSigned ? signature! : null, document: text.slice(before.length) };
    } catch {
      return undefined;
    }
  }

  /** Stores a document with its ETag and its signature, unless it is too large: then nothing is left there, because what was is out of date. */
  write(etag: string | null, signature: string | null, document: Uint8Array): void {
    if (document.length > STORED_BYTES) return this.clear();
    try {
      const before = signature === null ? [MARK, etag] : [SIGNED, etag, signature];
      this.#storage?.setItem(this.#key, [...before, new TextDecoder().decode(document)].join('\n'));
    } catch {
      // It is full, or forbidden.
      this.clear();
    }
  }

  /** Leaves nothing there. */
  clear(): void {
    try {
      this.#storage?.removeItem(this.#key);
    } catch {
      // Forbidden.
    }
  }
}

/** The page's storage. Not that of Node, which complains when it is not told of a file. */
function pageStorage(): TextStorage | null {
  try {
    return typeof document === 'undefined' ? null : localStorage;
  } catch {
    // A page that may not have one, such as one in a sandbox.
    return null;
  }
}
