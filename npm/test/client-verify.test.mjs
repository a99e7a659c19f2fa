// A client that verifies takes nothing that its keys have not signed, and keeps what it has.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { URL as SNAPSHOT, documentOf, fault, load, server, settle, storage } from './support/client.mjs';

const [{ createClient }] = await load('./client');
const vectors = JSON.parse(readFileSync(new URL('../../contract/src/v1/signature-vectors.json', import.meta.url), 'utf8'));

const KEYS = 'https://flags.example/v1/keys';
const utf8 = new TextEncoder();
const base64url = (bytes) => Buffer.from(bytes).toString('base64url');

async function pair(kid) {
  const { privateKey, publicKey } = await crypto.subtle.generateKey('Ed25519', true, ['sign', 'verify']);
  const { kty, crv, x } = await crypto.subtle.exportKey('jwk', publicKey);
  return { kid, privateKey, jwk: { kty, crv, kid, x } };
}

const [ONE, TWO, STRANGER] = await Promise.all(['k-1', 'k-2', 'k-3'].map(pair));

async function jws({ kid, privateKey }, body, more = {}) {
  const header = base64url(utf8.encode(JSON.stringify({ alg: 'EdDSA', kid, b64: false, crit: ['b64'], ...more })));
  const signature = await crypto.subtle.sign('Ed25519', privateKey, utf8.encode(`${header}.${body}`));
  return `${header}..${base64url(signature)}`;
}

/** An answer that a key has signed. */
async function signed(key, version, flags, more = {}) {
  const body = JSON.stringify(documentOf(version, flags, more));
  return { body, etag: `"${version}"`, headers: { 'Burgee-Signature': await jws(key, body) } };
}

/** Waits as long as WebCrypto needs, which is not this thread's turn. */
async function until(holds) {
  for (let i = 0; i < 500 && !holds(); i++) await new Promise((done) => setTimeout(done, 2));
  await settle();
  assert.ok(holds());
}

function start(t, answers, options = {}) {
  const { fetch, requests } = server(...answers);
  const errors = [];
  const client = createClient({ url: SNAPSHOT, fetch, storage: null, refresh: 0, verify: { keys: [ONE.jwk] }, onError: (error) => errors.push(error), ...options });
  t.after(() => client.close());
  return { client, requests, errors };
}

test('the RFC’s key signs and verifies as the service’s own tests say', async () => {
  const { key, rfc8037, snapshot } = vectors;
  const { kty, crv, x, d } = key;
  const own = await crypto.subtle.importKey('jwk', { kty, crv, x, d }, 'Ed25519', false, ['sign']);
  const sign = async (input) => base64url(await crypto.subtle.sign('Ed25519', own, utf8.encode(input)));
  assert.equal(await sign(rfc8037.input), rfc8037.signature);
  assert.equal(await sign(`${snapshot.header}.${snapshot.payload}`), snapshot.signature);
});

test('a snapshot that a trusted key has signed is taken, byte for byte as it was signed', async (t) => {
  const body = `{ "version": 3,\n "tenant": "acmé", "flags": [{"key": "a", "default_variant": "on"}] }`;
  const answer = { body, headers: { 'Burgee-Signature': await jws(ONE, body) } };
  const { client, errors } = start(t, [answer], { tenant: 'acmé' });
  await client.whenReady();
  assert.deepEqual([client.status, client.snapshot.version, client.boolean('a', false), errors.length], ['fresh', 3, true, 0]);
});

