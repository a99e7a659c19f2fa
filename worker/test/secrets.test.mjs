// What no log line shows, whatever happens: a run in which secrets and users' ids are everywhere where a caller or an operator puts them.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import test from 'node:test';
import { eventually, SECRET, SECRETS, sleep, startWorker, token } from './harness.mjs';
import { makeKey } from './issuer.mjs';

const ISSUER = 'https://issuer.example';
const USER = 'user-6f1d2c';
const OTHER_USER = 'someone-91ab44@example.org';
const APPROVAL = 'APP-5e77c0-approval';
const CLIENT_SECRET = 'client-secret-a81f3390d2';
const ATTRIBUTE = 'attribute-0c44e1';
const METRICS_TOKEN = 'scrape-token-5c0f81e2';
const KILLED_TOKEN = 'not.a.token-but-a-secret-77be';
const FORMER_SECRET = 'what-tokens-were-signed-with-before-3ad9';
const SINK_SECRET = `whsec_${Buffer.from('the-sink-is-told-so-0c1b-and-nobody').toString('base64')}`;
// Receivers that know their callers by the URL alone put what they know into its path.
const IN_SINK_URL = 'sink-url-4be2f7';
const IN_HOOK_URL = 'hook-url-9a03cd';

/** A policy service, a receiver of webhooks and the audit's sink: what it answers, and the webhooks and entries that came. */
async function startOther(t) {
  const other = { decision: 'allow', status: 200, hooks: [], entries: [] };
  const server = createServer(async (request, response) => {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    if (request.url.startsWith('/in')) other.hooks.push(request.headers);
    if (request.url.startsWith('/sink')) other.entries.push(request.headers);
    // What it says is its own, and may repeat what it was asked.
    response.writeHead(other.status).end(other.status === 200 ? JSON.stringify({ decision: other.decision, ttl_state: 'valid', approval_ref: APPROVAL }) : text);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(other, { host: `127.0.0.1:${server.address().port}` });
}

test('no line of the log shows a secret or whom it is about', async (t) => {
  const other = await startOther(t);
  const key = await makeKey('ES256', 'k-1');
  const { privateKey } = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const { kty, crv, x, d: signingKey } = await crypto.subtle.exportKey('jwk', privateKey);
  const clients = [{ id: 'ci', secret_sha256: createHash('sha256').update(CLIENT_SECRET).digest('hex'), scopes: ['flags:rw'], tenants: ['acme'] }];
  const vars = {
    FF_VERIFY_MODE: 'verified', FF_JWT_ISSUER: ISSUER, POLICY_JWT_PUBLIC_KEY: await key.pem(), ADMIN_POLICY_URL: `http://${other.host}`,
    FF_CLIENTS: JSON.stringify(clients), FF_SIGNING_KEYS: JSON.stringify([{ kty, crv, kid: 's-1', x, d: signingKey }]),
    FF_TOKEN_SECRET: `${SECRET} ${FORMER_SECRET}`, FF_AUDIT_SINK_URL: `http://${other.host}/sink/${IN_SINK_URL}`, FF_AUDIT_SINK_SECRET: SINK_SECRET, FF_METRICS_TOKEN: METRICS_TOKEN,
    FF_WEBHOOK_HOSTS: other.host, FF_TEST_CLOCK: '1', FF_TEST_PANIC: '1', FF_SOFT_TTL_MS: '0', FF_OPEN_REGISTRIES: 'platform',
  };
  const worker = await startWorker(t, { gate: true, vars });
  const claims = { iss: ISSUER, aud: 'pty-feature-flags', sub: USER, tenant_id: ATTRIBUTE, role_key: ATTRIBUTE, approval_ref: APPROVAL, exp: 4e9 };
  const good = await key.sign(claims);
  const tokens = [good, await key.sign({ ...claims, exp: 1 }), await key.sign({ ...claims, aud: 'x' }), `${good.slice(0, -6)}AAAAAA`, KILLED_TOKEN];
  const sensitive = { key: 's', default_variant: 'on', sensitive: { sensitive_flag: true, requires_approval: true } };
  await worker.publish({ tenant: 'platform', version: 1, flags: [{ key: 'f', default_variant: 'on' }, sensitive], overrides: [{ scope: 'user', id: USER, flag: 's', variant: 'on', approval_ref: APPROVAL }] });
  let asked = 0;
  const statuses = new Set();
  const send = async (path, { method = 'GET', body, headers } = {}) => {
    asked += 1;
    const init = { method, headers: { 'X-Request-Id': `r-${asked}`, ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers }, body: typeof body === 'object' ? JSON.stringify(body) : body };
    const response = await worker.fetch(path, init);
    statuses.add(response.status);
    return { status: response.status, text: await response.text() };
  };
  const bearer = (value) => ({ Authorization: `Bearer ${value}` });

  // Who asks: tokens of every kind, by every way; headers and queries of those without.
  const about = { 'X-PTT-User-Id': OTHER_USER, 'X-PTT-Tenant-Id': ATTRIBUTE, 'X-PTT-Approval-Ref': APPROVAL };
  for (const headers of [...tokens.map(bearer), about, { ...bearer(good), ...about }]) {
    for (const flag of ['f', 's']) {
      await send(`/api/flags/eval?key=${flag}&user=${encodeURIComponent(OTHER_USER)}&tier=${ATTRIBUTE}`, { headers });
      await send(`/ofrep/v1/evaluate/flags/${flag}`, { method: 'POST', headers, body: { context: { targetingKey: OTHER_USER, attribute: ATTRIBUTE } } });
    }
    await send('/api/flags/eval/batch', { method: 'POST', headers, body: { context: { user_id: OTHER_USER, x: ATTRIBUTE }, flags: ['f', 's', ATTRIBUTE] } });
    await send('/api/flags/sensitive-eval', { method: 'POST', headers, body: { key: 's', context: { user_id: OTHER_USER }, approval_ref: APPROVAL } });
    await send('/api/flags/overrides/by-flag/s', { headers });
  }
  for (const body of [`{"flags": ["f"], "context": {"user_id": "${OTHER_USER}"`, { context: { user_id: [OTHER_USER], [ATTRIBUTE]: {} }, flags: [] }, { [APPROVAL]: 1 }]) {
    await send('/api/flags/eval/batch', { method: 'POST', body });
    await send('/api/flags/sensitive-eval', { method: 'POST', headers: bearer(good), body });
  }
  // A policy service that fails and repeats what it was asked.
  other.status = 500;
  for (let n = 0; n < 6; n += 1) await send('/api/flags/eval?key=s', { headers: bearer(good) });
  other.status = 200;

  // The control plane: clients' secrets, rows of users, webhooks.
  const v1 = { ...bearer(token()), 'X-Tenant-ID': 'acme' };
  const issue = (secret) => send('/v1/auth/token', { method: 'POST', body: { client_id: 'ci', client_secret: secret } });
  const issued = await issue(CLIENT_SECRET);
  assert.equal(issued.status, 200, issued.text);
  const { access_token: clientToken } = JSON.parse(issued.text);
  assert.equal((await issue(`${CLIENT_SECRET}x`)).status, 401);
  await send('/v1/auth/token', { method: 'POST', body: `{"client_secret": "${CLIENT_SECRET}"` });
  const hook = await send('/v1/webhooks', { method: 'POST', headers: v1, body: { url: `http://${other.host}/in/${IN_HOOK_URL}`, types: ['*'] } });
  assert.equal(hook.status, 201, hook.text);
  const { id: webhook, secret: webhookSecret } = JSON.parse(hook.text);
  other.status = 503;
  assert.equal((await send('/v1/flags', { method: 'POST', headers: { ...v1, ...bearer(clientToken) }, body: { key: 'f', type: 'boolean', state: 'on', default_variant: 'on' } })).status, 201);
  const row = `/v1/flags/override/user/${encodeURIComponent(OTHER_USER)}/f`;
  for (const body of [{ variant: 'on', approval_ref: APPROVAL, reason: ATTRIBUTE }, { variant: ATTRIBUTE }, `{"approval_ref": "${APPROVAL}"`]) {
    await send(row, { method: 'PUT', headers: v1, body });
  }
  await send(`/v1/flags/override/user/${USER}/f`, { method: 'PUT', headers: v1, body: { variant: 'on', approval_ref: APPROVAL } });
  await send('/v1/evaluate', { method: 'POST', headers: v1, body: { flag_key: 'f', user: { id: OTHER_USER, attributes: { a: ATTRIBUTE } } } });
  await send('/v1/exposures', { method: 'POST', headers: v1, body: { exposures: [{ flag_key: 'f', variant: 'on', user_id: OTHER_USER }] } });
  await send('/v1/flags', { headers: { ...bearer(`${clientToken}x`), 'X-Tenant-ID': 'acme' } });
  await send('/v1/flags', { headers: { ...bearer(KILLED_TOKEN), 'X-Tenant-ID': 'acme' } });
  await eventually(() => other.hooks.length, (length) => length > 0, 'a webhook', 10_000);
  assert.deepEqual([(await send('/metrics', { headers: bearer(METRICS_TOKEN) })).status, (await send('/metrics', { headers: bearer(`${METRICS_TOKEN}x`) })).status], [200, 401]);
  const signed = await eventually(() => other.entries.find((headers) => headers['webhook-signature']), (headers) => headers, 'an entry of the audit', 10_000);

  // Storage that fails, and an instance that goes down.
  await worker.setGate('failing');
  await send(`/api/flags/eval?key=f&user=${USER}`, { headers: bearer(good) });
  await send(`/__test/panic?user=${USER}`, { headers: bearer(good) });
  await send(`/__test/panic?later&user=${USER}`, { headers: bearer(good) });
  await worker.setGate('open');
  await worker.publish(`{"flags": [{"key": "${ATTRIBUTE}", "overrides": "${USER}"`);
  await send('/api/flags/eval?key=f', { headers: bearer(good) });
  await send(row, { method: 'DELETE', headers: v1 });
  await send(`/v1/webhooks/${webhook}`, { method: 'DELETE', headers: v1 });

  // Every request has its line, so that lines were looked at: those of an instance that went down are its successor's.
  await eventually(() => new Set(worker.lines().map(({ request_id: id }) => id)), (ids) => Array.from({ length: asked }, (_, n) => `r-${n + 1}`).every((id) => ids.has(id)), 'the lines of all requests', 10_000);
  await sleep(500);
  for (const status of [200, 201, 400, 401, 403, 500, 503]) assert.ok(statuses.has(status), `${status} in ${[...statuses]}`);
  assert.ok(asked >= 80, `${asked} requests`);

  const secrets = {
    'a token': good, 'a token\'s claims': good.split('.')[1], 'a token\'s signature': good.split('.')[2], 'a token that is none': KILLED_TOKEN,
    'a token of /v1': token(), 'a client\'s token': clientToken, 'what tokens are signed with': SECRET, 'what they were signed with before': FORMER_SECRET, 'a client\'s secret': CLIENT_SECRET,
    'its hash': clients[0].secret_sha256, 'a webhook\'s secret': webhookSecret, 'a webhook\'s bytes': webhookSecret.slice('whsec_'.length),
    'a signing key': signingKey, 'an approval': APPROVAL, 'a verified user': USER, 'another user': OTHER_USER, 'another user, as a path has it': encodeURIComponent(OTHER_USER),
    'an attribute': ATTRIBUTE, 'a bearer': 'Bearer ', 'the sink\'s secret': SINK_SECRET, 'its bytes': SINK_SECRET.slice('whsec_'.length),
    'an entry\'s signature': signed['webhook-signature'], 'what knows the sink': IN_SINK_URL, 'what knows a webhook': IN_HOOK_URL, 'the token of /metrics': METRICS_TOKEN,
  };
  const found = Object.entries(secrets).flatMap(([what, secret]) => worker.logs.filter((line) => line.includes(secret)).map((line) => `${what}: ${line.slice(0, 300)}`));
  assert.deepEqual(found, []);
  assert.equal(Object.keys(secrets).length, 25);
  for (const name of SECRETS) assert.ok(vars[name] && Object.values(secrets).some((secret) => vars[name].includes(secret)), name);
});
