// The declarations of the client and the providers: good uses compile, each bad use does not. The client's hold without skipLibCheck, and
// with no more than the language's own library beside them; the providers' stand on the SDKs' own.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { NPM } from './support/pack.mjs';
import { project } from './support/project.mjs';

const source = (name) => readFileSync(new URL(`programs/${name}`, import.meta.url), 'utf8');
const [good, bad, openfeature] = ['client-good.ts', 'client-bad.ts', 'openfeature-good.ts'].map(source);
const BAD_USES = 23;
const BAD_OPENFEATURE_USES = 6;

const readme = readFileSync(join(NPM, 'README.md'), 'utf8');
const examples = [...readme.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, code], index) => [`example${index}.ts`, code]);
// What the examples take for granted.
const AROUND = 'declare function token(): string;\ndeclare function render(version: number, changed: readonly string[]): void;\n';

const files = Object.fromEntries(examples);
for (const kind of ['ts', 'mts', 'cts']) Object.assign(files, { [`good.${kind}`]: good, [`bad.${kind}`]: bad, [`openfeature.${kind}`]: openfeature });
const { folder } = project(
  {
    ...files,
    'common/package.json': '{ "type": "commonjs" }',
    'common/good.ts': good,
    'common/bad.ts': bad,
    'around.d.ts': AROUND,
    'browser.ts': `
      import { createClient } from 'burgee/client';
      export const client = createClient({ url: new URL('/v1/snapshot', 'https://flags.example'), fetch, storage: localStorage });
    `,
  },
  { peers: ['@openfeature/core', '@openfeature/server-sdk', '@openfeature/web-sdk'] },
);

const { ModuleKind, ModuleResolutionKind: Resolution } = ts;
const LANGUAGE = { lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'] };
const BROWSER = { lib: [...LANGUAGE.lib, 'lib.dom.d.ts'] };
const BUNDLER = { module: ModuleKind.ESNext, moduleResolution: Resolution.Bundler };
// What the SDKs declare needs the types of Node, which need not be here.
const SDKS = { skipLibCheck: true };

/** `[name, options, files]` */
const PROJECTS = [
  ['nodenext, import', { module: ModuleKind.NodeNext, ...LANGUAGE }, ['good.mts', 'bad.mts']],
  ['nodenext, require', { module: ModuleKind.NodeNext, ...LANGUAGE }, ['good.cts', 'bad.cts']],
  ['bundler, with the types of browsers', { ...BUNDLER, ...BROWSER }, ['good.ts', 'bad.ts', 'browser.ts']],
  ['bundler, on workerd', { ...BUNDLER, ...LANGUAGE, customConditions: ['workerd', 'worker'] }, ['good.ts', 'bad.ts']],
  ['node10', { module: ModuleKind.CommonJS, moduleResolution: Resolution.Node10, ignoreDeprecations: '5.0', ...LANGUAGE }, ['common/good.ts', 'common/bad.ts']],
  ['OpenFeature, nodenext, import', { module: ModuleKind.NodeNext, ...BROWSER, ...SDKS }, ['openfeature.mts']],
  ['OpenFeature, nodenext, require', { module: ModuleKind.NodeNext, ...BROWSER, ...SDKS }, ['openfeature.cts']],
  ['OpenFeature, bundler', { ...BUNDLER, ...BROWSER, ...SDKS }, ['openfeature.ts']],
  ['the examples of the README', { ...BUNDLER, ...BROWSER, ...SDKS }, ['around.d.ts', ...examples.map(([name]) => name)]],
];

for (const [name, options, names] of PROJECTS) {
  test(`TypeScript ${ts.version}: ${name}`, () => {
    const program = ts.createProgram(names.map((file) => join(folder, file)), {
      target: ts.ScriptTarget.ES2022,
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
      verbatimModuleSyntax: false,
      noEmit: true,
      skipLibCheck: false,
      types: [],
      ...options,
    });
    const host = { getCanonicalFileName: (file) => file, getCurrentDirectory: () => folder, getNewLine: () => '\n' };
    assert.equal(ts.formatDiagnostics(ts.getPreEmitDiagnostics(program), host), '');
    const own = program.getSourceFiles().filter(({ fileName }) => fileName.includes('node_modules/burgee/'));
    assert.ok(own.some(({ fileName }) => /\/client\.d\.[cm]?ts$/.test(fileName)), 'the declarations were read');
  });
}

test('the README has examples', () => assert.ok(examples.length >= 3));

test('every bad use that is written was held against the declarations', () => {
  assert.equal(bad.match(/@ts-expect-error/g).length, BAD_USES);
  assert.equal(openfeature.match(/@ts-expect-error/g).length, BAD_OPENFEATURE_USES);
});