test('what is not signed, or otherwise, is refused, and the last good one stays', async (t) => {
  const good = await signed(ONE, 1, { a: true });
  const next = await signed(ONE, 2, { a: false });
  const header = next.headers['Burgee-Signature'];
  const [protectedHeader, , value] = header.split('.');
  const by = async (more) => ({ 'Burgee-Signature': await jws(ONE, next.body, more) });
  const cases = {
    'stripped header': [{ ...next, headers: {} }, 'signature_missing'],
    'empty header': [{ ...next, headers: { 'Burgee-Signature': '' } }, 'signature_missing'],
    'tampered body': [{ ...next, body: next.body.replace('"off"', '"on"') }, 'signature_invalid'],
    'a space more': [{ ...next, body: `${next.body} ` }, 'signature_invalid'],
    'signature of another snapshot': [{ ...next, headers: good.headers }, 'signature_invalid'],
    'unknown key': [await signed(STRANGER, 2, { a: false }), 'signature_key_unknown'],
    'key under another’s name': [await signed({ ...STRANGER, kid: 'k-1' }, 2, { a: false }), 'signature_invalid'],
    'no JWS': [{ ...next, headers: { 'Burgee-Signature': 'no' } }, 'signature_invalid'],
    'payload not detached': [{ ...next, headers: { 'Burgee-Signature': `${protectedHeader}.e30.${value}` } }, 'signature_invalid'],
    'another part': [{ ...next, headers: { 'Burgee-Signature': `${header}.x` } }, 'signature_invalid'],
    'no signature in it': [{ ...next, headers: { 'Burgee-Signature': `${protectedHeader}..` } }, 'signature_invalid'],
    'short signature': [{ ...next, headers: { 'Burgee-Signature': `${protectedHeader}..${value.slice(0, 40)}` } }, 'signature_invalid'],
    'not base64url': [{ ...next, headers: { 'Burgee-Signature': `${protectedHeader}..***` } }, 'signature_invalid'],
    'algorithm none': [{ ...next, headers: await by({ alg: 'none' }) }, 'signature_invalid'],
    'algorithm HS256': [{ ...next, headers: await by({ alg: 'HS256' }) }, 'signature_invalid'],
    'payload encoded': [{ ...next, headers: await by({ b64: true }) }, 'signature_invalid'],
    'b64 not critical': [{ ...next, headers: await by({ crit: undefined }) }, 'signature_invalid'],
    'more that is critical': [{ ...next, headers: await by({ crit: ['b64', 'exp'] }) }, 'signature_invalid'],
    'an envelope around it': [{ ...next, body: `{"ok":true,"data":${next.body.replace('"off"', '"on"')}}` }, 'signature_invalid'],
  };
  let ran = 0;
  for (const [name, [answer, code]] of Object.entries(cases)) {
    const { client, errors, requests } = start(t, [good, answer]);
    await client.whenReady();
    await assert.rejects(client.refresh(), fault(code), name);
    assert.deepEqual([client.status, client.snapshot.version, client.boolean('a', false)], ['stale', 1, true], name);
    assert.deepEqual(errors.map((error) => error.code), [code], name);
    assert.equal(requests.length, 2, name);
    ran++;
  }
  assert.equal(ran, 19);
});

test('without a good one there is none', async (t) => {
  const { client, errors } = start(t, [{ body: documentOf(1, { a: true }) }]);
  await assert.rejects(client.whenReady(), fault('signature_missing'));
  assert.deepEqual([client.status, client.boolean('a', false), errors.length], ['empty', false, 1]);
});

test('another tenant’s snapshot is refused, signed or not', async (t) => {
  const { client } = start(t, [await signed(ONE, 1, { a: true }, { tenant: 'other' })], { tenant: 'acme' });
  await assert.rejects(client.whenReady(), fault('signature_invalid', '/tenant'));
  assert.equal(client.status, 'empty');
});

/** A server of snapshots and of keys, whose keys are those of `published` at the time. */
function both(snapshots, published) {
  const { fetch, requests } = server(...snapshots);
  const asked = [];
  return {
    requests,
    asked,
    fetch: async (url, init) => {
      if (url !== KEYS) return fetch(url, init);
      asked.push(init.headers);
      const { keys, status = 200 } = published;
      return new Response(JSON.stringify({ keys }), { status });
    },
  };
}

test('keys are asked for when a signature names a new one, once', async (t) => {
  const published = { keys: [ONE.jwk, { kty: 'RSA', n: 'x', e: 'AQAB', kid: 'rsa' }] };
  const answers = [await signed(ONE, 1, { a: true }), await signed(ONE, 2, { a: false }), await signed(TWO, 3, { a: true }), await signed(STRANGER, 4, { a: false })];
  const { fetch, asked, requests } = both(answers, published);
  const { client, errors } = start(t, [], { fetch, verify: { keys: new URL(KEYS) }, headers: { Authorization: 'Bearer t' } });
  await client.whenReady();
  assert.equal(asked.length, 1);
  await client.refresh();
  assert.deepEqual([client.snapshot.version, asked.length], [2, 1], 'they are kept');
  published.keys = [TWO.jwk, ONE.jwk];
  await client.refresh();
  assert.deepEqual([client.snapshot.version, asked.length], [3, 2], 'the key was exchanged');
  await assert.rejects(client.refresh(), fault('signature_key_unknown'));
  assert.deepEqual([client.snapshot.version, client.status, asked.length], [3, 'stale', 3]);
  assert.deepEqual(asked, [{}, {}, {}], 'nobody but the snapshot’s server gets the token');
  assert.equal(requests.length, 4);
  assert.equal(errors.length, 1);
});

