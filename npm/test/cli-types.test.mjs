// What `burgee types` writes, compiled against the packed package: good uses compile, and each bad use does not.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import ts from 'typescript';
import { project } from './support/project.mjs';

const read = (name) => readFileSync(new URL(name, import.meta.url), 'utf8');
const good = read('programs/flags-good.ts');
const bad = read('programs/flags-bad.ts');
const BAD_USES = 19;

const { folder, write } = project({
  'flags.json': read('fixtures/flags.json'),
  'src/good.mts': good.replaceAll('./flags.js', './flags.mjs'),
  'src/bad.mts': bad.replaceAll('./flags.js', './flags.mjs'),
  'src/good.ts': good,
  'src/bad.ts': bad,
});
const burgee = (...args) => execFileSync(join(folder, 'node_modules/.bin/burgee'), args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
burgee('types', 'flags.json', '-o', 'src/flags.ts');
burgee('types', 'flags.json', '-o', 'src/flags.mts');

const { ModuleKind, ModuleResolutionKind: Resolution } = ts;

/** What the compiler has to say of files, as `file: message`, and the messages' number by line. */
function compile(files, options = {}) {
  const program = ts.createProgram(files.map((file) => join(folder, file)), {
    target: ts.ScriptTarget.ES2022,
    module: ModuleKind.NodeNext,
    lib: ['lib.es2022.d.ts', 'lib.esnext.disposable.d.ts'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noUnusedLocals: true,
    isolatedModules: true,
    verbatimModuleSyntax: true,
    erasableSyntaxOnly: true,
    noEmit: true,
    types: [],
    ...options,
  });
  return ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
    const line = file && start !== undefined ? file.getLineAndCharacterOfPosition(start).line + 1 : 0;
    return { line, message: `${file?.fileName}:${line}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}` };
  });
}

for (const [name, options, extension] of [
  ['nodenext', {}, 'mts'],
  ['bundler', { module: ModuleKind.ESNext, moduleResolution: Resolution.Bundler }, 'ts'],
]) {
  test(`${name}: good uses compile, bad ones do not`, () => {
    assert.deepEqual(compile([`src/good.${extension}`, `src/bad.${extension}`], options).map(({ message }) => message), []);
  });
}

test('each bad use is refused for itself', () => {
  const marks = bad.split('\n').flatMap((line, at) => (line.includes('@ts-expect-error') ? [at + 2] : []));
  assert.equal(marks.length, BAD_USES);
  write({ 'src/refused.mts': bad.replaceAll('@ts-expect-error', '').replaceAll('./flags.js', './flags.mjs') });
  assert.deepEqual(compile(['src/refused.mts']).map(({ line }) => line), marks);
});

test('a misspelt flag is refused with the one that is meant', () => {
  write({
    'src/misspelt.mts': "import { Snapshot } from 'burgee';\nimport { flags } from './flags.mjs';\nflags(new Snapshot('')).evaluate('chekout.v2', {});\n",
  });
  const [{ message }, ...rest] = compile(['src/misspelt.mts']);
  assert.deepEqual(rest, []);
  assert.match(message, /misspelt\.mts:3: .*"chekout\.v2"/);
});

test('the file runs as it is, with its types taken off', async () => {
  const text = readFileSync(join(folder, 'src/flags.mts'), 'utf8');
  const { outputText } = ts.transpileModule(text, { compilerOptions: { module: ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 } });
  const { flags, ...rest } = await import(`data:text/javascript,${encodeURIComponent(outputText)}`);
  assert.deepEqual(Object.keys(rest), []);
  const one = {};
  assert.equal(flags(one), one);
});

test('whatever a document says, what is written compiles and stays inside its comments and quotes', () => {
  const text = "a'b\\c\"d`e${f}*/\n\u2028\u202e\u0000</script>";
  const document = {
    flags: [
      { key: '__proto__', description: text, type: 'string', variants: [{ key: text.slice(0, 8), value: text }, { key: 'constructor', value: '' }] },
      { key: '0', type: 'json', metadata: { deprecated: text }, variants: [[], {}, null, [[null]], { [text]: 1, __proto: { 'a-b': true } }, 'x', 1].map((value, at) => ({ key: `v${at}`, value })) },
      { key: 'class', description: '@see */ export const broken: number = "";' },
      { key: 'a-b', tags: ['deprecated'] },
    ],
  };
  write({ 'hostile.json': JSON.stringify(document).replace('"__proto"', '"__proto__"') });
  burgee('types', 'hostile.json', '-o', 'src/hostile.ts');
  write({ 'src/hostile-use.ts': `import type { Flags, FlagKey } from './hostile.js';\nexport const keys: Record<FlagKey, 0> = { ['__proto__']: 0, '0': 0, class: 0, 'a-b': 0 };\nexport const value: Flags['__proto__'] = ${JSON.stringify(text)};\nexport const json: Flags['0'][] = [[], null, [[null]], 'x', 1, {}];\n` });
  const options = { module: ModuleKind.ESNext, moduleResolution: Resolution.Bundler };
  assert.deepEqual(compile(['src/hostile-use.ts'], options), []);
  assert.doesNotMatch(readFileSync(join(folder, 'src/hostile.ts'), 'utf8'), /[\u0000-\u0009\u2028\u202e]/);
});

test('a snapshot without flags has no key', () => {
  write({ 'empty.json': '{"flags":[]}' });
  burgee('types', 'empty.json', '-o', 'src/empty.ts');
  write({ 'src/empty-use.ts': "import type { FlagKey } from './empty.js';\nexport const none: [FlagKey] extends [never] ? true : false = true;\n" });
  assert.deepEqual(compile(['src/empty-use.ts'], { module: ModuleKind.ESNext, moduleResolution: Resolution.Bundler }), []);
});
