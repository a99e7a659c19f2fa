import assert from 'node:assert/strict';
import test from 'node:test';
import { judge } from '../counts.mjs';

const cargo = `
running 3 tests
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: ok. 4 passed; 0 failed; 0 ignored; 0 filtered out; finished in 0.01s
`;
const node = (pass, fail, skipped = 0) => `✔ adds (0.4ms)
ℹ tests ${pass + fail + skipped}
ℹ suites 0
ℹ pass ${pass}
ℹ fail ${fail}
ℹ cancelled 0
ℹ skipped ${skipped}
ℹ todo 0
`;

test('cargo: every binary counts, and what was ignored is told', () => {
  assert.deepEqual(judge('cargo', cargo, true), { passed: 6, failed: 0, skipped: 1, why: '' });
});

test('node: spec and TAP say the same', () => {
  assert.deepEqual(judge('node', node(5, 0, 1), true), { passed: 5, failed: 0, skipped: 1, why: '' });
  assert.equal(judge('node', node(5, 0).replaceAll('ℹ', '#'), true).passed, 5);
});

test('node: colours and carriage returns do not hide a number', () => {
  const coloured = node(5, 0).replaceAll('\n', '\x1b[39m\r\n').replaceAll('ℹ', '\x1b[34mℹ');
  assert.equal(judge('node', coloured, true).passed, 5);
});

test('node: a cancelled test has failed', () => {
  assert.equal(judge('node', node(5, 0).replace('cancelled 0', 'cancelled 2'), false).failed, 2);
});

test('node: a file without a test is not a test that passed', () => {
  const text = `✔ npm/test/a.mjs (12.5ms)\n${node(2, 0)}`;
  const verdict = judge('node', text, true, ['npm/test/a.mjs', 'npm/test/b.mjs']);
  assert.deepEqual(verdict, { passed: 1, failed: 1, skipped: 0, why: 'no test in npm/test/a.mjs' });
});

test('parity: every line counts, with separators in large numbers', () => {
  const text = 'hashes: 30 pass · 0 fail\n19 pass · 0 fail · parity OK\n20,000 pass · 0 fail · seed 7\n';
  assert.deepEqual(judge('pass', text, true), { passed: 20049, failed: 0, skipped: 0, why: '' });
});

test('a runner that ran nothing has failed, however it ended', () => {
  for (const reader of ['cargo', 'node', 'pass']) {
    assert.deepEqual(judge(reader, 'nothing to see\n', true), { passed: 0, failed: 1, skipped: 0, why: 'ran no test' });
  }
});

test('a runner that broke down before counting is one failure', () => {
  assert.deepEqual(judge('cargo', 'error: could not compile', false), { passed: 0, failed: 1, skipped: 0, why: 'failed' });
  assert.equal(judge('cargo', cargo, false).failed, 1);
});

test('a runner that counts failures and yet ends well has failed', () => {
  assert.equal(judge('pass', '18 pass · 1 fail', true).why, 'ended well in spite of failures');
});

test('a check is worth one', () => {
  assert.deepEqual(judge('check', '', true), { passed: 1, failed: 0, skipped: 0, why: '' });
  assert.deepEqual(judge('check', '', false), { passed: 0, failed: 1, skipped: 0, why: 'failed' });
});

test('differential: one test, however many cases it drew, and none if it drew no case', () => {
  const line = (cases, found) => `seed 7\ndifferential seed=7 · ${cases} cases · oracle = native = wasm · ${found} differences\n`;
  assert.deepEqual(judge('differential', line(20000, 0), true), { passed: 1, failed: 0, skipped: 0, why: '' });
  assert.equal(judge('differential', line(20000, 3), false).failed, 1);
  assert.equal(judge('differential', line(0, 0), true).why, 'ran no test');
});
