// /metrics: true totals of several isolates, read with Prometheus's own parser; and /readyz.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { metricsParser } from '../../tools/env.mjs';
import { eventually, sleep, startWorker, WORKER } from './harness.mjs';

const REGISTRY = {
  tenant: 'platform',
  version: 1,
  flags: [
    { key: 'on', rollout_stage: 'full' },
    { key: 'draft', rollout_stage: 'draft' },
  ],
};
const EVAL = '/api/flags/eval?key=on&user=U';
const METER = { className: 'Meter', scriptName: 'burgee-objects', useSQLite: true };

/** A second isolate: the same Worker, with the same KV and the same meter. */
const twin = (main) => [{ ...main, name: 'twin', durableObjects: { METER } }];

/** Puts the gate between the Worker and its meter. */
function gated(main) {
  main.durableObjects.METER = { className: 'Gate', scriptName: 'meter-gate', useSQLite: true };
  const modules = [{ type: 'ESModule', path: join(WORKER, 'test', 'meter-gate.mjs') }];
  return [{ name: 'meter-gate', compatibilityDate: main.compatibilityDate, modules, kvNamespaces: { CONTROL: 'meter-control' }, durableObjects: { REAL: METER } }];
}

/** The families of a text, by name, as Prometheus's own parser reads them. */
async function parse(text) {
  const PYTHONPATH = metricsParser();
  assert.ok(existsSync(PYTHONPATH), 'the parser is brought by: node tools/setup.mjs parser');
  const env = { ...process.env, PYTHONPATH, PYTHONNOUSERSITE: '1', PYTHONDONTWRITEBYTECODE: '1' };
  const stdout = await new Promise((resolve, reject) => {
    const child = execFile('python3', [join(WORKER, 'test', 'prometheus', 'parse.py')], { env }, (error, out) => (error ? reject(error) : resolve(out)));
    child.stdin.end(text);
  });
  return new Map(JSON.parse(stdout).map((family) => [family.name, family]));
}

