// What callers of /api/flags and of the probes are answered.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request } from 'node:http';
import { json } from 'node:stream/consumers';
import test from 'node:test';
import { startWorker, UUID_V4 } from './harness.mjs';

const REGISTRY = {
  schema: 'burgee.registry/1',
  tenant: 'platform',
  version: 12,
  generated_at: '2026-01-15T09:00:00Z',
  flags: [
    { key: 'full', version: 3, description: 'Everybody.', rollout_stage: 'full' },
    { key: 'syn.staged_25', stage: { rollout_stage: 'staged_25' } },
    { key: 'internal', stage: { rollout_stage: 'draft', rollout_stage_map: { dev: 'internal' } } },
    { key: 'broken', type: 'colour' },
    {
      key: 'size',
      type: 'integer',
      variants: [
        { key: 's', value: 1 },
        { key: 'l', value: 2 },
      ],
      default_variant: 's',
      off_variant: null,
    },
  ],
};
// White space as a person writes it: the registry is handed out as it is stored.
const STORED = JSON.stringify(REGISTRY, null, 2);

let worker;

// One Worker for all: what it answers here depends on the request alone.
test('/api/flags', async (t) => {
  worker = await startWorker(t, { vars: { FF_OPEN_REGISTRIES: 'parity', FF_SOFT_TTL_MS: '60000' } });
  await worker.publish(STORED);
  await worker.publish({ ...REGISTRY, tenant: 'parity', version: 40 }, 'parity');
  await worker.publish(REGISTRY, 'acme');

  await t.test('GET eval', evaluation);
  await t.test('POST eval/batch', batches);
  await t.test('GET registry', registries);
  await t.test('health and probes', probes);
  await t.test('every response', everyResponse);
});

const evaluate = (query, headers = {}) => worker.ask(`/api/flags/eval?${query}`, { headers });

