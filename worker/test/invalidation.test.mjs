// What makes an isolate read its registry anew, and who is told: the four triggers (docs/trust.md, section 4).

import assert from 'node:assert/strict';
import test from 'node:test';
import { eventually, sleep, startWorker, token } from './harness.mjs';

const TTL_MS = 500;
const flag = (key, more) => ({ key, type: 'boolean', state: 'on', default_variant: 'on', ...more });
const NOBODY = Symbol('no event');

/** The events of a stream, as they come. */
async function listen(t, worker, types) {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const headers = { Authorization: `Bearer ${token()}`, 'X-Tenant-ID': 'acme' };
  const response = await worker.fetch(`/v1/events?types=${types}`, { headers, signal: abort.signal });
  assert.equal(response.status, 200);
  let text = '';
  (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body) text += decoder.decode(chunk, { stream: true });
  })().catch(() => {});
  const events = () => [...text.matchAll(/^data: (\{"specversion".*)$/gm)].map(([, json]) => JSON.parse(json));
  let seen = 0;
  return {
    /** The next event's type, subject and data; that there is none, where none comes for a while. */
    async next({ within = 5_000 } = {}) {
      const all = await eventually(() => events(), ({ length }) => length > seen, 'the next event', within).catch(() => null);
      if (!all) return NOBODY;
      const { type, subject, data } = all[seen];
      seen += 1;
      return { type, subject, data };
    },
  };
}

/** A tenant with a flag, two isolates that have read it, and what each of them answers. */
async function start(t, vars = {}) {
  const worker = await startWorker(t, { gate: true, isolates: 2, vars: { FF_SOFT_TTL_MS: String(TTL_MS), ...vars } });
  const [one, two] = [await worker.isolate(0), await worker.isolate(1)];
  assert.equal((await worker.v1('acme', 'POST', '/v1/flags', flag('f'), { through: one })).status, 201);
  const look = async (through, id = 'u') => {
    const { status, body } = await worker.v1('acme', 'POST', '/v1/evaluate', { flag_key: 'f', user: { id } }, { through });
    return status === 200 ? { value: body.value, version: body.snapshot_version } : { status };
  };
  for (const through of [one, two]) await eventually(() => look(through), ({ version }) => version === 1, 'the first version');
  return { worker, one, two, look };
}

/** Until the isolate answers as wanted, which must be within its soft TTL and a refresh. */
async function inTime(look, wanted, what) {
  const began = Date.now();
  const got = await eventually(look, wanted, what, 5_000);
  const took = Date.now() - began;
  assert.ok(took <= TTL_MS + 1_000, `${what}: ${took} ms`);
  return got;
}

test('operators have everything read anew, each once a minute', async (t) => {
  const { worker, one, two, look } = await start(t, { FF_TEST_CLOCK: '1' });
  const operations = await listen(t, worker, 'cache.manual_op');
  const all = await listen(t, worker, 'cache.*');
  const now = Date.now();
  const invalidate = (body, { sub = 'ana', scopes = ['admin'], after = 0 } = {}) =>
    worker.v1('acme', 'POST', '/v1/cache/invalidate', body, { through: one, at: now + after, claims: { sub, scopes } });
  let version = 1;
  const done = async (answer) => {
    version += 1;
    assert.deepEqual([answer.status, answer.body], [200, { snapshot_version: version }], answer.text);
    assert.deepEqual(await look(one), { value: true, version }, 'whoever carried it has it at once');
    await inTime(() => look(two), (seen) => seen.version === version, 'the other isolate');
  };
  const told = async (scope, actor, more = {}) => {
    for (const stream of [operations, all]) {
      const { type, subject, data } = await stream.next();
      assert.deepEqual([type, subject], ['cache.manual_op', 'cache']);
      const { request_id: id, ...rest } = data;
      assert.deepEqual(rest, { actor, snapshot_version: version, invalidates: { trigger: 'manual_op', kind: scope }, scope, ...more });
      assert.ok(id);
    }
  };
  // From here on KV shows nothing new: it is the object that says so.
  await worker.setWrites('held');

  await done(await invalidate({ scope: 'global' }));
  await told('global', 'ana');
  for (const [after, seconds] of [[0, '60'], [15_500, '45'], [59_999, '1']]) {
    const again = await invalidate({ scope: 'global' }, { after });
    assert.deepEqual([again.status, again.body.code, again.response.headers.get('Retry-After')], [429, 'rate_limited', seconds]);
  }
  assert.equal((await look(two)).version, version, 'and nothing is read anew for it');
  await done(await invalidate({ scope: 'global' }, { sub: 'bob', after: 1_000 }));
  await told('global', 'bob');
  // One flag, and one tenant, may be read anew as often as somebody likes.
  await done(await invalidate({ scope: 'flag', flag_key: 'f' }, { after: 2_000 }));
  await told('flag', 'ana', { flag_key: 'f' });
  await done(await invalidate({ scope: 'tenant' }, { after: 2_000 }));
  await told('tenant', 'ana');
  await done(await invalidate({ scope: 'global' }, { after: 60_000 }));
  await told('global', 'ana');
  assert.equal((await invalidate({ scope: 'tenant' }, { scopes: ['flags:rw'], after: 60_000 })).status, 403);
  assert.equal((await invalidate({ scope: 'flag', flag_key: 'none' }, { after: 60_000 })).status, 404);

  const { body } = await worker.v1('acme', 'GET', '/v1/audit?entity=tenant');
  const entries = body.items.map(({ action, actor, after }) => [action, actor, after.scope, after.flag_key]);
  const entry = (actor, scope, key) => ['cache_invalidated', actor, scope, key];
  assert.deepEqual(entries, [entry('ana', 'global'), entry('ana', 'tenant'), entry('ana', 'flag', 'f'), entry('bob', 'global'), entry('ana', 'global')]);
  assert.equal((await worker.v1('acme', 'GET', '/v1/audit/verify')).status, 200);
});

