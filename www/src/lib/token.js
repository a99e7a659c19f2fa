// A pasted token: taken apart here without believing it, sent in one header, and held nowhere but in the field it was pasted into.

import { Trouble, ask, asTrouble } from './server.js';
import { find } from './dom.js';

/** The token in the field of the Token tab, or an empty text. It is read there anew each time, so that emptying the field forgets it. */
export const heldToken = () => (find('#token-text')?.value ?? '').trim().replace(/^Bearer\s+/i, '');

/** The header for a token, or none. Throws a `Trouble` where no header can carry it. */
export function bearer(token) {
  if (token === '') return {};
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Trouble('A header cannot carry this token.', 'It is one word of ASCII.');
  return { Authorization: `Bearer ${token}` };
}

/** `{header, claims}` of a JWT, or `{fault}`: why it is none. Nothing is verified. */
export function decodeToken(token) {
  const parts = token.split('.');
  if (parts.length !== 3)
    return { fault: `a JWT has three parts with dots between, and this has ${parts.length === 1 ? 'one' : parts.length}` };
  const decoded = {};
  for (const [i, name] of ['header', 'claims'].entries()) {
    let value;
    try {
      value = JSON.parse(textOf(parts[i]));
    } catch {
      return { ...decoded, fault: `the ${name} are not JSON in base64url`.replace('header are', 'header is') };
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      return { ...decoded, fault: `the ${name} must be a JSON object` };
    decoded[name] = value;
  }
  return decoded;
}

function textOf(part) {
  if (!/^[A-Za-z0-9_-]*$/.test(part)) throw new SyntaxError('not base64url');
  const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (byte) => byte.charCodeAt(0));
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
}

const SPANS = [
  [86_400, 'day'],
  [3_600, 'hour'],
  [60, 'minute'],
  [1, 'second'],
];

/** A NumericDate (seconds since the epoch, of any type) as `{text, isPast}`, or nothing where it is no time. */
export function timeOf(value, nowMs) {
  const date = typeof value === 'number' ? new Date(value * 1000) : undefined;
  if (date === undefined || Number.isNaN(date.getTime())) return undefined;
  const seconds = Math.round((date.getTime() - nowMs) / 1000);
  const [size, name] = SPANS.find(([length]) => Math.abs(seconds) >= length) ?? SPANS.at(-1);
  const relative = new Intl.RelativeTimeFormat('en').format(Math.trunc(seconds / size), name);
  return { text: `${date.toISOString().replace('.000Z', 'Z')}, ${relative}`, isPast: date.getTime() <= nowMs };
}

const REFUSALS = {
  jwks_unreachable: 'M-02',
  kid_not_found: 'M-03',
  signature_invalid: 'M-04',
  audience_mismatch: 'M-05',
  issuer_mismatch: 'M-06',
  token_expired: 'M-07',
  token_not_yet_valid: 'M-07',
  algorithm_not_allowed: 'M-08',
  token_malformed: 'M-09',
  token_missing: 'M-10',
};

/** The row of the matrix that an answer shows: `{status, json}` of an evaluation. Nothing where it shows none. */
export function rowOf({ status, json }) {
  if (status === 401) return REFUSALS[json?.error?.code];
  const { auth_source: source, warnings = [] } = metaOf(json) ?? {};
  if (source === 'jwt') return 'M-01';
  if (source === 'dev_headers') return 'M-10';
  if (source !== 'jwt_unverified') return undefined;
  return warnings.includes('jwks_unreachable') ? 'M-02' : warnings.includes('kid_not_found') ? 'M-03' : 'M-11';
}

/** The `meta` of an evaluation, of a plain one and of one with its gate. */
export const metaOf = (json) => json?.data?.meta ?? json?.data?.evaluation?.meta;

/** What `GET /phase-2b/health` says, or nothing where the server does not serve it. */
export async function trustHealth() {
  try {
    const { status, json } = await ask({ path: '/phase-2b/health' });
    return status === 200 ? json : undefined;
  } catch {
    return undefined;
  }
}

/** A refusal, or what keeps a question from being asked, as a sentence. */
export function refusalText(problem) {
  if (problem instanceof Error) {
    const { message, hint } = asTrouble(problem);
    return [message, hint].filter(Boolean).join(' ');
  }
  const { status, json } = problem;
  return json?.error
    ? `The server refused (${status} ${json.error.code}): ${json.error.message}.`
    : `The server answered ${status}, and not in the form that this page knows.`;
}