async function evaluation(t) {
  await t.test('answers in the envelope, with meta', async () => {
    const { status, ok, data, error, service } = await evaluate('key=syn.staged_25&user=bucket-low-1');
    assert.equal(status, 200);
    assert.equal(ok, true);
    assert.equal(error, null);
    assert.deepEqual(Object.keys(service), ['service_version', 'evaluator_version', 'request_id']);
    const { reason_chain: chain, meta, ...decision } = data;
    assert.deepEqual(decision, {
      flag_key: 'syn.staged_25',
      enabled: true,
      value: true,
      variant: 'on',
      source: 'staged_bucket',
      reason: 'staged_in',
      bucket: 4,
      threshold: 25,
      rollout_stage: 'staged_25',
      flag_version: 0,
    });
    assert.deepEqual(chain.at(-1), { step: 'staged_bucket', outcome: 'match' });
    assert.match(meta.cache, /^(miss|hit)$/);
    assert.deepEqual(
      { ...meta, cache: undefined },
      { backing_state: 'kv_backed', cache: undefined, snapshot_version: 12, warnings: [], auth_source: 'dev_headers' },
    );
  });

  await t.test('takes each attribute from its header before the query', async () => {
    const enabled = async (query, headers) => (await evaluate(query, headers)).data.enabled;
    assert.equal(await enabled('key=internal&user=U'), false, 'the tier is anonymous');
    assert.equal(await enabled('key=internal&user=U&tier=staff'), true, 'the env is dev');
    assert.equal(await enabled('key=internal&user=U&tier=staff&env=prod'), false);
    assert.equal(await enabled('key=internal&user=U&tier=staff&env=prod', { 'X-PTT-Env': 'dev' }), true);
    assert.equal(await enabled('key=internal&user=U&tier=staff', { 'X-PTT-Tier': 'guest' }), false);
    const asHeader = await evaluate('key=syn.staged_25&user=another', { 'x-ptt-user-id': 'bucket-low-1' });
    assert.equal(asHeader.data.bucket, 4);
    const empty = await evaluate('key=syn.staged_25&user=bucket-low-1', { 'X-PTT-User-Id': '' });
    assert.equal(empty.data.bucket, 4, 'an empty header is an absent one');
  });

  await t.test('decodes the query', async () => {
    const plain = await evaluate(new URLSearchParams({ key: 'syn.staged_25', user: 'é +%😀' }));
    const { data } = await worker.batch({ context: { user_id: 'é +%😀' }, flags: ['syn.staged_25'] });
    assert.equal(plain.data.bucket, data[0].bucket);
    assert.equal((await evaluate('key=nothing%2Bhere+x&user=U')).data.flag_key, 'nothing+here x');
    assert.equal((await evaluate('key=full&key=size&user=U')).data.flag_key, 'full', 'the first of a repeated name');
  });

  await t.test('reads headers as UTF-8, and refuses what is not', async () => {
    // fetch sends a character of a header as one byte.
    const utf8 = Buffer.from('é😀').toString('latin1');
    const named = await evaluate('key=syn.staged_25', { 'X-PTT-User-Id': utf8 });
    const asked = await evaluate(new URLSearchParams({ key: 'syn.staged_25', user: 'é😀' }));
    assert.equal(named.data.bucket, asked.data.bucket);
    const latin1 = await evaluate('key=syn.staged_25', { 'X-PTT-User-Id': 'é' });
    assert.deepEqual([latin1.status, latin1.error.code], [400, 'invalid_request']);
    assert.match(latin1.error.message, /X-PTT-User-Id is not UTF-8/);
  });

  await t.test('an unknown flag is a 200', async () => {
    const { status, ok, data } = await evaluate('key=nothing&user=U');
    assert.deepEqual([status, ok, data.source, data.value, data.flag_version], [200, true, 'unknown_flag', null, null]);
  });

  await t.test('an invalid flag is off, with a warning', async () => {
    const { data } = await evaluate('key=broken&user=U');
    assert.deepEqual([data.enabled, data.reason, data.meta.warnings], [false, 'flag_invalid', ['invalid_flag']]);
  });

  const refused = ['user=U', 'key=&user=U', 'key=full', 'key=full&user=', 'key=full&user=%ff', 'key=full&user=%4'];
  for (const query of refused) {
    await t.test(`refuses ?${query}`, async () => {
      const { status, ok, data, error } = await evaluate(query);
      assert.deepEqual([status, ok, data, error.code], [400, false, null, 'invalid_request']);
    });
  }

  await t.test('reads another registry only where it is open', async () => {
    const versionOf = async (registry) => (await evaluate('key=full&user=U', { 'X-Burgee-Registry': registry })).data?.meta.snapshot_version;
    assert.equal(await versionOf('platform'), 12);
    assert.equal(await versionOf('parity'), 40);
    const closed = await evaluate('key=full&user=U', { 'X-Burgee-Registry': 'acme' });
    assert.deepEqual([closed.status, closed.error.code], [400, 'invalid_request']);
  });
}

