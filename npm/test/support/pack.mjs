// The package as its users get it: packed by npm, once for all files of tests, which run in processes of their own.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const NPM = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const ROOT = dirname(NPM);
export const manifest = JSON.parse(readFileSync(join(NPM, 'package.json'), 'utf8'));

const packs = join(process.env.CARGO_TARGET_DIR ?? join(ROOT, 'target'), 'npm-test');

/** The tarball's path. Its folder is named by the content, so that a build is packed anew and others' packs are left alone. */
export function tarball() {
  const name = `${manifest.name}-${manifest.version}.tgz`;
  const folder = join(packs, fingerprint());
  if (existsSync(folder)) return join(folder, name);
  mkdirSync(packs, { recursive: true });
  // Under another name until it is whole: whoever comes second finds it there, or makes the same.
  const unfinished = mkdtempSync(join(packs, 'unfinished-'));
  try {
    npm(['pack', '--silent', '--ignore-scripts', '--pack-destination', unfinished], NPM);
    const old = readdirSync(packs).filter((entry) => /^[0-9a-f]{64}$/.test(entry));
    renameSync(unfinished, folder);
    for (const entry of old) rmSync(join(packs, entry), { recursive: true, force: true });
  } catch (error) {
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
  return join(folder, name);
}

/** Runs npm without the network, and without what it would like to say of other things. */
export function npm(args, cwd) {
  return execFileSync('npm', [...args, '--offline', '--no-audit', '--no-fund'], {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1', npm_config_update_notifier: 'false' },
  });
}

function fingerprint() {
  const hash = createHash('sha256');
  const built = existsSync(join(NPM, 'dist')) ? readdirSync(join(NPM, 'dist'), { recursive: true, withFileTypes: true }) : [];
  if (built.length === 0) throw new Error('npm/dist is not there: run node npm/build.mjs');
  const files = built.filter((entry) => entry.isFile()).map((entry) => relative(NPM, join(entry.parentPath, entry.name)));
  files.push('package.json', 'README.md', 'LICENSE');
  files.sort();
  for (const file of files) hash.update(`${file}\0`).update(readFileSync(join(NPM, file))).update('\0');
  return hash.digest('hex');
}
