// How registries come from KV, stay in the isolate, and are refreshed.

import assert from 'node:assert/strict';
import test from 'node:test';
import { eventually, sleep, startWorker } from './harness.mjs';

const TTL_MS = 1_000;
const registry = (version, stage = 'full') => ({ tenant: 'platform', version, flags: [{ key: 'f', rollout_stage: stage }] });

/** What an evaluation says of the registry that it was made from. */
async function look(worker) {
  const { status, data, error } = await worker.ask('/api/flags/eval?key=f&user=U');
  if (status !== 200) return { status, code: error.code };
  const { cache, snapshot_version: version, warnings } = data.meta;
  return { status, cache, version, value: data.value, warnings };
}

const is = (cache, version) => (seen) => seen.cache === cache && seen.version === version;
const loadedVersions = (worker) =>
  worker.lines().flatMap(({ message, snapshot_version: version }) => (message === 'registry loaded' ? [version] : []));

test('a registry is loaded, kept, and refreshed in the background', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: TTL_MS } });

  await t.test('without one, nothing can be answered', async () => {
    for (const path of ['/api/flags/eval?key=f&user=U', '/api/flags/registry', '/api/flags/health']) {
      const { status, ok, error } = await worker.ask(path);
      assert.deepEqual([status, ok, error.code], [503, false, 'registry_unavailable'], path);
    }
    const batch = await worker.batch({ context: { user_id: 'U' }, flags: [] });
    assert.equal(batch.status, 503);
    const ready = await worker.fetch('/readyz');
    assert.deepEqual([ready.status, await ready.text()], [503, 'not ready: no snapshot']);
    assert.equal((await worker.fetch('/healthz')).status, 200, 'the process runs all the same');
  });

  await t.test('one that is malformed from the start is not answered from', async () => {
    await worker.publish('{"flags":');
    const { status, error } = await worker.ask('/api/flags/eval?key=f&user=U');
    assert.deepEqual([status, error.code], [503, 'registry_unavailable']);
    assert.match(error.message, /must be JSON/);
  });

  await t.test('miss, hit, stale, and hit with the new version', async () => {
    await worker.publish(registry(1, 'draft'));
    assert.deepEqual(await look(worker), { status: 200, cache: 'miss', version: 1, value: false, warnings: [] });
    assert.deepEqual(await look(worker), { status: 200, cache: 'hit', version: 1, value: false, warnings: [] });
    await worker.publish(registry(2));
    assert.equal((await look(worker)).version, 1, 'within the TTL nobody asks');
    await sleep(TTL_MS + 50);
    assert.deepEqual(await look(worker), { status: 200, cache: 'stale', version: 1, value: false, warnings: [] });
    const fresh = await eventually(() => look(worker), is('hit', 2), 'the refresh');
    assert.equal(fresh.value, true);
    assert.deepEqual(loadedVersions(worker), [1, 2]);
  });

  await t.test('one that is the same again is confirmed, not loaded', async () => {
    for (let round = 0; round < 2; round += 1) {
      await sleep(TTL_MS + 50);
      assert.equal((await look(worker)).cache, 'stale');
      await eventually(() => look(worker), is('hit', 2), 'the confirmation');
    }
    assert.deepEqual(loadedVersions(worker), [1, 2]);
  });

  await t.test('one that is malformed leaves the last good one in use', async () => {
    await worker.publish('{"version": 3, "flags": "none"}');
    await sleep(TTL_MS + 50);
    await look(worker);
    const seen = await eventually(() => look(worker), ({ warnings }) => warnings.length > 0, 'the failure');
    assert.deepEqual(seen, { status: 200, cache: 'stale', version: 2, value: true, warnings: ['refresh_failed'] });

    const { data } = await worker.ask('/api/flags/health');
    assert.deepEqual([data.status, data.cache, data.snapshot_version], ['degraded', 'stale', 2]);
    assert.equal(data.refresh_fault.code, 'snapshot_refused');
    assert.match(data.refresh_fault.message, /\/flags: must be an array/);
    const warned = worker.lines().filter(({ fault }) => fault?.code === 'snapshot_refused' && /array/.test(fault.message));
    assert.equal(warned.length, 1, 'once, not with every refresh that fails alike');
    assert.deepEqual([warned[0].level, warned[0].tenant], ['warn', 'platform']);
    assert.equal((await worker.fetch('/readyz')).status, 200);
  });

  await t.test('one that is gone leaves the last good one in use', async () => {
    await worker.withdraw();
    const health = async () => (await worker.ask('/api/flags/health')).data;
    const data = await eventually(health, ({ refresh_fault: fault }) => fault?.code === 'snapshot_missing', 'the failure');
    assert.deepEqual([data.cache, data.snapshot_version], ['stale', 2]);
  });

  await t.test('the next good one is taken', async () => {
    await worker.publish(registry(4));
    const seen = await eventually(() => look(worker), is('hit', 4), 'the recovery');
    assert.deepEqual(seen.warnings, []);
    assert.equal((await worker.ask('/api/flags/health')).data.status, 'ok');
  });
});

