/** Takes a document out of the envelope `{ok, data, error, service}` that a burgee Worker answers with. */

import { member } from '../envelope.js';
import { Failure } from './failure.js';

/**
 * The document itself, byte for byte: written anew, a number could be another one, and a flag's size too. What is neither a document nor
 * an envelope is handed on, for the evaluator to say what is wrong with it.
 */
export function unwrap(bytes: Uint8Array, from: string): Uint8Array {
  // Editors on Windows begin files with a mark.
  const document = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? bytes.subarray(3) : bytes;
  let text: string;
  let whole: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(document);
    whole = JSON.parse(text);
  } catch {
    return document;
  }
  if (!isObject(whole) || 'flags' in whole || !('ok' in whole && 'data' in whole)) return document;
  if (whole['ok'] !== true) throw new Failure(`${from} is an answer that says that something went wrong${codeOf(whole['error'])}`);
  const { data } = whole;
  if (!isObject(data)) return document;
  if (typeof data['count'] === 'number' && Array.isArray(data['flags'])) {
    throw new Failure(`${from} is the summary of a registry: ask for the registry without summary=true`);
  }
  return new TextEncoder().encode(member(text, 'data'));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error's code, if it is one that a Worker has. */
function codeOf(error: unknown): string {
  const code = isObject(error) ? error['code'] : undefined;
  const known = ['invalid_request', 'not_found', 'method_not_allowed', 'registry_unavailable', 'internal_error'];
  return typeof code === 'string' && known.includes(code) ? `: ${code}` : '';
}