test('keys that cannot be had are no keys', async (t) => {
  const published = { status: 500 };
  const { fetch } = both([await signed(ONE, 1, { a: true })], published);
  const { client } = start(t, [], { fetch, verify: { keys: KEYS } });
  await assert.rejects(client.whenReady(), fault('unavailable'));
  published.status = 200;
  published.keys = [ONE.jwk];
  await client.refresh();
  assert.deepEqual([client.status, client.snapshot.version], ['fresh', 1]);
});

test('what is stored keeps its signature, and is verified again', async (t) => {
  const kept = storage();
  const first = start(t, [await signed(ONE, 1, { a: true })], { storage: kept });
  await first.client.whenReady();
  first.client.close();
  const [key] = kept.map.keys();
  const entry = kept.map.get(key);
  const said = [];
  const again = start(t, [{ status: 304 }], { storage: kept, onStatus: (...status) => said.push(status) });
  assert.equal(again.client.status, 'empty', 'it waits to be verified');
  await again.client.whenReady();
  assert.deepEqual([again.client.snapshot.version, again.client.boolean('a', false)], [1, true]);
  await until(() => again.client.status === 'fresh');
  assert.equal(again.requests[0].headers['If-None-Match'], '"1"');
  assert.deepEqual(said, [['stored', 'empty'], ['fresh', 'stored']]);

  const unsigned = ['burgee/1', '"1"', JSON.stringify(documentOf(1, { a: true }))].join('\n');
  for (const tampered of [entry.replace('"on"', '"off"'), entry.replace('burgee/1 signed\n"1"\n', 'burgee/1 signed\n"1"\nx'), unsigned]) {
    assert.notEqual(tampered, entry);
    const bad = storage({ [key]: tampered });
    const { client, requests } = start(t, [new Error('down')], { storage: bad });
    await assert.rejects(client.whenReady(), fault('unavailable'));
    assert.deepEqual([client.status, client.boolean('a', false)], ['empty', false]);
    assert.equal(requests[0].headers['If-None-Match'], undefined);
    assert.equal(bad.map.size, 0, 'it is not tried again');
  }
});

test('a client that is closed while it verifies takes nothing', async (t) => {
  const kept = storage();
  const first = start(t, [await signed(ONE, 1, { a: true })], { storage: kept });
  await first.client.whenReady();
  const { client, requests } = start(t, [{ status: 304 }], { storage: kept });
  const waiting = assert.rejects(client.whenReady(), fault('freed'));
  client.close();
  await waiting;
  await new Promise((done) => setTimeout(done, 50));
  assert.deepEqual([client.status, requests.length], ['empty', 0]);
});

test('a bootstrap comes with the program, and is taken as it is', (t) => {
  const { client } = start(t, [new Error('down')], { bootstrap: documentOf(1, { a: true }) });
  assert.deepEqual([client.status, client.boolean('a', false)], ['bootstrap', true]);
});

test('wrong use fails at once', () => {
  const { kty, crv, kid, x } = ONE.jwk;
  const wrong = [
    true, 'k', {}, { keys: [] }, { keys: '' }, { keys: 5 }, { keys: [ONE.jwk], jwks: KEYS }, { keys: [{ kty, crv, x }] }, { keys: [{ kty, crv, kid }] },
    { keys: [{ kty, crv, kid, x: `${x}=` }] }, { keys: [{ kty, crv: 'X25519', kid, x }] }, { keys: [{ kty, crv, kid, x, d: x }] }, { keys: [null] },
  ];
  for (const verify of wrong) assert.throws(() => createClient({ url: SNAPSHOT, verify }), fault('invalid_option', '/verify'), JSON.stringify(verify));
  assert.throws(() => createClient({ snapshot: { flags: [] }, verify: { keys: [ONE.jwk] } }), fault('invalid_option', '/verify'));
  assert.equal(wrong.length, 13);
});

test('without WebCrypto there is no verifying client', (t) => {
  const own = Object.getOwnPropertyDescriptor(globalThis, 'crypto');
  t.after(() => Object.defineProperty(globalThis, 'crypto', own));
  Object.defineProperty(globalThis, 'crypto', { value: {}, configurable: true });
  assert.throws(() => createClient({ url: SNAPSHOT, verify: { keys: [ONE.jwk] } }), fault('invalid_option', '/verify'));
});
