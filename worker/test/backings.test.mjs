// Where registries are stored: what each backing asks, and what it does not.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { startWorker, temporaryFolder, WORKER } from './harness.mjs';

const PARITY = join(WORKER, '..', 'parity');
const flag = (variant) => ({ key: 'f', default_variant: variant });
const REGISTRY = { tenant: 'platform', version: 3, flags: [flag('on')] };

const evaluate = async (worker, init) => {
  const { data, error } = await worker.ask('/api/flags/eval?key=f&user=U', init);
  return data ? [data.value, data.meta.snapshot_version, data.meta.backing_state] : error.code;
};

test('an object that was written to is said so, and KV alone where there is none', async (t) => {
  const worker = await startWorker(t);
  await worker.publish(REGISTRY);
  assert.deepEqual(await evaluate(worker), [true, 3, 'kv_backed']);
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', { ...flag('on'), type: 'boolean', state: 'on' })).status, 201);
  const platform = await startWorker(t);
  assert.equal((await platform.v1('platform', 'POST', '/v1/import', { flags: [flag('on')] })).status, 200);
  assert.deepEqual(await evaluate(platform), [true, 1, 'object_backed']);
});

test('with KV alone no object is asked', async (t) => {
  const worker = await startWorker(t, { gate: 'objects', vars: { FF_BACKING: 'kv', FF_SOFT_TTL_MS: '0' } });
  await worker.publish(REGISTRY);
  await worker.setObjects('closed');
  const began = Date.now();
  assert.deepEqual(await evaluate(worker), [true, 3, 'kv_backed']);
  assert.ok(Date.now() - began < 900, 'nobody waits for an object');
  await worker.setObjects('open');
  // The object is ahead of KV, and is written to by this isolate: what KV holds is answered all the same.
  await worker.setWrites('held');
  for (let n = 0; n < 5; n += 1) assert.equal((await worker.v1('platform', 'POST', '/v1/import', { flags: [{ ...flag('off'), description: `${n}` }] })).status, 200);
  assert.deepEqual(await evaluate(worker), [true, 3, 'kv_backed']);
});

test('a file is the platform\'s registry, read by nobody but the Worker', async (t) => {
  const assets = temporaryFolder(t);
  const vars = { FF_BACKING: 'file', FF_SOFT_TTL_MS: '0', FF_OPEN_REGISTRIES: 'acme' };
  writeFileSync(join(assets, 'index.html'), '<!doctype html><title>page</title>');
  const without = await startWorker(t, { assets, gate: true, vars });
  await without.publish(REGISTRY);
  const { message } = (await without.ask('/api/flags/eval?key=f&user=U')).error;
  assert.match(message, /there is no snapshot of tenant platform/, 'KV is not asked');
  await without.stop();

  // Files are those of the deployment.
  writeFileSync(join(assets, 'registry.json'), JSON.stringify({ ...REGISTRY, version: 4 }));
  const worker = await startWorker(t, { assets, gate: true, vars });
  assert.deepEqual(await evaluate(worker), [true, 4, 'file_backed']);
  assert.equal(await evaluate(worker, { headers: { 'X-Burgee-Registry': 'acme' } }), 'registry_unavailable', 'of no other tenant');
  assert.equal((await worker.fetch('/readyz')).status, 200);
  assert.equal(await worker.reads(), 0);
  for (const path of ['/registry.json', '/registry.json?x', `${new URL(worker.base).origin}//registry.json`, '/%72egistry.json', '/x/../registry.json']) {
    const response = await worker.fetch(path);
    assert.equal(response.status, 404, path);
    assert.doesNotMatch(await response.text(), /default_variant/, path);
  }
  const health = await worker.ask('/api/flags/health');
  assert.equal(health.data.backing_state, 'file_backed');
});

test('the comparison names the field that differs, and fails', async (t) => {
  const vectors = JSON.parse(readFileSync(join(PARITY, 'vectors', 'backings.json'), 'utf8'));
  assert.equal(vectors.cases.length, 17);
  vectors.cases[1].expected.value = 'high';
  const file = join(temporaryFolder(t), 'vectors.json');
  writeFileSync(file, JSON.stringify(vectors));
  const args = [join(PARITY, 'backings.mjs'), '--backing', 'file', '--vectors', file];
  const [code, output] = await new Promise((done) => execFile(process.execPath, args, (error, stdout) => done([error?.code ?? 0, stdout])));
  assert.deepEqual([code, output.split('\n').slice(0, 2)], [1, ['FAIL  file PV-02 /value: "mid"; expected: "high"', 'file    16 pass · 1 fail']]);
});
