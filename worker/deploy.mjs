// `make deploy`: ships both Workers to the account that wrangler is logged in to: the objects first, since the edge is bound to their classes.
//
// They share the KV namespace `FLAGS`. Where a configuration names no `id` of one, it is the account's namespace `burgee-flags`, which is made if it
// is missing.
//
//   --dry-run   builds and shows what would go, and asks nothing of the account
//   any other argument is wrangler's, for both
//
// The environment brings wrangler: `tools/env.sh` sets it. Exit status: that of the first step that fails.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const FOLDERS = ['objects', 'worker'];
const NAMESPACE = 'burgee-flags';
const UNNAMED = '{ "binding": "FLAGS" }';

const args = process.argv.slice(2);
const isDry = args.includes('--dry-run');
const env = { ...process.env, WRANGLER_HIDE_BANNER: 'true', WRANGLER_SEND_METRICS: 'false' };

const wrangler = (...args) => execFileSync('wrangler', args, { cwd: root, env, encoding: 'utf8', stdio: ['inherit', 'pipe', 'inherit'] });

/** The ids of the account's namespaces that are called so. */
const found = () => JSON.parse(wrangler('kv', 'namespace', 'list')).filter(({ title }) => title === NAMESPACE).map(({ id }) => id);

function namespace() {
  const [known] = found();
  if (known) return known;
  wrangler('kv', 'namespace', 'create', NAMESPACE);
  const [made] = found();
  if (!made) throw new Error(`the KV namespace ${NAMESPACE} was made, and is not listed; run this again`);
  console.log(`made the KV namespace ${NAMESPACE}`);
  return made;
}

/** Runs `deploy` with the configuration that names the namespace, beside the one that does not, so that its paths hold. */
function deploy(folder, id) {
  const own = join(root, folder, 'wrangler.jsonc');
  const text = readFileSync(own, 'utf8');
  const used = id && text.includes(UNNAMED) ? join(root, folder, 'wrangler.deploy.jsonc') : own;
  if (used !== own) writeFileSync(used, text.replace(UNNAMED, `{ "binding": "FLAGS", "id": ${JSON.stringify(id)} }`));
  try {
    return spawnSync('wrangler', ['deploy', '--config', used, ...args], { cwd: root, env, stdio: 'inherit' }).status ?? 1;
  } finally {
    if (used !== own) rmSync(used, { force: true });
  }
}

const isUnnamed = FOLDERS.some((folder) => readFileSync(join(root, folder, 'wrangler.jsonc'), 'utf8').includes(UNNAMED));
let id;
try {
  if (isUnnamed && !isDry) id = namespace();
} catch (error) {
  console.error(`the KV namespace ${NAMESPACE} can neither be found nor made: ${error.message}`);
  process.exit(error.status ?? 1);
}
for (const folder of FOLDERS) {
  const status = deploy(folder, id);
  if (status !== 0) process.exit(status);
}
