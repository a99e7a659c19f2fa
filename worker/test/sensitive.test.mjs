// Sensitive flags on the real runtime, with a real policy service on loopback that is at times slow, down, or wrong.

import assert from 'node:assert/strict';
import { createSign, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import test from 'node:test';
import { eventually, sleep, startWorker } from './harness.mjs';

const ISSUER = 'https://issuer.example';
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = publicKey.export({ type: 'spki', format: 'pem' });

function tokenOf(claims = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const body = { sub: 'U-1', tenant_id: 'T-1', iss: ISSUER, aud: 'pty-feature-flags', exp: Math.floor(Date.now() / 1000) + 3600, ...claims };
  const signed = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(body)}`;
  return `${signed}.${createSign('sha256').update(signed).sign(privateKey).toString('base64url')}`;
}

const REGISTRY = {
  tenant: 'platform',
  version: 1,
  flags: [
    { key: 'open', default_variant: 'on' },
    { key: 's', default_variant: 'on', sensitive: { sensitive_flag: true, requires_approval: false } },
    {
      key: 'a', type: 'string', variants: [{ key: 'lo', value: 'L' }, { key: 'hi', value: 'SECRET' }], off_variant: 'lo', default_variant: 'hi',
      sensitive: { sensitive_flag: true, requires_approval: true, approval_matrix_row: 'row-1' },
    },
    { key: 'needs', prerequisites: [{ flag: 's', variants: ['on'] }] },
  ],
  overrides: [{ scope: 'user', id: 'U-2', flag: 'a', variant: 'hi' }],
};

const ALLOW = { decision: 'allow', ttl_state: 'valid' };

/** A policy service: `answer(body, response)` answers what comes; `asked` are the questions. */
async function startPolicy(t) {
  const policy = { asked: [], answer: (_, response) => response.end(JSON.stringify(ALLOW)) };
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk) => (text += chunk));
    request.on('end', () => {
      policy.asked.push({ path: request.url, method: request.method, body: JSON.parse(text), headers: request.headers });
      policy.answer(JSON.parse(text), response);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  policy.url = `http://127.0.0.1:${server.address().port}`;
  policy.says = (body, status = 200) => {
    policy.answer = (_, response) => {
      response.statusCode = status;
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    };
  };
  /** How many questions `work` leads to, and what it gives. */
  policy.count = async (work) => {
    const before = policy.asked.length;
    return [await work(), policy.asked.length - before];
  };
  return policy;
}

async function start(t, vars = {}, registry = REGISTRY) {
  const policy = await startPolicy(t);
  const worker = await startWorker(t, {
    vars: {
      FF_VERIFY_MODE: 'verified', FF_JWT_ISSUER: ISSUER, POLICY_JWT_PUBLIC_KEY: PEM, FF_ALLOW_DEV_HEADERS: 'true', ADMIN_POLICY_URL: policy.url,
      ...vars,
    },
  });
  await worker.publish(registry);
  const headers = { Authorization: `Bearer ${tokenOf({ approval_ref: 'APP-1' })}` };
  const evaluate = async (key, init = { headers }) => (await worker.ask(`/api/flags/eval?key=${key}&user=U-1`, init)).data;
  const health = async () => (await (await worker.fetch('/phase-2b/health')).json()).policy;
  return { policy, worker, headers, evaluate, health };
}

