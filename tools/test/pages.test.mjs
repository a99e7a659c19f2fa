// That the tests which the pages name as proof are there: a table of promises is worth what it names.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { ROOT } from '../env.mjs';

const read = (path) => readFileSync(join(ROOT, path), 'utf8');

/** The tests that a page names, as `[file, name]`: a file in backquotes, and names in quotation marks after it. */
function named(page) {
  const places = page.matchAll(/`([\w./-]+\.(?:mjs|rs))` ((?:“[^”]+”(?:, )?)+)/g);
  return [...places].flatMap(([, file, names]) => [...names.matchAll(/“([^”]+)”/g)].map(([, name]) => [file, name]));
}

/** Whether a file has a test of a name. */
function has(file, name) {
  if (!existsSync(join(ROOT, file))) return false;
  const source = read(file);
  if (file.endsWith('.rs')) return new RegExp(`fn ${name}\\b`).test(source);
  const text = source.replaceAll('\\', '');
  return ["'", '`', '"'].some((quote) => text.includes(`test(${quote}${name}${quote}`));
}

for (const [page, least] of [['docs/cutover.md', 39], ['docs/security.md', 35]]) {
  test(`every test that ${page} names is there`, () => {
    const tests = named(read(page));
    assert.ok(tests.length >= least, `${tests.length} tests`);
    assert.deepEqual(tests.filter(([file, name]) => !has(file, name)), []);
  });
}

test('a test that is not there is missed', () => {
  assert.deepEqual(named('x `a/b.rs` “one”, “two”; `c.mjs` “three”'), [['a/b.rs', 'one'], ['a/b.rs', 'two'], ['c.mjs', 'three']]);
  assert.equal(has('tools/test/pages.test.mjs', 'a test that is not there is missed'), true);
  assert.equal(has('tools/test/pages.test.mjs', 'no such'), false);
  assert.equal(has('tools/test/none.mjs', 'no such'), false);
});

test('the checklist has 42 items in 10 groups, and fuzz targets are there', () => {
  const page = read('docs/cutover.md');
  const items = [...page.matchAll(/^\| ([A-J])-(\d+) \|/gm)].map(([, group, number]) => [group, Number(number)]);
  assert.equal(items.length, 42);
  const groups = [...new Set(items.map(([group]) => group))];
  assert.equal(groups.join(''), 'ABCDEFGHIJ');
  for (const group of groups) {
    const numbers = items.filter(([one]) => one === group).map(([, number]) => number);
    assert.deepEqual(numbers, numbers.map((_, at) => at + 1), group);
  }
  const targets = [...read('docs/security.md').matchAll(/fuzz targets? ((?:`\w+`(?:, )?)+)/g)].flatMap(([, list]) => [...list.matchAll(/`(\w+)`/g)].map(([, name]) => name));
  assert.deepEqual([...new Set(targets)].sort(), ['condition', 'context', 'ofrep', 'packed', 'pattern', 'snapshot', 'token']);
  for (const target of targets) assert.ok(existsSync(join(ROOT, 'fuzz', 'fuzz_targets', `${target}.rs`)), target);
});
