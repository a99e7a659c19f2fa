// Throw-away projects that depend on the packed package.

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { ROOT, manifest, npm, tarball } from './pack.mjs';

const exec = promisify(execFile);
let instances = 0;
const CASES = join(dirname(fileURLToPath(import.meta.url)), '..', 'cases');

/** A folder that is removed when the file's tests are over. */
export function temporary() {
  // Bundlers compare real paths, and a temporary folder is a link on some systems.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'burgee-test-')));
  after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * A project in a temporary folder, with the packed package installed and the cases beside it. `files` are name → content; `peers` are
 * packages that the repository has, and the project too then. Gives `{folder, write, node, fresh}`; `node` runs a program of it, by the
 * Node that runs the tests or another.
 */
export function project(files = {}, { peers = [] } = {}) {
  const folder = temporary();
  const write = (written) => {
    for (const [name, content] of Object.entries(written)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
  };
  write({ 'package.json': JSON.stringify({ private: true, type: 'module' }) });
  npm(['install', '--ignore-scripts', tarball()], folder);
  for (const name of peers) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(ROOT, 'node_modules', name), link, 'junction');
  }
  cpSync(CASES, join(folder, 'cases'), { recursive: true });
  write(files);
  return {
    folder,
    write,
    /** An entry of the package as its `exports` have it for `condition`, in an instance of its own: nothing was called in it before. */
    async fresh(entry = '.', condition = 'import') {
      const installed = createRequire(join(folder, 'package.json')).resolve('burgee/package.json');
      const file = join(dirname(installed), manifest.exports[entry][condition].default);
      return import(`${pathToFileURL(file)}?instance=${instances++}`);
    },
    async node(args, { runtime = process.execPath } = {}) {
      const { stdout } = await exec(runtime, args, { cwd: folder, env: plainEnvironment(), maxBuffer: 1 << 26 });
      return stdout;
    },
  };
}

/** Without what node:test and people set for the process that runs the tests: it would change what children print. */
function plainEnvironment() {
  const { NODE_OPTIONS, NODE_TEST_CONTEXT, FORCE_COLOR, ...environment } = process.env;
  return { ...environment, NO_COLOR: '1' };
}
