// Snapshots that are signed, as the npm client takes them, and keys that are exchanged.

import assert from 'node:assert/strict';
import test from 'node:test';
import { createClient } from '../../npm/dist/client.js';
import { eventually, startWorker, temporaryFolder, token } from './harness.mjs';

const flag = (key, more) => ({ key, type: 'boolean', state: 'on', default_variant: 'on', ...more });

async function jwk(kid) {
  const { privateKey } = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const { kty, crv, x, d } = await crypto.subtle.exportKey('jwk', privateKey);
  return { kty, crv, kid, x, d };
}

const FF_SIGNING_KEYS = (...keys) => JSON.stringify(keys);

const stored = async (worker) => Buffer.from((await worker.kv.get('snapshot:acme', 'arrayBuffer')) ?? []);
const row = async (worker) => (await worker.sql('acme', 'SELECT * FROM tenant'))[0];
const landed = (worker, version) =>
  eventually(() => row(worker), ({ published_version: at, publish_at: next }) => at === version && next === null, `version ${version} in KV`);

/** What npm's client makes of the snapshot with the keys that the service publishes: its version, or why it is refused. */
async function taken(worker) {
  const client = createClient({
    url: new URL('/v1/snapshot', worker.base).href,
    tenant: 'acme',
    headers: { Authorization: `Bearer ${token()}`, 'X-Tenant-ID': 'acme' },
    verify: { keys: new URL('/v1/keys', worker.base).href },
    ...{ storage: null, refresh: 0, onError() {} },
  });
  try {
    await client.whenReady();
    return [client.snapshot.version, client.boolean('f', false)];
  } catch (error) {
    return error.code;
  } finally {
    client.close();
  }
}

const signedWith = async (worker) => {
  const { response } = await worker.v1('acme', 'GET', '/v1/snapshot');
  const [header] = response.headers.get('Burgee-Signature')?.split('..') ?? [];
  return header && JSON.parse(Buffer.from(header, 'base64url')).kid;
};

test('a snapshot is signed wherever it is read', async (t) => {
  const key = await jwk('k-1');
  const worker = await startWorker(t, { gate: true, isolates: 2, vars: { FF_SIGNING_KEYS: FF_SIGNING_KEYS(key), FF_SOFT_TTL_MS: '200' } });
  await worker.v1('acme', 'POST', '/v1/flags', flag('f'));
  await landed(worker, 1);
  assert.deepEqual(await taken(worker), [1, true]);
  assert.deepEqual((await (await worker.fetch('/v1/keys')).json()).keys.map(({ kid, d }) => [kid, d]), [['k-1', undefined]]);

  // KV shows nothing new, so the object gives the snapshot: the same bytes that KV has later.
  await worker.setWrites('held');
  await worker.v1('acme', 'PATCH', '/v1/flags/f', { description: 'x' });
  assert.deepEqual(await taken(worker), [2, true]);
  const { fetch: ask } = await worker.miniflare.getWorker('burgee-objects');
  const fromObject = Buffer.from(await (await ask('http://direct/acme/snapshot')).arrayBuffer());
  await landed(worker, 2);
  await worker.setWrites('open');
  await worker.sql('acme', 'UPDATE tenant SET publish_at = 1');
  await worker.evict('acme');
  await worker.v1('acme', 'GET', '/v1/flags');
  const fromKv = await eventually(() => stored(worker), (bytes) => bytes.includes('"version":2,"generated_at"'), 'version 2');
  assert.ok(fromKv.equals(fromObject), 'the same version is the same bytes');
  assert.ok(fromKv.includes('eyJhbGciOiJFZERTQSIsImtpZCI6ImstMSIs'), 'with the signature');
  assert.deepEqual(worker.logs.filter((line) => line.includes(key.d)), [], 'no line shows the key');
});

