// What `make dev` runs, on what was built: it serves, it refuses, and it leaves nothing behind.

import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'node:test';
import { eventually, temporaryFolder, WORKER } from './harness.mjs';

const ROOT = join(WORKER, '..');

async function listen() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

async function freePort() {
  const server = await listen();
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

function startDev(t, env) {
  const args = [join(WORKER, 'dev.mjs'), '--no-build', '--state', temporaryFolder(t)];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const dev = { child, output: '', ended: once(child, 'exit') };
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (dev.output += text));
  t.after(() => child.kill('SIGTERM') && dev.ended);
  return dev;
}

const answers = (port) => fetch(`http://127.0.0.1:${port}/healthz`).then((response) => response.ok, () => false);

/** Runs the lines of a README's section in one shell, and gives what each of them printed. */
function paste(section, base) {
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8').split(`\n## ${section}\n`)[1].split('\n## ')[0];
  const [, block] = /```console\n([^]*?)```/.exec(text);
  const lines = block.trimEnd().split('\n').map((line) => line.replace(/^\$ /, '').replaceAll('http://127.0.0.1:8787', base));
  const script = lines.map((line) => `${line}\nprintf '\\n%s\\n' =====`).join('\n');
  return new Promise((resolve) => {
    execFile('sh', ['-c', script], { encoding: 'utf8' }, (error, stdout) => resolve(lines.map((line, at) => ({ line, printed: stdout.split('\n=====\n')[at]?.trim() }))));
  });
}

/** The lines of the README about the control plane, with what their answers must have. */
async function pasteControlPlane(base) {
  const run = await paste('The control plane', base);
  const answer = (at) => JSON.parse(run[at].printed || 'null');
  const wanted = [
    [/^TOKEN=/, (at) => assert.equal(run[at].printed, '')],
    [/^v1\(\)/, (at) => assert.equal(run[at].printed, '')],
    [/^v1 'flags\?/, (at) => assert.ok(answer(at).items.some(({ key }) => key === 'checkout.new'))],
    [/^v1 evaluate -d/, (at) => assert.deepEqual([answer(at).variant, answer(at).reason], ['wide', 'rule_match'])],
    [/^v1 evaluate\/preview/, (at) => assert.ok(answer(at).reason_chain.length > 0 && answer(at).explanation.length > 0)],
    [/^v1 flags -d/, (at) => assert.equal(answer(at).key, 'checkout.v3')],
    [/\/rollout -d/, (at) => assert.deepEqual([answer(at).status, answer(at).steps.length], ['running', 2])],
    [/\/engage/, (at) => assert.equal(answer(at).engaged, true)],
    [/\/release/, (at) => assert.equal(answer(at).engaged, false)],
    [/-X DELETE/, (at) => assert.equal(run[at].printed, '')],
    [/\/restore/, (at) => assert.deepEqual([answer(at).key, answer(at).state], ['checkout.v3', 'on'])],
    [/audit\/verify/, (at) => assert.equal(answer(at).ok, true)],
    [/^v1 events/, (at) => assert.match(run[at].printed, /^id: 1\n[^]*\nevent: flag\.rollout_scheduled\n[^]*\nevent: killswitch\.released\n[^]*\nevent: flag\.restored\n/m)],
  ];
  wanted.forEach(([line, check], at) => {
    assert.match(run[at]?.line ?? '', line);
    try {
      check(at);
    } catch (error) {
      throw new Error(`${run[at].line}\nprinted ${run[at].printed}`, { cause: error });
    }
  });
  assert.equal(run.length, wanted.length);
}

test('it checks parity, seeds, serves, and stops as a whole', async (t) => {
  execFileSync(process.execPath, [join(ROOT, 'www', 'build.mjs')]);
  const port = await freePort();
  const dev = startDev(t, { FF_PORT: String(port), FF_JWT_ALGORITHMS: 'ES256' });
  await eventually(() => dev.output.includes('\nready ') || dev.child.exitCode !== null, Boolean, 'the start', 60_000);
  assert.equal(dev.child.exitCode, null, dev.output);
  for (const target of ['reference', 'npm']) assert.match(dev.output, new RegExp(`parity  ${target}: 19 pass · 0 fail · parity OK`));

  const base = `http://127.0.0.1:${port}`;
  const { data } = await (await fetch(`${base}/api/flags/eval?key=flags.registry_v1&user=U-1&tier=staff&env=prod`)).json();
  assert.equal(data.reason, 'stage_draft');
  const { verifier, override_store: rows } = await (await fetch(`${base}/phase-2b/health`)).json();
  assert.deepEqual([rows.rows, rows.expired], [8, 1], 'the example rows, one of which has ended');
  assert.deepEqual(verifier.algorithms, ['ES256'], 'what the environment says of tokens is handed on');
  const json = { 'Content-Type': 'application/json' };
  const issued = await fetch(`${base}/v1/auth/token`, { method: 'POST', headers: json, body: '{"sub": "somebody"}' });
  const headers = { ...json, Authorization: `Bearer ${(await issued.json()).access_token}`, 'X-Tenant-ID': 'acme' };
  const seeded = await (await fetch(`${base}/v1/flags`, { headers })).json();
  const keys = ['canvas.gpu', 'checkout.express', 'checkout.new', 'home.layout', 'search.config'];
  assert.deepEqual(seeded.items.map(({ key }) => key), keys);
  const body = JSON.stringify({ flag_key: 'search.config', user: { id: 'u', attributes: { country: 'CA' } } });
  const evaluated = await (await fetch(`${base}/v1/evaluate`, { method: 'POST', headers, body })).json();
  assert.deepEqual([evaluated.value, evaluated.rule_id], [{ page_size: 50, fuzzy: true }, 'region']);

  // What is pasted twice works twice.
  for (const _ of ['once', 'again']) await pasteControlPlane(base);

  const verify = spawn(process.execPath, ['parity/verify.mjs', '--target', base], { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
  let report = '';
  verify.stdout.setEncoding('utf8').on('data', (text) => (report += text));
  const [status] = await once(verify, 'exit');
  assert.equal(status, 0, report);
  assert.match(report, /\n19 pass · 0 fail · parity OK\n$/);
  assert.match(await (await fetch(base)).text(), /^<!doctype html>/i);

  dev.child.kill('SIGINT');
  assert.deepEqual(await dev.ended, [130, null]);
  assert.equal(await answers(port), false, 'nothing listens any more');
});

test('it refuses a port that is taken', async (t) => {
  const server = await listen();
  t.after(() => server.close());
  const dev = startDev(t, { FF_PORT: String(server.address().port) });
  assert.deepEqual(await dev.ended, [1, null]);
  assert.match(dev.output, /is in use; name another with FF_PORT/);
});

test('it refuses to start where parity is broken', async (t) => {
  // A node that finds fault with the npm package, and is node in all else.
  const folder = temporaryFolder(t);
  const fake = `#!/bin/sh\ncase "$*" in *verify.mjs*npm*) echo '18 pass · 1 fail · parity BROKEN'; exit 1;; esac\nexec '${process.execPath}' "$@"\n`;
  writeFileSync(join(folder, 'node'), fake);
  chmodSync(join(folder, 'node'), 0o755);
  const port = await freePort();
  const dev = startDev(t, { FF_PORT: String(port), PATH: `${folder}:${process.env.PATH}` });
  assert.deepEqual(await dev.ended, [1, null]);
  assert.match(dev.output, /18 pass · 1 fail · parity BROKEN\n\nthe parity check of npm failed; not starting/);
  assert.equal(await answers(port), false);
});