test('what changes a registry is told with its trigger and kind, and read by every isolate', async (t) => {
  const { worker, one, two, look } = await start(t);
  const stream = await listen(t, worker, 'cache.*');
  const [overrides, reloads] = [await listen(t, worker, 'cache.override_mutation'), await listen(t, worker, 'cache.registry_reload')];
  await worker.setWrites('held');
  let version = 1;
  const steps = [
    ['override_mutation', 'user_override', 'override.set', 'PUT', '/v1/flags/override/user/u/f', { variant: 'off' }, 201, false],
    ['override_mutation', 'user_override', 'override.removed', 'DELETE', '/v1/flags/override/user/u/f', undefined, 204, true],
    ['override_mutation', 'tenant_override', 'override.set', 'PUT', '/v1/flags/override/tenant/T-1/f', { variant: 'off' }, 201, true],
    ['registry_reload', 'flag', 'flag.updated', 'PATCH', '/v1/flags/f', { state: 'off' }, 200, false],
    ['registry_reload', 'flag', 'flag.updated', 'PATCH', '/v1/flags/f', { state: 'on', kill_switch: 'pay' }, 200, true],
    ['registry_reload', 'tenant', 'killswitch.engaged', 'POST', '/v1/killswitches/pay/engage', {}, 200, false],
    ['registry_reload', 'tenant', 'killswitch.released', 'POST', '/v1/killswitches/pay/release', {}, 200, true],
    ['registry_reload', 'segment', 'segment.created', 'POST', '/v1/segments', { key: 's', name: 's', conditions: { attr: 'a', op: 'exists', value: true } }, 201, true],
    ['registry_reload', 'tenant', 'tenant.imported', 'POST', '/v1/import', { flags: [flag('f', { state: 'off' })] }, 200, false],
  ];
  let checked = 0;
  for (const [trigger, kind, type, method, path, body, status, value] of steps) {
    const answer = await worker.v1('acme', method, path, body, { through: one });
    assert.equal(answer.status, status, `${method} ${path}: ${answer.text}`);
    version += 1;
    const event = await stream.next();
    assert.deepEqual([event.type, event.data.invalidates, event.data.snapshot_version], [type, { trigger, kind }, version]);
    // A row changes the registry too.
    assert.deepEqual((await reloads.next()).data, event.data);
    if (trigger === 'override_mutation') {
      const [, scope, id] = /override\/(\w+)\/([^/]+)/.exec(path);
      assert.deepEqual([event.data.scope, event.data.id, event.data.flag_key], [scope, id, 'f']);
      assert.deepEqual((await overrides.next()).data, event.data);
    }
    await inTime(() => look(two), (seen) => seen.version === version && seen.value === value, `${type} at the other isolate`);
    checked += 1;
  }
  assert.equal(checked, steps.length);
  assert.equal(await overrides.next({ within: 300 }), NOBODY, 'the rest is no override');
});

test('the end of the soft TTL is an isolate\'s own: it reads anew, and nobody is told', async (t) => {
  const { worker, two, look } = await start(t);
  const stream = await listen(t, worker, 'cache.*');
  const before = await worker.reads();
  await sleep(TTL_MS + 200);
  // The first request past it has what is held, and makes one read.
  assert.deepEqual(await look(two), { value: true, version: 1 });
  await eventually(() => worker.reads(), (reads) => reads > before, 'a read of storage');
  assert.equal(await stream.next({ within: 500 }), NOBODY);
});
