// Who asks: the matrix of docs/trust.md, with real keys and a real issuer, on the real runtime.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { eventually, startWorker } from './harness.mjs';
import { makeKey, startIssuer, unsigned } from './issuer.mjs';
import { verify } from '../src/tokens.js';

const ISSUER = 'https://issuer.example';
const AUDIENCE = 'pty-feature-flags';
// `https`, as it must be where nobody is believed; the harness leads every request of the Worker to the issuer on loopback.
const URL_OF_KEYS = `${ISSUER}/jwks`;

const REGISTRY = {
  schema: 'burgee.registry/1',
  tenant: 'platform',
  version: 7,
  flags: [
    { key: 'for-token', rules: [{ id: 'r', when: { attr: { user_id: 'U-token' } }, serve: { variant: 'on' } }], default_variant: 'off' },
    { key: 'for-gold', rules: [{ id: 'r', when: { attr: { tier: 'gold' } }, serve: { variant: 'on' } }], default_variant: 'off' },
  ],
  overrides: [
    { scope: 'user', id: 'U-1', flag: 'for-gold', variant: true, expires_at: '2020-01-01T00:00:00Z' },
    { scope: 'user', id: 'U-2', flag: 'for-gold', variant: true },
  ],
};

const seconds = () => Math.floor(Date.now() / 1000);
const claims = (changes = {}) => {
  const all = { iss: ISSUER, aud: AUDIENCE, sub: 'U-token', tier: 'gold', exp: seconds() + 600, ...changes };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
};

async function start(t, issuer, vars = {}) {
  const worker = await startWorker(t, {
    outbound: issuer?.address,
    vars: { FF_VERIFY_MODE: 'verified', FF_JWT_ISSUER: ISSUER, POLICY_JWKS_URL: URL_OF_KEYS, FF_SOFT_TTL_MS: '600000', ...vars },
  });
  await worker.publish(REGISTRY);
  return worker;
}

const withToken = (token) => ({ headers: token === null ? {} : { Authorization: `Bearer ${token}` } });
const ask = (worker, token) => worker.ask('/api/flags/eval?key=for-token&user=U-query', withToken(token));

/** What an answer says of the caller, in a line. */
function said({ status, response, data, error }) {
  if (status === 200) return [200, data.meta.auth_source, ...data.meta.warnings].join(' ');
  const challenge = error.code === 'token_missing' ? 'Bearer' : 'Bearer error="invalid_token"';
  assert.equal(response.headers.get('WWW-Authenticate'), challenge);
  return `${status} ${error.code}`;
}

async function saidByOfrep(worker, token) {
  const headers = { 'Content-Type': 'application/json', ...withToken(token).headers };
  const body = JSON.stringify({ context: { targetingKey: 'U-body' } });
  const response = await worker.fetch('/ofrep/v1/evaluate/flags/for-token', { method: 'POST', headers, body });
  const answer = await response.json();
  if (response.status === 200) return `200 ${answer.value}`;
  assert.deepEqual([answer.key, answer.errorCode], ['for-token', 'GENERAL']);
  assert.ok(response.headers.get('WWW-Authenticate').startsWith('Bearer'));
  return `${response.status} ${answer.metadata.reasonCode}`;
}

/** Prints a table, and fails where what was got is not what was expected. */
function compare(title, rows) {
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column].length), 'situation'.length));
  const line = (row) => row.map((cell, column) => cell.padEnd(widths[column])).join(' | ');
  console.log(`\n${title}\n${line(['situation', 'expected', 'got'])}`);
  for (const row of rows) console.log(line(row));
  assert.deepEqual(rows.map(([situation, , got]) => [situation, got]), rows.map(([situation, expected]) => [situation, expected]));
}

const UNVERIFIED = '200 jwt_unverified auth_not_verified';

