// What is served, without a browser: headers, files, and that the page tells of the surface what the Worker does.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  attributes,
  decision,
  endpoints,
  errors,
  operations,
  remote,
  requestHeaders,
  responseHeaders,
} from '../src/data/contract.js';
import { ROOT, startSite, workerOptions } from './site.mjs';

let site;
before(async () => {
  site = await startSite();
});
after(() => site?.stop());

const get = (path, options) => fetch(site.url + path, options);
const filesOf = (folder) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

test('wrangler serves the folder that the page is built into', () => {
  assert.equal(workerOptions().workerOptions.assets.directory, join(ROOT, 'www', 'dist'));
});

describe('files', () => {
  test('the page is guarded by headers, and asked for anew', async () => {
    const { status, headers } = await get('/');
    assert.equal(status, 200);
    const policy = headers.get('content-security-policy');
    for (const part of [
      "default-src 'none'",
      "script-src 'self' 'wasm-unsafe-eval'",
      "style-src 'self'",
      "connect-src 'self'",
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]) {
      assert.ok(policy.includes(part), part);
    }
    assert.ok(!/unsafe-inline|'unsafe-eval'|https?:|\*/.test(policy), policy);
    assert.equal(headers.get('x-content-type-options'), 'nosniff');
    assert.equal(headers.get('referrer-policy'), 'no-referrer');
    assert.match(headers.get('cache-control'), /must-revalidate/);
  });

  test('assets are named by their content, and kept', async () => {
    const html = await (await get('/')).text();
    const assets = [...html.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
    assert.equal(assets.length, 4);
    const types = { js: 'text/javascript', css: 'text/css', wasm: 'application/wasm', svg: 'image/svg+xml' };
    for (const path of assets) {
      const { status, headers } = await get(path);
      assert.equal(status, 200, path);
      assert.match(path, /-[A-Z0-9]{8}\.\w+$/);
      assert.equal(headers.get('content-type').split(';')[0], types[path.split('.').at(-1)]);
      assert.equal(headers.get('cache-control'), 'public, max-age=31536000, immutable');
      assert.equal(headers.get('x-content-type-options'), 'nosniff');
    }
  });

  test('the module is the package’s', () => {
    const module = filesOf(site.page).find((path) => path.endsWith('.wasm'));
    assert.deepEqual(readFileSync(module), readFileSync(join(ROOT, 'npm', 'dist', 'burgee.wasm')));
  });

  test('nothing is inline, and nothing comes from elsewhere', () => {
    const html = readFileSync(join(site.page, 'index.html'), 'utf8');
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|%\w+%/);
    for (const path of filesOf(site.page).filter((name) => /\.(html|js|css|svg)$/.test(name))) {
      const text = readFileSync(path, 'utf8').replaceAll('http://www.w3.org/2000/svg', '');
      assert.doesNotMatch(text, /(?:https?:)?\/\/[a-z0-9-]+\.[a-z]{2,}/i, path);
      assert.ok(!text.includes(ROOT), path);
    }
  });

  test('a path that is no file is the Worker’s', async () => {
    const response = await get('/nowhere');
    assert.equal(response.status, 404);
    assert.equal((await response.json()).error.code, 'not_found');
  });
});

describe('what the page says of the surface is so', () => {
  const errorOf = async (response) => ({ status: response.status, code: (await response.json()).error.code });
  const said = (code) => errors.find((error) => error.code === code);

  test('endpoints', async () => {
    for (const { method, path } of [...endpoints, ...remote, ...operations]) {
      const refused = await get(path, { method: 'DELETE' });
      assert.equal(refused.status, 405, path);
      assert.ok(refused.headers.get('allow').includes(method), path);
    }
    for (const path of [
      '/api/flags/registry',
      '/api/flags/registry?summary=true',
      '/api/flags/health',
      '/healthz',
      '/readyz',
    ]) {
      assert.equal((await get(path)).status, 200, path);
    }
  });

  test('errors', async () => {
    const met = await Promise.all(
      [
        get('/api/flags/eval?key=a'),
        get('/nowhere'),
        get('/api/flags/eval', { method: 'POST' }),
        get('/api/flags/eval?key=a&user=U-1', { headers: { Authorization: 'Bearer x' } }),
        get('/api/flags/overrides/by-flag/ff.cm.advanced_policy'),
      ].map(async (response) => errorOf(await response)),
    );
    const closed = await startSite({ vars: { FF_ALLOW_DEV_HEADERS: 'false' } });
    try {
      met.push(await errorOf(await fetch(`${closed.url}/api/flags/eval?key=a&user=U-1`)));
    } finally {
      await closed.stop();
    }
    const empty = await startSite({ snapshots: {} });
    try {
      met.push(await errorOf(await fetch(`${empty.url}/api/flags/registry`)));
    } finally {
      await empty.stop();
    }
    assert.deepEqual(
      met.map(({ code }) => code),
      [
        'invalid_request',
        'not_found',
        'method_not_allowed',
        'token_malformed',
        'permission_denied',
        'token_missing',
        'registry_unavailable',
      ],
    );
    for (const { status, code } of met) assert.equal(status, said(code).status);
    assert.deepEqual(
      errors.map(({ code }) => code).filter((code) => !met.some((one) => one.code === code)),
      ['internal_error'],
    );
  });

  test('headers and defaults', async () => {
    const preflight = (await get('/api/flags/eval', { method: 'OPTIONS' })).headers.get('access-control-allow-headers');
    assert.deepEqual(
      preflight.split(', ').sort(),
      requestHeaders.map(({ name }) => name).sort(),
    );
    const { headers } = await get('/api/flags/registry');
    assert.deepEqual(
      headers.get('access-control-expose-headers').split(', ').sort(),
      responseHeaders.map(({ name }) => name).sort(),
    );

    // A default is what a context without the attribute is given.
    const evaluate = async (query) => {
      const { data } = await (
        await get(`/api/flags/eval?key=syn.per_env&user=U-1&${query}`, { headers: { 'X-Burgee-Registry': 'parity' } })
      ).json();
      const { meta, ...rest } = data;
      return rest;
    };
    for (const { query, default: value } of attributes.filter((attribute) => attribute.default !== null)) {
      const others = query === 'tier' ? 'env=staging&' : '';
      assert.deepEqual(await evaluate(others), await evaluate(`${others}${query}=${value}`));
    }
  });

  test('decisions', async () => {
    const { data } = await (
      await get('/api/flags/eval?key=syn.staged_25&user=U-1', { headers: { 'X-Burgee-Registry': 'parity' } })
    ).json();
    for (const name of Object.keys(data)) assert.ok(Object.hasOwn(decision, name), name);
    assert.deepEqual(Object.keys(data.meta).sort(), Object.keys(decision.meta).sort());
  });
});