test('reads of KV are few, and none of them blocks', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: TTL_MS }, gate: true });
  await worker.publish(registry(1));

  await t.test('one that fails is a 503, and the next one is tried', async () => {
    await worker.setGate('failing');
    const { status, error } = await worker.ask('/api/flags/eval?key=f&user=U');
    assert.deepEqual([status, error.code], [503, 'registry_unavailable']);
    assert.match(error.message, /cannot be read/);
  });

  await t.test('of requests that find nothing one reads, and all are answered', async () => {
    await worker.setGate('slow');
    const before = await worker.reads();
    const seen = await Promise.all(Array.from({ length: 10 }, () => look(worker)));
    for (const { status, version, cache } of seen) assert.deepEqual([status, version, cache], [200, 1, 'miss']);
    assert.equal((await worker.reads()) - before, 1);
  });

  await t.test('past the TTL, many requests make one refresh', async () => {
    await worker.publish(registry(2));
    await sleep(TTL_MS + 50);
    const before = await worker.reads();
    const seen = await Promise.all(Array.from({ length: 40 }, () => look(worker)));
    for (const { cache, version } of seen) assert.deepEqual([cache, version], ['stale', 1]);
    await eventually(() => look(worker), is('hit', 2), 'the refresh');
    assert.equal((await worker.reads()) - before, 1);
  });

  await t.test('one that fails in the background is tried again one TTL later', async () => {
    await worker.setGate('failing');
    await sleep(TTL_MS + 50);
    const before = await worker.reads();
    await look(worker);
    await eventually(() => look(worker), ({ warnings }) => warnings.includes('refresh_failed'), 'the failure');
    const seen = await Promise.all(Array.from({ length: 10 }, () => look(worker)));
    for (const { cache, version } of seen) assert.deepEqual([cache, version], ['stale', 2]);
    assert.equal((await worker.reads()) - before, 1);
    await worker.setGate('open');
    await eventually(() => look(worker), is('hit', 2), 'the recovery');
  });

  await t.test('one that never ends keeps nobody waiting', async () => {
    await worker.setGate('closed');
    await sleep(TTL_MS + 50);
    const before = await worker.reads();
    for (let round = 0; round < 5; round += 1) {
      assert.deepEqual(await look(worker), { status: 200, cache: 'stale', version: 2, value: true, warnings: [] });
      await sleep(TTL_MS / 4);
    }
    assert.equal((await worker.reads()) - before, 1);
  });
});

test('with a TTL of 0 every request reads KV', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: '0' } });
  await worker.publish(registry(1));
  assert.equal((await look(worker)).cache, 'uncached');
  await worker.publish(registry(2));
  const { cache, version } = await look(worker);
  assert.deepEqual([cache, version], ['uncached', 2]);
  await worker.publish('broken');
  const kept = await look(worker);
  assert.deepEqual([kept.cache, kept.version, kept.warnings], ['stale', 2, ['refresh_failed']]);
});
