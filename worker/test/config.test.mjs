// That each wrangler.jsonc is what is built, tested and served.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { unstable_readConfig as readConfig } from 'wrangler';
import { CONFIG, OBJECTS_CONFIG, SECRETS, SECRETS_OF, sleep, startWorker, temporaryFolder, WORKER } from './harness.mjs';

const [edge, objects] = [CONFIG, OBJECTS_CONFIG].map((config) => readConfig({ config }, { hideWarnings: true }));
const sourceOf = (path) => readFileSync(join(WORKER, '..', path), 'utf8');

const dryRun = async (t, config, ...more) => {
  const out = temporaryFolder(t);
  const env = { ...process.env, CI: 'true', WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' };
  const { stdout } = await promisify(execFile)('wrangler', ['deploy', '--dry-run', '--outdir', out, '--config', config, ...more], { env });
  const files = readdirSync(out);
  assert.ok(files.includes('index.js') && files.some((name) => name.endsWith('.wasm')), files.join());
  return new Set([...stdout.matchAll(/\benv\.(\w+)/g)].map(([, name]) => name));
};

test('wrangler would deploy both', async (t) => {
  const assets = temporaryFolder(t);
  writeFileSync(join(assets, 'index.html'), '<!doctype html><title>page</title>');
  const bindings = [
    await dryRun(t, CONFIG, '--assets', assets),
    await dryRun(t, OBJECTS_CONFIG),
  ];
  assert.deepEqual(bindings[0], new Set(['TENANTS', 'METER', 'FLAGS', 'EXPOSURES', 'ASSETS', ...Object.keys(edge.vars)]));
  assert.deepEqual(bindings[1], new Set(['TENANTS', 'METER', 'FLAGS', 'WEBHOOKS', ...Object.keys(objects.vars)]));
});

test('the edge is bound to the objects, which nobody else can reach', () => {
  for (const { class_name: name, script_name: script } of edge.durable_objects.bindings) {
    assert.equal(script, objects.name);
    assert.ok(objects.migrations[0].new_sqlite_classes.includes(name), name);
  }
  assert.deepEqual([objects.workers_dev, objects.preview_urls, objects.routes], [false, false, undefined]);
  assert.equal(edge.compatibility_date, objects.compatibility_date);
  const produced = [...edge.queues.producers, ...objects.queues.producers].map(({ queue }) => queue);
  assert.deepEqual(objects.queues.consumers.map(({ queue }) => queue).sort(), produced.sort());
});

test('every variable is in one of them, with the default that it has without', async (t) => {
  const own = (path) => sourceOf(path).split('#[cfg(test)]')[0];
  const [source, tokens, policy] = [own('contract/src/settings.rs'), own('contract/src/identity/settings.rs'), own('contract/src/sensitive/settings.rs')];
  const known = new Set([...`${source}${tokens}${policy}`.matchAll(/`((?:FF|POLICY|ADMIN)_[A-Z_]+)`/g)].map(([, name]) => name));
  // An old name.
  assert.ok(known.delete('POLICY_JWT_VERIFY'));
  // Secrets have no place in a file, and these are no settings for those who run this.
  for (const name of [...SECRETS, 'FF_TEST_PANIC', 'FF_TEST_CLOCK', 'FF_OPEN_ISSUER']) {
    assert.ok(known.delete(name), name);
  }
  const config = { vars: { ...objects.vars, ...edge.vars } };
  assert.deepEqual(Object.keys(config.vars).sort(), [...known].sort());
  const inBoth = Object.keys(objects.vars).filter((name) => name in edge.vars);
  assert.deepEqual(inBoth, ['FF_ALLOW_DEV_HEADERS']);
  assert.equal(objects.vars.FF_ALLOW_DEV_HEADERS, edge.vars.FF_ALLOW_DEV_HEADERS);
  assert.ok(source.includes(`platform_tenant: "${config.vars.FF_PLATFORM_TENANT}"`));
  assert.ok(source.includes(`soft_ttl_ms: ${config.vars.FF_SOFT_TTL_MS},`));
  assert.ok(source.includes('backing: Backing::Object') && config.vars.FF_BACKING === 'object');
  for (const name of ['FF_OPEN_REGISTRIES', 'FF_WEBHOOK_HOSTS']) assert.equal(config.vars[name], '');
  assert.ok(source.includes(`retention_days: ${config.vars.FF_RETENTION_DAYS},`));
  assert.equal(config.vars.FF_ROLLOUTS, 'on');
  const rates = [config.vars.FF_RATE_CLIENT, config.vars.FF_RATE_TENANT].map((rate) => Number(rate).toLocaleString('en').replaceAll(',', '_'));
  assert.ok(source.includes(`Rates { client: ${rates[0]}, tenant: ${rates[1]} }`));
  assert.ok(tokens.includes(`audience: "${config.vars.FF_JWT_AUDIENCE}"`));
  assert.ok(tokens.includes('mode: Mode::DecodeOnly') && config.vars.FF_VERIFY_MODE === 'decode-only');
  assert.ok(tokens.includes('allow_dev_headers: false') && config.vars.FF_ALLOW_DEV_HEADERS === 'false');

  for (const [name, path] of [[edge.name, 'worker/wrangler.jsonc'], [objects.name, 'objects/wrangler.jsonc']]) {
    const told = SECRETS.filter((secret) => sourceOf(path).includes(secret));
    assert.deepEqual(told.sort(), [...SECRETS_OF[name]].sort(), `those who deploy ${name} are told which are to be put`);
  }

  const worker = await startWorker(t, { vars: Object.fromEntries([...known].map((name) => [name, undefined])) });
  await worker.publish({ tenant: 'platform', version: 3, flags: [] });
  assert.equal((await worker.ask('/api/flags/health')).data.snapshot_version, 3);
  assert.equal((await worker.ask('/api/flags/eval?key=f&user=U')).error.code, 'token_missing', 'nobody is believed unless it is said');
});

test('the Worker comes first on its own paths, and files on all others', async (t) => {
  const tables = readdirSync(join(WORKER, '..', 'contract', 'src', 'operations')).map((name) => sourceOf(`contract/src/operations/${name}`));
  const routes = new Set(tables.flatMap((table) => [...table.matchAll(/"(\/(?:api|v1|ofrep|healthz|readyz|openapi)[^"{]*)"/g)].map(([, path]) => path)));
  assert.ok(routes.size >= 20, [...routes].join());
  const assets = temporaryFolder(t);
  const page = '<!doctype html><title>page</title>';
  for (const name of ['index.html', 'healthz', 'nothing.js']) writeFileSync(join(assets, name), page);

  const worker = await startWorker(t, { assets });
  await worker.publish({ tenant: 'platform', version: 3, flags: [] });
  for (const path of routes) {
    const response = await worker.fetch(path);
    assert.ok(response.headers.has('X-Request-Id'), `${path} is answered by the Worker`);
  }
  assert.equal(await (await worker.fetch('/healthz')).text(), 'ok', 'a file cannot stand before it');

  const unknown = await worker.ask('/nowhere');
  assert.deepEqual([unknown.status, unknown.error.code], [404, 'not_found'], 'what nobody has is the 404 of the Worker');

  const logged = worker.logs.length;
  for (const path of ['/', '/nothing.js']) {
    const response = await worker.fetch(path);
    assert.deepEqual([response.status, await response.text()], [200, page]);
  }
  await sleep(100);
  assert.equal(worker.logs.length, logged, 'pages do not wake the Worker');
});
