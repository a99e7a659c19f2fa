// `make deploy`: ships both Workers to the account that wrangler is logged in to: the objects first, since the edge is bound to their classes.
//
// They share the KV namespace `FLAGS`. Where a configuration names its `id`, it is that one for both; else it is the account's namespace `burgee-flags`,
// which is made if it is missing. So are the queues: wrangler would make only those that the Worker which it ships writes to, and the objects, which go
// first, read one that the edge writes to.
//
//   --dry-run   shows what would go, and asks nothing of the account
//   --edge      ships the edge alone, so that no object is ended
//   any other argument is wrangler's, for both; those that fit one Worker alone, or name another account, are refused
//
// The environment brings wrangler: `tools/env.sh` sets it. Exit status: that of the first step that fails.

import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { experimental_readRawConfig as readRawConfig } from 'wrangler';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const NAMESPACE = 'burgee-flags';
/** Of one Worker alone, or of an account that the namespace and the queues would not be in. The edge is bound to the objects by their one name. */
const REFUSED = ['--name', '--env', '-e', '--config', '-c', '--cwd', '--profile', '--temporary', '--outdir', '--outfile'];

const own = process.argv.slice(2);
const args = own.filter((arg) => arg !== '--edge');
/** Which go, in this order. */
const FOLDERS = args.length < own.length ? ['worker'] : ['objects', 'worker'];
const isDry = args.some((arg) => arg === '--dry-run' || arg === '--dry-run=true');
const env = { ...process.env, WRANGLER_HIDE_BANNER: 'true', WRANGLER_SEND_METRICS: 'false' };

/** What whoever runs this can mend: it needs no stack trace. */
class Refusal extends Error {
  constructor(message, status = 1) {
    super(message);
    this.status = status;
  }
}

/** Runs wrangler to its end; `stdout` and `stderr` are where its output goes. */
function wrangler(args, { stdout = 'inherit', stderr = 'inherit' } = {}) {
  const { error, status, stdout: output } = spawnSync('wrangler', args, { cwd: root, env, encoding: 'utf8', stdio: ['inherit', stdout, stderr] });
  if (error) throw new Refusal(`wrangler cannot be run: ${error.message} (\`. ./tools/env.sh\` sets it)`);
  return { status: status ?? 1, output };
}

/** What wrangler prints; `what` is said where it fails. */
function told(args, what) {
  const { status, output } = wrangler(args, { stdout: 'pipe' });
  if (status !== 0) throw new Refusal(what, status);
  return output;
}

// ---- What is deployed ------------------------------------------------------------------------------------------------

const workers = ['objects', 'worker'].map((folder) => {
  const config = join(root, folder, 'wrangler.jsonc');
  return { folder, config, said: readRawConfig({ config }).rawConfig };
});

/** The id of the namespace that the configurations name; undefined where none does. */
function namedNamespace() {
  const ids = workers.map(({ config, said }) => {
    const flags = said.kv_namespaces?.find(({ binding }) => binding === 'FLAGS');
    if (!flags) throw new Refusal(`${relative(root, config)} must have FLAGS among its kv_namespaces`);
    return flags.id;
  });
  const named = new Set(ids.filter(Boolean));
  if (named.size > 1) {
    throw new Refusal(`the objects write what the edge reads: FLAGS must be one namespace, and the configurations name ${[...named].join(' and ')}`);
  }
  return [...named][0];
}

function checkArguments() {
  const refused = args.find((arg) => REFUSED.includes(arg.split('=')[0]));
  if (refused) throw new Refusal(`${refused.split('=')[0]} would not fit both Workers and what they share`);
  if (process.env.CLOUDFLARE_ENV) throw new Refusal('CLOUDFLARE_ENV is set, and the configurations have one environment');
}

// ---- What they need of the account -----------------------------------------------------------------------------------

/** The id of the account's namespace that is called so. */
function found() {
  const output = told(['kv', 'namespace', 'list'], "the account's KV namespaces cannot be listed");
  // The list begins on a line of its own; wrangler may say something before it.
  const [list] = /^\[[^]*\]/m.exec(output) ?? [];
  if (!list) throw new Refusal(`wrangler gave no list of KV namespaces:\n${output}`);
  return JSON.parse(list).find(({ title }) => title === NAMESPACE)?.id;
}

function namespace() {
  const known = found();
  if (known) return known;
  told(['kv', 'namespace', 'create', NAMESPACE], `the KV namespace ${NAMESPACE} cannot be made`);
  const made = found();
  if (!made) throw new Refusal(`the KV namespace ${NAMESPACE} was made, and is not listed yet; run this again`);
  console.log(`made the KV namespace ${NAMESPACE}`);
  return made;
}

function makeQueues() {
  const producers = workers.flatMap(({ said }) => said.queues?.producers ?? []);
  const consumers = workers.flatMap(({ said }) => said.queues?.consumers ?? []);
  const names = [...producers, ...consumers].flatMap(({ queue, dead_letter_queue: dead }) => (dead ? [queue, dead] : [queue]));
  for (const queue of new Set(names)) {
    // Why one cannot be seen is said where it cannot be made either.
    if (wrangler(['queues', 'info', queue], { stdout: 'ignore', stderr: 'ignore' }).status === 0) continue;
    told(['queues', 'create', queue], `the queue ${queue} cannot be made`);
    console.log(`made the queue ${queue}`);
  }
}

// ---- Shipping --------------------------------------------------------------------------------------------------------

/** Runs `deploy` with a configuration that names the namespace, beside the one that may not, so that its paths hold. */
function deploy({ folder, config, said }, id) {
  // One that an interrupted run leaves behind is git's to ignore, and is written anew.
  const used = id ? join(root, folder, 'wrangler.deploy.jsonc') : config;
  const named = said.kv_namespaces.map((namespace) => (namespace.binding === 'FLAGS' ? { ...namespace, id } : namespace));
  try {
    if (id) writeFileSync(used, JSON.stringify({ ...said, kv_namespaces: named }, null, 2));
    const { status } = wrangler(['deploy', '--config', used, ...args]);
    if (status !== 0) throw new Refusal(`${said.name} is not deployed`, status);
  } finally {
    if (id) rmSync(used, { force: true });
  }
}

try {
  checkArguments();
  let id = namedNamespace();
  if (!isDry) {
    id ??= namespace();
    makeQueues();
  }
  for (const worker of workers.filter(({ folder }) => FOLDERS.includes(folder))) deploy(worker, id);
} catch (error) {
  if (!(error instanceof Refusal)) throw error;
  console.error(error.message);
  process.exit(error.status);
}
