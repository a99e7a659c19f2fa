// From the object to KV, and to isolates that hold what KV had before.

import assert from 'node:assert/strict';
import test from 'node:test';
import { eventually, sleep, startWorker, temporaryFolder } from './harness.mjs';

const flag = (key, more) => ({ key, type: 'boolean', state: 'on', default_variant: 'on', ...more });
const TTL_MS = 500;

const published = async (worker, tenant) => {
  const bytes = await worker.kv.get(`snapshot:${tenant}`, 'arrayBuffer');
  const [, version] = /"version":(\d+),"generated_at"/.exec(Buffer.from(bytes ?? []).toString('latin1')) ?? [];
  return version === undefined ? null : Number(version);
};
const row = async (worker, tenant) => (await worker.sql(tenant, 'SELECT * FROM tenant'))[0];

test('many changes are few writes, and the last of them lands', async (t) => {
  const worker = await startWorker(t, { gate: true });
  const began = Date.now();
  const changes = 20;
  for (let n = 1; n <= changes; n += 1) {
    assert.equal((await worker.v1('acme', 'POST', '/v1/flags', flag(`f${n}`))).status, 201);
  }
  await eventually(() => published(worker, 'acme'), (version) => version === changes, 'the last version');
  const writes = await worker.writes();
  const seconds = Math.ceil((Date.now() - began) / 1000);
  assert.ok(writes >= 1 && writes <= seconds + 1, `${writes} writes in ${seconds} s`);
  await eventually(() => row(worker, 'acme'), ({ publish_at: at, published_version: version }) => at === null && version === changes, 'the note');
});

test('KV that refuses is tried again, ever less often, and over a restart', async (t) => {
  const state = temporaryFolder(t);
  const first = await startWorker(t, { gate: true, state, vars: { FF_TEST_CLOCK: '1' } });
  await first.setWrites('failing');
  // At a time far ahead, so that the alarm is ours alone to run.
  const start = Date.now() + 1e9;
  assert.equal((await first.v1('acme', 'POST', '/v1/flags', flag('f'), { at: start })).status, 201);
  const waits = [];
  let at = start;
  for (let failures = 1; failures <= 9; failures += 1) {
    assert.equal((await first.alarm('acme', at)).status, 204);
    const { publish_at: next, publish_failures: noted } = await row(first, 'acme');
    assert.equal(noted, failures);
    waits.push((next - at) / 1000);
    at = next;
  }
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
  assert.equal(await first.writes(), 9);
  await first.alarm('acme', at - 1);
  assert.equal(await first.writes(), 9, 'not before its time');
  const answer = await first.v1('acme', 'POST', '/v1/evaluate', { flag_key: 'f', user: { id: 'u' } });
  assert.equal(answer.body.value, true, 'who has no snapshot from KV has the object');
  await first.stop();

  const second = await startWorker(t, { gate: true, state, vars: { FF_TEST_CLOCK: '1' } });
  await second.setWrites('open');
  assert.equal((await row(second, 'acme')).publish_failures, 9);
  await second.alarm('acme', at);
  assert.equal(await published(second, 'acme'), 1);
  const { publish_at: next, publish_failures: failures, published_version: version } = await row(second, 'acme');
  assert.deepEqual([next, failures, version], [null, 0, 1]);
  const writes = await second.writes();
  await second.alarm('acme', at + 1e6);
  assert.equal(await second.writes(), writes, 'what landed is not written again');
});

test('an alarm that was lost is set again by whoever wakes the object', async (t) => {
  const state = temporaryFolder(t);
  const first = await startWorker(t, { gate: true, state });
  await first.setWrites('failing');
  await first.v1('acme', 'POST', '/v1/flags', flag('f'));
  await eventually(() => row(first, 'acme'), ({ publish_failures: failures }) => failures >= 1, 'a failure');
  await first.stop();
  const second = await startWorker(t, { gate: true, state });
  await second.setWrites('open');
  await second.v1('acme', 'GET', '/v1/flags');
  await eventually(() => published(second, 'acme'), (version) => version === 1, 'the publication', 10_000);
});