/** Every situation: its token, and what is answered in mode `verified` with dev headers and without, and in mode `decode-only`. */
async function situations({ rs, es, ed, stranger }) {
  const good = claims();
  const [input, payload, signature] = (await rs.sign(good)).split('.');
  const other = Buffer.from(JSON.stringify(claims({ tier: 'silver' }))).toString('base64url');
  const all = (answer) => [answer, answer, answer];
  const checked = (code) => [`401 ${code}`, `401 ${code}`, UNVERIFIED];
  return {
    'M-01 RS256': [await rs.sign(good), '200 jwt', '200 jwt', UNVERIFIED],
    'M-01 ES256': [await es.sign(good), '200 jwt', '200 jwt', UNVERIFIED],
    'M-01 EdDSA': [await ed.sign(good), '200 jwt', '200 jwt', UNVERIFIED],
    'M-01 without kid': [await es.sign(good, { kid: undefined }), '200 jwt', '200 jwt', UNVERIFIED],
    'M-01 one of some aud': [await rs.sign(claims({ aud: ['x', AUDIENCE] })), '200 jwt', '200 jwt', UNVERIFIED],
    'M-03 unknown kid': [await stranger.sign(good), `${UNVERIFIED} kid_not_found`, '401 kid_not_found', UNVERIFIED],
    'M-04 another key': [await stranger.sign(good, { kid: 'rs' }), ...checked('signature_invalid')],
    'M-04 other claims': [`${input}.${other}.${signature}`, ...checked('signature_invalid')],
    'M-04 no signature': [`${input}.${payload}.`, ...checked('signature_invalid')],
    'M-05 other aud': [await rs.sign(claims({ aud: 'x' })), ...checked('audience_mismatch')],
    'M-05 no aud': [await rs.sign(claims({ aud: undefined })), ...checked('audience_mismatch')],
    'M-06 other iss': [await rs.sign(claims({ iss: 'https://x' })), ...checked('issuer_mismatch')],
    'M-06 no iss': [await rs.sign(claims({ iss: undefined })), ...checked('issuer_mismatch')],
    'M-07 exp past': [await rs.sign(claims({ exp: seconds() - 1 })), ...all('401 token_expired')],
    'M-07 no exp': [await rs.sign(claims({ exp: undefined })), ...all('401 token_expired')],
    'M-07 nbf ahead': [await rs.sign(claims({ nbf: seconds() + 60 })), ...all('401 token_not_yet_valid')],
    'M-08 none': [unsigned({ alg: 'none' }, good), ...all('401 algorithm_not_allowed')],
    'M-08 HS256': [`${unsigned({ alg: 'HS256', kid: 'rs' }, good)}AAAA`, ...all('401 algorithm_not_allowed')],
    'M-08 not the key\'s': [`${unsigned({ alg: 'RS256', kid: 'es' }, good)}AAAA`, '401 algorithm_not_allowed', '401 algorithm_not_allowed', UNVERIFIED],
    'M-09 no JWT': ['not-a-jwt', ...all('401 token_malformed')],
    'M-09 nothing': ['', ...all('401 token_malformed')],
    'M-09 no sub': [await rs.sign(claims({ sub: undefined })), ...all('401 token_malformed')],
    'M-10 no token': [null, '200 dev_headers', '401 token_missing', null],
    'M-10 control plane': [`${unsigned({ alg: 'HS256' }, { iss: 'burgee' })}AAAA`, '200 dev_headers', '401 token_missing', null],
  };
}

async function makeKeys() {
  const [rs, es, ed, stranger] = await Promise.all([makeKey('RS256', 'rs'), makeKey('ES256', 'es'), makeKey('EdDSA', 'ed'), makeKey('RS256', 'made-up')]);
  return { rs, es, ed, stranger };
}

test('the matrix, in both modes and with both settings', async (t) => {
  const keys = await makeKeys();
  const issuer = await startIssuer(t, [keys.rs, keys.es, keys.ed]);
  const table = await situations(keys);
  let ran = 0;
  for (const mode of ['verified', 'decode-only']) {
    for (const [place, dev] of ['true', 'false'].entries()) {
      const worker = await start(t, issuer, { FF_VERIFY_MODE: mode, FF_ALLOW_DEV_HEADERS: dev });
      const rows = [];
      for (const [situation, [token, ...answers]] of Object.entries(table)) {
        const expected = (mode === 'verified' ? answers[place] : answers[2]) ?? answers[place];
        const isToken = !situation.startsWith('M-10');
        rows.push([situation, expected, said(await ask(worker, token))]);
        // OFREP has no headers to believe: without a token anybody is answered, and a token gives the user.
        const ofrep = expected.startsWith('401') && isToken ? expected : `200 ${isToken}`;
        rows.push([`${situation}, OFREP`, ofrep, await saidByOfrep(worker, token)]);
        ran += 1;
      }
      compare(`FF_VERIFY_MODE=${mode} FF_ALLOW_DEV_HEADERS=${dev}`, rows);
    }
  }
  assert.equal(ran, 4 * 24);
});