async function families(worker) {
  const response = await worker.fetch('/metrics');
  const text = await response.text();
  assert.equal(response.status, 200, text);
  assert.equal(response.headers.get('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8');
  return parse(text);
}

/** The sum of a family's samples that have these labels. */
function total(read, family, labels = {}, name = undefined) {
  const fits = (sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value);
  const samples = read.get(family).samples.filter((sample) => (name ?? sample.name) === sample.name && fits(sample));
  return samples.reduce((sum, { value }) => sum + value, 0);
}

/** Hand-overs are a second apart, and the other isolate's comes by itself. */
const settled = (worker, wanted, what) => eventually(() => families(worker), wanted, what, 15_000);

test('everything that was counted is shown, and Prometheus can read it', async (t) => {
  const worker = await startWorker(t);
  await worker.publish(REGISTRY);
  const asked = [
    ['GET', EVAL, 200],
    ['GET', EVAL, 200],
    ['HEAD', EVAL, 200],
    ['GET', '/api/flags/eval?key=nope&user=U', 200],
    ['GET', '/api/flags/eval?user=U', 400],
    ['POST', '/api/flags/eval/batch', 200, { context: { user_id: 'U' }, flags: ['on', 'draft', 'on'] }],
    ['POST', '/ofrep/v1/evaluate/flags/on', 200, { context: { targetingKey: 'U' } }],
    ['POST', '/ofrep/v1/evaluate/flags/one-of-many', 404, { context: { targetingKey: 'U' } }],
    ['POST', '/ofrep/v1/evaluate/flags', 200, { context: { targetingKey: 'U' } }],
    ['GET', '/healthz', 200],
    ['GET', '/readyz', 200],
    ['OPTIONS', '/api/flags/eval', 204],
    ['PUT', '/healthz', 405],
    ['GET', '/api/somebody?else=1', 404],
    ['GET', '/api/somebody/else', 404],
  ];
  for (const [method, path, status, body] of asked) {
    const response = await worker.fetch(path, { method, body: body && JSON.stringify(body) });
    assert.equal(response.status, status, `${method} ${path}`);
    await response.arrayBuffer();
  }
  const read = await families(worker);

  await t.test('the families have their types and labels', () => {
    const types = {
      http_requests: ['counter', 'path,method,status'],
      http_request_duration_seconds: ['histogram', 'path,le'],
      burgee_flag_evaluations: ['counter', 'reason,surface'],
      burgee_evaluation_seconds: ['histogram', 'surface,le'],
      burgee_snapshot_cache: ['counter', 'state'],
      burgee_snapshot_reads: ['counter', 'source,result'],
      burgee_policy_questions: ['counter', 'result'],
      burgee_policy_breaker: ['counter', 'state'],
      burgee_snapshot_age_seconds: ['gauge', 'tenant'],
      burgee_snapshot_version: ['gauge'],
      burgee_publish_lag_seconds: ['gauge'],
      burgee_active_flags: ['gauge'],
      burgee_rollouts: ['gauge'],
      burgee_rollout_percentage: ['gauge'],
      burgee_isolates: ['gauge', ''],
      burgee_build_info: ['gauge', 'service_version,evaluator_version'],
    };
    assert.deepEqual([...read.keys()].sort(), Object.keys(types).sort());
    for (const [name, [type, labels]] of Object.entries(types)) {
      const family = read.get(name);
      assert.equal(family.type, type, name);
      assert.ok(family.help.length > 10, name);
      assert.equal(labels !== undefined, family.samples.length > 0, name);
      if (labels !== undefined) assert.equal(Object.keys(family.samples[0].labels).join(), labels, name);
    }
  });

  await t.test('requests', () => {
    assert.equal(total(read, 'http_requests'), asked.length, 'all of them, and no other');
    for (const [path, method, status, count] of [
      ['/api/flags/eval', 'GET', '200', 3],
      ['/api/flags/eval', 'HEAD', '200', 1],
      ['/api/flags/eval', 'GET', '400', 1],
      ['/api/flags/eval', 'OPTIONS', '204', 1],
      ['/ofrep/v1/evaluate/flags/{key*}', 'POST', '200', 1],
      ['/ofrep/v1/evaluate/flags/{key*}', 'POST', '404', 1],
      ['/healthz', 'PUT', '405', 1],
      ['(unknown)', 'GET', '404', 2],
    ]) {
      assert.equal(total(read, 'http_requests', { path, method, status }), count, `${method} ${path} ${status}`);
    }
    const durations = read.get('http_request_duration_seconds');
    assert.equal(total(read, 'http_request_duration_seconds', { le: '+Inf' }), asked.length);
    const ofEval = durations.samples.filter(({ name, labels }) => name.endsWith('_bucket') && labels.path === '/api/flags/eval');
    const counts = ofEval.map(({ value }) => value);
    assert.deepEqual(counts, counts.toSorted((a, b) => a - b), 'buckets rise');
    assert.equal(counts.at(-1), 6);
  });

  await t.test('evaluations', () => {
    for (const [surface, reason, count] of [
      ['api', 'stage_full', 5],
      ['api', 'unknown_flag', 1],
      ['api', 'stage_draft', 1],
      ['ofrep', 'stage_full', 2],
      ['ofrep', 'stage_draft', 1],
      ['ofrep', 'unknown_flag', 1],
    ]) {
      assert.equal(total(read, 'burgee_flag_evaluations', { surface, reason }), count, `${surface} ${reason}`);
    }
    assert.equal(total(read, 'burgee_flag_evaluations'), 11);
    const requests = (surface) => total(read, 'burgee_evaluation_seconds', { surface }, 'burgee_evaluation_seconds_count');
    assert.deepEqual(['api', 'ofrep', 'v1'].map(requests), [5, 3, 0]);
  });

  await t.test('where snapshots came from', () => {
    // Ten requests needed one; only the first found none in memory.
    const states = ['hit', 'miss', 'stale', 'uncached', 'unavailable'].map((state) => total(read, 'burgee_snapshot_cache', { state }));
    assert.deepEqual(states, [9, 1, 0, 0, 0]);
    assert.equal(total(read, 'burgee_snapshot_reads', { source: 'kv', result: 'new' }), 1);
    assert.equal(total(read, 'burgee_snapshot_reads'), 1);
    const age = total(read, 'burgee_snapshot_age_seconds', { tenant: 'platform' });
    assert.ok(age >= 0 && age < 30, String(age));
  });

  await t.test('a scrape is counted too, once it is answered', async () => {
    assert.equal(total(read, 'http_requests', { path: '/metrics' }), 0);
    const again = await families(worker);
    assert.equal(total(again, 'http_requests', { path: '/metrics', method: 'GET', status: '200' }), 1);
    assert.equal(total(again, 'http_requests'), asked.length + 1);
  });
});

test('two isolates are added up to the last request', async (t) => {
  const worker = await startWorker(t, { others: twin });
  await worker.publish(REGISTRY);
  const second = await worker.miniflare.getWorker('twin');
  const ROUNDS = 3;
  const AT_ONCE = 60;
  for (let round = 0; round < ROUNDS; round += 1) {
    const both = Array.from({ length: AT_ONCE }, (_, at) => (at % 3 ? worker.fetch(EVAL) : second.fetch(new URL(EVAL, worker.base).href)));
    for (const response of await Promise.all(both)) {
      assert.equal(response.status, 200);
      await response.arrayBuffer();
    }
    // So that there are several hand-overs, some while requests come in.
    await sleep(700);
  }
  const wanted = ROUNDS * AT_ONCE;
  const count = (read) => total(read, 'http_requests', { path: '/api/flags/eval', method: 'GET', status: '200' });
  const read = await settled(worker, (now) => count(now) >= wanted, 'the sum of both');
  assert.equal(count(read), wanted);
  assert.equal(total(read, 'burgee_flag_evaluations', { reason: 'stage_full', surface: 'api' }), wanted);
  assert.equal(total(read, 'burgee_snapshot_cache'), wanted);
  assert.equal(total(read, 'burgee_isolates'), 2);
  await sleep(1_500);
  assert.equal(count(await families(worker)), wanted, 'nor do they become more');
});

for (const [mode, what] of [
  ['failing', 'cannot be reached'],
  ['deaf', 'takes what it is given, and cannot say so'],
]) {
  test(`a meter that ${what} for a while loses nothing, and counts nothing twice`, async (t) => {
    const worker = await startWorker(t, { others: gated });
    const control = await worker.miniflare.getKVNamespace('CONTROL', 'meter-gate');
    await worker.publish(REGISTRY);
    await control.put('mode', mode);
    let asked = 0;
    const ask = async (times) => {
      for (let at = 0; at < times; at += 1) {
        assert.equal((await worker.fetch('/healthz')).status, 200);
        asked += 1;
      }
    };
    const handOvers = async () => Number((await control.get('asked')) ?? 0);
    await ask(5);
    await eventually(handOvers, (tries) => tries >= 1, 'a hand-over that fails');
    await ask(5);
    const shown = await worker.fetch('/metrics');
    assert.equal(shown.status, 503);
    assert.match(await shown.text(), /^the totals cannot be had: .*the gate/);
    await ask(5);
    await eventually(handOvers, (tries) => tries >= 3, 'a hand-over that is tried again');
    await eventually(() => worker.lines().some(({ message }) => message === 'sums not handed over'), Boolean, 'the line in the log');
    await control.put('mode', 'open');
    const count = (read) => total(read, 'http_requests', { path: '/healthz' });
    const read = await settled(worker, (now) => count(now) >= asked, 'all requests');
    assert.equal(count(read), asked);
    assert.equal(asked, 15);
    assert.equal(total(read, 'http_requests', { path: '/metrics', status: '503' }), 1);
  });
}

test('what is counted is handed over without anybody asking, and outlives the isolate', async (t) => {
  const worker = await startWorker(t, { vars: { FF_TEST_PANIC: '1' }, others: twin });
  const second = await worker.miniflare.getWorker('twin');
  for (let at = 0; at < 7; at += 1) await (await second.fetch(new URL('/healthz', worker.base).href)).text();
  const count = (read) => total(read, 'http_requests', { path: '/healthz' });
  assert.equal(count(await settled(worker, (read) => count(read) >= 7, 'the hand-over of the other')), 7);

  // A panic takes along what was not handed over, no more, and the new instance counts anew under another name.
  await second.fetch(new URL('/__test/panic', worker.base).href);
  await (await second.fetch(new URL('/healthz', worker.base).href)).text();
  const read = await settled(worker, (now) => count(now) >= 8, 'the hand-over after the panic');
  assert.equal(count(read), 8);
  assert.equal(total(read, 'http_requests', { path: '(unknown)', status: '500' }), 1);
});

test('tenants are shown as their objects report', async (t) => {
  const worker = await startWorker(t);
  const namespace = await worker.miniflare.getDurableObjectNamespace('METER', 'burgee');
  const meter = namespace.get(namespace.idFromName('total'));
  const now = Date.now();
  const report = (at, more) =>
    meter.report(
      JSON.stringify({
        ...{ tenant: 'acme', at, snapshot_version: 7, unpublished_since: null, active_flags: 3 },
        ...{ rollouts: { running: 1, done: 2 }, percentages: { 'new "checkout"\\\n': 12.5 }, ...more },
      }),
    );
  await report(now, { unpublished_since: now - 60_000 });
  await report(now - 1, { active_flags: 99 });
  const read = await families(worker);
  for (const [name, labels, value] of [
    ['burgee_snapshot_version', {}, 7],
    ['burgee_active_flags', {}, 3],
    ['burgee_rollouts', { status: 'running' }, 1],
    ['burgee_rollouts', { status: 'done' }, 2],
    ['burgee_rollout_percentage', { flag: 'new "checkout"\\\n' }, 12.5],
  ]) {
    assert.equal(total(read, name, { tenant: 'acme', ...labels }), value, name);
  }
  const lag = total(read, 'burgee_publish_lag_seconds', { tenant: 'acme' });
  assert.ok(lag >= 60 && lag < 90, String(lag));
  await report(now + 1);
  assert.equal(total(await families(worker), 'burgee_publish_lag_seconds', { tenant: 'acme' }), 0);
});

test('objects report after each change, and when it has landed', async (t) => {
  const worker = await startWorker(t, { gate: true });
  const rule = (percentage) => [{ id: 'r', serve: { variant: 'on' }, percentage }];
  const flag = (key, more) => ({ key, type: 'boolean', state: 'on', default_variant: 'off', ...more });
  const shown = async () => {
    const read = await families(worker);
    const of = (name, labels) => total(read, name, { tenant: 'acme', ...labels });
    return {
      ...{ version: of('burgee_snapshot_version'), lag: of('burgee_publish_lag_seconds'), active: of('burgee_active_flags') },
      ...{ running: of('burgee_rollouts', { status: 'running' }), paused: of('burgee_rollouts', { status: 'paused' }) },
      ramp: of('burgee_rollout_percentage', { flag: 'a' }),
    };
  };
  const becomes = (wanted, what) => eventually(shown, (now) => JSON.stringify(now) === JSON.stringify(wanted), what, 15_000);

  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', flag('a', { rules: rule(5) }))).status, 201);
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', flag('b', { state: 'off' }))).status, 201);
  const steps = [{ percentage: 25, gate: 'errors' }, { percentage: 75, after: '7d' }];
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags/a/rollout', { steps, rule_id: 'r' })).status, 201);
  await becomes({ version: 2, lag: 0, active: 1, running: 1, paused: 0, ramp: 5 }, 'what is served before the first step');
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags/a/rollout/gates/errors/open')).status, 200);
  await becomes({ version: 3, lag: 0, active: 1, running: 1, paused: 0, ramp: 25 }, 'the first report');
  // Nothing that evaluation sees, and reported all the same.
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags/a/rollout/pause')).status, 200);
  await becomes({ version: 3, lag: 0, active: 1, running: 0, paused: 1, ramp: 25 }, 'the pause');

  await worker.setWrites('failing');
  assert.equal((await worker.v1('acme', 'PATCH', '/v1/flags/b', { state: 'on' })).status, 200);
  await eventually(shown, ({ version, lag, active }) => version === 4 && active === 2 && lag > 1, 'a change that has not landed', 15_000);
  await worker.setWrites('open');
  await becomes({ version: 4, lag: 0, active: 2, running: 0, paused: 1, ramp: 25 }, 'the landing');
});

test('a report that does not get through is made again', async (t) => {
  // The objects' meter alone is behind the gate: the edge reads the real one.
  const others = (_, main) => {
    const METER = { className: 'Meter', scriptName: 'burgee-objects', useSQLite: true };
    main.durableObjects.METER = { className: 'Gate', scriptName: 'meter-gate', useSQLite: true };
    const modules = [{ type: 'ESModule', path: join(WORKER, 'test', 'meter-gate.mjs') }];
    return [{ name: 'meter-gate', compatibilityDate: main.compatibilityDate, modules, kvNamespaces: { CONTROL: 'meter-control' }, durableObjects: { REAL: METER } }];
  };
  const worker = await startWorker(t, { others });
  const control = await worker.miniflare.getKVNamespace('CONTROL', 'meter-gate');
  await control.put('mode', 'failing');
  await worker.v1('acme', 'POST', '/v1/flags', { key: 'a', type: 'boolean', state: 'on' });
  const row = async () => (await worker.sql('acme', 'SELECT * FROM tenant'))[0];
  await eventually(row, ({ report_failures: failures }) => failures >= 2, 'two failures', 10_000);
  assert.equal((await row()).published_version, 1, 'publishing does not wait for it');
  await control.put('mode', 'open');
  await settled(worker, (read) => total(read, 'burgee_snapshot_version', { tenant: 'acme' }) === 1, 'the report');
  const { report_at: next, report_failures: failures } = await row();
  assert.deepEqual([next, failures], [null, 0]);
});

test('what comes after a trap that nobody waited for is heard', async (t) => {
  const worker = await startWorker(t, { vars: { FF_TEST_PANIC: '1' }, others: twin });
  const second = await worker.miniflare.getWorker('twin');
  await (await second.fetch(new URL('/healthz', worker.base).href)).text();
  // The meter lives in the first one's isolate: the next call there is the other's hand-over, a text.
  assert.equal((await worker.fetch('/__test/panic?aside')).status, 200);
  await sleep(1_500);
  const count = (read) => total(read, 'http_requests', { path: '/healthz' });
  assert.equal(count(await settled(worker, (read) => count(read) >= 1, 'the hand-over')), 1);
  assert.deepEqual(worker.lines().filter(({ message }) => message === 'sums not handed over'), []);
});

test('with a token set, the totals are for who has it', async (t) => {
  const worker = await startWorker(t, { vars: { FF_METRICS_TOKEN: 'scrape-9d1c77aa52' } });
  let checked = 0;
  for (const [Authorization, status] of [[undefined, 401], ['Bearer scrape-9d1c77aa5x', 401], ['Basic scrape-9d1c77aa52', 401], ['Bearer scrape-9d1c77aa52', 200]]) {
    const response = await worker.fetch('/metrics', { headers: Authorization ? { Authorization } : {} });
    const text = await response.text();
    assert.equal(response.status, status, text);
    assert.equal(response.headers.get('WWW-Authenticate'), status === 401 ? 'Bearer' : null);
    assert.equal(/^burgee_build_info/m.test(text), status === 200, text);
    checked += 1;
  }
  assert.equal(checked, 4);
});

test('ready is who has a snapshot that is new enough', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: '100' }, gate: true });
  const ready = async () => {
    const response = await worker.fetch('/readyz');
    return `${response.status} ${await response.text()}`;
  };
  assert.equal(await ready(), '503 not ready: no snapshot');
  await worker.publish(REGISTRY);
  assert.equal(await ready(), '200 ready');
  await sleep(150);
  const reads = await worker.reads();
  assert.equal(await ready(), '200 ready');
  assert.ok((await worker.reads()) > reads, 'past the soft TTL storage is asked, not memory');
  await worker.setGate('failing');
  await sleep(150);
  assert.equal(await ready(), '200 ready', 'a minute without storage is weathered');
});

