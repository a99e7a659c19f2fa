// An issuer of tokens on loopback: real keys, made anew for each test, and a real HTTP server that can be told to misbehave.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';

const ALGORITHMS = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
};

const part = (json) => Buffer.from(typeof json === 'string' ? json : JSON.stringify(json)).toString('base64url');

/** A key pair with a name: `jwk` is public, and `sign` makes a token of a header and claims. */
export async function makeKey(alg, kid) {
  const { privateKey, publicKey } = await crypto.subtle.generateKey(ALGORITHMS[alg], true, ['sign', 'verify']);
  const { kty, crv, n, e, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  const jwk = { kid, alg, use: 'sig', kty, crv, n, e, x, y };
  return {
    jwk,
    async pem() {
      const base64 = Buffer.from(await crypto.subtle.exportKey('spki', publicKey)).toString('base64');
      return `-----BEGIN PUBLIC KEY-----\n${base64.replace(/(.{64})/g, '$1\n')}\n-----END PUBLIC KEY-----\n`;
    },
    async sign(claims, header = {}) {
      const input = `${part({ alg, kid, typ: 'JWT', ...header })}.${part(claims)}`;
      const signature = await crypto.subtle.sign(ALGORITHMS[alg], privateKey, Buffer.from(input));
      return `${input}.${Buffer.from(signature).toString('base64url')}`;
    },
  };
}

/** A token whose signature is nobody's. */
export const unsigned = (header, claims) => `${part(header)}.${part(claims)}.`;

/**
 * Starts an issuer with some keys. `behave` says how it answers from then on: `good`, `hang`, `trickle`, `garbage`, `html`, `huge`, `bomb`,
 * `redirect`, `error`, `empty`; `stop` and `start` take it down and bring it back at the same address.
 */
export async function startIssuer(t, keys) {
  let behaviour = 'good';
  let served = keys;
  const issuer = {
    requests: 0,
    behave: (how) => (behaviour = how),
    rotate: (...keys) => (served = keys),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
    async start() {
      server.listen(issuer.port ?? 0, '127.0.0.1');
      await once(server, 'listening');
      issuer.port = server.address().port;
    },
  };
  const json = (response, body, headers = {}) => {
    response.writeHead(200, { 'Content-Type': 'application/json', ...headers });
    response.end(body);
  };
  const document = () => JSON.stringify({ keys: served.map(({ jwk }) => jwk) });
  const BEHAVIOURS = {
    good: (response) => json(response, document()),
    hang: () => {},
    trickle: (response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.write(' ');
    },
    garbage: (response) => json(response, '{"keys": [{"kty": "RSA", "n": 1'),
    html: (response) => json(response, document(), { 'Content-Type': 'text/html' }),
    huge: (response) => json(response, ' '.repeat(300_000) + document()),
    // Some hundred bytes on the way, and 64 MiB when they are unpacked.
    bomb: (response) => json(response, gzipSync(Buffer.alloc(64 * 1024 * 1024, ' ')), { 'Content-Encoding': 'gzip' }),
    redirect: (response, url) => {
      if (url === '/elsewhere') return json(response, document());
      response.writeHead(302, { Location: '/elsewhere', 'Content-Type': 'application/json' });
      return response.end(document());
    },
    error: (response) => {
      response.writeHead(500, { 'Content-Type': 'application/json' });
      response.end(document());
    },
    empty: (response) => json(response, '{"keys": []}'),
  };
  const server = createServer(({ url }, response) => {
    issuer.requests += 1;
    BEHAVIOURS[behaviour](response, url);
  });
  await issuer.start();
  issuer.address = `127.0.0.1:${issuer.port}`;
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return issuer;
}
