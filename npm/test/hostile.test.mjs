// Documents and contexts that are made to hurt, in wasm, where a stack is small, memory never shrinks, and what goes wrong is a trap. Each is refused, or
// degraded with a warning, in bounded time and memory; no trap happens, and the same instance answers afterwards. `core/tests/hostile.rs` has many more.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { project } from './support/project.mjs';

const MIB = 2 ** 20;
const LARGEST = 25 * MIB;
/** Bytes of memory that a document may take for each of its own, and whatever its size. Lists of `0,` as values take most. */
const TIMES = 16;
const ANYWAY = 8 * MIB;
/** Of any one of these, on a machine that may be busy. */
const SECONDS = 30;

const { fresh } = project();

// ---- What they are made of -------------------------------------------------------------------------------------------

const list = (count, item) => Array.from({ length: count }, (_, i) => item(i)).join(',');
const fill = (unit, bytes) => `${unit},`.repeat(Math.floor(bytes / (unit.length + 1))) + unit;
const nested = (depth, open, inner, close) => open.repeat(depth) + inner + close.repeat(depth);
const flags = (text) => `{"flags":[${text}]}`;
const rule = (when) => `"rules":[{"id":"r","when":${when},"serve":{"variant":"on"}}]`;
const ofCondition = (when) => flags(`{"key":"f","default_variant":"off",${rule(when)}}`);
const ofPattern = (pattern) => ofCondition(JSON.stringify({ attr: 'a', op: 'matches', value: pattern }));
const ofSegment = (more) => `{"flags":[],"segments":[{"key":"s",${more}}]}`;
const ofNames = (perFlag, count) =>
  flags(list(count, (i) => `{"key":"f${i}",${rule(`{"attr":{${list(perFlag, (k) => `"${(i * perFlag + k).toString(36)}":1`)}}}`)}}`));

// ---- What becomes of them --------------------------------------------------------------------------------------------

const refused = (code, pointer = '') => ({ refused: `${code} ${pointer}` });
const degraded = (code, pointer) => ({ warnings: [`${code} ${pointer}`] });
const ACCEPTED = { warnings: [] };
const INVALID = degraded('invalid_flag', '/flags/0');
const WHEN = '/flags/0/rules/0/when';

