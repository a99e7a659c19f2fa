// What is in the tarball: nothing that should not be there, nothing missing, and nothing that a bundler or a policy refuses.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { homedir, tmpdir, userInfo } from 'node:os';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { brotliCompressSync, constants } from 'node:zlib';
import esbuild from 'esbuild';
import { publint } from 'publint';
import { NPM, ROOT, manifest, tarball } from './support/pack.mjs';
import { project } from './support/project.mjs';
import { report } from './support/report.mjs';

/** Bytes with brotli: a little above what was measured, so that growth is noticed where it happens. The module in base64 packs badly. */
const BUDGETS = [
  [['dist/slim.js', 'dist/burgee.wasm'], 91_000],
  [['dist/workerd.js', 'dist/burgee.wasm'], 91_000],
  [['dist/index.js'], 115_000],
  [['dist/index.cjs'], 115_000],
  // What these add to an entry that evaluates.
  // 1 kB of the client verifies signatures.
  [['dist/client.js'], 5_500],
  [['dist/openfeature-web.js'], 1_800],
  [['dist/openfeature-server.js'], 1_800],
  // The command line, which nobody's page loads.
  [['dist/cli.js', 'dist/tools.wasm'], 128_000],
];

/** Entries that stand on another one: written once for each of `burgee` and `burgee/slim`. */
const STANDING = ['client', 'openfeature-server', 'openfeature-web', 'slim-client', 'slim-openfeature-web'];

const { folder, write, node } = project({
  'cases.mjs': "import * as FF from 'burgee';\nimport { runCases } from './cases/run.mjs';\nconsole.log(JSON.stringify(runCases(FF)));\n",
});
const installed = join(folder, 'node_modules', manifest.name);
const read = (file) => readFileSync(join(installed, file));

/** Files of the installed package, by their names in it. */
const files = readdirSync(installed, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(installed, join(entry.parentPath, entry.name)))
  .sort();
/** The entries. The command line is a program, which nobody imports. */
const scripts = files.filter((file) => /\.c?js$/.test(file) && file !== 'dist/cli.js');
const declarations = files.filter((file) => /\.d\.c?ts$/.test(file));

test('the tarball holds what is described, and nothing else', () => {
  const rest = files.filter((file) => !declarations.includes(file));
  assert.deepEqual(rest, [
    'LICENSE',
    'README.md',
    ...['burgee.wasm', 'cli.js', 'index.cjs', 'index.js', 'slim.cjs', 'slim.js', 'tools.wasm', 'workerd.js', ...STANDING.flatMap((name) => [`${name}.cjs`, `${name}.js`])]
      .map((name) => `dist/${name}`)
      .sort(),
    'package.json',
  ]);
  assert.ok(declarations.every((file) => file.startsWith('dist/types/')));
  assert.deepEqual(read('LICENSE'), readFileSync(join(ROOT, 'LICENSE')));
});

