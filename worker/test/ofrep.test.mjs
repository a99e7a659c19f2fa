// What OpenFeature's remote evaluation is answered, on the wire. That its stock clients understand it: ofrep-clients/.

import assert from 'node:assert/strict';
import test from 'node:test';
import { eventually, sleep, startWorker, token, UUID_V4 } from './harness.mjs';

const ALL = '/ofrep/v1/evaluate/flags';

const flags = (tenant, version, extra = {}) => ({
  schema: 'burgee.snapshot/1',
  tenant,
  version,
  flags: [
    { key: 'on', version: 3 },
    { key: 'whole', type: 'number', variants: [{ key: 'one', value: 1 }], default_variant: 'one' },
    { key: 'count', type: 'integer', variants: [{ key: 'two', value: 2 }], default_variant: 'two' },
    { key: 'split', fallthrough: { distribution: [{ variant: 'on', weight: 1 }] } },
    { key: 'staff', rollout_stage: 'internal' },
  ],
  ...extra,
});

/** Asks with a context, and gives status, body and response. */
async function ask(worker, path, context, { headers, body = JSON.stringify({ context }), ...init } = {}) {
  const response = await worker.fetch(path, { method: 'POST', body, headers: { Authorization: `Bearer ${token()}`, ...headers }, ...init });
  const text = await response.text();
  return { status: response.status, response, text, json: text === '' ? undefined : JSON.parse(text) };
}

