// Builds the debug page into dist/, or into the folder that is named: one page, and assets whose names hold a hash of their
// content. npm/dist must be built before.

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import esbuild from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, 'src');
const dist = resolve(process.argv[2] ?? join(here, 'dist'));
const npm = join(dirname(here), 'npm');

// The package is not installed here: it is found as it finds itself, by the exports in its own manifest.
const ownPackage = {
  name: 'own-package',
  setup(build) {
    build.onResolve({ filter: /^burgee(\/|$)/ }, ({ path, kind, pluginData }) =>
      pluginData === npm ? undefined : build.resolve(path, { kind, resolveDir: npm, pluginData: npm }),
    );
  },
};

if (!existsSync(join(npm, 'dist', 'slim.js'))) {
  console.error('npm/dist is not built: run node npm/build.mjs first');
  process.exit(1);
}

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });

const { metafile } = await esbuild.build({
  absWorkingDir: here,
  entryPoints: { page: 'src/main.js', icon: 'src/logo.svg' },
  outdir: join(dist, 'assets'),
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  minify: true,
  format: 'esm',
  target: ['es2022', 'chrome120', 'firefox128', 'safari17.4'],
  loader: { '.svg': 'copy', '.wasm': 'file' },
  legalComments: 'none',
  metafile: true,
  plugins: [ownPackage],
  logLevel: 'warning',
});

const outputs = Object.keys(metafile.outputs).map((path) => basename(path));

function output(pattern) {
  const found = outputs.filter((name) => pattern.test(name));
  if (found.length !== 1)
    throw new Error(`one output should match ${pattern}, and not ${found.length}: ${found.join(', ')}`);
  return found[0];
}

const places = {
  script: `/assets/${output(/^page-.*\.js$/)}`,
  style: `/assets/${output(/^page-.*\.css$/)}`,
  icon: `/assets/${output(/^icon-.*\.svg$/)}`,
  module: `/assets/${output(/\.wasm$/)}`,
  logo: readFileSync(join(source, 'logo.svg'), 'utf8')
    .trim()
    .replace('role="img" aria-label="burgee"', 'aria-hidden="true"'),
};
const page = readFileSync(join(source, 'index.html'), 'utf8').replace(/%(\w+)%/g, (_, name) => places[name]);
writeFileSync(join(dist, 'index.html'), page);
copyFileSync(join(source, '_headers'), join(dist, '_headers'));
