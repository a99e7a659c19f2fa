// workerd by itself, without the proxy that Miniflare puts before a Worker: what is measured is the runtime and the Worker.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';

const require = createRequire(import.meta.url);
// The one that Miniflare brings, which the tests run on too.
const WORKERD = createRequire(require.resolve('miniflare'))('workerd').default;

const text = (value) => JSON.stringify(value);

/** A file's content. Its absolute path is looked for under the root that `serve` is given. */
const embed = (path) => `embed ${text(path)}`;

const module = ([name, path]) => `(name = ${text(name)}, ${name.endsWith('.wasm') ? 'wasm' : 'esModule'} = ${embed(path)})`;

const BINDINGS = {
  text: (value) => `text = ${text(value)}`,
  file: (path) => `data = ${embed(path)}`,
  kv: (service) => `kvNamespace = ${text(service)}`,
  loader: () => 'workerLoader = ()',
  object: ({ className, service }) => `durableObjectNamespace = (className = ${text(className)}, serviceName = ${text(service)})`,
};

function binding([name, value]) {
  const [[kind, argument]] = Object.entries(typeof value === 'string' ? { text: value } : value);
  return `(name = ${text(name)}, ${BINDINGS[kind](argument)})`;
}

/** The classes of a Worker's objects, whose databases are kept in a service that is a folder. */
const storage = ({ classes, storage }) => `,
    durableObjectNamespaces = [${classes.map((name) => `(className = ${text(name)}, uniqueKey = ${text(name)}, enableSql = true)`).join(', ')}],
    durableObjectStorage = (localDisk = ${text(storage)})`;

/** A service is `{ disk }`, a folder, or a Worker, `{ date, flags, modules, bindings, objects }`: the first of its modules is the main one. */
function service([name, { disk, date, flags = [], modules, bindings, objects }]) {
  if (disk) return `(name = ${text(name)}, disk = (path = ${text(disk)}, writable = true))`;
  return `(name = ${text(name)}, worker = (
    compatibilityDate = ${text(date)},
    compatibilityFlags = [${flags.map(text).join(', ')}],
    modules = [${Object.entries(modules).map(module).join(', ')}],
    bindings = [${Object.entries(bindings).map(binding).join(', ')}]${objects ? storage(objects) : ''}))`;
}

function configuration(services, served) {
  const sockets = served.map((name) => `(name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${text(name)})`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [${Object.entries(services).map(service).join(',\n')}],
  sockets = [${sockets.join(',\n')}],
  logging = (structuredLogging = true));
`;
}

/** Serves some of the Workers, each on a port of its own. What they log goes nowhere. */
export async function serve(services, served) {
  const folder = mkdtempSync(join(tmpdir(), 'burgee-bench-'));
  const file = join(folder, 'config.capnp');
  writeFileSync(file, configuration(services, served));
  const child = spawn(WORKERD, ['serve', '--experimental', '--import-path=/', '--control-fd=3', file], { stdio: ['ignore', 'ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.once('error', resolve).once('exit', resolve));
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => (complaint = (complaint + chunk).slice(-2000)));
  const ports = {};
  const ready = new Promise((resolve) => {
    createInterface({ input: child.stdio[3] }).on('line', (line) => {
      const { event, socket, port } = JSON.parse(line);
      if (event === 'listen') ports[socket] = port;
      if (served.every((name) => name in ports)) resolve(true);
    });
  });
  if ((await Promise.race([ready, ended])) !== true) {
    await stop();
    throw new Error(`workerd did not start:\n${complaint}`);
  }
  return { ports, pid: child.pid, stop };
}
