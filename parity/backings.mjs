// Asks the built Worker the same with its registry from a tenant's object, from KV and from a file, and compares the answers: all fields must be
// the same but `meta.backing_state`, which must be the backing's.
//
//   node parity/backings.mjs [--backing object|kv|file] [--vectors FILE]
//
// Each backing has a Worker of its own, on the real runtime. The object is written to by `POST /v1/import` while nothing reaches KV; KV has what
// the object publishes; the file is the vectors' registry as it stands. What is asked, and what must be answered, is in vectors/backings.json.
// Exit status: 0 all pass, 1 some do not, 2 the run could not be made.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { eventually, startWorker } from '../worker/test/harness.mjs';
import { makeKey } from '../worker/test/issuer.mjs';
import { differences, show } from './compare.mjs';

const ISSUER = 'https://issuer.example';
const BACKINGS = { object: 'object_backed', kv: 'kv_backed', file: 'file_backed' };
/** Before any row has ended: when the registry is written. */
const WRITTEN_AT = '2026-11-21T08:00:00.000Z';
/** Longer than a run: what was read first is what all are answered from. */
const SOFT_TTL_MS = '3600000';

class Unusable extends Error {}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(error instanceof Unusable ? error.message : error);
  process.exitCode = 2;
}

async function main() {
  const { backings, vectors } = readArguments();
  const key = await makeKey('ES256', 'parity');
  const answers = new Map();
  let failed = 0;
  for (const backing of backings) {
    const faults = await runBacking(backing, vectors, key, answers);
    for (const fault of faults.flat()) console.log(`FAIL  ${backing} ${fault}`);
    const red = faults.filter((list) => list.length > 0).length;
    console.log(`${backing.padEnd(6)}  ${faults.length - red} pass · ${red} fail`);
    failed += red;
  }
  return failed === 0;
}

function readArguments() {
  try {
    const { values } = parseArgs({ options: { backing: { type: 'string' }, vectors: { type: 'string' } } });
    const { backing, vectors: file = new URL('vectors/backings.json', import.meta.url) } = values;
    if (backing !== undefined && !Object.hasOwn(BACKINGS, backing)) throw new Error(`unknown backing ${show(backing)}`);
    const vectors = JSON.parse(readFileSync(file, 'utf8'));
    for (const [dimension, words] of Object.entries(vectors.dimensions)) {
      const used = new Set(vectors.cases.map((one) => one[dimension]));
      const missing = words.filter((word) => !used.has(word));
      const unknown = [...used].filter((word) => !words.includes(word));
      if (missing.length + unknown.length > 0) throw new Error(`/dimensions/${dimension}: in no case ${show(missing)}, unknown ${show(unknown)}`);
    }
    return { backings: backing === undefined ? Object.keys(BACKINGS) : [backing], vectors };
  } catch (error) {
    throw new Unusable(`${error.message}\nusage: node parity/backings.mjs [--backing object|kv|file] [--vectors FILE]`);
  }
}

/** The faults of each case, as texts. `answers` has what was answered from the first backing, and takes it. */
async function runBacking(backing, { registry, policy, cases }, key, answers) {
  const ends = [];
  try {
    const workers = await start({ after: (end) => ends.unshift(end) }, backing, registry, policy, key);
    const faults = [];
    for (const one of cases) {
      const answer = await ask(workers[one.auth], one, key);
      if (!answers.has(one.id)) answers.set(one.id, answer);
      faults.push(judge(one, answer, answers.get(one.id), BACKINGS[backing]).map((fault) => `${one.id} ${fault}`));
    }
    return faults;
  } finally {
    for (const end of ends) await end();
  }
}

