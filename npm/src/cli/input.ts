/** Where inputs come from: files, the standard input, and for snapshots also URLs. */

import { readFileSync } from 'node:fs';
import process from 'node:process';
import type { Options } from './command.js';
import { unwrap } from './envelope.js';
import { Failure, WrongUse } from './failure.js';

/** How long a server may take for its whole answer, ms. A snapshot of 25 MiB comes over a slow line in less. */
const TIMEOUT = 30_000;

/** The most that is read, bytes: the largest snapshot that is not refused, 25 MiB, and the envelope that it may come in. */
const MOST_BYTES = 26 * 1024 * 1024;

/** For every command that reads a snapshot. */
export const SNAPSHOT: Options = {
  header: { value: "'NAME: VALUE'", many: true, about: 'send a header with the request for a snapshot (may be repeated)' },
};

/** What is said of `<snapshot>` in each help. */
export const ABOUT_SNAPSHOT =
  '<snapshot> is a snapshot or registry: a file, - for the standard input, or an http(s) URL. The answer of\n' +
  "a burgee Worker's /api/flags/registry is one too.";

/** The inputs of one run. The standard input can be one of them, once. */
export class Inputs {
  #standard: string | undefined;

  /** The bytes of a snapshot's document. */
  async snapshot(from: string, headers: readonly string[]): Promise<Uint8Array> {
    if (isUrl(from)) return unwrap(await download(from, headers), 'what the URL answers');
    if (headers.length > 0) throw new WrongUse('--header is for a snapshot from a URL');
    return unwrap(await this.#bytes(from, 'the snapshot'), from === '-' ? 'the standard input' : from);
  }

  /** The text of a file, or of the standard input for `-`. */
  async text(from: string, what: string): Promise<string> {
    return new TextDecoder().decode(await this.#bytes(from, what));
  }

  /** An object that an option has: as JSON, or as `@` and the name of the file that holds it, or `-`. */
  async object(given: string, option: string): Promise<Record<string, unknown>> {
    const isElsewhere = given === '-' || given.startsWith('@');
    const text = isElsewhere ? await this.text(given.replace(/^@/, ''), `--${option}`) : given;
    const value = parse(text, `--${option}`);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    throw new Failure(`--${option} must be an object of JSON`);
  }

  async #bytes(from: string, what: string): Promise<Uint8Array> {
    if (from === '-') {
      if (this.#standard !== undefined) throw new WrongUse(`the standard input cannot be both ${this.#standard} and ${what}`);
      this.#standard = what;
      return collect(process.stdin, 'the standard input');
    }
    try {
      return readFileSync(from);
    } catch (error) {
      throw new Failure(`cannot read ${what} from ${from}: ${reason(error)}`);
    }
  }
}

function isUrl(from: string): boolean {
  return /^https?:\/\//i.test(from);
}

/** The server that a snapshot comes from, if it comes from one. */
export function originOf(from: string): string | undefined {
  return isUrl(from) && URL.canParse(from) ? new URL(from).origin : undefined;
}

/** JSON that may hold personal data: what is wrong with it is said without showing any of it. */
export function parse(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = /at position (\d+)/.exec((error as Error).message)?.[1];
    throw new Failure(`${what} is not JSON${place === undefined ? '' : `, from its character ${Number(place) + 1} on`}`);
  }
}

/** Why the system could not do something. */
export function reason(error: unknown): string {
  const { code, cause } = error as { code?: string; cause?: unknown };
  const known: Record<string, string> = {
    ENOENT: 'it is not there',
    EISDIR: 'it is a folder',
    EACCES: 'it may not be read or written',
    ECONNREFUSED: 'nobody listens there',
    ECONNRESET: 'the connection was broken off',
    ENOTFOUND: 'the host is not known',
    EAI_AGAIN: 'the host cannot be looked up',
  };
  if (code === undefined && cause !== undefined) return reason(cause);
  return (code !== undefined && known[code]) || code || 'it failed';
}

async function download(from: string, headers: readonly string[]): Promise<Uint8Array> {
  const url = URL.canParse(from) ? new URL(from) : undefined;
  if (url === undefined) throw new WrongUse('the URL of the snapshot is not a valid one');
  if (url.username !== '' || url.password !== '') {
    throw new WrongUse("the URL of the snapshot must not hold a password: send it by --header 'Authorization: …'");
  }
  // Without its query, which may hold a token.
  const shown = `${url.origin}${url.pathname}`;
  const failed = (why: string) => new Failure(`cannot read the snapshot from ${shown}: ${why}`);
  const given = headersOf(headers);
  try {
    const response = await fetch(url, {
      headers: { accept: 'application/json', ...given },
      signal: AbortSignal.timeout(TIMEOUT),
      // What was sent to one server is not for another.
      redirect: headers.length > 0 ? 'manual' : 'follow',
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw failed(refusal(response.status));
    }
    return await collect(response.body, shown);
  } catch (error) {
    if (error instanceof Failure) throw error;
    if ((error as Error).name === 'TimeoutError') throw failed(`there was no whole answer within ${TIMEOUT / 1000} s`);
    throw failed(reason(error));
  }
}

function refusal(status: number): string {
  if (status === 401 || status === 403) return `the server wants other credentials (HTTP ${status})`;
  if (status >= 300 && status < 400) return `the server sends on to another address (HTTP ${status}), which headers do not follow: give that one`;
  return `the server answers with HTTP ${status}`;
}

function headersOf(given: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [at, header] of given.entries()) {
    const [, name, value] = /^([^:]+):(.*)$/s.exec(header) ?? [];
    try {
      // It refuses what cannot be sent, and says so with the value.
      new Headers([[name!, value!.trim()]]);
    } catch {
      throw new WrongUse(`--header must be 'Name: value'; number ${at + 1} is not`);
    }
    headers[name!.toLowerCase()] = value!.trim();
  }
  return headers;
}

async function collect(stream: AsyncIterable<Uint8Array> | null, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream ?? []) {
    length += chunk.length;
    if (length > MOST_BYTES) throw new Failure(`${what} has more than ${MOST_BYTES / 1024 / 1024} MiB, which no snapshot may have`);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let place = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, place);
    place += chunk.length;
  }
  return bytes;
}