test('what the manifest names is there, and has no dependencies and no scripts', () => {
  const named = [];
  const collect = (value) => (typeof value === 'string' ? named.push(value) : Object.values(value).forEach(collect));
  collect([manifest.exports, manifest.main, manifest.module, manifest.types, manifest.typesVersions, manifest.sideEffects]);
  for (const name of named) assert.ok(files.includes(name.replace(/^\.\//, '')), name);
  assert.ok(named.length > 20);
  assert.deepEqual(manifest.bin, { burgee: 'dist/cli.js' });
  for (const field of ['dependencies', 'optionalDependencies', 'scripts']) {
    assert.equal(manifest[field], undefined, field);
  }
});

test('its peers are the SDKs of OpenFeature, for those who have one', () => {
  const peers = Object.keys(manifest.peerDependencies);
  assert.deepEqual(peers, ['@openfeature/server-sdk', '@openfeature/web-sdk']);
  for (const name of peers) {
    assert.deepEqual(manifest.peerDependenciesMeta[name], { optional: true });
    // What it was tested with is what it says at least.
    const { version } = JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8'));
    assert.equal(manifest.peerDependencies[name], `^${version}`, name);
  }
});

test('an entry that stands on another imports it by the name of the package, and brings nothing of it', () => {
  const imports = (file) => [...new Set([...read(file).toString().matchAll(/(?:from\s*|require\()"([^"]+)"/g)].map(([, name]) => name))].sort();
  const expected = {
    client: ['burgee'],
    'slim-client': ['burgee/slim'],
    'openfeature-server': ['@openfeature/server-sdk', 'burgee', 'burgee/client'],
    'openfeature-web': ['@openfeature/web-sdk', 'burgee', 'burgee/client'],
    'slim-openfeature-web': ['@openfeature/web-sdk', 'burgee/slim', 'burgee/slim/client'],
  };
  assert.deepEqual(Object.keys(expected).sort(), [...STANDING].sort());
  for (const [name, names] of Object.entries(expected)) {
    for (const kind of ['js', 'cjs']) assert.deepEqual(imports(`dist/${name}.${kind}`), names, `${name}.${kind}`);
  }
});

test('a condition that comes after default would never be met', () => {
  const check = (conditions, at) => {
    if (typeof conditions === 'string') return;
    const names = Object.keys(conditions);
    if (names.includes('default')) assert.equal(names.at(-1), 'default', at);
    if (names.includes('types')) assert.equal(names[0], 'types', at);
    for (const name of names) check(conditions[name], `${at} ${name}`);
  };
  check(manifest.exports, 'exports');
  const conditions = Object.keys(manifest.exports['.']);
  assert.equal(conditions[0], 'workerd', 'before import, which workerd meets too');
});

test('publint has nothing to say, not even a suggestion', async () => {
  const packed = readFileSync(tarball());
  const bytes = packed.buffer.slice(packed.byteOffset, packed.byteOffset + packed.byteLength);
  const { messages } = await publint({ pack: { tarball: bytes }, strict: true, level: 'suggestion' });
  assert.deepEqual(messages, []);
});

test('attw finds no problem in any way of resolving, with no rule ignored', () => {
  const program = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  const output = execFileSync(process.execPath, [program, '--format', 'json', '--profile', 'strict', tarball()], { encoding: 'utf8', cwd: folder });
  const { analysis, problems } = JSON.parse(output);
  assert.deepEqual(problems, {});
  const entries = ['.', './burgee.wasm', './client', './openfeature-server', './openfeature-web', './package.json'];
  assert.deepEqual(Object.keys(analysis.entrypoints).sort(), [...entries, './slim', './slim/client', './slim/openfeature-web']);
  for (const [entry, { resolutions }] of Object.entries(analysis.entrypoints)) {
    assert.deepEqual(Object.keys(resolutions).sort(), ['bundler', 'node10', 'node16-cjs', 'node16-esm'], entry);
  }
});

test('no entry awaits at its top level', async () => {
  // A form in which nobody can: esbuild refuses to write it.
  const refused = (code) => esbuild.transform(code, { format: 'iife', logLevel: 'silent' });
  await assert.rejects(refused('export const a = await 1;'), /[Tt]op-level await/);
  assert.equal(scripts.length, 5 + 2 * STANDING.length);
  for (const file of scripts) await refused(read(file).toString());
});

test('no entry makes code from text', async (t) => {
  for (const file of scripts) assert.doesNotMatch(read(file).toString(), /\beval\b|\bFunction\b|\bimport\s*\(/, file);
  const output = await node(['--disallow-code-generation-from-strings', 'cases.mjs']);
  await report(t, JSON.parse(output));
});

test('no file tells of the machine that it was built on', () => {
  const home = userInfo().homedir;
  const machine = [ROOT, homedir(), home, process.env.CARGO_HOME, process.env.RUSTUP_HOME, process.env.CARGO_TARGET_DIR, tmpdir()];
  // A home as short as / is in every text.
  const paths = [...new Set(machine.filter((path) => path !== undefined && path.length > 3).map((path) => `${path}/`))];
  const traces = [...paths, '/registry/src/', '/.cargo/', '/rustup/', 'file://', 'node_modules/', 'C:\\'];
  assert.ok(paths.length >= 2);
  for (const file of files) {
    const text = read(file).toString('latin1');
    for (const trace of traces) assert.ok(!text.includes(trace), `${file} holds ${trace}`);
  }
});

test('the module has no names and no notes of its tools, and asks for nothing but the glue', () => {
  for (const file of ['dist/burgee.wasm', 'dist/tools.wasm']) {
    const module = new WebAssembly.Module(read(file));
    for (const section of ['name', 'producers', 'target_features', 'sourceMappingURL', '.debug_info']) {
      assert.deepEqual(WebAssembly.Module.customSections(module, section), [], `${file} ${section}`);
    }
    assert.deepEqual([...new Set(WebAssembly.Module.imports(module).map(({ module, kind }) => `${module} ${kind}`))], ['./burgee_bg.js function']);
  }
});

test('the module that is inside is the module that is beside', () => {
  const base64 = read('dist/burgee.wasm').toString('base64');
  for (const file of ['dist/index.js', 'dist/index.cjs']) assert.ok(read(file).includes(base64), file);
  for (const file of ['dist/slim.js', 'dist/slim.cjs', 'dist/workerd.js']) {
    assert.ok(!read(file).includes(base64.slice(0, 40)), file);
    assert.doesNotMatch(read(file).toString(), /[A-Za-z0-9+/]{200}/, file);
  }
  for (const file of scripts) assert.ok(!read(file).includes('tools.wasm'), `${file} leaves the tools to the command line`);
  assert.match(read('dist/workerd.js').toString(), /from\s*"\.\/burgee\.wasm"/);
});

test('the package weighs no more than it may', () => {
  const sizes = BUDGETS.map(([names, budget]) => {
    const size = names.map(read).reduce((sum, bytes) => sum + brotli(bytes), 0);
    return { what: names.join(' + '), size, budget };
  });
  const table = execFileSync(process.execPath, [join(NPM, 'size.mjs')], { encoding: 'utf8' });
  console.log(table);
  assert.match(table, new RegExp(`^slim\\.js \\+ burgee\\.wasm .* ${sizes[0].size} B brotli$`, 'm'));
  for (const { what, size, budget } of sizes) assert.ok(size <= budget, `${what}: ${size} B of ${budget} B`);
});

function brotli(bytes) {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
}

test('the examples of the README run, and give what they say', async () => {
  const blocks = [...read('README.md').toString().matchAll(/^```js\n([^]*?)^```$/gm)].map(([, code]) => code);
  let checked = 0;
  const program = blocks.join('\n').replace(/^(FF|snapshot)(.*); *\/\/ (\d+|true|false|'[^']*')$/gm, (_, object, call, value) => {
    checked++;
    return `assert.deepEqual(${object}${call}, ${value});`;
  });
  assert.ok(blocks.length >= 2 && checked >= 2, `${blocks.length} blocks, ${checked} checks`);
  write({ 'readme.cjs': `const assert = require('node:assert/strict');\n${program}\nconsole.log('ran');\n` });
  assert.equal(await node(['readme.cjs']), 'ran\n');
});
