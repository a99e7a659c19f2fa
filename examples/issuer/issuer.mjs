#!/usr/bin/env node
// An issuer of tokens to try verified mode with: it makes a key, serves it as a JWKS on loopback, and prints a token that lasts an hour.
//
//   node examples/issuer/issuer.mjs [port]      9700, where none is given; Ctrl-C ends it, and its key with it
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer } from 'node:http';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'example', alg: 'EdDSA', use: 'sig' };

const server = createServer((request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify({ keys: [jwk] }));
});

server.listen(Number(process.argv[2] ?? 9700), '127.0.0.1', () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: issuer, aud: 'pty-feature-flags', sub: 'U-1', tier: 'staff', iat: now, exp: now + 3600 };
  const part = (json) => Buffer.from(JSON.stringify(json)).toString('base64url');
  const input = `${part({ alg: 'EdDSA', kid: jwk.kid, typ: 'JWT' })}.${part(claims)}`;
  const token = `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
  console.log(`export FF_VERIFY_MODE=verified FF_JWT_ISSUER=${issuer} POLICY_JWKS_URL=${issuer}/jwks`);
  console.log(`export TOKEN=${token}`);
});