test('evaluation for OpenFeature', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: '60000' } });
  await worker.publish(flags('platform', 12));
  await worker.publish(flags('acme', 40, { flags: [{ key: 'on', state: 'off' }] }), 'acme');

  await t.test('one flag', async () => {
    const { status, json, response } = await ask(worker, `${ALL}/on`, { targetingKey: 'u1' });
    assert.equal(status, 200);
    assert.deepEqual(json, {
      key: 'on',
      value: true,
      reason: 'STATIC',
      variant: 'on',
      metadata: { flagSetId: 'platform', version: 3 },
    });
    assert.equal(response.headers.get('Content-Type'), 'application/json');
    assert.match(response.headers.get('X-Request-Id'), UUID_V4);
  });

  await t.test('all flags, with errors among them', async () => {
    const { status, json, text } = await ask(worker, ALL, { tier: 'staff' });
    assert.equal(status, 200);
    assert.deepEqual(json.metadata, { flagSetId: 'platform', version: 12 });
    assert.deepEqual(json.flags.map(({ key, value, errorCode }) => [key, value ?? errorCode]), [
      ['on', true],
      ['whole', 1],
      ['count', 2],
      ['split', 'TARGETING_KEY_MISSING'],
      ['staff', true],
    ]);
    assert.ok(text.includes('"value":1.0,') && text.includes('"value":2,'), text);
  });

  await t.test('a body may be missing, or not say how long it is', async () => {
    for (const body of ['', null, new Blob(['{"context": {"tier": "staff"}}']).stream()]) {
      const { status, json } = await ask(worker, `${ALL}/staff`, null, { body, duplex: 'half' });
      assert.deepEqual([status, json.value], [200, body instanceof ReadableStream]);
    }
  });

  const cases = {
    'a flag that is not there': [`${ALL}/n%C3%B6`, '{}', 404, 'FLAG_NOT_FOUND', 'nö'],
    'no targeting key': [`${ALL}/split`, '{}', 400, 'TARGETING_KEY_MISSING', 'split'],
    'what is not JSON': [`${ALL}/on`, '{"context":', 400, 'PARSE_ERROR', 'on'],
    'a context that is no object': [ALL, '{"context": []}', 400, 'INVALID_CONTEXT'],
    'a targeting key that is no string': [ALL, '{"context": {"targetingKey": 1}}', 400, 'INVALID_CONTEXT'],
    'a lone surrogate': [ALL, '{"context": {"a": "\\ud800"}}', 400, 'INVALID_CONTEXT'],
    'a context that is too large': [ALL, `{"context": {"a": "${'x'.repeat(65_536)}"}}`, 400, 'INVALID_CONTEXT'],
    'a body that is too large': [ALL, `{"a": "${'x'.repeat(1_048_576)}"}`, 400, 'PARSE_ERROR'],
    'a context that is too deep': [ALL, `{"context": {"a": ${'['.repeat(128)}${']'.repeat(128)}}}`, 400, 'INVALID_CONTEXT'],
    'a URL that is too long': [`${ALL}?a=${'x'.repeat(8_192)}`, '{}', 400, 'GENERAL'],
    'another path': ['/ofrep/v1/configuration', '{}', 404, 'GENERAL'],
  };
  let ran = 0;
  for (const [what, [path, body, status, code, key]] of Object.entries(cases)) {
    await t.test(`refuses ${what}`, async () => {
      // Not to be used again: the runtime drops a connection whose request nobody read to the end.
      const headers = { Connection: 'close' };
      const { status: answered, json, response } = await ask(worker, path, null, { body, headers });
      const { errorDetails: details, metadata, ...rest } = json;
      assert.deepEqual([answered, rest], [status, { ...(key && { key }), errorCode: code }]);
      assert.ok(typeof details === 'string' && typeof metadata === 'object');
      assert.equal(response.headers.get('Access-Control-Allow-Origin'), '*');
      ran += 1;
    });
  }
  assert.equal(ran, Object.keys(cases).length);

  await t.test('refuses a header of more than 8 KiB', async () => {
    for (const name of ['Authorization', 'X-Tenant-ID', 'If-None-Match', 'X-PTT-Approval-Ref']) {
      const { status, json } = await ask(worker, ALL, null, { body: '{}', headers: { [name]: 's3cret'.repeat(1400) } });
      assert.deepEqual([status, json.errorCode], [400, 'GENERAL'], name);
      assert.ok(json.errorDetails.includes(name) && !json.errorDetails.includes('s3cret'), json.errorDetails);
    }
  });

  await t.test('a wrong method is told the right ones', async () => {
    for (const path of [ALL, `${ALL}/on`]) {
      const { status, json, response } = await ask(worker, path, null, { method: 'GET', body: null });
      assert.deepEqual([status, response.headers.get('Allow'), json.errorCode], [405, 'POST, OPTIONS', 'GENERAL']);
    }
  });

  await t.test('the tenant is the one that the header names', async () => {
    const from = (tenant, path = ALL) => ask(worker, path, {}, { headers: { 'X-Tenant-ID': tenant } });
    assert.deepEqual((await from('acme')).json.metadata, { flagSetId: 'acme', version: 40 });
    assert.equal((await from('acme', `${ALL}/on`)).json.value, false);
    assert.deepEqual((await from('')).json.metadata, { flagSetId: 'platform', version: 12 });
    for (const path of [ALL, `${ALL}/on`]) {
      const { status, json } = await from('nobody', path);
      assert.deepEqual([status, json.errorCode], [404, 'GENERAL']);
      assert.match(json.errorDetails, /no snapshot of tenant nobody/);
    }
    for (const tenant of ['a/b', 'two words', 'x'.repeat(129), 'é']) {
      const { status, json } = await from(tenant);
      assert.deepEqual([status, json.errorCode], [400, 'GENERAL'], tenant);
      assert.match(json.errorDetails, /X-Tenant-ID/);
    }
  });

  await t.test('tenants that do not exist push nobody out of memory', async () => {
    const nobodies = Array.from({ length: 150 }, (_, at) => `nobody-${at}`);
    for (const tenant of nobodies) {
      assert.equal((await ask(worker, ALL, {}, { headers: { 'X-Tenant-ID': tenant } })).status, 404);
    }
    const { data } = await worker.ask('/api/flags/eval?key=on&user=U');
    assert.equal(data.meta.cache, 'hit');
  });

  await t.test('pages may ask, show an entity tag, and read one', async () => {
    const { status, headers } = await worker.fetch(ALL, { method: 'OPTIONS', headers: { Origin: 'https://page.example' } });
    assert.equal(status, 204);
    for (const name of ['Content-Type', 'If-None-Match', 'X-Tenant-ID']) {
      assert.ok(headers.get('Access-Control-Allow-Headers').split(', ').includes(name), name);
    }
    const { response } = await ask(worker, ALL, {});
    assert.match(response.headers.get('Access-Control-Expose-Headers'), /\bETag\b/);
  });

  await t.test('a request is logged with its tenant, and not with its context', async () => {
    const secret = 'someone-51c2';
    await ask(worker, `${ALL}/nothing`, { targetingKey: secret, [secret]: secret }, { headers: { 'X-Request-Id': 'r-ofrep', 'X-Tenant-ID': 'acme' } });
    const find = () => worker.lines().find(({ request_id: id }) => id === 'r-ofrep');
    const { path, status, tenant, error, level } = await eventually(find, Boolean, 'the line');
    assert.deepEqual([path, status, tenant, error, level], [`${ALL}/nothing`, 404, 'acme', 'not_found', 'warn']);
    assert.deepEqual(worker.logs.filter((message) => message.includes(secret)), []);
  });
});