async function batches(t) {
  await t.test('answers in the order asked, repeats included', async () => {
    const { status, data } = await worker.batch({ context: { user_id: 'U' }, flags: ['size', 'full', 'size', 'nothing'] });
    assert.equal(status, 200);
    assert.deepEqual(data.map((answer) => answer.flag_key), ['size', 'full', 'size', 'nothing']);
    assert.deepEqual(data[0], data[2]);
    assert.ok(data.every(({ meta }) => meta.snapshot_version === 12));
    assert.deepEqual((await worker.batch({ context: { user_id: 'U' }, flags: [] })).data, []);
  });

  await t.test('takes overrides, and ignores members that it does not know', async () => {
    const overrides = { user: { full: false, size: null }, tenant: { full: true, size: 'l' } };
    const { data } = await worker.batch({ context: { user_id: 7 }, flags: ['full', 'size'], overrides, later: true });
    assert.deepEqual(data.map(({ value, source }) => [value, source]), [
      [false, 'inline_user_override'],
      [2, 'inline_tenant_override'],
    ]);
  });

  await t.test('lets headers overrule the context', async () => {
    const headers = { 'X-PTT-User-Id': 'bucket-low-1', 'X-PTT-Tier': 'staff' };
    const { data } = await worker.batch({ context: { tier: 'guest' }, flags: ['internal', 'syn.staged_25'] }, { headers });
    assert.deepEqual(data.map(({ enabled }) => enabled), [true, true]);
  });

  await t.test('as many flags as are allowed', async () => {
    const { data } = await worker.batch({ context: { user_id: 'U' }, flags: Array(100).fill('full') });
    assert.equal(data.length, 100);
  });

  const user = '"context": {"user_id": "U"}';
  const large = `{${user}, "flags": [], "later": "${'x'.repeat(1024 * 1024)}"}`;
  const cases = {
    'nothing': ['', 'the body'],
    'what is not JSON': ['{"context": ', 'line 1'],
    'no object': ['[]', 'the body must be an object'],
    'no context': ['{"flags": []}', '/context'],
    'a context that is no object': ['{"context": "U", "flags": []}', '/context'],
    'no user': ['{"context": {}, "flags": []}', '/context/user_id'],
    'a user that is no id': ['{"context": {"user_id": 1.5}, "flags": []}', '/context/user_id'],
    'no flags': [`{${user}}`, '/flags'],
    'a flag that is no string': [`{${user}, "flags": ["full", null]}`, '/flags/1'],
    'too many flags': [`{${user}, "flags": [${Array(101).fill('"f"')}]}`, '100'],
    'a lone surrogate in the context': ['{"context": {"user_id": "U", "team": ["\\ud800"]}, "flags": []}', '/context/team'],
    'a lone surrogate in a flag': [`{${user}, "flags": ["\\udc00"]}`, '/flags/0'],
    'overrides that are no object': [`{${user}, "flags": [], "overrides": {"user": 1}}`, '/overrides/user'],
    'a context that is too large': [`{"context": {"user_id": "U", "a": "${'x'.repeat(64 * 1024)}"}, "flags": []}`, 'CONTEXT_BYTES'],
    'a body that is too large': [large, 'BODY_BYTES'],
    'a context that is too deep': [`{"context": {"user_id": "U", "a": ${'['.repeat(128)}${']'.repeat(128)}}, "flags": []}`, '/context/a'],
    'a member that nobody reads and is too deep': [`{${user}, "flags": [], "later": ${'['.repeat(200_000)}${']'.repeat(200_000)}}`, '/later'],
    'a lone surrogate where nobody reads': [`{${user}, "flags": [], "later": "\\ud800"}`, '/later'],
    'what is not UTF-8': [Buffer.from([0x22, 0xff, 0x22]), 'UTF-8'],
  };
  let ran = 0;
  for (const [what, [body, place]] of Object.entries(cases)) {
    await t.test(`refuses ${what}`, async () => {
      // Not to be used again: the runtime drops a connection whose request nobody read to the end.
      const headers = { Connection: 'close' };
      const { status, ok, error } = await worker.ask('/api/flags/eval/batch', { method: 'POST', body, headers });
      assert.deepEqual([status, ok, error.code], [400, false, 'invalid_request']);
      assert.ok(error.message.includes(place), error.message);
      ran += 1;
    });
  }
  assert.equal(ran, Object.keys(cases).length);

  await t.test('refuses a large body that does not say how long it is', async () => {
    // On a connection of its own, because the runtime drops one whose request nobody read to the end.
    const sent = request(new URL('/api/flags/eval/batch', worker.base), { method: 'POST', agent: false });
    sent.on('error', () => {});
    sent.write(Buffer.alloc(1.5 * 1024 * 1024, ' '));
    const [response] = await once(sent, 'response');
    assert.equal(response.statusCode, 400);
    assert.match((await json(response)).error.message, /BODY_BYTES/);
    sent.destroy();
  });

  await t.test('refuses a header, and a URL, of more than 8 KiB', async () => {
    const secret = 's3cret'.repeat(1400);
    const names = ['Authorization', 'X-PTT-User-Id', 'X-PTT-Tenant-Id', 'X-PTT-Tier', 'X-PTT-Env', 'X-PTT-Role-Key', 'X-Burgee-Registry', 'X-PTT-Approval-Ref', 'X-Request-Id'];
    for (const name of names) {
      const { status, error, response } = await worker.ask('/api/flags/eval?key=full&user=U', { headers: { [name]: secret } });
      assert.deepEqual([status, error.code], [400, 'invalid_request'], name);
      assert.match(error.message, new RegExp(`${name} .*HEADER_BYTES`));
      assert.equal(response.headers.get('Access-Control-Allow-Origin'), '*');
    }
    const { status, error } = await worker.ask(`/api/flags/eval?key=full&user=${secret}`);
    assert.deepEqual([status, error.code], [400, 'invalid_request']);
    assert.match(error.message, /URL_BYTES/);
    assert.equal((await worker.fetch('/metrics', { headers: { 'X-Request-Id': secret } })).status, 400);
    const largest = await worker.ask(`/api/flags/eval?key=full&user=${'u'.repeat(8_000)}`, { headers: { 'X-PTT-Role-Key': 'r'.repeat(8_192) } });
    assert.equal(largest.status, 200);
    assert.deepEqual(worker.logs.filter((line) => line.includes('s3cret')), []);
  });

  await t.test('reads a small body that does not say how long it is', async () => {
    const body = new Blob([JSON.stringify({ context: { user_id: 'é' }, flags: ['full'] })]).stream();
    const { data } = await worker.ask('/api/flags/eval/batch', { method: 'POST', body, duplex: 'half' });
    assert.equal(data[0].value, true);
  });
}