/** By name: how it is made, only when its turn comes, and what becomes of it. The warning of a large document is not counted. */
const DOCUMENTS = {
  'lists 100,000 deep': [() => nested(100_000, '[', '', ']'), refused('wrong_type')],
  'lists without end': [() => '['.repeat(100_000), refused('invalid_json')],
  'objects without end': [() => '{"flags":[{"a":'.repeat(100_000), refused('invalid_json')],
  'lists 100,000 deep where nobody looks': [() => `{"flags":[],"x":${nested(100_000, '[', '', ']')}}`, ACCEPTED],
  'objects 100,000 deep for a flag': [() => flags(nested(100_000, '{"a":', '1', '}')), INVALID],
  'lists 30,000 deep in a flag': [() => flags(`{"key":"f","x":${nested(30_000, '[', '', ']')}}`), INVALID],
  'lists as deep as they may be in a flag': [() => flags(`{"key":"f","x":${nested(126, '[', '', ']')}}`), ACCEPTED],
  'lists 12 million deep': [() => `{"flags":[],"x":${nested(12 * MIB, '[', '', ']')}}`, ACCEPTED],
  'conditions 10,000 deep': [() => ofCondition(nested(10_000, '{"not":', '{"attr":{"a":1}}', '}')), INVALID],
  'conditions 5,000 deep': [() => ofCondition(nested(5_000, '{"not":', '{"attr":{"a":1}}', '}')), INVALID],
  'conditions 17 deep': [() => ofCondition(nested(16, '{"not":', '{"attr":{"a":1}}', '}')), degraded('invalid_flag', WHEN + '/not'.repeat(16))],
  'conditions 16 deep': [() => ofCondition(nested(15, '{"not":', '{"attr":{"a":1}}', '}')), ACCEPTED],
  '10,000 values': [() => ofCondition(`{"attr":"a","op":"in","values":[${list(10_000, String)}]}`), ACCEPTED],
  '10,001 values': [() => ofCondition(`{"attr":"a","op":"in","values":[${list(10_001, String)}]}`), degraded('invalid_flag', `${WHEN}/values`)],
  '10,000 ids': [() => ofSegment(`"include":[${list(10_000, (i) => `"${i}"`)}]`), ACCEPTED],
  '10,001 ids': [() => ofSegment(`"include":[${list(10_001, (i) => `"${i}"`)}]`), degraded('invalid_segment', '/segments/0/include')],
  '10,000 flags': [() => flags(list(10_000, (i) => `{"key":"f${i}"}`)), ACCEPTED],
  '10,001 flags': [() => flags(list(10_001, (i) => `{"key":"f${i}"}`)), refused('limit_exceeded', '/flags')],
  '1,001 segments': [() => `{"flags":[],"segments":[${list(1_001, (i) => `{"key":"s${i}"}`)}]}`, refused('limit_exceeded', '/segments')],
  'a pattern that backtracks': [() => ofPattern('(x+x+)+y'), ACCEPTED],
  'a pattern that is full of stars': [() => ofPattern('(x*)*'.repeat(204)), ACCEPTED],
  'a pattern that counts': [() => ofPattern('(?:x?){900}y'), ACCEPTED],
  'a pattern that counts too high': [() => ofPattern('((((x{9}){9}){9}){9}){9}'), degraded('invalid_flag', `${WHEN}/value`)],
  'a pattern that is too deep': [() => ofPattern(nested(500, '(', 'x', ')')), degraded('invalid_flag', `${WHEN}/value`)],
  'hundreds of patterns that count': [
    () => ofCondition(`{"any":[${list(600, () => JSON.stringify({ attr: 'a', op: 'matches', value: '(?:x?){900}y' }))}]}`),
    degraded('invalid_flag', '/flags/0/rules'),
  ],
  'a segment that is asked for over and over': [
    () => {
      const conditions = `{"any":[${list(10_000, () => '{"attr":{"a":1}}')}]}`;
      const flag = `{"key":"f",${rule(`{"any":[${list(3_000, () => '{"segment":"s"}')}]}`)}}`;
      return `{"segments":[{"key":"s","conditions":${conditions}}],"flags":[${flag}]}`;
    },
    degraded('invalid_flag', '/flags/0/rules'),
  ],
  'a key twice': [() => flags('{"key":"f"},{"key":"f"}'), degraded('duplicate_flag', '/flags/1')],
  'a name a million times': [() => `{${fill('"":0', 5 * MIB)},"flags":[]}`, ACCEPTED],
  'a name thousands of times in a flag': [() => flags(`{${fill('"key":"f"', 60_000)}}`), ACCEPTED],
  'unknown names in a condition': [
    () => ofSegment(`"conditions":{${list(90_000, (i) => `"${i}":1`)}}`),
    degraded('invalid_segment', '/segments/0/conditions/0'),
  ],
  'NaN': [() => '{"flags":[],"version":NaN}', refused('invalid_json')],
  'Infinity': [() => '{"flags":[],"version":-Infinity}', refused('invalid_json')],
  '1e999': [() => '{"flags":[],"version":1e999}', refused('wrong_type', '/version')],
  '1e999 in a flag': [() => flags('{"key":"f","x":1e999}'), INVALID],
  '9007199254740993': [() => '{"flags":[],"version":9007199254740993}', refused('wrong_type', '/version')],
  'numbers at the ends': [() => flags(`{"key":"f","version":-0,"type":"json","variants":[{"key":"a","value":[1e-400,1e308,-0,9007199254740993]}]}`), ACCEPTED],
  '20 million digits': [() => `{"flags":[],"version":1.${'3'.repeat(20 * MIB)}}`, refused('wrong_type', '/version')],
  '25 MiB': [() => `{"flags":[{"key":"f"}],"x":"${'x'.repeat(LARGEST - 30)}"}`, ACCEPTED],
  '25 MiB and one': [() => `{"flags":[{"key":"f"}],"x":"${'x'.repeat(LARGEST - 29)}"}`, refused('limit_exceeded')],
  'millions of flags': [() => flags(fill('0', LARGEST - 100)), refused('limit_exceeded', '/flags')],
  'a flag of 25 MiB': [() => flags(`{"key":"f","x":[${fill('0', LARGEST - 100)}]}`), INVALID],
  'a segment of 25 MiB': [() => ofSegment(`"x":[${fill('0', LARGEST - 100)}]`), degraded('invalid_segment', '/segments/0')],
  'values of 25 MiB': [
    () => flags(list(780, (i) => `{"key":"f${i}","type":"json","variants":[{"key":"a","value":[${fill('0', 32_000)}]}]}`)),
    ACCEPTED,
  ],
  'conditions of 25 MiB': [
    () => {
      const names = list(5_000, (i) => `"${i.toString(16)}":1`);
      return flags(list(600, (i) => `{"key":"f${i}",${rule(`{"attr":{${names}}}`)}}`));
    },
    ACCEPTED,
  ],
  'ids of 25 MiB': [
    () => {
      const ids = list(3_800, (i) => `"${i}"`);
      return `{"flags":[],"segments":[${list(1_000, (i) => `{"key":"s${i}","include":[${ids}]}`)}]}`;
    },
    ACCEPTED,
  ],
  'rules of 25 MiB': [
    () => {
      const rules = list(60, (i) => `{"id":"${i}","serve":{"variant":"on"}}`);
      return flags(list(10_000, (i) => `{"key":"f${i}","rules":[${rules}]}`));
    },
    ACCEPTED,
  ],
  '10,000 flags with 100 rules': [
    () => {
      const rules = list(100, (i) => `{"id":"${i}","serve":{"variant":"on"}}`);
      return flags(list(10_000, (i) => `{"key":"f${i}","rules":[${rules}]}`));
    },
    refused('limit_exceeded'),
  ],
  '70,000 attributes': [() => ofNames(3_500, 20), refused('limit_exceeded')],
  'thousands of faults with long pointers': [
    () => ofSegment(`"conditions":{"attr":{"${'x'.repeat(900_000)}":[${fill('null', 40_000)}]}}`),
    degraded('invalid_segment', `/segments/0/conditions/attr/${'x'.repeat(900_000)}/0`),
  ],
  'a tenant of 10 million characters': [() => `{"tenant":"${'x'.repeat(10_000_000)}","flags":[]}`, ACCEPTED],
  'a lone surrogate in a flag': [() => flags('{"key":"f","x":"\\ud800"}'), INVALID],
  'a lone surrogate for a tenant': [() => '{"flags":[],"tenant":"\\udfff"}', refused('wrong_type', '/tenant')],
  'a lone surrogate in the text': [() => '{"flags":[],"tenant":"\ud800"}', undefined],
  'a circle of prerequisites': [
    () => flags(list(3, (i) => `{"key":"f${i}","prerequisites":[{"flag":"f${(i + 1) % 3}","variants":["on","off"]}]}`)),
    { warnings: [0, 1, 2].map((i) => `prerequisite_cycle /flags/${i}/prerequisites`) },
  ],
  'everything as deep as it may be': [
    () => {
      const deep = nested(15, '{"not":', JSON.stringify({ attr: 'a', op: 'matches', value: '(x|xx)+y' }), '}');
      return flags(list(16, (i) => `{"key":"f${i}",${i ? `"prerequisites":[{"flag":"f${i - 1}","variants":["on","off"]}],` : ''}${rule(deep)}}`));
    },
    ACCEPTED,
  ],
};

