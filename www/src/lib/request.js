// From the inputs to what is asked: of the evaluator, of the server, and in samples.

import { attributes } from '../data/contract.js';

/** An input that cannot be used: `field` says which. */
export class InputError extends Error {
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

/**
 * `evaluator` is the npm package's request; the others are `{method, path, headers, body?}`. A query cannot carry overrides or
 * other attributes, so those are asked for in a batch of one; `server` is the one of the two that is needed.
 */
export function requestOf(inputs) {
  if (inputs.key === '') throw new InputError('key', 'Name a flag: its key is what is asked for.');
  const extra = objectOf(inputs, 'attributes', 'Other attributes');
  const overrides = objectOf(inputs, 'overrides', 'Overrides');
  const named = attributes.filter(({ query }) => inputs[query] !== '');
  const context = { ...extra, ...Object.fromEntries(named.map(({ attribute, query }) => [attribute, inputs[query]])) };
  const query = new URLSearchParams([['key', inputs.key], ...named.map(({ query: name }) => [name, inputs[name]])]);
  const body = { context, flags: [inputs.key], ...(overrides && { overrides }) };

  const headers = registryHeader(inputs.registry);
  const get = { method: 'GET', path: `/api/flags/eval?${query}`, headers };
  const batch = { method: 'POST', path: '/api/flags/eval/batch', headers, body };
  return {
    evaluator: { key: inputs.key, context, ...(overrides && { overrides }) },
    get,
    batch,
    overrides: { method: 'GET', path: overridesPath(inputs.key), headers: {} },
    sensitive: { method: 'POST', path: '/api/flags/sensitive-eval', headers, body: { key: inputs.key, context } },
    ...remoteOf(inputs, context),
    server: extra || overrides ? batch : get,
  };
}

/** Where the stored override rows of a flag are; they are the platform's, whatever registry is open. */
export const overridesPath = (key) => `/api/flags/overrides/by-flag/${encodeURIComponent(key)}`;

/** What OpenFeature's clients ask: the user is their targeting key, and the registry their tenant's. */
function remoteOf({ key, registry }, { user_id: user, ...attributes }) {
  const path = '/ofrep/v1/evaluate/flags';
  const headers = registry === '' ? {} : { 'X-Tenant-ID': registry };
  const body = { context: { ...(user === undefined ? {} : { targetingKey: String(user) }), ...attributes } };
  const ask = { method: 'POST', headers, body };
  return { remoteOne: { ...ask, path: `${path}/${encodeURIComponent(key)}` }, remoteAll: { ...ask, path } };
}

export const registryHeader = (registry) => (registry === '' ? {} : { 'X-Burgee-Registry': registry });

function objectOf(inputs, field, name) {
  const text = inputs[field].trim();
  if (text === '') return undefined;
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new InputError(field, `${name}: this is not JSON yet.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError(field, `${name}: this must be a JSON object.`);
  }
  return value;
}