async function registries(t) {
  await t.test('gives what is stored, byte for byte', async () => {
    const response = await worker.fetch('/api/flags/registry');
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('Cache-Control'), 'no-cache');
    assert.ok((await response.text()).startsWith(`{"ok":true,"data":${STORED},"error":null,`));
  });

  await t.test('summarises', async () => {
    const { data } = await worker.ask('/api/flags/registry?summary=true');
    assert.deepEqual([data.count, data.version, data.flags.length], [5, 12, 5]);
    const { key, type, state, rollout_stage: stage } = data.flags[0];
    assert.deepEqual([key, type, state, stage], ['full', 'boolean', 'on', 'full']);
    assert.deepEqual(data.warnings.map(({ code, pointer }) => [code, pointer]), [['invalid_flag', '/flags/3/type']]);
    assert.equal((await worker.ask('/api/flags/registry?summary=1')).status, 400);
  });

  await t.test('has a strong entity tag for each form, and answers 304', async () => {
    const tagOf = async (path, headers) => (await worker.fetch(path, { headers })).headers.get('ETag');
    const full = await tagOf('/api/flags/registry');
    const summary = await tagOf('/api/flags/registry?summary=true');
    assert.match(full, /^"[^"]+"$/);
    assert.notEqual(full, summary);
    assert.notEqual(full, await tagOf('/api/flags/registry', { 'X-Burgee-Registry': 'parity' }));
    for (const condition of [full, `W/${full}`, `"other", ${full}`, '*']) {
      const response = await worker.fetch('/api/flags/registry', { headers: { 'If-None-Match': condition } });
      assert.equal(response.status, 304, condition);
      assert.equal(response.headers.get('ETag'), full);
      assert.equal(await response.text(), '');
    }
    for (const condition of [summary, '"other"']) {
      const response = await worker.fetch('/api/flags/registry', { headers: { 'If-None-Match': condition } });
      assert.equal(response.status, 200, condition);
    }
  });
}

async function probes(t) {
  await t.test('health says what is served', async () => {
    const { data } = await worker.ask('/api/flags/health');
    assert.match(data.evaluator_version, /^\d+\.\d+\.\d+$/);
    assert.ok(data.age_ms >= 0);
    const { evaluator_version: _, age_ms: __, ...rest } = data;
    assert.deepEqual(rest, {
      status: 'ok',
      tenant: 'platform',
      snapshot_version: 12,
      generated_at: '2026-01-15T09:00:00.000Z',
      flag_count: 5,
      warning_count: 1,
      backing_state: 'kv_backed',
      cache: 'hit',
      refresh_fault: null,
    });
  });

  for (const [path, text] of Object.entries({ '/healthz': 'ok', '/readyz': 'ready' })) {
    await t.test(`${path} is plain text`, async () => {
      const response = await worker.fetch(path);
      assert.deepEqual([response.status, await response.text()], [200, text]);
      assert.match(response.headers.get('Content-Type'), /^text\/plain/);
    });
  }
}