test('every surface asks the policy service, and answers as it says', async (t) => {
  const { policy, worker, headers, evaluate, health } = await start(t);
  let ran = 0;

  await t.test('a question says what the service needs', async () => {
    const data = await evaluate('a');
    assert.deepEqual([data.value, data.source, data.meta.auth_source], ['SECRET', 'default', 'jwt']);
    assert.deepEqual([data.meta.approval_ref, data.meta.ttl_state, data.meta.policy], ['APP-1', 'valid', { decision: 'allow', cached: false }]);
    assert.equal(policy.asked.length, 1);
    const [{ path, method, body, headers: sent }] = policy.asked;
    assert.deepEqual([path, method, sent['content-type']], ['/api/policy/sensitive.check.2b', 'POST', 'application/json']);
    assert.deepEqual(body, {
      target_type: 'feature_flag', target_id: 'a', matrix_row: 'row-1', subject: 'U-1', tenant_id: 'T-1', approval_ref: 'APP-1',
    });
    ran += 1;
  });

  await t.test('nothing is cached, and nobody is asked about other flags', async () => {
    assert.equal((await policy.count(() => evaluate('a')))[1], 1);
    const [data, asked] = await policy.count(() => evaluate('open'));
    assert.deepEqual([data.value, asked], [true, 0]);
    ran += 1;
  });

  await t.test('who is not verified is told nothing, and nobody is asked', async () => {
    for (const init of [{}, { headers: { 'X-PTT-User-Id': 'U-2', 'X-PTT-Approval-Ref': 'APP-1' } }]) {
      const [data, asked] = await policy.count(() => evaluate('a', init));
      assert.deepEqual([data.value, data.enabled, data.source, data.reason, asked], ['L', false, 'sensitive', 'auth_not_verified', 0]);
    }
    ran += 1;
  });

  await t.test('batch, OFREP and sensitive-eval ask about each flag once', async () => {
    const init = { method: 'POST', headers: { ...headers, 'Content-Type': 'application/json' } };
    const post = async (path, body) => (await worker.fetch(path, { ...init, body: JSON.stringify(body) })).json();
    for (const said of [ALLOW, { decision: 'deny', ttl_state: 'valid' }]) {
      policy.says(said);
      const on = said === ALLOW;
      const [batch, ofBatch] = await policy.count(() => post('/api/flags/eval/batch', { context: {}, flags: ['s', 'a', 'needs', 'open', 's'] }));
      assert.deepEqual([batch.data.map(({ value }) => value), ofBatch], [[on, on ? 'SECRET' : 'L', on, true, on], 2]);
      const [one, ofOne] = await policy.count(() => post('/ofrep/v1/evaluate/flags/s', {}));
      assert.deepEqual([one.value, one.metadata.reasonCode, ofOne], [on, on ? undefined : 'policy_denied', 1]);
      const [all, ofAll] = await policy.count(() => post('/ofrep/v1/evaluate/flags', {}));
      assert.deepEqual([all.flags.map(({ value }) => value), ofAll], [[true, on, on ? 'SECRET' : 'L', on], 2]);
      const [alone, ofAlone] = await policy.count(() => post('/api/flags/sensitive-eval', { key: 'a' }));
      assert.equal(ofAlone, 1);
      assert.deepEqual(alone.data.sensitivity, { sensitive_flag: true, requires_approval: true, approval_matrix_row: 'row-1' });
      assert.equal(alone.data.gate.decision, on ? 'allow' : 'deny');
      assert.equal(alone.data.evaluation.value, on ? 'SECRET' : 'L');
    }
    ran += 1;
  });

  await t.test('an approval that has ended is a denial, and a warning is told', async () => {
    policy.says({ decision: 'allow', ttl_state: 'expired' });
    const expired = await evaluate('a');
    assert.deepEqual([expired.value, expired.reason, expired.meta.ttl_state], ['L', 'approval_expired', 'expired']);
    policy.says({ decision: 'allow-with-warning', ttl_state: 'expiring', approval_ref: 'APP-7', warning: 'soon' });
    const warned = await evaluate('a');
    assert.deepEqual([warned.value, warned.meta.warnings, warned.meta.approval_ref], ['SECRET', ['policy_warning'], 'APP-7']);
    ran += 1;
  });

  await t.test('what leaves the service has no more than anybody is told', async () => {
    for (const path of ['/api/flags/registry', '/api/flags/registry?summary=true']) {
      const response = await worker.fetch(path, { headers });
      const text = await response.text();
      assert.equal(response.status, 200);
      assert.doesNotMatch(text, /SECRET|U-2/, path);
      assert.match(text, /"key":"a"/, path);
    }
    const rows = await worker.ask('/api/flags/overrides/by-flag/a', { headers });
    assert.deepEqual(rows.data, { flag_key: 'a', rows: [{ scope: 'user', id: 'U-2', variant: 'hi', expired: false }] });
    assert.equal((await worker.ask('/api/flags/overrides/by-flag/a')).status, 403);
    assert.equal((await worker.fetch('/schemas/override.json')).status, 200);
    ran += 1;
  });

  assert.deepEqual(await health(), { configured: true, breaker: 'closed', failures: 0 });
  assert.equal(ran, 6);
});