test('the entity tag of all flags', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: '0' } });
  const endsAt = Date.now() + 2_500;
  const held = (expiresAt) => ({ overrides: [{ scope: 'user', id: 'held', flag: 'on', variant: false, expires_at: expiresAt }] });
  await worker.publish(flags('platform', 1, held(endsAt)));
  const from = async (context, condition) => {
    const answer = await ask(worker, ALL, context, { headers: condition && { 'If-None-Match': condition } });
    return { ...answer, tag: answer.response.headers.get('ETag') };
  };
  const on = ({ json }) => json.flags[0].value;
  const { tag } = await from({ targetingKey: 'u1', tier: 'staff' });

  await t.test('is strong, and the same for the same context in another order', async () => {
    assert.match(tag, /^"[^"]+"$/);
    assert.equal((await from({ tier: 'staff', targetingKey: 'u1' })).tag, tag);
  });

  await t.test('spares who has the answer the way', async () => {
    for (const condition of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
      const { status, text, tag: again } = await from({ targetingKey: 'u1', tier: 'staff' }, condition);
      assert.deepEqual([status, text, again], [304, '', tag], condition);
    }
  });

  await t.test('of an old context is of no use for a new one', async () => {
    const { status, json } = await from({ targetingKey: 'u1', tier: 'guest' }, tag);
    assert.deepEqual([status, json.flags.at(-1).value], [200, false]);
    assert.equal((await from({ targetingKey: 'u2', tier: 'staff' }, tag)).status, 200, 'though all values are the same');
  });

  await t.test('changes when an override ends, which neither version nor context tell', async () => {
    const first = await from({ targetingKey: 'held' });
    assert.equal(on(first), false);
    assert.equal((await from({ targetingKey: 'held' }, first.tag)).status, 304);
    await sleep(Math.max(endsAt - Date.now(), 0) + 100);
    const { status, ...then } = await from({ targetingKey: 'held' }, first.tag);
    assert.deepEqual([status, on(then)], [200, true]);
  });

  await t.test('changes with a new version', async () => {
    await worker.publish(flags('platform', 2));
    const { status, tag: next } = await from({ targetingKey: 'u1', tier: 'staff' }, tag);
    assert.deepEqual([status, next === tag], [200, false]);
  });
});

test('tenants are kept fresh each for itself', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: '500' } });
  await worker.publish(flags('platform', 1));
  await worker.publish(flags('acme', 1), 'acme');
  const version = async (tenant) => (await ask(worker, ALL, {}, { headers: { 'X-Tenant-ID': tenant } })).json.metadata.version;
  assert.deepEqual([await version('acme'), await version('platform')], [1, 1]);
  await worker.publish(flags('acme', 2), 'acme');
  await eventually(() => version('acme'), (seen) => seen === 2, 'the refresh');
  assert.equal(await version('platform'), 1);
  await worker.publish('{', 'acme');
  await sleep(600);
  assert.equal(await version('acme'), 2, 'the last good one stays in use');
});

test('a registry that cannot be read is for this side to mend', async (t) => {
  const worker = await startWorker(t);
  const missing = await ask(worker, ALL, {});
  assert.deepEqual([missing.status, missing.json.errorCode], [503, 'GENERAL'], 'of the platform');
  await worker.publish('{"flags":', 'acme');
  const broken = await ask(worker, `${ALL}/on`, {}, { headers: { 'X-Tenant-ID': 'acme' } });
  assert.deepEqual([broken.status, broken.json.errorCode, broken.json.key], [503, 'GENERAL', 'on']);
});

test('a request that an instance takes down with it is answered in the same form', async (t) => {
  const worker = await startWorker(t, { vars: { FF_TEST_PANIC: '1' }, gate: true });
  await worker.publish(flags('platform', 1));
  await worker.setGate('slow');
  const before = await worker.reads();
  const waiting = [ask(worker, `${ALL}/on`, {}), worker.ask('/api/flags/eval?key=on&user=U')];
  // One reads, and the other waits for it.
  await eventually(() => worker.reads(), (reads) => reads === before + 1, 'a read of KV');
  await sleep(100);
  await worker.fetch('/__test/panic');
  const [ofrep, api] = await Promise.all(waiting);
  assert.deepEqual([ofrep.status, ofrep.json.errorCode, ofrep.json.metadata], [500, 'GENERAL', {}]);
  assert.match(ofrep.json.errorDetails, /the request was lost/);
  assert.deepEqual([api.status, api.error.code], [500, 'internal_error']);
});

test('settings that are wrong are named in the same form', async (t) => {
  const worker = await startWorker(t, { vars: { FF_SOFT_TTL_MS: 'soon' } });
  const { status, json } = await ask(worker, `${ALL}/on`, {});
  assert.deepEqual([status, json.key, json.errorCode], [500, 'on', 'GENERAL']);
  assert.match(json.errorDetails, /FF_SOFT_TTL_MS/);
});
