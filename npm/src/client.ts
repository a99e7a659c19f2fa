/** `burgee/client`, and for those who load the module themselves `burgee/slim/client`: a snapshot that keeps itself up to date. */

import { Client } from './client/client.js';
import type { ClientOptions } from './client/options.js';

export type { Client, EvaluateOptions } from './client/client.js';
export type {
  Change,
  ClientCallbacks,
  ClientOptions,
  ClientStatus,
  Exposure,
  ExposureOptions,
  Fetch,
  FromSnapshot,
  FromUrl,
  RequestHeaders,
  SnapshotSource,
  TextStorage,
  VerifyKey,
  VerifyOptions,
} from './client/options.js';

/**
 * Makes a client of an URL, which it keeps asking, or of a snapshot. It can be used at once: with what `bootstrap` or `storage` have, and
 * without either as if it knew no flag.
 *
 * @throws {BurgeeError} `invalid_option` for options that are mistyped, unknown, or exclude each other; the document's own fault for a
 * `snapshot` that is refused.
 */
export function createClient(options: ClientOptions): Client {
  return new Client(options);
}
