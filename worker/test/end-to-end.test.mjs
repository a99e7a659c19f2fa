// One tenant's story over HTTP, from an empty store: what is written, and what everybody who follows it hears and sees, with the clients that they would use.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { eventually, SECRET, startWorker, WORKER } from './harness.mjs';

const { createClient } = await import(pathToFileURL(join(WORKER, '..', 'npm', 'dist', 'client.js')));

const HOUR = 3_600_000;
const USERS = Array.from({ length: 60 }, (_, n) => ({ id: `U-${n}`, attributes: { plan: n % 2 ? 'pro' : 'free' } }));
const sha256 = async (text) => Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.from(text))).toString('hex');

/** Receives webhooks: fails twice, and then takes what comes. */
async function receiver(t) {
  const received = [];
  const statuses = [500, 503];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    received.push({ headers: request.headers, body });
    response.writeHead(statuses.shift() ?? 204).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { received, host: `127.0.0.1:${server.address().port}` };
}

/** Reads an event stream in the background; `frames` are those that came, without comments. */
async function follow(t, url, headers) {
  const abort = new AbortController();
  t.after(() => abort.abort());
  const response = await fetch(url, { headers, signal: abort.signal });
  assert.equal(response.status, 200);
  let text = '';
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body) text += decoder.decode(chunk, { stream: true });
  })().catch(() => {});
  const whole = () => text.slice(0, text.lastIndexOf('\n\n') + 1).split('\n\n').filter((frame) => frame.trim() && !frame.startsWith(':'));
  const fields = (frame) => Object.fromEntries(frame.trim().split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));
  return { frames: () => whole().map(fields).map((frame) => ({ ...frame, data: JSON.parse(frame.data) })), close: () => (abort.abort(), reading) };
}

