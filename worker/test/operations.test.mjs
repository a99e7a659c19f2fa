// What operators see: log lines, settings, and an instance that goes down.

import assert from 'node:assert/strict';
import test from 'node:test';
import { eventually, sleep, startWorker, UUID_V4 } from './harness.mjs';

const REGISTRY = { tenant: 'platform', version: 1, flags: [{ key: 'f', rollout_stage: 'full' }] };
const EVAL = '/api/flags/eval?key=f&user=U';

const lineOf = (worker, id) =>
  eventually(() => worker.lines().find(({ request_id: logged }) => logged === id), Boolean, `the line of ${id}`);

test('each request is one line of JSON', async (t) => {
  const worker = await startWorker(t);
  await worker.publish(REGISTRY);

  const requests = [
    ['r-ok', 'GET', EVAL, { status: 200, level: 'info', tenant: 'platform' }],
    ['r-bad', 'GET', '/api/flags/eval', { status: 400, level: 'warn', tenant: 'platform', error: 'invalid_request' }],
    ['r-gone', 'GET', '/api/nothing?user=U', { status: 404, level: 'warn', tenant: null, error: 'not_found' }],
    ['r-method', 'PUT', '/healthz', { status: 405, level: 'warn', tenant: null, error: 'method_not_allowed' }],
    ['r-live', 'HEAD', '/healthz', { status: 200, level: 'info', tenant: null }],
    ['r-cors', 'OPTIONS', '/api/flags/eval', { status: 204, level: 'info', tenant: null }],
  ];
  for (const [id, method, path, expected] of requests) {
    await t.test(`${method} ${path} is logged`, async () => {
      await worker.fetch(path, { method, headers: { 'X-Request-Id': id } });
      const { timestamp, duration_ms: duration, ...line } = await lineOf(worker, id);
      assert.equal(new Date(timestamp).toISOString(), timestamp);
      assert.ok(Number.isInteger(duration) && duration >= 0);
      assert.deepEqual(line, { message: 'request', method, path: path.split('?')[0], request_id: id, ...expected });
    });
  }

  await t.test('no line shows whom a flag was evaluated for', async () => {
    const secret = 'someone-7f3a';
    const headers = { 'X-Request-Id': 'r-secret' };
    for (const name of ['User-Id', 'Tenant-Id', 'Tier', 'Env', 'Role-Key']) headers[`X-PTT-${name}`] = secret;
    await worker.fetch(`/api/flags/eval?key=f&user=${secret}&tier=${secret}`, { headers });
    const context = { user_id: secret, tenant_id: secret, team: secret };
    await worker.batch({ context, flags: ['f', secret], overrides: { user: { f: secret } } }, { headers: { 'X-Request-Id': 'r-batch' } });
    await worker.batch({ context: { user_id: [secret], [secret]: '\ud800' }, flags: [] }, { headers: { 'X-Request-Id': 'r-fault' } });
    for (const id of ['r-secret', 'r-batch', 'r-fault']) await lineOf(worker, id);
    assert.deepEqual(worker.logs.filter((message) => message.includes(secret)), []);
  });

  await t.test('a request is logged once', () => {
    const ids = worker.lines().flatMap(({ request_id: id }) => id ?? []);
    assert.equal(new Set(ids).size, ids.length);
    assert.ok(ids.length >= requests.length + 3);
  });
});

test('the first lines of an isolate are written as well, each once', async (t) => {
  const ids = ['r-0', 'r-1', 'r-2', 'r-3'];
  const firsts = [
    ['one that is answered at once', '/healthz', []],
    ['some that wait for storage', EVAL, ['registry loaded']],
    ['some with which the instance goes down', '/__test/panic', []],
    ['some that wait when it does', '/__test/panic?later', []],
  ];
  for (const [what, path, others] of firsts) {
    const worker = await startWorker(t, { vars: { FF_TEST_PANIC: '1' } });
    await worker.publish(REGISTRY);
    const asked = path === '/healthz' ? ids.slice(0, 1) : ids;
    await Promise.all(asked.map((id) => worker.fetch(path, { headers: { 'X-Request-Id': id } })));
    for (const id of asked) await lineOf(worker, id);
    // Whatever would come twice would have come by now.
    await sleep(100);
    const about = worker.lines().map(({ message, request_id: id }) => id ?? message);
    assert.deepEqual(about.toSorted(), [...asked, ...others].toSorted(), what);
    await worker.stop();
  }
  assert.equal(firsts.length, 4);
});

test('what a request waits for is in the time that it took', async (t) => {
  const worker = await startWorker(t, { gate: true, vars: { FF_SOFT_TTL_MS: '60000' } });
  await worker.publish(REGISTRY);
  const body = new TextEncoder().encode('{"context":{"user_id":"U"},"flags":["f"]}');
  async function* inParts() {
    yield body.slice(0, 10);
    await sleep(400);
    yield body.slice(10);
  }
  await worker.setGate('slow');
  const requests = [
    ['r-storage', 'slow storage', (headers) => worker.fetch(EVAL, { headers })],
    ['r-body', 'a body that comes in parts', (headers) => worker.fetch('/api/flags/eval/batch', { method: 'POST', headers, body: ReadableStream.from(inParts()), duplex: 'half' })],
  ];
  for (const [id, what, ask] of requests) {
    const began = Date.now();
    const response = await ask({ 'X-Request-Id': id });
    assert.equal(response.status, 200, what);
    const { duration_ms: duration, timestamp } = await lineOf(worker, id);
    assert.ok(duration >= 300 && duration <= Date.now() - began, `${what}: ${duration} ms`);
    assert.ok(Date.parse(timestamp) >= began + 300, `${what}: ${timestamp}`);
  }
  assert.equal(requests.length, 2);
});