const CONTEXT = { user_id: 'u', a: 'x'.repeat(8 * 1024), b: [1, 'x'] };

/** What becomes of a document; where it is not refused, it is also evaluated, explained, and freed. */
function outcomeOf(FF, text) {
  let snapshot;
  try {
    snapshot = new FF.Snapshot(text);
  } catch (error) {
    assert.equal(error.name, 'BurgeeError', `${error}`);
    return { refused: `${error.code} ${error.pointer}` };
  }
  const keys = snapshot.flagKeys.slice(0, 100);
  for (const key of keys) {
    const { value, reason } = snapshot.evaluate(key, CONTEXT);
    const explained = snapshot.explain(key, CONTEXT);
    assert.deepEqual([explained.value, explained.reason], [value, reason], key);
  }
  assert.equal(Object.keys(snapshot.evaluateAll(CONTEXT)).length, snapshot.flagKeys.length);
  const warnings = snapshot.warnings.map(({ code, pointer }) => `${code} ${pointer}`);
  snapshot.free();
  return { warnings: warnings.filter((warning) => warning !== 'large_snapshot ') };
}

/** A snapshot from before, which a trap would take with it. */
function bystander(FF) {
  const snapshot = new FF.Snapshot('{"version":7,"flags":[{"key":"f","default_variant":"off","rules":[{"id":"r","when":{"attr":{"a":"CA"}},"serve":{"variant":"on"}}]}]}');
  const kept = [snapshot.context({ a: 'CA' }), snapshot.context({ a: 'US' })];
  return () => assert.deepEqual(kept.map((context) => snapshot.evaluate('f', context).variant), ['on', 'off']);
}

