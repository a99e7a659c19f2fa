// A running server as a target of runner.mjs. Needs nothing but `fetch`, so that a page may use it too.
import { REFUSED } from './runner.mjs';

const EVAL = '/api/flags/eval';
const BATCH = '/api/flags/eval/batch';
const OPEN_HEADER = 'X-Burgee-Registry';
const TIMEOUT_MS = 10_000;

// What the single evaluation can be told: context name → query parameter.
const QUERY = { user_id: 'user', tenant_id: 'tenant', tier: 'tier', env: 'env', role_key: 'role_key' };

/**
 * `registries` are those of runVectors: the real one is what the server serves, the others are reached by naming their
 * tenants in a header.
 */
export async function httpTarget(base, registries, send = globalThis.fetch) {
  const others = [registries.synthetic, registries.rules].filter((registry) => registry !== undefined);
  const headersFor = (registry) => (others.includes(registry) ? { [OPEN_HEADER]: registry.tenant } : {});

  async function ask(method, path, headers, body) {
    let response;
    let text;
    try {
      response = await send(`${base}${path}`, {
        method,
        headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch (error) {
      const reason = error.cause?.message || error.cause?.code || error.message;
      throw Object.assign(new Error(`${base} cannot be reached: ${method} ${path}: ${reason}`), { isFatal: true });
    }
    return { status: response.status, envelope: envelopeOf(text, `${method} ${path}`, response.status) };
  }

  function dataOf({ status, envelope }, what) {
    if (status === 200 && envelope.ok === true) return envelope.data;
    throw new Error(`${what} answered ${status} ${envelope.error?.code ?? ''}: ${envelope.error?.message ?? 'no error message'}`);
  }

  const askBatch = ({ flags, context, overrides }, headers) =>
    ask('POST', BATCH, headers, overrides === undefined ? { context, flags } : { context, flags, overrides });

  // Asked once, with what is known to be good, so that the answer can only be about the header.
  async function closedness(registry) {
    const { status, envelope } = await askBatch({ flags: [registry.flags[0].key], context: { user_id: 'U-1' } }, headersFor(registry));
    if (status !== 400 && status !== 403) return undefined;
    return (
      `the registry ${registry.tenant} is not open at ${base}: it answers ${status} ${envelope.error?.code ?? ''} to ${OPEN_HEADER}: ` +
      `${registry.tenant}. Its setting FF_OPEN_REGISTRIES must list ${registry.tenant}, as under \`make dev\`.`
    );
  }
  const messages = new Map();
  for (const registry of others) {
    const message = await closedness(registry);
    if (message) messages.set(registry, message);
  }
  const closed = messages.size > 0 ? [...messages.values()].join('\n') : undefined;

  function headersOrFail(registry) {
    if (messages.has(registry)) throw new Error(`the registry ${registry.tenant} is not open there`);
    return headersFor(registry);
  }

  async function evaluateBatch(registry, request) {
    const data = dataOf(await askBatch(request, headersOrFail(registry)), `POST ${BATCH}`);
    if (!Array.isArray(data)) throw new Error(`POST ${BATCH} answered with something else than a list`);
    return data.map(withoutMeta);
  }

  // The surface asks for a user, and evaluates nothing without one.
  const refuses = ({ context }) => context?.user_id === undefined || context.user_id === '';

  async function evaluate(registry, request) {
    const { key, ...rest } = request;
    if (!refuses(request)) return (await evaluateBatch(registry, { ...rest, flags: [key] }))[0];
    return refusalOf(await askBatch({ context: {}, ...rest, flags: [key] }, headersOrFail(registry)));
  }

  async function evaluateByQuery(registry, request) {
    const query = new URLSearchParams({ key: request.key });
    for (const [name, value] of Object.entries(request.context ?? {})) query.set(QUERY[name], value);
    const answer = await ask('GET', `${EVAL}?${query}`, headersOrFail(registry));
    return refuses(request) ? refusalOf(answer) : withoutMeta(dataOf(answer, `GET ${EVAL}`));
  }

  function ways(_, { context, overrides }) {
    const fitsQuery =
      overrides === undefined &&
      Object.entries(context ?? {}).every(([name, value]) => Object.hasOwn(QUERY, name) && typeof value === 'string');
    const batch = { way: `POST ${BATCH}`, evaluate };
    return fitsQuery ? [batch, { way: `GET ${EVAL}`, evaluate: evaluateByQuery }] : [batch];
  }

  async function bucketAsUser(text) {
    const request = { flags: ['syn.staged_25'], context: { user_id: text } };
    const answer = await askBatch(request, headersOrFail(registries.synthetic));
    if (isRefusal(answer)) return REFUSED;
    return dataOf(answer, `POST ${BATCH}`)[0]?.bucket;
  }

  return { evaluate, evaluateBatch, refuses, ways, bucketAsUser, closed, isService: true };
}

const isRefusal = ({ status, envelope }) => status === 400 && envelope.error?.code === 'invalid_request';

const refusalOf = (answer) => (isRefusal(answer) ? REFUSED : { status: answer.status, ...answer.envelope });

function envelopeOf(text, what, status) {
  let envelope;
  try {
    envelope = JSON.parse(text);
  } catch {
    throw new Error(`${what} answered ${status} with something that is not JSON: ${text.slice(0, 100)}`);
  }
  const isEnvelope = typeof envelope === 'object' && envelope !== null && !Array.isArray(envelope);
  if (!isEnvelope) throw new Error(`${what} answered ${status} with JSON that is not an envelope: ${text.slice(0, 100)}`);
  return envelope;
}

function withoutMeta(decision) {
  if (typeof decision !== 'object' || decision === null) return decision;
  const { meta, ...rest } = decision;
  return rest;
}
