// Builds the npm package into dist/: the module from burgee-wasm, its glue and types, and an entry for each place that imports it.
// The environment brings WASM_BINDGEN_BIN (of the version that Cargo.toml pins) and WASM_OPT_BIN: `tools/env.sh` sets them.

import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const root = dirname(here);
// Built beside dist/ and moved there at the end, so that whoever uses the package meanwhile has a whole one.
const dist = join(here, 'build');
const generated = join(here, 'generated');
const generatedTools = join(here, 'generated-tools');
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');

// What rustc and wasm-bindgen may put into a module, and so must be named to wasm-opt. --all-features would let it write
// encodings that today's runtimes refuse.
const ENCODINGS = ['bulk-memory', 'multivalue', 'mutable-globals', 'nontrapping-float-to-int', 'reference-types', 'sign-ext'];

function run(command, args, options = {}) {
  return execFileSync(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'], encoding: 'utf8', ...options });
}

function tool(variable, fallback) {
  return process.env[variable] ?? fallback;
}

/**
 * A module, with some of burgee-wasm's features, as `file` in dist/, and its glue in a folder of its own. One that is not `fast` has no speed
 * that anybody would notice, and is compiled to be small.
 */
function buildModule(file, features, glue, { fast }) {
  // The paths of this machine have no place in what others download.
  const cargoHome = process.env.CARGO_HOME ?? join(homedir(), '.cargo');
  const sources = join(cargoHome, 'registry/src');
  const registries = existsSync(sources) ? readdirSync(sources).sort() : [];
  // Where several match, the last one counts.
  const renamed = {
    [cargoHome]: 'cargo',
    ...Object.fromEntries(registries.map((registry) => [join(sources, registry), 'crates'])),
    [run('rustc', ['--print', 'sysroot']).trim()]: 'rust',
    [root]: 'burgee',
  };
  const rustflags = [
    ...(process.env.CARGO_ENCODED_RUSTFLAGS?.split('\x1f') ?? []),
    ...Object.entries(renamed).map(([from, to]) => `--remap-path-prefix=${from}=${to}`),
  ];
  const env = { ...process.env, CARGO_ENCODED_RUSTFLAGS: rustflags.join('\x1f') };
  const args = ['build', '--quiet', '--locked', '--profile', 'npm', '--target', 'wasm32-unknown-unknown'];
  if (!fast) args.push('--config', 'profile.npm.package.burgee-wasm.opt-level="z"');
  // A target folder of its own: other flags would otherwise build everything anew, back and forth.
  const targetDir = join(target, 'npm');
  run('cargo', [...args, '--target-dir', targetDir, '-p', 'burgee-wasm', '--features', features], { env });
  run(tool('WASM_BINDGEN_BIN', 'wasm-bindgen'), [
    join(targetDir, 'wasm32-unknown-unknown/npm/burgee_wasm.wasm'),
    ...['--target', 'web', '--omit-default-module-path', '--experimental-reset-state-function'],
    ...['--out-dir', glue, '--out-name', 'burgee'],
  ]);
  run(tool('WASM_OPT_BIN', 'wasm-opt'), [
    join(glue, 'burgee_bg.wasm'),
    // A function with one caller stays one: inlined it packs worse, by 2,400 bytes in all, and nothing is faster for it.
    ...['-o', join(dist, file), fast ? '-O3' : '-Oz', '--one-caller-inline-max-function-size=0'],
    ...['--strip-debug', '--strip-producers', '--strip-target-features'],
    ...ENCODINGS.map((feature) => `--enable-${feature}`),
  ]);
}

/** The model's types, and the names of its numbers, from the Rust definitions. */
function buildModel() {
  const args = ['run', '--quiet', '--locked', '-p', 'burgee-core', '--features', 'typescript', '--example', 'typescript'];
  writeFileSync(join(generated, 'model.ts'), run('cargo', args));
}

async function buildEntries() {
  const base64 = {
    name: 'base64',
    setup(build) {
      build.onResolve({ filter: /^burgee:base64$/ }, ({ path }) => ({ path, namespace: 'base64' }));
      build.onLoad({ filter: /.*/, namespace: 'base64' }, () => ({
        contents: readFileSync(join(dist, 'burgee.wasm')).toString('base64'),
        loader: 'text',
      }));
    },
  };
  const common = {
    absWorkingDir: here,
    bundle: true,
    minify: true,
    // The glue's own warnings, of calls that this package does not make.
    drop: ['console'],
    target: 'es2022',
    legalComments: 'none',
    external: ['*.wasm'],
    plugins: [base64],
    logLevel: 'warning',
  };
  const entries = [
    ['index', 'esm', 'index.js'],
    ['index', 'cjs', 'index.cjs'],
    ['workerd', 'esm', 'workerd.js'],
    ['slim', 'esm', 'slim.js'],
    ['slim', 'cjs', 'slim.cjs'],
    ...['client', 'openfeature-server', 'openfeature-web'].flatMap((entry) => [
      [entry, 'esm', `${entry}.js`, 'burgee'],
      [entry, 'cjs', `${entry}.cjs`, 'burgee'],
    ]),
    ...['client', 'openfeature-web'].flatMap((entry) => [
      [entry, 'esm', `slim-${entry}.js`, 'burgee/slim'],
      [entry, 'cjs', `slim-${entry}.cjs`, 'burgee/slim'],
    ]),
  ];
  await Promise.all(
    entries.map(([entry, format, file, on]) =>
      esbuild.build({
        ...common,
        plugins: on === undefined ? [base64] : [standingOn(on)],
        entryPoints: [`src/${entry}.ts`],
        format,
        outfile: join(dist, file),
      }),
    ),
  );
  await buildCommandLine(common);
}

/** The command line. Its evaluator is the module with the tools, beside it. */
async function buildCommandLine(common) {
  const tools = {
    name: 'tools',
    setup(build) {
      build.onResolve({ filter: /\/generated\/burgee\.js$/ }, () => ({ path: join(generatedTools, 'burgee.js') }));
    },
  };
  await esbuild.build({
    ...common,
    plugins: [tools],
    entryPoints: ['src/cli/main.ts'],
    format: 'esm',
    platform: 'node',
    target: 'node20',
    banner: { js: '#!/usr/bin/env node' },
    outfile: join(dist, 'cli.js'),
  });
  chmodSync(join(dist, 'cli.js'), 0o755);
}

/**
 * Leaves what one entry imports of another as an import by the package's name, so that there is one evaluator however many entries a
 * program imports, and each place gets the one for it by the conditions of `exports`.
 */
function standingOn(name) {
  const names = { 'src/index.js': name, 'src/client.js': `${name}/client` };
  return {
    name: 'entries',
    setup(build) {
      build.onResolve({ filter: /\.js$/ }, ({ path, resolveDir }) => {
        const entry = names[relative(here, join(resolveDir, path))];
        return entry === undefined ? undefined : { path: entry, external: true };
      });
      // The SDKs of OpenFeature are peers: whoever uses a provider has one.
      build.onResolve({ filter: /^@openfeature\// }, ({ path }) => ({ path, external: true }));
    },
  };
}

// What bundlers and workerd make of an import of the module.
const wasmTypes = `import type { CompiledModule } from './types.js';
/** The evaluator's module, compiled, where the bundler or the runtime imports modules of WebAssembly. */
declare const module: CompiledModule;
export default module;
`;

/** Declarations, once for import and once for require: a package's two forms must each have their own. */
function buildTypes() {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  run('node', [tsc, '-p', join(here, 'tsconfig.json'), '--outDir', join(dist, 'types')]);
  // The command line has no declarations, because nobody imports it. It is only checked.
  run('node', [tsc, '-p', join(here, 'src/cli/tsconfig.json')]);
  // What no entry speaks of. Some name types of the glue, which is not part of the package either.
  for (const name of ['engine', 'wire', ...['changes', 'exposures', 'poller', 'storage', 'timers'].map((part) => `client/${part}`)]) rmSync(join(dist, `types/src/${name}.d.ts`));
  writeFileSync(join(dist, 'types/src/burgee.wasm.d.ts'), wasmTypes);
  for (const file of globSync('**/*.d.ts', { cwd: join(dist, 'types') })) {
    const text = readFileSync(join(dist, 'types', file), 'utf8');
    const forRequire = text.replace(/(from '|import\(')(\.[^']+)\.js'/g, "$1$2.cjs'");
    writeFileSync(join(dist, 'types', file.replace(/\.d\.ts$/, '.d.cts')), forRequire);
  }
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(generated, { recursive: true });
mkdirSync(generatedTools, { recursive: true });
mkdirSync(dist, { recursive: true });
buildModule('burgee.wasm', 'module', generated, { fast: true });
buildModule('tools.wasm', 'module,tools', generatedTools, { fast: false });
buildModel();
await buildEntries();
buildTypes();
rmSync(join(here, 'dist'), { recursive: true, force: true });
renameSync(dist, join(here, 'dist'));
cpSync(join(root, 'LICENSE'), join(here, 'LICENSE'), { force: true });
