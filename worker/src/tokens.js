// What identity.rs calls. WebCrypto verifies; what is fetched and with which key is decided in burgee-contract.

/** Keys that were imported, by what they were imported from. An issuer has a few. */
const imported = new Map();
const KEPT = 32;

/**
 * Fetches an issuer's keys: `[status, content type, bytes]`, the bytes null where there are more than `limit`, and a text where it does not answer
 * within so many milliseconds. A redirect is an answer, and is not followed: it would lead where no setting says.
 */
export async function fetchKeys(url, within, limit) {
  try {
    const init = { redirect: 'manual', headers: { Accept: 'application/json' }, signal: AbortSignal.timeout(within) };
    const response = await fetch(url, init);
    const type = response.headers.get('Content-Type') ?? '';
    if (response.status !== 200) {
      await response.body?.cancel();
      return [response.status, type, new Uint8Array()];
    }
    return [200, type, await bounded(response, limit)];
  } catch (error) {
    return String(error);
  }
}

/** A body; null where it is longer. What its header says of its length is not believed, for it may be packed. */
async function bounded(response, limit) {
  const chunks = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > limit) return null;
    chunks.push(chunk);
  }
  return new Uint8Array(await new Blob(chunks).arrayBuffer());
}

/** Whether a signature is a key's. `key` is a JWK as JSON or an SPKI in base64, `signature` a view of wasm's memory, which is copied. */
export async function verify(algorithm, format, key, signature, data) {
  const bytes = signature.slice();
  const named = JSON.parse(algorithm);
  try {
    return await crypto.subtle.verify(named, await importedFrom(named, format, key), bytes, new TextEncoder().encode(data));
  } catch {
    // No key of this algorithm: a point that is not on the curve, an exponent of 0.
    return false;
  }
}

async function importedFrom(algorithm, format, key) {
  const found = imported.get(key);
  if (found) return found;
  const data = format === 'jwk' ? JSON.parse(key) : Uint8Array.from(atob(key), (character) => character.charCodeAt(0));
  const made = await crypto.subtle.importKey(format, data, algorithm, false, ['verify']);
  if (imported.size >= KEPT) imported.clear();
  imported.set(key, made);
  return made;
}

/** Lets so many milliseconds pass. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
