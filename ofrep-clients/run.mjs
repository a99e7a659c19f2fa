// Runs the stock OFREP clients against the Worker on the real runtime: four clients, each with every case of cases.mjs, over HTTP on a
// port of this machine. The environment brings the tools: `tools/env.sh` sets it; `node tools/setup.mjs clients` brings the clients.
//
//   node ofrep-clients/run.mjs [web|server|python|rust]...   all of them, when none is named
//
// The Worker must be built. One line for each client, and each failure with what was wanted; exit status 1 if there is one.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { ofrepClients } from '../tools/env.mjs';
import { startWorker } from '../worker/test/harness.mjs';
import { ACME, CASES, CLIENTS, STEPS } from './cases.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const WITHIN_MS = 60_000;

const COMMANDS = {
  web: [process.execPath, join(here, 'node', 'web.mjs')],
  server: [process.execPath, join(here, 'node', 'server.mjs')],
  python: ['python3', join(here, 'python', 'client.py')],
  rust: [join(ofrepClients().rust, 'bin', 'ofrep-client-rust')],
};
const env = { ...process.env, PYTHONPATH: ofrepClients().python, PYTHONNOUSERSITE: '1', PYTHONDONTWRITEBYTECODE: '1' };

/** Hands the cases to a client and gives its answers. */
async function drive([command, ...args], asked) {
  const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'], timeout: WITHIN_MS });
  const ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ?? code));
  });
  child.stdin.on('error', () => {}); // It ended before it read; its status says so.
  child.stdin.end(JSON.stringify(asked));
  const [output, complaints, status] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (status !== 0) throw new Error(`${command} ended with ${status}\n${complaints}`);
  return output.split('\n').filter(Boolean).map((line) => JSON.parse(line));
}

/** What a client must show of a case. */
function wantedOf(client, one) {
  const { value, variant, reason, tenant = 'platform', metadata } = one;
  const told = { value, variant, reason, errorCode: undefined, metadata: { flagSetId: tenant, ...metadata } };
  return client.shows(one.codeDefault ? { ...told, variant: '' } : told, one);
}

function checkCase(client, one, shown) {
  const { metadata, ...wanted } = wantedOf(client, one);
  const { value, variant, reason, errorCode } = shown;
  assert.deepEqual({ value, variant: variant ?? undefined, reason, errorCode: errorCode ?? undefined }, wanted);
  const had = shown.metadata ?? {};
  // None at all is to be none at all, so that a client which learns to show more is noticed.
  const members = Object.keys(metadata).length ? Object.keys(metadata) : Object.keys(had);
  assert.deepEqual(Object.fromEntries(members.map((name) => [name, had[name]])), metadata);
  if (shown.isOfType !== undefined) assert.ok(shown.isOfType, 'the value is of the type that was asked for');
}

function checkStep(step, { statuses, value }) {
  assert.deepEqual({ statuses, value }, { statuses: [step.status], value: step.value });
}

async function run(name, base) {
  const client = CLIENTS[name];
  const cases = CASES.filter(({ only }) => !only || only.includes(name));
  const steps = name === 'web' ? STEPS : [];
  const checks = [
    ...cases.map((one) => ({ ...one, check: (shown) => checkCase(client, one, shown) })),
    ...steps.map((step) => ({ ...step, check: (shown) => checkStep(step, shown) })),
  ];
  const asked = cases.map(({ id, tenant, flag, type, context, default: fallback }) => ({ id, tenant, flag, type, context, default: fallback }));
  const failures = [];
  let answers = [];
  try {
    answers = await drive(COMMANDS[name], { base, cases: asked, steps });
    assert.deepEqual(answers.map(({ id }) => id), checks.map(({ id }) => id), 'each is asked once, in order');
  } catch (error) {
    return { name, passed: 0, failures: [{ id: 'the client', error }] };
  }
  for (const [at, { id, check }] of checks.entries()) {
    try {
      check(answers[at]);
    } catch (error) {
      failures.push({ id, error, shown: answers[at] });
    }
  }
  return { name, passed: checks.length - failures.length, failures };
}

const unknown = process.argv.slice(2).filter((name) => !Object.hasOwn(CLIENTS, name));
if (unknown.length) {
  console.error(`unknown: ${unknown.join(', ')}; there are ${Object.keys(CLIENTS).join(', ')}`);
  process.exit(2);
}
const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(CLIENTS);
assert.equal(new Set(CASES.map(({ id }) => id)).size, CASES.length, 'every case has a name of its own');

const toStop = [];
try {
  // Open, since no stock client is asked to bring a token here.
  const vars = { FF_OPEN_REGISTRIES: 'acme,nobody' };
  const worker = await startWorker({ after: (stop) => toStop.push(stop) }, { vars });
  await worker.publish(readFileSync(join(here, 'flags.json'), 'utf8'));
  await worker.publish(ACME, 'acme');
  const base = worker.base.href.replace(/\/$/, '');
  const results = await Promise.all(names.map((name) => run(name, base)));
  for (const { name, failures } of results) {
    for (const { id, error, shown } of failures) {
      console.log(`FAIL   ${name}: ${id}\n${error.message}${shown ? `\nshown: ${JSON.stringify(shown)}` : ''}\n`);
    }
  }
  for (const { name, passed, failures } of results) {
    console.log(`${name.padEnd(8)}${String(passed).padStart(3)} pass · ${failures.length} fail   ${CLIENTS[name].package}`);
  }
  if (results.some(({ failures }) => failures.length)) process.exitCode = 1;
} finally {
  for (const stop of toStop) await stop();
}