async function everyResponse(t) {
  const requests = {
    'an evaluation': ['GET', '/api/flags/eval?key=full&user=U', 200],
    'a refusal': ['GET', '/api/flags/eval', 400],
    'a batch': ['POST', '/api/flags/eval/batch', 200, JSON.stringify({ context: { user_id: 'U' }, flags: ['full'] })],
    'a registry': ['GET', '/api/flags/registry', 200],
    'health': ['GET', '/api/flags/health', 200],
    'a probe': ['GET', '/healthz', 200],
    'what is not there': ['GET', '/api/nothing', 404],
    'a wrong method': ['DELETE', '/api/flags/registry', 405],
    'a preflight': ['OPTIONS', '/api/flags/eval', 204],
    'a preflight for nothing': ['OPTIONS', '/api/nothing', 204],
  };
  let ran = 0;
  for (const [what, [method, path, status, body]] of Object.entries(requests)) {
    await t.test(`${what} may be read by any origin, and names its request`, async () => {
      const response = await worker.fetch(path, { method, body, headers: { Origin: 'https://page.example' } });
      const { headers } = response;
      assert.equal(response.status, status);
      assert.equal(headers.get('Access-Control-Allow-Origin'), '*');
      assert.match(headers.get('Access-Control-Expose-Headers'), /X-Request-Id/);
      assert.equal(headers.get('X-Content-Type-Options'), 'nosniff');
      assert.match(headers.get('X-Request-Id'), UUID_V4);
      const text = await response.text();
      if (text.startsWith('{')) assert.equal(JSON.parse(text).service.request_id, headers.get('X-Request-Id'));
      if (status >= 400) assert.equal(JSON.parse(text).ok, false);
      ran += 1;
    });
  }
  assert.equal(ran, Object.keys(requests).length);

  await t.test('a preflight allows the headers that are read', async () => {
    const { headers } = await worker.fetch('/api/flags/eval', { method: 'OPTIONS' });
    for (const name of ['Content-Type', 'X-PTT-User-Id', 'X-PTT-Role-Key', 'X-Request-Id', 'X-Burgee-Registry', 'If-None-Match']) {
      assert.ok(headers.get('Access-Control-Allow-Headers').includes(name), name);
    }
    for (const name of ['Allow', 'Access-Control-Allow-Methods']) assert.equal(headers.get(name), 'GET, HEAD, OPTIONS');
  });

  await t.test('a request id is echoed if it is sane, else replaced', async () => {
    const echoed = async (id) => {
      const { response, service } = await worker.ask('/api/flags/health', { headers: { 'X-Request-Id': id } });
      assert.equal(service.request_id, response.headers.get('X-Request-Id'));
      return service.request_id;
    };
    assert.equal(await echoed('req-"1"'), 'req-"1"');
    assert.equal(await echoed('x'.repeat(128)), 'x'.repeat(128));
    for (const id of ['', 'two words', 'x'.repeat(129), 'é']) assert.match(await echoed(id), UUID_V4, id);
    assert.notEqual(await echoed(''), await echoed(''));
  });

  await t.test('HEAD is GET without the body', async () => {
    for (const path of ['/api/flags/eval?key=full&user=U', '/api/flags/registry', '/healthz', '/api/nothing', '/api/flags/eval']) {
      const [get, head] = await Promise.all([worker.fetch(path), worker.fetch(path, { method: 'HEAD' })]);
      assert.equal(head.status, get.status, path);
      assert.equal(head.headers.get('Content-Type'), get.headers.get('Content-Type'), path);
      assert.equal(head.headers.get('ETag'), get.headers.get('ETag'), path);
      assert.equal(await head.text(), '', path);
    }
  });

  await t.test('a wrong method is told the right ones', async () => {
    for (const [method, path, allowed] of [
      ['POST', '/api/flags/eval', 'GET, HEAD, OPTIONS'],
      ['GET', '/api/flags/eval/batch', 'POST, OPTIONS'],
    ]) {
      const { status, response, error } = await worker.ask(path, { method });
      assert.deepEqual([status, response.headers.get('Allow'), error.code], [405, allowed, 'method_not_allowed']);
    }
  });
}
