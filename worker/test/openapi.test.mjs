// Whether the Worker does what /openapi.json says, and refuses what it rules out: Schemathesis makes requests of the description and judges the answers.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { schemathesis } from '../../tools/env.mjs';
import { startWorker, temporaryFolder, token, WORKER } from './harness.mjs';

const HERE = join(WORKER, 'test', 'schemathesis');
const CASES_AT_LEAST = 5_000;

const SEGMENT = { key: 'beta', conditions: { attr: 'plan', op: 'in', values: ['pro', 'team'] } };
const FLAGS = [
  { key: 'checkout', default_variant: 'on', kill_switch: 'payments' },
  {
    ...{ key: 'layout', type: 'string', variants: ['list', 'grid'].map((key) => ({ key, value: key })), default_variant: 'list' },
    rules: [{ id: 'beta', when: { segment: 'beta' }, serve: { variant: 'grid' } }],
  },
  { key: 'careful', high_impact: true },
];

/** Runs Schemathesis on a Worker to its end, and gives what it said. */
async function drive(t, worker) {
  const PYTHONPATH = schemathesis();
  assert.ok(existsSync(PYTHONPATH), 'Schemathesis is brought by: node tools/setup.mjs schemathesis');
  const env = {
    ...process.env,
    ...{ PYTHONPATH, PYTHONNOUSERSITE: '1', PYTHONDONTWRITEBYTECODE: '1', NO_COLOR: '1', COLUMNS: '200' },
    ...{ BURGEE_BASE: worker.base.origin, BURGEE_HOOKS: join(HERE, 'hooks.py'), BURGEE_TOKEN: token({ tenants: ['acme'] }) },
  };
  const args = ['-m', 'schemathesis.cli', '--config-file', join(HERE, 'schemathesis.toml'), 'run', `${worker.base.origin}/openapi.json`];
  // It keeps notes in the folder where it runs.
  const child = spawn('python3', args, { cwd: temporaryFolder(t), env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (said += text));
  t.after(() => child.kill('SIGKILL'));
  const [status] = await once(child, 'close');
  return { status, said };
}

test('every operation answers as it is described', async (t) => {
  const worker = await startWorker(t, { vars: { FF_OPEN_REGISTRIES: 'parity', FF_SOFT_TTL_MS: '60000' } });
  const registry = JSON.parse(readFileSync(join(WORKER, '..', 'parity', 'vectors', 'registry.json'), 'utf8'));
  for (const tenant of ['platform', 'parity']) await worker.publish({ ...registry, tenant }, tenant);
  assert.equal((await worker.v1('acme', 'POST', '/v1/segments', SEGMENT)).status, 201);
  for (const flag of FLAGS) assert.ok([201, 202].includes((await worker.v1('acme', 'POST', '/v1/flags', flag)).status));
  const { paths } = await (await worker.fetch('/openapi.json')).json();
  const operations = Object.values(paths).reduce((sum, path) => sum + Object.keys(path).length, 0);

  const { status, said } = await drive(t, worker);
  const [, tested] = /^ *Tested: (\d+)$/m.exec(said) ?? [];
  const [, cases] = /^ *(\d+) generated/m.exec(said) ?? [];
  console.log(`openapi: ${tested} operations, ${cases} cases, ${status === 0 ? 'no failure' : 'failures'}`);
  assert.equal(status, 0, said);
  // It leaves out the operation that it has read the description from.
  assert.equal(Number(tested), operations - 1);
  assert.ok(operations > 60, `${operations} operations`);
  assert.ok(Number(cases) >= CASES_AT_LEAST, `${cases} cases`);
  const panics = worker.logs.filter((line) => line.includes('panicked'));
  assert.deepEqual(panics, []);
});