test('an id that nobody gave is drawn for each request, also by a new instance', async (t) => {
  const worker = await startWorker(t, { vars: { FF_TEST_PANIC: '1' } });
  const ids = [];
  for (let round = 0; round < 2; round += 1) {
    const answers = await Promise.all(Array.from({ length: 150 }, () => worker.fetch('/healthz')));
    ids.push(...answers.map(({ headers }) => headers.get('X-Request-Id')));
    assert.equal((await worker.fetch('/__test/panic')).status, 500);
  }
  for (const id of ids) assert.match(id, UUID_V4);
  assert.equal(new Set(ids).size, 300);
});

test('an instance that goes down is replaced, and nobody is left without an answer', async (t) => {
  const worker = await startWorker(t, { vars: { FF_TEST_PANIC: '1', FF_SOFT_TTL_MS: '60000' } });
  await worker.publish(REGISTRY);
  const cacheOf = async () => (await worker.ask(EVAL)).data.meta.cache;
  assert.deepEqual([await cacheOf(), await cacheOf()], ['miss', 'hit']);

  for (const when of ['', '?later']) {
    await t.test(`a panic${when}`, async () => {
      const id = `r-"panic"${when}`;
      const lost = await worker.ask(`/__test/panic${when}`, { headers: { 'X-Request-Id': id } });
      assert.deepEqual([lost.status, lost.ok, lost.data, lost.error.code], [500, false, null, 'internal_error']);
      assert.equal(lost.service.request_id, id);
      assert.equal(lost.response.headers.get('X-Request-Id'), id);
      assert.equal(lost.response.headers.get('Access-Control-Allow-Origin'), '*');

      const line = await lineOf(worker, id);
      assert.deepEqual(Object.keys(line), [
        ...['timestamp', 'level', 'message', 'method', 'path', 'status', 'tenant', 'request_id', 'duration_ms', 'error'],
      ]);
      assert.deepEqual([line.level, line.path, line.status, line.error], ['error', '/__test/panic', 500, 'internal_error']);
      assert.ok(worker.logs.some((message) => message.includes('FF_TEST_PANIC is set')), 'the log has the cause');

      const next = await worker.ask(EVAL);
      assert.deepEqual([next.status, next.data.value, next.data.meta.cache], [200, true, 'miss']);
      assert.match(next.service.request_id, UUID_V4);
      assert.equal(await cacheOf(), 'hit');
    });
  }

  await t.test('requests around a panic are answered', async () => {
    const paths = [EVAL, '/__test/panic', EVAL, '/healthz', '/__test/panic?later', '/api/flags/health'];
    const answers = await Promise.all(Array.from({ length: 30 }, (_, at) => worker.fetch(paths[at % paths.length])));
    for (const [at, answer] of answers.entries()) {
      const body = await answer.text();
      const panics = paths[at % paths.length].startsWith('/__test/panic');
      assert.ok(panics ? answer.status === 500 : [200, 500].includes(answer.status), `${answer.status} ${body}`);
      if (answer.status === 500) assert.equal(JSON.parse(body).error.code, 'internal_error');
    }
    assert.equal((await worker.ask(EVAL)).status, 200);
  });
});

test('whoever waits for storage is told when the instance goes down', async (t) => {
  const worker = await startWorker(t, { vars: { FF_TEST_PANIC: '1' }, gate: true });
  await worker.setGate('slow');
  const waiting = Array.from({ length: 3 }, () => worker.ask(EVAL));
  // One reads, and the others wait for it.
  await eventually(worker.reads, (reads) => reads === 1, 'the read');
  await sleep(100);
  assert.equal((await worker.ask('/__test/panic')).status, 500);
  for (const { status, error } of await Promise.all(waiting)) assert.deepEqual([status, error.code], [500, 'internal_error']);
});

test('the panic is there for tests alone', async (t) => {
  const worker = await startWorker(t);
  const { status, error } = await worker.ask('/__test/panic');
  assert.deepEqual([status, error.code], [404, 'not_found']);
});

test('settings that are wrong are named, not guessed', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: 'soon' } });
  await worker.publish(REGISTRY);
  for (const path of [EVAL, '/healthz']) {
    const { status, error, response } = await worker.ask(path);
    assert.deepEqual([status, error.code], [500, 'internal_error'], path);
    assert.match(error.message, /FF_SOFT_TTL_MS/);
    assert.equal(response.headers.get('Access-Control-Allow-Origin'), '*');
  }
});

test('settings of the objects that are wrong are named, and change nothing', async (t) => {
  const others = (_, objects) => {
    objects.bindings.FF_RETENTION_DAYS = 'soon';
    return [];
  };
  const worker = await startWorker(t, { others });
  for (const [method, path, body] of [['POST', '/v1/flags', { key: 'f', type: 'boolean', state: 'on' }], ['GET', '/v1/flags']]) {
    const { status, body: refused } = await worker.v1('acme', method, path, body);
    assert.deepEqual([status, refused.code], [500, 'internal_error'], method);
    assert.match(refused.detail, /FF_RETENTION_DAYS must be/);
  }
  assert.deepEqual(await worker.sql('acme', 'SELECT count(*) AS n FROM flags'), [{ n: 0 }]);
});

test('the platform tenant can be another', async (t) => {
  const worker = await startWorker(t, { vars: { FF_PLATFORM_TENANT: 'acme' } });
  await worker.publish({ ...REGISTRY, tenant: 'acme', version: 9 }, 'acme');
  assert.equal((await worker.ask(EVAL)).data.meta.snapshot_version, 9);
});