test('ready is not who cannot reach the object of the platform', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: '100' }, gate: 'objects' });
  const ready = async () => {
    const response = await worker.fetch('/readyz');
    return `${response.status} ${await response.text()}`;
  };
  const LOST = "the tenant's object cannot be reached";
  await worker.setObjects('failing');
  assert.equal(await ready(), `503 not ready: no snapshot; ${LOST}`, 'nobody can tell whether it holds anything');
  await worker.setObjects('open');
  await worker.v1('platform', 'POST', '/v1/flags', { key: 'on', type: 'boolean', default_variant: 'on' });
  await eventually(ready, (text) => text === '200 ready', 'the object is back');
  await eventually(() => worker.kv.get('snapshot:platform'), (bytes) => bytes !== null, 'the publication');
  let checked = 0;
  for (const mode of ['failing', 'closed']) {
    await worker.setObjects(mode);
    await sleep(150);
    assert.equal(await ready(), `503 not ready: ${LOST}`, `${mode}: KV has the snapshot all the same`);
    assert.equal((await worker.ask(EVAL)).status, 200, `${mode}: what is held serves on`);
    await worker.setObjects('open');
    await eventually(ready, (text) => text === '200 ready', 'the object is back');
    checked += 1;
  }
  assert.equal(checked, 2);
});

test('a tenant without an object, or a deployment without objects, is ready by storage alone', async (t) => {
  let checked = 0;
  for (const vars of [{}, { FF_BACKING: 'kv' }]) {
    const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: '100', ...vars }, gate: 'objects' });
    await worker.publish(REGISTRY);
    if (vars.FF_BACKING) await worker.setObjects('failing');
    for (let round = 0; round < 2; round += 1, checked += 1) {
      const response = await worker.fetch('/readyz');
      assert.deepEqual([response.status, await response.text()], [200, 'ready'], JSON.stringify(vars));
      await sleep(150);
    }
  }
  assert.equal(checked, 4);
});