test('what is not exactly an answer is none', async (t) => {
  const { policy, evaluate, health } = await start(t);
  const huge = JSON.stringify({ ...ALLOW, x: 'x'.repeat(70_000) });
  const wrong = [
    ['garbage', 'allow', 200],
    ['nothing', '', 200],
    ['a list', '["allow","valid"]', 200],
    ['other types', { decision: true, ttl_state: 'valid' }, 200],
    ['a word that is not known', { decision: 'yes', ttl_state: 'valid' }, 200],
    ['a member that is missing', { decision: 'allow' }, 200],
    ['an error', ALLOW, 500],
    ['another status', ALLOW, 201],
    ['too much', huge, 200],
  ];
  let ran = 0;
  for (const [what, body, status] of wrong) {
    policy.says(body, status);
    const data = await evaluate('s');
    assert.deepEqual([data.value, data.source, data.reason], [false, 'sensitive', 'admin_unreachable'], what);
    assert.equal((await health()).failures, 1, what);
    // One that is good, so that the breaker stays closed.
    policy.says(ALLOW);
    assert.equal((await evaluate('s')).value, true, what);
    ran += 1;
  }
  // A redirect leads to an answer, and is not followed.
  policy.answer = (_, response) => response.writeHead(302, { Location: `${policy.url}/elsewhere` }).end();
  const [data, asked] = await policy.count(() => evaluate('s'));
  assert.deepEqual([data.reason, asked], ['admin_unreachable', 1]);
  assert.equal(ran, wrong.length);
});

test('the breaker opens, tries again, and closes', async (t) => {
  const { policy, worker, evaluate, health } = await start(t);
  const reasonOf = async () => (await evaluate('s')).reason;

  // Denials are answers.
  policy.says({ decision: 'deny', ttl_state: 'none' });
  for (let i = 0; i < 6; i += 1) assert.equal(await reasonOf(), 'policy_denied');
  assert.deepEqual(await health(), { configured: true, breaker: 'closed', failures: 0 });

  // Flapping does not open it.
  for (let i = 0; i < 8; i += 1) {
    policy.says(ALLOW, i % 2 ? 200 : 503);
    assert.equal(await reasonOf(), i % 2 ? 'default' : 'admin_unreachable');
  }
  assert.equal((await health()).breaker, 'closed');

  // One that does not answer is waited for no longer than a second; together they are slow at the same time.
  policy.answer = () => {};
  const began = Date.now();
  const slow = await Promise.all(Array.from({ length: 5 }, reasonOf));
  assert.deepEqual(slow, Array(5).fill('admin_unreachable'));
  assert.ok(Date.now() - began < 3_000, `${Date.now() - began} ms`);
  const open = await health();
  assert.deepEqual([open.breaker, open.failures], ['open', 5]);
  const until = Date.parse(open.open_until);
  assert.ok(until > Date.now() && until <= Date.now() + 10_500, open.open_until);

  // Nobody is asked while it is open, and nobody waits.
  policy.says(ALLOW);
  const [reasons, asked] = await policy.count(() => Promise.all(Array.from({ length: 10 }, reasonOf)));
  assert.deepEqual([reasons, asked], [Array(10).fill('admin_unreachable'), 0]);

  // Then one tries, and fails: it is open for twice as long.
  await sleep(Math.max(0, until - Date.now()) + 100);
  assert.equal((await health()).breaker, 'half_open');
  policy.says('garbage');
  const [, tried] = await policy.count(() => Promise.all(Array.from({ length: 10 }, reasonOf)));
  assert.equal(tried, 1);
  const again = await health();
  assert.equal(again.breaker, 'open');
  assert.ok(Date.parse(again.open_until) - Date.now() > 15_000, again.open_until);

  // The next one succeeds, and all are let through again.
  policy.says(ALLOW);
  await sleep(Math.max(0, Date.parse(again.open_until) - Date.now()) + 100);
  assert.equal(await reasonOf(), 'default');
  assert.deepEqual(await health(), { configured: true, breaker: 'closed', failures: 0 });
  const [all, let_through] = await policy.count(() => Promise.all(Array.from({ length: 10 }, reasonOf)));
  assert.deepEqual([all, let_through], [Array(10).fill('default'), 10]);

  // What it did is counted: it opened, tried in vain, tried again and closed.
  const metrics = await (await worker.fetch('/metrics')).text();
  const counted = (family) => Object.fromEntries([...metrics.matchAll(new RegExp(`^${family}\\{\\w+="(\\w+)"\\} (\\d+)$`, 'gm'))].map(([, label, count]) => [label, Number(count)]));
  assert.deepEqual(counted('burgee_policy_breaker_total'), { closed: 1, half_open: 2, open: 2 });
  assert.deepEqual(counted('burgee_policy_questions_total'), { allow: 15, allow_with_warning: 0, deny: 6, not_asked: 19, unreachable: 10 });
});