test('M-02: the issuer cannot be reached', async (t) => {
  const keys = await makeKeys();
  const rows = [];
  const down = [
    ['stop', null],
    ...['hang', 'trickle', 'garbage', 'html', 'huge', 'bomb', 'redirect', 'error', 'empty'].map((how) => [how, how]),
  ];
  for (const [name, how] of down) {
    for (const dev of name === 'stop' ? ['true', 'false'] : ['false']) {
      const issuer = await startIssuer(t, [keys.rs]);
      if (how) issuer.behave(how);
      else await issuer.stop();
      const worker = await start(t, issuer, { FF_ALLOW_DEV_HEADERS: dev });
      const began = Date.now();
      const expected = dev === 'true' ? `${UNVERIFIED} jwks_unreachable` : '401 jwks_unreachable';
      const [first, ...others] = await Promise.all(Array.from({ length: 5 }, async () => ask(worker, await keys.rs.sign(claims()))));
      rows.push([`${name}, dev headers ${dev}`, expected, said(first)]);
      for (const one of others) assert.equal(said(one), expected);
      assert.ok(Date.now() - began < 4_500, `${name} took ${Date.now() - began} ms`);
      // The claims must be right all the same.
      const ended = said(await ask(worker, await keys.rs.sign(claims({ exp: 1 }))));
      rows.push([`${name}, and the token has ended`, dev === 'true' ? '401 token_expired' : expected, ended]);
      if (how) assert.equal(issuer.requests, 1, `${name}: one request for all, and none to where a redirect leads`);
      const line = worker.lines().find(({ message }) => message === 'jwks not loaded');
      assert.ok(line.level === 'warn' && line.fault.length > 0, `${name} is logged`);
    }
  }
  assert.equal(rows.length, 22);
  compare('M-02', rows);
});

test('an issuer comes back, rotates, and goes down again, without a restart', async (t) => {
  const [first, second, third] = await Promise.all(['k-1', 'k-2', 'k-3'].map((kid) => makeKey('ES256', kid)));
  const issuer = await startIssuer(t, [first]);
  const worker = await start(t, issuer, { FF_ALLOW_DEV_HEADERS: 'false' });
  const of = async (key, changes) => said(await ask(worker, await key.sign(claims(changes))));
  assert.equal(await of(first), '200 jwt');

  issuer.rotate(first, second);
  const rotated = await Promise.all(Array.from({ length: 20 }, (_, at) => of(second, { jti: `${at}` })));
  assert.deepEqual(new Set(rotated), new Set(['200 jwt']), 'the new key is found at once, by all who ask');
  assert.equal(issuer.requests, 2);

  await issuer.stop();
  assert.equal(await of(first, { jti: 'x' }), '200 jwt', 'what is held goes on');
  assert.equal(await of(third), '401 kid_not_found', 'a third key is not looked for at once again');
  assert.equal(issuer.requests, 2);
  const { verifier } = await (await worker.fetch('/phase-2b/health')).json();
  assert.deepEqual([verifier.jwks.state, verifier.jwks.keys], ['fresh', 2]);
});

test('two hundred made-up kids make two requests at most', async (t) => {
  const [key, stranger] = await Promise.all([makeKey('EdDSA', 'k-1'), makeKey('EdDSA', 'k-2')]);
  const issuer = await startIssuer(t, [key]);
  const worker = await start(t, issuer, { FF_ALLOW_DEV_HEADERS: 'false' });
  const madeUp = async (at) => said(await ask(worker, await stranger.sign(claims(), { kid: `made-up-${at}` })));
  const together = await Promise.all(Array.from({ length: 100 }, (_, at) => madeUp(at)));
  const after = [];
  for (let at = 100; at < 200; at += 1) after.push(await madeUp(at));
  assert.deepEqual(new Set([...together, ...after]), new Set(['401 kid_not_found']));
  assert.equal(together.length + after.length, 200);
  assert.ok(issuer.requests <= 2, `${issuer.requests} requests`);
  assert.equal(said(await ask(worker, await key.sign(claims()))), '200 jwt', 'who has a right key is answered all the same');
});

