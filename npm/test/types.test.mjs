// The declarations, in throw-away TypeScript projects: good uses compile, each bad use does not, and the package's own
// declarations hold without skipLibCheck, with no more than the language's own library beside them.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { ROOT } from './support/pack.mjs';
import { project } from './support/project.mjs';

const source = (name) => readFileSync(new URL(`programs/${name}`, import.meta.url), 'utf8');
const good = source('good.ts');
const bad = source('bad.ts');
const BAD_USES = 45;
const required = "import FF = require('burgee');\nimport slim = require('burgee/slim');\nexport const bucket: number = FF.hashBucket('a');\nexport { slim };\n";

const { folder } = project({
  'good.ts': good, 'good.mts': good, 'good.cts': good,
  'bad.ts': bad, 'bad.mts': bad, 'bad.cts': bad,
  'required.cts': required,
  'common/package.json': '{ "type": "commonjs" }',
  'common/good.ts': good, 'common/bad.ts': bad,
  'real.ts': "import * as FF from 'burgee';\nimport registry from './registry.json';\nexport const snapshot = new FF.Snapshot(registry as FF.Registry);\n",
  'registry.json': readFileSync(join(ROOT, 'parity/vectors/registry.json')),
});

const { ModuleKind, ModuleResolutionKind: Resolution } = ts;
const LANGUAGE = ['lib.es2022.d.ts'];
const BROWSER = ['lib.es2022.d.ts', 'lib.dom.d.ts'];

/** `[name, options, files]` */
const PROJECTS = [
  ['nodenext, import', { module: ModuleKind.NodeNext, lib: LANGUAGE }, ['good.mts', 'bad.mts']],
  ['nodenext, require', { module: ModuleKind.NodeNext, lib: LANGUAGE }, ['good.cts', 'bad.cts', 'required.cts']],
  ['nodenext, with the types of browsers', { module: ModuleKind.NodeNext, lib: BROWSER }, ['good.mts', 'good.cts', 'bad.mts', 'bad.cts']],
  ['bundler', { module: ModuleKind.ESNext, moduleResolution: Resolution.Bundler, lib: BROWSER }, ['good.ts', 'bad.ts', 'real.ts']],
  ['bundler, on workerd', { module: ModuleKind.ESNext, moduleResolution: Resolution.Bundler, lib: LANGUAGE, customConditions: ['workerd', 'worker'] }, ['good.ts', 'bad.ts']],
  ['node10', { module: ModuleKind.CommonJS, moduleResolution: Resolution.Node10, ignoreDeprecations: '5.0', lib: LANGUAGE }, ['common/good.ts', 'common/bad.ts']],
];

for (const [name, options, files] of PROJECTS) {
  test(`TypeScript ${ts.version}: ${name}`, () => {
    const program = ts.createProgram(files.map((file) => join(folder, file)), {
      ...options,
      target: ts.ScriptTarget.ES2022,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: false,
      resolveJsonModule: true,
      noEmit: true,
      skipLibCheck: false,
      types: [],
    });
    const host = { getCanonicalFileName: (file) => file, getCurrentDirectory: () => folder, getNewLine: () => '\n' };
    assert.equal(ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host), '');
    const own = program.getSourceFiles().filter(({ fileName }) => fileName.includes('node_modules/burgee/'));
    assert.ok(own.length >= 5, 'the declarations were read');
  });
}

test('every bad use that is written was held against the declarations', () => {
  assert.equal(bad.match(/@ts-expect-error/g).length, BAD_USES);
});

test('declarations for import and for require are the same but for the names of files', () => {
  const types = join(folder, 'node_modules/burgee/dist/types');
  const files = readdirSync(types, { recursive: true }).filter((file) => file.endsWith('.d.ts'));
  assert.ok(files.length >= 8);
  for (const file of files) {
    const forImport = readFileSync(join(types, file), 'utf8');
    const forRequire = readFileSync(join(types, file.replace(/\.d\.ts$/, '.d.cts')), 'utf8');
    assert.equal(forRequire.replace(/\.cjs'/g, ".js'"), forImport, file);
    assert.doesNotMatch(forImport, /@internal|__trap|__memoryBytes/, file);
  }
});