test('a snapshot is compressed for whoever takes that, and is the same', async (t) => {
  const worker = await startWorker(t);
  await worker.v1('acme', 'POST', '/v1/flags', flag('f', { description: 'x'.repeat(5_000) }));
  const read = async (encoding, headers) => {
    const { status, response, text } = await worker.v1('acme', 'GET', '/v1/snapshot', undefined, { headers: { 'Accept-Encoding': encoding, ...headers } });
    return { status, encoding: response.headers.get('Content-Encoding'), tag: response.headers.get('ETag'), text };
  };
  const [plain, packed] = [await read('identity'), await read('gzip')];
  assert.deepEqual([plain.status, plain.encoding, packed.status, packed.encoding], [200, null, 200, 'gzip']);
  assert.equal(packed.text, plain.text);
  assert.equal(packed.tag, plain.tag);
  // Edges mark tags so where they compress.
  for (const tag of [plain.tag, `W/${plain.tag}`]) assert.equal((await read('gzip', { 'If-None-Match': tag })).status, 304, tag);
});

test('isolates that KV keeps behind', async (t) => {
  const worker = await startWorker(t, { gate: true, isolates: 2, vars: { FF_SOFT_TTL_MS: String(TTL_MS) } });
  const [one, two] = [await worker.isolate(0), await worker.isolate(1)];
  const look = async (through) => {
    const { body, status } = await worker.v1('acme', 'POST', '/v1/evaluate', { flag_key: 'f', user: { id: 'u' } }, { through });
    return status === 200 ? [body.value, body.snapshot_version] : status;
  };
  const write = (body, through = one) => worker.v1('acme', 'PUT', '/v1/flags/f', flag('f', body), { through });
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', flag('f'), { through: one })).status, 201);
  await eventually(() => published(worker, 'acme'), (version) => version === 1, 'the publication');
  assert.deepEqual([await look(one), await look(two)], [[true, 1], [true, 1]]);
  // From here on KV shows nothing new, however long one waits.
  await worker.setWrites('held');
  let checked = 0;

  await t.test('the one that carried a write has it at once', async () => {
    for (let version = 2; version <= 6; version += 1) {
      const state = version % 2 ? 'on' : 'off';
      assert.equal((await write({ state })).status, 200);
      assert.deepEqual(await look(one), [state === 'on', version]);
      checked += 1;
    }
  });

  await t.test('another has it within the soft TTL and one refresh', async () => {
    for (let version = 7; version <= 10; version += 1) {
      const state = version % 2 ? 'on' : 'off';
      await eventually(() => look(two), ([, seen]) => seen === version - 1, 'where it starts');
      assert.equal((await write({ state })).status, 200);
      const began = Date.now();
      await eventually(() => look(two), ([value, seen]) => value === (state === 'on') && seen === version, 'the write', 5_000);
      const took = Date.now() - began;
      assert.ok(took <= TTL_MS + 1_000, `${took} ms`);
      checked += 1;
    }
    assert.equal(await published(worker, 'acme'), 1, 'KV is behind all the while');
  });

  await t.test('an OFREP client that was told of a version is answered from it', async () => {
    assert.equal((await write({ state: 'on' })).status, 200);
    const bulk = (query) => worker.v1('acme', 'POST', `/ofrep/v1/evaluate/flags${query}`, { context: { targetingKey: 'u' } }, { through: two });
    const { body } = await bulk('?flagConfigEtag=%2211%22');
    assert.equal(body.metadata.version, 11);
    assert.match(body.eventStreams[0].url, /^http.*\/ofrep\/v1\/events\?token=/);
    checked += 1;
  });
  assert.equal(checked, 10);
});

test('a tenant that was never written to has KV alone, and nothing is stored for it', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: '0' } });
  await worker.publish({ tenant: 'kv-only', version: 41, flags: [{ key: 'f', rollout_stage: 'full' }] }, 'kv-only');
  for (const version of [41, 43]) {
    await worker.publish({ tenant: 'kv-only', version, flags: [{ key: 'f', rollout_stage: 'full' }] }, 'kv-only');
    const { body } = await worker.v1('kv-only', 'POST', '/v1/evaluate', { flag_key: 'f', user: { id: 'u' } });
    assert.equal(body.snapshot_version, version);
  }
  const tables = await worker.sql('kv-only', "SELECT name FROM sqlite_master WHERE name IN ('tenant', 'schema_migrations')");
  assert.deepEqual(tables, []);
});