test('without a policy service nobody is told', async (t) => {
  const { evaluate, health } = await start(t, { ADMIN_POLICY_URL: '' });
  const data = await evaluate('s');
  assert.deepEqual([data.value, data.reason], [false, 'admin_unreachable']);
  assert.deepEqual(await health(), { configured: false, breaker: 'closed', failures: 0 });
});

test('a service that is down', async (t) => {
  const { evaluate } = await start(t, { ADMIN_POLICY_URL: 'http://127.0.0.1:9' });
  assert.equal((await evaluate('s')).reason, 'admin_unreachable');
});

test('decode-only tokens are not enough', async (t) => {
  const { policy, evaluate } = await start(t, { FF_VERIFY_MODE: 'decode-only' });
  const data = await evaluate('a');
  assert.deepEqual([data.value, data.reason, data.meta.auth_source, policy.asked.length], ['L', 'auth_not_verified', 'jwt_unverified', 0]);
});

test('a stampede on an empty isolate makes one read', async (t) => {
  const worker = await startWorker(t, { vars: { FF_ALLOW_DEV_HEADERS: 'true' }, gate: true });
  await worker.publish(REGISTRY);
  await worker.setGate('slow');
  const before = await worker.reads();
  const answers = await Promise.all(Array.from({ length: 200 }, () => worker.ask('/api/flags/eval?key=open&user=U')));
  assert.equal((await worker.reads()) - before, 1);
  assert.equal(answers.length, 200);
  for (const { status, data } of answers) assert.deepEqual([status, data.value, data.meta.cache], [200, true, 'miss']);
  assert.equal((await worker.ask('/api/flags/eval?key=open&user=U')).data.meta.cache, 'hit');
});

test('a load that is lost is taken over', async (t) => {
  const worker = await startWorker(t, { vars: { FF_ALLOW_DEV_HEADERS: 'true' }, gate: true });
  await worker.publish(REGISTRY);
  await worker.setGate('closed');
  // The runtime sees that nothing will ever answer it, and ends it with a 500; where it does not, the client does.
  const lost = worker.fetch('/api/flags/eval?key=open&user=U', { signal: AbortSignal.timeout(500) }).then(({ status }) => status, () => 'gone');
  await eventually(worker.reads, (reads) => reads === 1, 'the read that never ends');
  await worker.setGate('open');
  const answers = await Promise.all(Array.from({ length: 20 }, () => worker.ask('/api/flags/eval?key=open&user=U')));
  for (const { status, data } of answers) assert.deepEqual([status, data.meta.cache], [200, 'miss']);
  assert.equal(await worker.reads(), 2);
  assert.notEqual(await lost, 200);
});

test('from three quarters of its time on a registry is read ahead, and an older one is not taken', async (t) => {
  const TTL = 2_000;
  const worker = await startWorker(t, { vars: { FF_ALLOW_DEV_HEADERS: 'true', FF_SOFT_TTL_MS: String(TTL) }, gate: true });
  const ask = async () => (await worker.ask('/api/flags/eval?key=open&user=U')).data.meta;
  await worker.publish({ ...REGISTRY, version: 5 });
  assert.equal((await ask()).cache, 'miss');
  await worker.publish({ ...REGISTRY, version: 6 });
  await sleep(TTL * 0.8);
  const ahead = await ask();
  assert.deepEqual([ahead.cache, ahead.snapshot_version], ['hit', 5]);
  const fresh = await eventually(ask, (meta) => meta.snapshot_version === 6, 'the refresh ahead of time', TTL / 5);
  assert.equal(fresh.cache, 'hit');
  assert.equal(await worker.reads(), 2);
  await worker.publish({ ...REGISTRY, version: 4 });
  const kept = await eventually(ask, (meta) => meta.warnings.includes('refresh_failed'), 'the older one');
  assert.deepEqual([kept.snapshot_version, kept.cache], [6, 'stale']);
  const { data } = await worker.ask('/api/flags/health');
  assert.equal(data.refresh_fault.code, 'snapshot_older');
});