test('from an empty store to everybody who follows', async (t) => {
  const hook = await receiver(t);
  const people = { dev: ['flags:rw', 'segments:rw', 'evaluate'], boss: ['approve', 'audit:r', 'killswitch:rw', 'flags:r'], ops: ['admin'] };
  const clients = await Promise.all(
    Object.entries(people).map(async ([id, scopes]) => ({ id, secret_sha256: await sha256(`secret of ${id}`), scopes, tenants: ['acme'] })),
  );
  const vars = { FF_CLIENTS: JSON.stringify(clients), FF_TOKEN_SECRET: SECRET, FF_TEST_CLOCK: '1', FF_SOFT_TTL_MS: '0', FF_WEBHOOK_HOSTS: hook.host };
  const worker = await startWorker(t, { vars });
  const tokens = {};
  const ask = async (who, method, path, body, more = {}) => {
    const response = await worker.fetch(path, {
      method,
      headers: { Authorization: `Bearer ${tokens[who]}`, 'X-Tenant-ID': 'acme', ...(body && { 'Content-Type': 'application/json' }), ...more },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, body: text ? JSON.parse(text) : null };
  };
  const done = async (wanted, ...request) => {
    const answer = await ask(...request);
    assert.equal(answer.status, wanted, `${request.slice(1, 3).join(' ')}: ${answer.text}`);
    return answer.body;
  };
  const evaluate = (flag, user = USERS[0]) => done(200, 'dev', 'POST', '/v1/evaluate', { flag_key: flag, user });
  const served = async (flag) => (await Promise.all(USERS.map((user) => evaluate(flag, user)))).filter(({ variant }) => variant === 'on').length;
  let steps = 0;
  const step = (name, run) => t.test(name, async () => {
    await run();
    steps += 1;
  });
  let webhook;
  let stream;
  let refetch;

  await step('each gets a token with what is his own, and no more', async () => {
    for (const id of Object.keys(people)) {
      const issued = await done(200, id, 'POST', '/v1/auth/token', { client_id: id, client_secret: `secret of ${id}`, tenants: ['acme'] });
      tokens[id] = issued.access_token;
    }
    await done(401, 'dev', 'POST', '/v1/auth/token', { client_id: 'dev', client_secret: 'secret of boss' });
    await done(403, 'dev', 'POST', '/v1/auth/token', { client_id: 'dev', client_secret: 'secret of dev', scope: 'admin' });
    await done(403, 'dev', 'POST', '/v1/killswitches/engage', {});
    await done(403, 'dev', 'GET', '/v1/flags', undefined, { 'X-Tenant-ID': 'other' });
    assert.deepEqual(await done(200, 'dev', 'GET', '/v1/flags'), { items: [], next_page_token: null });
  });

  await step('a webhook and an event stream are there before the first change', async () => {
    webhook = await done(201, 'ops', 'POST', '/v1/webhooks', { url: `http://${hook.host}/hook`, types: ['segment.*'] });
    stream = await follow(t, new URL('/v1/events', worker.base), { Authorization: `Bearer ${tokens.dev}`, 'X-Tenant-ID': 'acme' });
  });

  await step('a segment, a flag that names it, and its answers', async () => {
    await done(201, 'dev', 'POST', '/v1/segments', { key: 'paying', conditions: { attr: 'plan', op: 'in', values: ['pro', 'team'] } });
    const rules = [{ id: 'paying', when: { segment: 'paying' }, serve: { variant: 'on' } }];
    await done(201, 'dev', 'POST', '/v1/flags', { key: 'search', default_variant: 'off', rules });
    await done(201, 'dev', 'POST', '/v1/flags', { key: 'checkout', default_variant: 'off', kill_switch: 'payments' });
    assert.deepEqual([await served('search'), await served('checkout')], [USERS.length / 2, 0]);
    assert.equal((await evaluate('search', USERS[1])).rule_id, 'paying');
  });

  await step('the webhook arrives after two failures, as one, signed', async () => {
    const delivery = async () => (await done(200, 'ops', 'GET', `/v1/webhooks/${webhook.id}/deliveries`)).items[0];
    for (const failed of [1, 2]) {
      await eventually(delivery, (one) => one?.attempts === failed && one.status === 'pending', `failure ${failed}`, 15_000);
      await worker.alarm('acme', Date.now() + HOUR);
    }
    const { attempts } = await eventually(delivery, ({ status }) => status === 'delivered', 'the delivery', 15_000);
    assert.deepEqual([attempts, hook.received.length], [3, 3]);
    assert.equal(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size, 1);
    const standard = new Webhook(webhook.secret);
    for (const { headers, body } of hook.received) {
      const { type, subject } = standard.verify(body, headers);
      assert.deepEqual([type, subject], ['segment.created', 'segments/paying']);
      assert.throws(() => standard.verify(body.replace('paying', 'saving'), headers), /signature/i);
    }
  });

  await step('a preview of what is stored, and of what is not yet', async () => {
    const stored = await done(200, 'dev', 'POST', '/v1/evaluate/preview', { flag_key: 'search', user: USERS[1] });
    assert.deepEqual([stored.variant, stored.reason_chain.at(-1).rule_id], ['on', 'paying']);
    const flag = { key: 'next', rules: [{ id: 'r', when: { segment: 'paying' }, serve: { variant: 'on' } }], default_variant: 'off' };
    assert.equal((await done(200, 'dev', 'POST', '/v1/evaluate/preview', { flag, user: USERS[0] })).variant, 'off');
    await done(404, 'dev', 'GET', '/v1/flags/next');
  });

  await step('a ramp goes up as the clock goes on', async () => {
    const steps = [{ percentage: 20 }, { percentage: 60, after: '24h' }, { percentage: 100, after: '24h' }];
    const start = Date.now() + HOUR;
    await done(201, 'dev', 'POST', '/v1/flags/checkout/rollout', { steps }, { 'X-Burgee-Test-Now': String(start) });
    const counts = [];
    for (const hours of [0, 24, 48]) {
      assert.equal((await worker.alarm('acme', start + hours * HOUR)).status, 204);
      counts.push(await served('checkout'));
    }
    assert.ok(counts[0] > 0 && counts[0] < counts[1] && counts[1] < counts[2], counts.join());
    assert.equal(counts[2], USERS.length);
    assert.equal((await done(200, 'dev', 'GET', '/v1/flags/checkout/rollout')).status, 'done');
  });

  await step('a category is killed, and everything, and both are released', async () => {
    await done(200, 'boss', 'POST', '/v1/killswitches/payments/engage', { reason: 'payments are down' });
    assert.deepEqual([await served('checkout'), await served('search')], [0, USERS.length / 2]);
    await done(200, 'boss', 'POST', '/v1/killswitches/engage', { reason: 'all is down' });
    assert.deepEqual([await served('checkout'), await served('search')], [0, 0]);
    await done(200, 'boss', 'POST', '/v1/killswitches/release');
    await done(200, 'boss', 'POST', '/v1/killswitches/payments/release');
    assert.deepEqual([await served('checkout'), await served('search')], [USERS.length, USERS.length / 2]);
  });

  await step('an archived flag is served to nobody, until it is restored', async () => {
    await done(200, 'dev', 'POST', '/v1/flags/search/archive');
    await done(404, 'dev', 'POST', '/v1/evaluate', { flag_key: 'search', user: USERS[1] });
    await done(200, 'dev', 'POST', '/v1/flags/search/restore');
    assert.equal((await evaluate('search', USERS[1])).variant, 'on');
  });

  await step('a flag of high impact changes by two people', async () => {
    await done(202, 'dev', 'PATCH', '/v1/flags/search', { high_impact: true }).then(({ id }) => done(200, 'boss', 'POST', `/v1/proposals/${id}/approve`));
    const proposal = await done(202, 'dev', 'PATCH', '/v1/flags/search', { default_variant: 'on' });
    assert.equal(await served('search'), USERS.length / 2);
    await done(403, 'dev', 'POST', `/v1/proposals/${proposal.id}/approve`);
    assert.equal((await done(200, 'boss', 'POST', `/v1/proposals/${proposal.id}/approve`)).status, 'approved');
    assert.equal(await served('search'), USERS.length);
  });

  await step('an OFREP client hears that it must ask again', async () => {
    const bulk = () => ask('dev', 'POST', '/ofrep/v1/evaluate/flags', { context: { targetingKey: 'U-1' } });
    const before = await bulk();
    assert.equal(before.status, 200, before.text);
    refetch = await follow(t, new URL(before.body.eventStreams[0].url));
    await done(200, 'dev', 'PATCH', '/v1/flags/checkout', { description: 'The new checkout' });
    const [{ event, data }] = await eventually(() => refetch.frames(), ({ length }) => length > 0, 'the new version');
    assert.deepEqual([event, data.type], ['message', 'refetchEvaluation']);
    const after = await ask('dev', 'POST', `/ofrep/v1/evaluate/flags?flagConfigEtag=${encodeURIComponent(data.etag)}`, { context: { targetingKey: 'U-1' } }, { 'If-None-Match': before.headers.get('ETag') });
    assert.equal(after.status, 200, 'what was held is not what there is');
    await refetch.close();
  });

  await step('the stream told of all of it in order, and goes on where it was left', async () => {
    const last = 'flag.updated';
    const frames = await eventually(() => stream.frames(), (all) => all.at(-1)?.event === last && all.length >= 18, 'the events');
    const seen = frames.map(({ event }) => event);
    assert.deepEqual(frames.map(({ id }) => Number(id)), frames.map((_, at) => Number(frames[0].id) + at));
    for (const type of ['segment.created', 'flag.created', 'flag.rollout_scheduled', 'flag.rollout_done', 'killswitch.engaged', 'killswitch.released', 'flag.archived', 'flag.restored', 'proposal.created', 'proposal.approved']) {
      assert.ok(seen.includes(type), `${type} in ${seen.join()}`);
    }
    await stream.close();
    const from = frames.at(-4).id;
    const again = await follow(t, new URL('/v1/events', worker.base), { Authorization: `Bearer ${tokens.dev}`, 'X-Tenant-ID': 'acme', 'Last-Event-ID': from });
    const missed = await eventually(() => again.frames(), ({ length }) => length >= 3, 'what was missed');
    assert.deepEqual(missed, frames.slice(-3));
    await again.close();
  });

  await step('the npm client answers from /v1/snapshot as the server does', async () => {
    const client = createClient({ url: String(new URL('/v1/snapshot', worker.base)), tenant: 'acme', headers: () => ({ Authorization: `Bearer ${tokens.dev}` }), refresh: 0, storage: null });
    await client.ready?.();
    await eventually(() => client.status, (status) => status === 'fresh', 'the snapshot');
    let compared = 0;
    for (const flag of ['search', 'checkout']) {
      for (const user of USERS) {
        const { value, variant } = await evaluate(flag, user);
        const own = client.evaluate(flag, { user_id: user.id, ...user.attributes });
        assert.deepEqual([own.value, own.variant], [value, variant], `${flag} ${user.id}`);
        compared += 1;
      }
    }
    assert.equal(compared, 2 * USERS.length);
    client.close?.();
  });

  await step('the audit has it all, and nobody rewrites it unseen', async () => {
    const { items } = await done(200, 'boss', 'GET', '/v1/audit?limit=200');
    const verified = await done(200, 'boss', 'GET', '/v1/audit/verify');
    assert.deepEqual([verified.ok, verified.entries, verified.head, verified.broken_at], [true, items.length, items[0].hash, null]);
    const approved = items.filter(({ approved_by: by }) => by !== undefined);
    assert.ok(approved.length >= 2 && approved.every(({ actor, approved_by: by }) => actor === 'dev' && by === 'boss'), JSON.stringify(approved));
    const text = JSON.stringify(items);
    for (const secret of [webhook.secret, tokens.dev, 'secret of dev']) assert.ok(!text.includes(secret));
    const rewrite = "UPDATE audit SET actor = 'nobody' WHERE seq = 5";
    assert.match((await worker.sql('acme', rewrite)).error ?? '', /the audit is not changed/);
    // Whoever gets past the table's own refusal is found by the chain.
    assert.deepEqual(await worker.sql('acme', 'DROP TRIGGER audit_is_not_updated', rewrite), []);
    const broken = await done(200, 'boss', 'GET', '/v1/audit/verify');
    assert.deepEqual([broken.ok, broken.broken_at], [false, 5]);
  });

  console.log(`end to end: ${steps} steps`);
  assert.equal(steps, 13);
});