test('an issuer that lies gets nobody in', async (t) => {
  const [right, wrong] = await Promise.all([makeKey('RS256', 'k'), makeKey('RS256', 'k')]);
  const lies = {
    'the key of another under this name': wrong.jwk,
    'a key for encryption': { ...right.jwk, use: 'enc' },
    'a key for another algorithm': { ...right.jwk, alg: 'RS512' },
    'a secret': { kty: 'oct', kid: 'k', alg: 'HS256', k: 'AAAA' },
    'a point that is not on the curve': { kty: 'EC', crv: 'P-256', kid: 'k', x: 'A'.repeat(43), y: 'A'.repeat(43) },
  };
  const answers = ['signature_invalid', 'kid_not_found', 'kid_not_found', 'kid_not_found', 'signature_invalid'];
  const filler = await makeKey('EdDSA', 'other');
  const rows = [];
  for (const [place, [lie, jwk]] of Object.entries(lies).entries()) {
    const issuer = await startIssuer(t, [{ jwk }, filler]);
    const worker = await start(t, issuer, { FF_ALLOW_DEV_HEADERS: 'false' });
    const token = jwk.kty === 'EC' ? `${unsigned({ alg: 'ES256', kid: 'k' }, claims())}${'A'.repeat(86)}` : await right.sign(claims());
    rows.push([lie, `401 ${answers[place]}`, said(await ask(worker, token))]);
  }
  assert.equal(rows.length, 5);
  compare('an issuer that lies', rows);
});

test('a PEM key needs no issuer, and serves every kid', async (t) => {
  for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    const [key, stranger] = await Promise.all([makeKey(alg, 'k'), makeKey(alg, 'k')]);
    const vars = { POLICY_JWKS_URL: '', POLICY_JWT_PUBLIC_KEY: (await key.pem()).replaceAll('\n', '\\n'), FF_ALLOW_DEV_HEADERS: 'false' };
    const worker = await start(t, null, vars);
    assert.equal(said(await ask(worker, await key.sign(claims(), { kid: 'any' }))), '200 jwt', alg);
    assert.equal(said(await ask(worker, await stranger.sign(claims()))), '401 signature_invalid', alg);
  }
});

test('what a token says overrules headers, query and body', async (t) => {
  const key = await makeKey('EdDSA', 'k');
  const issuer = await startIssuer(t, [key]);
  const worker = await start(t, issuer, { POLICY_JWKS_URL: `http://${issuer.address}/jwks` });
  const token = await key.sign(claims());
  const headers = { ...withToken(token).headers, 'X-PTT-User-Id': 'U-header', 'X-PTT-Tier': 'guest' };
  const { data } = await worker.ask('/api/flags/eval?key=for-token&user=U-query', { headers });
  assert.deepEqual([data.value, data.meta.auth_source, data.meta.warnings], [true, 'jwt', []]);
  const body = { context: { user_id: 'U-body', tier: 'guest' }, flags: ['for-token', 'for-gold'] };
  const batch = await worker.batch(body, { headers });
  assert.deepEqual(batch.data.map(({ value }) => value), [true, true]);
  const nobody = await worker.batch({ ...body, context: {} }, { headers: withToken(token).headers });
  assert.deepEqual(nobody.data.map(({ value }) => value), [true, true], 'the token names the user');
  const bulk = await worker.fetch('/ofrep/v1/evaluate/flags', {
    method: 'POST',
    headers: withToken(token).headers,
    body: JSON.stringify({ context: { targetingKey: 'U-body', tier: 'guest' } }),
  });
  assert.deepEqual((await bulk.json()).flags.map(({ value }) => value), [true, true]);
  assert.equal((await worker.fetch('/api/flags/registry', withToken('x'))).status, 401);
  assert.equal((await worker.fetch('/api/flags/health', withToken('x'))).status, 200, 'probes need no token');
  assert.equal(worker.logs.filter((line) => line.includes(token.slice(-40)) || line.includes('U-token')).length, 0, 'no line shows a token');
});