test('what leaves of sensitive flags is signed as it leaves', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SIGNING_KEYS: FF_SIGNING_KEYS(await jwk('k-1')) } });
  await worker.v1('acme', 'POST', '/v1/flags', flag('f'));
  const secret = { sensitive: { sensitive_flag: true, requires_approval: false }, variants: [{ key: 'on', value: 'hidden-7f3a' }, { key: 'off', value: 'x' }] };
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', { ...flag('s', secret), type: 'string' })).status, 201);
  await landed(worker, 2);
  const { text } = await worker.v1('acme', 'GET', '/v1/snapshot');
  assert.ok(!text.includes('hidden-7f3a') && text.includes('"s"'));
  assert.deepEqual(await taken(worker), [2, true]);
});

test('what was signed by a program that leaves more or less is signed anew', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SIGNING_KEYS: FF_SIGNING_KEYS(await jwk('k-1')) } });
  const secret = { sensitive: { sensitive_flag: true, requires_approval: false } };
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', flag('f', secret))).status, 201);
  await landed(worker, 1);
  const { signed_with: mark } = await row(worker);
  assert.match(mark, /^k-1\/\d+$/);
  let version = 1;
  for (const earlier of ['k-1/0', 'k-1']) {
    await worker.sql('acme', `UPDATE tenant SET signed_with = '${earlier}'`);
    await worker.evict('acme');
    await worker.v1('acme', 'GET', '/v1/flags');
    version += 1;
    await landed(worker, version);
    assert.equal((await row(worker)).signed_with, mark);
  }
  await worker.evict('acme');
  await worker.v1('acme', 'GET', '/v1/flags');
  assert.equal((await row(worker)).version, version, 'and then no more');
  assert.deepEqual(await eventually(() => taken(worker), ([at]) => at === version, 'the version at the edge', 15_000), [version, false]);
});

test('keys are exchanged: the new one second, then first, then alone', async (t) => {
  const state = temporaryFolder(t);
  const [one, two] = [await jwk('k-1'), await jwk('k-2')];
  const steps = [
    { keys: [], kid: undefined, version: 1, taken: 'signature_missing' },
    { keys: [one], kid: 'k-1', version: 2, taken: [2, true] },
    { keys: [one, two], kid: 'k-1', version: 2, taken: [2, true] },
    { keys: [two, one], kid: 'k-2', version: 3, taken: [3, true] },
    { keys: [two], kid: 'k-2', version: 3, taken: [3, true] },
    { keys: [], kid: undefined, version: 4, taken: 'signature_missing' },
  ];
  let checked = 0;
  for (const { keys, kid, version, taken: expected } of steps) {
    const worker = await startWorker(t, { state, vars: { FF_SIGNING_KEYS: keys.length ? FF_SIGNING_KEYS(...keys) : undefined } });
    if (checked === 0) await worker.v1('acme', 'POST', '/v1/flags', flag('f'));
    // Whoever asks wakes the object, which sees that another key signs now.
    await worker.v1('acme', 'GET', '/v1/flags');
    await landed(worker, version);
    assert.equal(await eventually(() => signedWith(worker), (now) => now === kid, `signed with ${kid}`, 15_000), kid);
    assert.deepEqual(await taken(worker), expected, `step ${checked}`);
    await worker.stop();
    checked += 1;
  }
  assert.equal(checked, steps.length);
});

test('a key that the platform does not take keeps nobody from the flags', async (t) => {
  const wrong = { ...(await jwk('k-1')), d: (await jwk('k-2')).d };
  const worker = await startWorker(t, { vars: { FF_SIGNING_KEYS: FF_SIGNING_KEYS(wrong) } });
  await worker.v1('acme', 'POST', '/v1/flags', flag('f'));
  await landed(worker, 1);
  const { body } = await worker.v1('acme', 'POST', '/v1/evaluate', { flag_key: 'f', user: { id: 'u' } });
  assert.equal(body.value, true);
  assert.ok(['signature_missing', 'signature_invalid'].includes(await taken(worker)));
  assert.deepEqual(worker.logs.filter((line) => line.includes(wrong.d)), []);
});
