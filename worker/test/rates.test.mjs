// Who asks too often is told so, in the form of the surface that he asks, and told when to ask again.

import assert from 'node:assert/strict';
import test from 'node:test';
import { startWorker, token } from './harness.mjs';
import { makeKey } from './issuer.mjs';

const ISSUER = 'https://issuer.example';
const RATE = 5;
/** A bucket holds so many seconds of its rate. */
const BURST = 2 * RATE;
/** All requests are made at this time, so that no bucket fills while a test runs. */
const NOW = 1_800_000_000_000;
const REGISTRY = { tenant: 'platform', version: 1, flags: [{ key: 'f', default_variant: 'on' }] };

const at = (now) => ({ 'X-Burgee-Test-Now': String(now) });
const from = (address) => ({ 'CF-Connecting-IP': address });

/** A Worker with such rates; `count` sends a request so often and gives how many of its answers are not 429, and the last answer. */
async function start(t, vars) {
  const worker = await startWorker(t, { vars: { FF_TEST_CLOCK: '1', FF_OPEN_REGISTRIES: 'acme', ...vars } });
  await worker.publish(REGISTRY);
  await worker.publish({ ...REGISTRY, tenant: 'acme' }, 'acme');
  const send = (path, { method = 'GET', body, now = NOW, ...headers } = {}) =>
    worker.fetch(path, { method, headers: { ...at(now), ...headers }, body });
  const count = async (times, path, init) => {
    let passed = 0;
    let last;
    for (let asked = 0; asked < times; asked += 1) {
      last = await send(path, init);
      const text = await last.text();
      if (last.status === 429) last = Object.assign(last, { json: JSON.parse(text) });
      else passed += 1;
    }
    return { passed, last };
  };
  return { worker, send, count };
}

test('every surface says it in its own form', async (t) => {
  const { send, count } = await start(t, { FF_RATE_CLIENT: String(RATE) });
  const admin = { Authorization: `Bearer ${token({ sub: 'forms' })}`, 'X-Tenant-ID': 'acme' };
  const surfaces = [
    { path: '/api/flags/eval?key=f&user=u', code: ({ ok, error }) => ok === false && error.code, init: {} },
    { path: '/ofrep/v1/evaluate/flags/f', code: ({ key, errorCode, metadata }) => key === 'f' && errorCode === 'GENERAL' && metadata.reasonCode, init: { method: 'POST', body: '{}' } },
    { path: '/ofrep/v1/evaluate/flags', code: ({ errorCode, metadata }) => errorCode === 'GENERAL' && metadata.reasonCode, init: { method: 'POST', body: '{}' } },
    { path: '/v1/flags', type: 'application/problem+json', code: ({ status, code }) => status === 429 && code, init: admin },
    { path: '/metrics', code: ({ error }) => error.code, init: {} },
    { path: '/nowhere', code: ({ error }) => error.code, init: {} },
  ];
  let checked = 0;
  for (const [place, { path, type = 'application/json', code, init }] of surfaces.entries()) {
    const headers = from(`192.0.2.${place + 1}`);
    const { passed, last } = await count(BURST + 1, path, { ...init, ...headers });
    assert.deepEqual([passed, last.status, code(last.json)], [BURST, 429, 'rate_limited'], path);
    assert.equal(last.headers.get('Content-Type'), type, path);
    assert.match(last.headers.get('Retry-After'), /^[1-9][0-9]*$/, path);
    assert.equal(last.headers.get('Access-Control-Allow-Origin'), '*', path);
    assert.match(last.headers.get('Access-Control-Expose-Headers'), /\bRetry-After\b/, path);
    const wait = Number(last.headers.get('Retry-After')) * 1000;
    assert.notEqual((await send(path, { ...init, ...headers, now: NOW + wait })).status, 429, `${path}: who waits as he was told is let in`);
    checked += 1;
  }
  assert.equal(checked, 6);
});

test('a client is who its token says, or else where it comes from', async (t) => {
  const key = await makeKey('ES256', 'k-1');
  const { count } = await start(t, {
    ...{ FF_RATE_CLIENT: String(RATE), FF_VERIFY_MODE: 'verified', FF_JWT_ISSUER: ISSUER, POLICY_JWT_PUBLIC_KEY: await key.pem() },
  });
  const signed = (sub) => key.sign({ iss: ISSUER, aud: 'pty-feature-flags', sub, exp: 4e9 });
  const [ana, ben] = await Promise.all(['ana', 'ben'].map(signed));
  const bearer = (jwt) => ({ Authorization: `Bearer ${jwt}` });
  const path = '/api/flags/eval?key=f&user=u';
  const rows = [
    ['without a token', BURST, { ...from('192.0.2.1') }],
    ['from elsewhere', BURST, { ...from('192.0.2.2') }],
    ['the first again, as somebody else', 0, { ...from('192.0.2.1'), 'X-PTT-User-Id': 'other' }],
    ['in a network of IPv6', BURST, { ...from('2001:db8:1:2::1') }],
    ['in the same', 0, { ...from('2001:db8:1:2::2') }],
    // The first request with a token is paid for by its address too, since it has to be verified.
    ['with a token', BURST, { ...from('192.0.2.3'), ...bearer(ana) }],
    ['with the same from elsewhere', 0, { ...from('192.0.2.4'), ...bearer(ana) }],
    ['with another', BURST, { ...from('192.0.2.3'), ...bearer(ben) }],
    // A token that does not verify is paid for twice: when it is verified, and when it is refused.
    ['with tokens that are made up', BURST / 2, { ...from('192.0.2.5'), ...bearer(`${ana.slice(0, -4)}AAAA`) }],
  ];
  for (const [what, expected, headers] of rows) assert.equal((await count(BURST + 2, path, headers)).passed, expected, what);
  assert.equal(rows.length, 9);
});

test('a tenant has a rate that all who ask about it share', async (t) => {
  const { count } = await start(t, { FF_RATE_TENANT: String(RATE) });
  const ask = (times, tenant, address) => count(times, '/ofrep/v1/evaluate/flags/f', { method: 'POST', body: '{}', 'X-Tenant-ID': tenant, ...from(address) });
  assert.equal((await ask(BURST - 1, 'acme', '192.0.2.1')).passed, BURST - 1);
  const { passed, last } = await ask(3, 'acme', '192.0.2.2');
  assert.deepEqual([passed, last.json.metadata.reasonCode], [1, 'rate_limited']);
  assert.equal((await ask(1, 'platform', '192.0.2.2')).passed, 1, 'another tenant');
  // Who is refused costs the tenant nothing.
  assert.equal((await count(2 * BURST, '/v1/flags', { 'X-Tenant-ID': 'globex' })).passed, 2 * BURST);
  assert.equal((await count(1, '/v1/flags', { 'X-Tenant-ID': 'globex', Authorization: `Bearer ${token()}` })).passed, 1);
});

test('probes and preflights are always answered, and 0 is no limit', async (t) => {
  const limited = await start(t, { FF_RATE_CLIENT: '1', FF_RATE_TENANT: '1' });
  for (const path of ['/healthz', '/readyz']) assert.equal((await limited.count(10, path)).passed, 10, path);
  assert.equal((await limited.count(10, '/v1/flags', { method: 'OPTIONS' })).passed, 10);
  const { count } = await start(t, { FF_RATE_CLIENT: '0', FF_RATE_TENANT: '0' });
  assert.equal((await count(100, '/api/flags/eval?key=f&user=u')).passed, 100);
});