test('a token that has verified is not verified again', async (t) => {
  const key = await makeKey('RS256', 'k');
  const issuer = await startIssuer(t, [key]);
  const worker = await start(t, issuer, { FF_ALLOW_DEV_HEADERS: 'false' });
  const token = await key.sign(claims());
  for (let at = 0; at < 20; at += 1) assert.equal(said(await ask(worker, token)), '200 jwt');
  assert.equal(issuer.requests, 1);
  // What it says of the policy service is tested beside sensitive flags.
  const { policy: _, ...shown } = await (await worker.fetch('/phase-2b/health')).json();
  const { fetched_at: at, ...jwks } = shown.verifier.jwks;
  assert.ok(Math.abs(Date.parse(at) - Date.now()) < 60_000);
  assert.deepEqual(
    { ...shown, verifier: { ...shown.verifier, jwks } },
    {
      override_store: { rows: 2, expired: 1, backing_state: 'kv_backed' },
      verifier: { mode: 'verified', algorithms: ['RS256', 'ES256', 'EdDSA'], jwks: { state: 'fresh', keys: 1 } },
    },
  );
  // One that ends while it is remembered ends.
  const short = await key.sign(claims({ exp: seconds() + 2 }));
  assert.equal(said(await ask(worker, short)), '200 jwt');
  await eventually(async () => said(await ask(worker, short)), (got) => got === '401 token_expired', 'the end');
});

test('the published examples', async (t) => {
  const vectors = JSON.parse(readFileSync(new URL('../../contract/src/identity/vectors.json', import.meta.url), 'utf8'));
  const WEB_CRYPTO = { RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }, EdDSA: { name: 'Ed25519' } };
  const changed = (token) => token.replace(/[^.](?=[^.]*$)/, (first) => (first === 'A' ? 'B' : 'A'));
  const rows = [];
  for (const { name, token, alg, jwk } of vectors.filter(({ jwk }) => jwk)) {
    const end = token.lastIndexOf('.');
    const question = (token) =>
      verify(JSON.stringify(WEB_CRYPTO[alg]), 'jwk', JSON.stringify(jwk), Buffer.from(token.slice(end + 1), 'base64url'), token.slice(0, end));
    rows.push([`${name}, as it is`, 'true', String(await question(token))]);
    rows.push([`${name}, changed`, 'false', String(await question(changed(token)))]);
  }
  // Through the whole Worker. None has a `sub`, which is looked at after the signature; of RFC 8037 the claims are no JSON.
  const issuer = await startIssuer(t, vectors.filter(({ jwk }) => jwk));
  const worker = await start(t, issuer, { FF_ALLOW_DEV_HEADERS: 'false' });
  for (const { name, token, alg, jwk } of vectors) {
    const asItIs = jwk ? '401 token_malformed' : '401 algorithm_not_allowed';
    rows.push([`${name}, asked with`, asItIs, said(await ask(worker, token))]);
    const isVerified = jwk && alg !== 'EdDSA';
    if (isVerified) rows.push([`${name}, changed, asked with`, '401 signature_invalid', said(await ask(worker, changed(token)))]);
  }
  assert.equal(rows.length, 13);
  compare('RFC 7515, 7519, 8037', rows);
});

test('settings that cannot be are named', async (t) => {
  const wrong = {
    FF_JWT_ISSUER: { FF_JWT_ISSUER: '' },
    POLICY_JWKS_URL: { POLICY_JWKS_URL: 'http://issuer.example/jwks' },
    POLICY_JWT_VERIFY: { POLICY_JWT_VERIFY: 'false' },
    FF_JWT_ALGORITHMS: { FF_JWT_ALGORITHMS: 'HS256' },
  };
  let ran = 0;
  for (const [variable, vars] of Object.entries(wrong)) {
    const worker = await start(t, null, vars);
    const { status, error } = await ask(worker, null);
    assert.deepEqual([status, error.code], [500, 'internal_error']);
    assert.ok(error.message.includes(variable), error.message);
    ran += 1;
  }
  assert.equal(ran, 4);
});

test('the example of an issuer gets somebody in', async (t) => {
  const path = fileURLToPath(new URL('../../examples/issuer/issuer.mjs', import.meta.url));
  const child = spawn(process.execPath, [path, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const vars = {};
  for await (const line of createInterface({ input: child.stdout })) {
    for (const [, name, value] of line.matchAll(/(\w+)=(\S+)/g)) vars[name] = value;
    if (vars.TOKEN) break;
  }
  const { TOKEN, ...settings } = vars;
  const worker = await start(t, null, settings);
  const { data } = await worker.ask('/api/flags/eval?key=for-token', withToken(TOKEN));
  assert.deepEqual([data.meta.auth_source, data.meta.warnings, data.value], ['jwt', [], false]);
  child.kill();
  await once(child, 'exit');
});
