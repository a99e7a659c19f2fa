/** Whether a snapshot is what its owner signed: a detached JWS (RFC 7515, 7797) over its bytes, with Ed25519 (RFC 8037). */

import { BurgeeError } from '../index.js';
import { type Fetch, type Signal, urlText, type VerifyKey, type VerifyOptions } from './options.js';

/** The public keys that are trusted, and what they say of a document. */
export class Verifier {
  readonly #from: VerifyOptions['keys'];
  readonly #fetch: Fetch | undefined;
  #keys: Map<string, VerifyKey> | undefined;

  constructor({ keys }: VerifyOptions, given: Fetch | undefined) {
    this.#from = keys;
    this.#fetch = given;
    if (Array.isArray(keys)) this.#keys = byId(keys);
  }

  /**
   * Checks a document.
   *
   * @param bytes the document as UTF-8
   * @param signature what came as `Burgee-Signature`, if anything did
   * @throws {BurgeeError} `signature_missing`, `signature_key_unknown` or `signature_invalid`; `unavailable` where the keys cannot be had.
   */
  async verify(bytes: Uint8Array, signature: string | null, signal?: Signal): Promise<void> {
    if (signature === null || signature === '') throw new BurgeeError('signature_missing', '', 'the snapshot is not signed');
    const [header, payload, value, ...rest] = signature.split('.');
    const { alg, b64, crit, kid } = read(header!);
    if (alg !== 'EdDSA' || b64 !== false || `${crit}` !== 'b64' || typeof kid !== 'string' || payload !== '' || !value || rest.length > 0) {
      throw invalid('the signature is no detached JWS of Ed25519');
    }
    const key = await this.#key(kid, signal);
    const signed = new TextEncoder().encode(`${header}.`);
    const input = new Uint8Array(signed.length + bytes.length);
    input.set(signed);
    input.set(bytes, signed.length);
    let isRight: boolean;
    try {
      // Some name the key's algorithm in it, and not all runtimes by the same name.
      const jwk = { kty: key.kty, crv: key.crv, x: key.x };
      const imported = await crypto.subtle.importKey('jwk', jwk, 'Ed25519', false, ['verify']);
      isRight = await crypto.subtle.verify('Ed25519', imported, decoded(value), input);
    } catch (cause) {
      throw invalid(`the signature cannot be verified here: ${cause}`, cause);
    }
    if (!isRight) throw invalid('the signature is not that of this snapshot');
  }

  /** The key of an id. One that is not known may be new: the keys are asked for once more. */
  async #key(kid: string, signal: Signal | undefined): Promise<VerifyKey> {
    let key = this.#keys?.get(kid);
    if (key === undefined && !Array.isArray(this.#from)) {
      this.#keys = await this.#ask(signal);
      key = this.#keys.get(kid);
    }
    if (key === undefined) throw new BurgeeError('signature_key_unknown', '', 'the snapshot is signed with a key that is not among those to be trusted');
    return key;
  }

  async #ask(signal: Signal | undefined): Promise<Map<string, VerifyKey>> {
    const ask = this.#fetch ?? (fetch as unknown as Fetch);
    try {
      const response = await ask(urlText(this.#from), { headers: {}, signal: signal ?? (new AbortController().signal as Signal) });
      if (response.status !== 200) throw new Error(`the server answers ${response.status}`);
      const { keys } = JSON.parse(new TextDecoder().decode(await response.arrayBuffer())) as { keys: unknown[] };
      // A set may have keys of other kinds, for others.
      return byId(keys.filter((key): key is VerifyKey => keyFault(key) === undefined));
    } catch (cause) {
      throw new BurgeeError('unavailable', '', `the keys of snapshots cannot be had: ${cause}`, { cause });
    }
  }
}

/** What is wrong with a key to be trusted; nothing where it is one. */
export function keyFault(key: unknown): string | undefined {
  const { kty, crv, kid, x, d } = (key ?? {}) as Record<string, unknown>;
  if (d !== undefined) return 'must be a public key, without d';
  const isOne = kty === 'OKP' && crv === 'Ed25519' && typeof kid === 'string' && kid !== '' && /^[\w-]{43}$/.test(`${x}`);
  return isOne ? undefined : 'must be an Ed25519 JWK: {kty: "OKP", crv: "Ed25519", kid, x}';
}

const byId = (keys: readonly VerifyKey[]) => new Map(keys.map((key) => [key.kid, key]));

/** The protected header; empty for what is none. */
function read(header: string): Record<string, unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(decoded(header))) ?? {};
  } catch {
    return {};
  }
}

/** The bytes that base64url stands for. */
function decoded(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
}

function invalid(message: string, cause?: unknown): BurgeeError {
  return new BurgeeError('signature_invalid', '', message, { cause });
}