for (const [name, [make, expected]] of Object.entries(DOCUMENTS)) {
  test(`${name}: ${expected?.refused ?? (expected?.warnings.length ? 'degraded' : 'no harm')}`, async () => {
    const FF = await fresh();
    const answers = bystander(FF);
    answers();
    const text = make();
    const before = FF.__memoryBytes();
    const began = performance.now();
    const outcome = outcomeOf(FF, text);
    const seconds = (performance.now() - began) / 1000;
    if (expected) assert.deepEqual(outcome, expected);
    const grew = FF.__memoryBytes() - before;
    // A trap would have started another instance, with memory as it is in the beginning.
    assert.ok(grew >= 0, 'the instance is another one');
    assert.ok(grew <= TIMES * text.length + ANYWAY, `${text.length} bytes took ${grew} bytes of memory`);
    assert.ok(seconds < SECONDS, `took ${seconds} s`);
    answers();
  });
}

// What one gave back is used again for the next.
test('one after the other, in one instance', async () => {
  const FF = await fresh();
  const answers = bystander(FF);
  let before = FF.__memoryBytes();
  let most = 0;
  for (const [make, expected] of Object.values(DOCUMENTS)) {
    const text = make();
    most = Math.max(most, text.length);
    const outcome = outcomeOf(FF, text);
    if (expected) assert.deepEqual(outcome, expected);
    assert.ok(FF.__memoryBytes() >= before, 'the instance is another one');
    before = FF.__memoryBytes();
    answers();
  }
  assert.ok(before <= TIMES * most + ANYWAY, `${before} bytes after all of them`);
});

const CONTEXTS = {
  'a list in itself': () => {
    const list = [];
    list.push(list, 'x');
    return { a: list, user_id: list };
  },
  'lists 100,000 deep': () => ({ a: Array.from({ length: 100_000 }).reduce((inner) => [inner], 'x') }),
  'a list of a million': () => ({ a: Array(1_000_000).fill('y') }),
  'a text of 10 million characters': () => ({ a: 'é'.repeat(10_000_000), user_id: 'u'.repeat(1_000_000) }),
  '100,000 attributes': () => Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`n${i}`, i])),
  'lone surrogates': () => ({ a: '\ud800'.repeat(10_000), user_id: '\udc00' }),
  'numbers that are none': () => ({ a: NaN, user_id: -Infinity, b: -0 }),
};

for (const [name, make] of Object.entries(CONTEXTS)) {
  test(`a context with ${name}`, async () => {
    const FF = await fresh();
    const answers = bystander(FF);
    const operators = [['contains', 'x'], ['equals', 'x'], ['matches', '(x+x+)+y'], ['semver_gt', '1.0.0'], ['before', 0], ['gt', 1]];
    const rules = operators.map(([op, value]) => ({ id: op, when: { attr: 'a', op, value }, percentage: 50, serve: { variant: 'on' } }));
    const snapshot = new FF.Snapshot({ flags: [{ key: 'f', default_variant: 'off', rules, fallthrough: { distribution: [{ variant: 'on', weight: 1 }] } }] });
    const context = make();
    const before = FF.__memoryBytes();
    const began = performance.now();
    const fromFresh = snapshot.evaluate('f', context);
    const kept = snapshot.context(context);
    assert.deepEqual(snapshot.evaluate('f', kept), fromFresh);
    assert.equal(snapshot.explain('f', context).reason, fromFresh.reason);
    const size = Object.values(context).reduce((sum, value) => sum + 10 * (value?.length ?? 1), 0);
    const grew = FF.__memoryBytes() - before;
    assert.ok(grew >= 0 && grew <= TIMES * size + ANYWAY, `${grew} bytes for some ${size}`);
    assert.ok(performance.now() - began < SECONDS * 1000);
    answers();
  });
}

test('objects that JSON cannot hold are refused as such', async () => {
  const FF = await fresh();
  const answers = bystander(FF);
  const circle = { flags: [] };
  circle.circle = circle;
  const deep = { flags: [], x: Array.from({ length: 100_000 }).reduce((inner) => [inner], 0) };
  for (const registry of [circle, deep]) {
    assert.throws(() => new FF.Snapshot(registry), { name: 'BurgeeError', code: 'invalid_json' });
    answers();
  }
});
