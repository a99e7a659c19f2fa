// The Nodes of this machine that the package is for.

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { manifest } from './pack.mjs';

const LEAST = Number(/^>=(\d+)$/.exec(manifest.engines.node)[1]);

/** The Node that runs the tests, and each other version in PATH that the package says it runs on: `{version, path}`. */
export function runtimes() {
  const found = new Map([[process.versions.node, process.execPath]]);
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder || '.', 'node');
    if (!existsSync(path)) continue;
    const version = execFileSync(path, ['--print', 'process.versions.node'], { encoding: 'utf8' }).trim();
    if (Number(version.split('.')[0]) >= LEAST && !found.has(version)) found.set(version, path);
  }
  return [...found].map(([version, path]) => ({ version, path }));
}