/** The Workers by the mode in which they look at callers, with the registry where the backing has it. */
async function start(t, backing, registry, policy, key) {
  const folder = mkdtempSync(join(tmpdir(), 'burgee-backings-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  if (backing === 'file') writeFileSync(join(folder, 'registry.json'), JSON.stringify(registry));
  const believing = {
    FF_BACKING: backing,
    FF_SOFT_TTL_MS: SOFT_TTL_MS,
    FF_TEST_CLOCK: '1',
    FF_ALLOW_DEV_HEADERS: 'true',
    FF_VERIFY_MODE: 'verified',
    FF_JWT_ISSUER: ISSUER,
    POLICY_JWT_PUBLIC_KEY: await key.pem(),
    ADMIN_POLICY_URL: await startPolicy(t, policy),
  };
  const beside = (main, name, vars) => ({ ...main, name, bindings: { ...main.bindings, ...vars } });
  const worker = await startWorker(t, {
    vars: believing,
    gate: true,
    assets: backing === 'file' ? folder : undefined,
    others: (main) => [
      beside(main, 'decoding', { FF_VERIFY_MODE: 'decode-only' }),
      // A policy service on loopback is for those who believe callers.
      beside(main, 'strict', { FF_ALLOW_DEV_HEADERS: 'false', ADMIN_POLICY_URL: '' }),
    ],
  });
  if (backing !== 'file') {
    if (backing === 'object') await worker.setWrites('held');
    const { status, text } = await worker.v1(registry.tenant, 'POST', '/v1/import', registry, { at: Date.parse(WRITTEN_AT) });
    if (status !== 200) throw new Unusable(`the registry cannot be imported: ${status} ${text}`);
    if (backing === 'kv') await eventually(() => worker.kv.get(`snapshot:${registry.tenant}`), Boolean, 'the publication', 20_000);
  }
  const fetchOf = async (name) => {
    const { fetch } = await worker.miniflare.getWorker(name);
    const ask = (path, init) => fetch(new URL(path, worker.base), init);
    // From here on all are answered from memory, whatever came first.
    const response = await ask('/api/flags/health');
    const { data, error } = await response.json();
    if (response.status !== 200) throw new Unusable(`${backing}, ${name}: ${show(error)}`);
    if (data.backing_state !== BACKINGS[backing]) throw new Unusable(`${backing}, ${name}: health says ${show(data.backing_state)}`);
    return ask;
  };
  const [verified, decoding, strict] = [await fetchOf('burgee'), await fetchOf('decoding'), await fetchOf('strict')];
  return { verified, dev_headers: verified, 'decode-only': decoding, missing: strict };
}

/** A policy service on loopback, which answers to each approval as the vectors say; its address. */
async function startPolicy(t, policy) {
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const answer = policy[JSON.parse(text).approval_ref];
    if (answer) response.end(JSON.stringify(answer));
    else response.writeHead(503).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** What the Worker answers: the status, what a challenge says, and the body. */
async function ask(fetch, { id, auth, now, request: { flag, user, tenant, approval_ref: approval } }, key) {
  const headers = { 'X-Request-Id': id, 'X-Burgee-Test-Now': String(Date.parse(now)) };
  if (auth === 'verified' || auth === 'decode-only') {
    const claims = { iss: ISSUER, aud: 'pty-feature-flags', sub: user, tenant_id: tenant, exp: 4e9, approval_ref: approval };
    headers.Authorization = `Bearer ${await key.sign(claims)}`;
  } else {
    Object.assign(headers, { 'X-PTT-User-Id': user, 'X-PTT-Tenant-Id': tenant }, approval && { 'X-PTT-Approval-Ref': approval });
  }
  const response = await fetch(`/api/flags/eval?key=${flag}`, { headers });
  return { status: response.status, challenge: response.headers.get('WWW-Authenticate'), body: await response.json() };
}

/** What is wrong with an answer: beside what the case expects, beside the first backing's, and in what it says of its own. */
function judge({ expected }, { status, challenge, body }, first, state) {
  const { data, error } = body;
  const seen = status === 200 ? { status, ...pick(data, expected), meta: pick(data.meta, expected.meta ?? {}) } : { status, code: error?.code };
  const own = data ? differences(state, data.meta.backing_state, '/data/meta/backing_state') : [];
  const all = [
    ...differences(expected, seen).map((found) => ({ ...found, than: 'expected' })),
    ...own.map((found) => ({ ...found, than: 'expected' })),
    ...differences(common(first), common({ status, challenge, body })).map((found) => ({ ...found, than: 'of the first backing' })),
  ];
  return all.map(({ pointer, expected: wanted, got, than }) => `${pointer}: ${show(got)}; ${than}: ${show(wanted)}`);
}

/** The members of an answer that are expected, and those that only some answers have: an approval that nobody expects is a fault. */
function pick(answer, expected) {
  const names = [...Object.keys(expected), 'approval_ref', 'ttl_state', 'policy'].filter((name) => Object.hasOwn(answer, name) && name !== 'status');
  return Object.fromEntries(names.map((name) => [name, answer[name]]));
}

/** An answer without the one field that may differ. */
function common({ body, ...rest }) {
  const copy = structuredClone(body);
  delete copy.data?.meta?.backing_state;
  return { ...rest, body: copy };
}
