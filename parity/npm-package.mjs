import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';

// The package in `folder`, as one that depends on it would get it: by its name and through its `exports`, which a
// package may use of itself. Throws a readable error where there is none, or where it lacks a function.
export function loadPackage(folder, functions) {
  const manifest = join(resolve(folder), 'package.json');
  if (!existsSync(manifest)) throw new Error(`there is no package in ${folder}: build it first, or name another with --npm PATH`);
  let loaded;
  try {
    const { name } = JSON.parse(readFileSync(manifest, 'utf8'));
    loaded = createRequire(manifest)(name);
  } catch (error) {
    throw new Error(`the package in ${folder} does not load (is it built?): ${error.message}`);
  }
  const missing = functions.filter((name) => typeof loaded[name] !== 'function');
  if (missing.length > 0) throw new Error(`the package in ${folder} lacks ${missing.join(', ')}`);
  return loaded;
}
