// What is refused: with a code that programs compare, a pointer to the place, and a message for people.

import { equal, ok, refuses } from './check.mjs';
import { IN, registry } from './registry.mjs';

const bytes = (...values) => new Uint8Array(values);
const flags = [];
const cyclic = { flags: [] };
cyclic.flags.push(cyclic);

/** `[document, code, pointer]` */
const DOCUMENTS = [
  ['', 'invalid_json', ''],
  ['{', 'invalid_json', ''],
  ['{"flags":[]} x', 'invalid_json', ''],
  ['\ufeff{"flags":[]}', 'invalid_json', ''],
  [bytes(), 'invalid_json', ''],
  [bytes(0xff), 'invalid_json', ''],
  [undefined, 'invalid_json', ''],
  [() => ({ flags }), 'invalid_json', ''],
  [Symbol('flags'), 'invalid_json', ''],
  [5n, 'invalid_json', ''],
  [cyclic, 'invalid_json', ''],
  [{ flags: [{ key: 'a', metadata: { big: 5n } }] }, 'invalid_json', ''],
  [null, 'wrong_type', ''],
  [5, 'wrong_type', ''],
  [true, 'wrong_type', ''],
  [[], 'wrong_type', ''],
  ['null', 'wrong_type', ''],
  ['[]', 'wrong_type', ''],
  [{}, 'missing', '/flags'],
  [{ flags: null }, 'missing', '/flags'],
  [{ flags: {} }, 'wrong_type', '/flags'],
  [{ flags: 'all' }, 'wrong_type', '/flags'],
  [{ flags, schema: 'burgee.snapshot/2' }, 'invalid_value', '/schema'],
  [{ flags, schema: 1 }, 'wrong_type', '/schema'],
  [{ flags, tenant: 5 }, 'wrong_type', '/tenant'],
  [{ flags, tenant: '\ud800' }, 'wrong_type', '/tenant'],
  ['{"flags":[],"tenant":"\ud800"}', 'wrong_type', '/tenant'],
  [{ flags, version: -1 }, 'wrong_type', '/version'],
  [{ flags, version: 1.5 }, 'wrong_type', '/version'],
  [{ flags, version: 2 ** 53 }, 'wrong_type', '/version'],
  [{ flags, generated_at: 'yesterday' }, 'wrong_type', '/generated_at'],
  [{ flags, segments: {} }, 'wrong_type', '/segments'],
  [{ flags, overrides: {} }, 'wrong_type', '/overrides'],
  [{ flags, kill_switches: true }, 'wrong_type', '/kill_switches'],
];

const ask = (member) => ({ key: 'off', context: IN, ...member });

/** `[request, pointer]` */
const REQUESTS = [
  [undefined, ''],
  [null, ''],
  ['off', ''],
  [5, ''],
  [ask({ key: undefined }), '/key'],
  [ask({ key: 5 }), '/key'],
  [ask({ key: ['off'] }), '/key'],
  [ask({ context: 'U-1' }), '/context'],
  [ask({ context: 5 }), '/context'],
  [ask({ context: true }), '/context'],
  [ask({ context: ['U-1'] }), '/context'],
  [ask({ context: () => IN }), '/context'],
  [ask({ overrides: 5 }), '/overrides'],
  [ask({ overrides: ['off'] }), '/overrides'],
  [ask({ overrides: { user: 'off' } }), '/overrides/user'],
  [ask({ overrides: { user: [true] } }), '/overrides/user'],
  [ask({ overrides: { user: {}, tenant: true } }), '/overrides/tenant'],
  [ask({ now: NaN }), '/now'],
  [ask({ now: Infinity }), '/now'],
  [ask({ now: -Infinity }), '/now'],
  [ask({ now: '0' }), '/now'],
  [ask({ now: 0n }), '/now'],
  [ask({ now: new Date(0) }), '/now'],
];

/** `[request, pointer]` */
const BATCHES = [
  [undefined, ''],
  [{ context: IN }, '/flags'],
  [{ flags: 'off', context: IN }, '/flags'],
  [{ flags: { 0: 'off' }, context: IN }, '/flags'],
  [{ flags: ['off', 5], context: IN }, '/flags/1'],
  [{ flags: ['off', , 'off'], context: IN }, '/flags/1'],
  [{ flags: ['off'], context: 'U-1' }, '/context'],
  [{ flags: ['off'], now: NaN }, '/now'],
  [{ flags: ['off'], overrides: { tenant: 'off' } }, '/overrides/tenant'],
];

export const errors = {
  'refused documents': (FF) => {
    for (const [document, code, pointer] of DOCUMENTS) {
      refuses(FF, () => new FF.Snapshot(document), code, pointer);
      refuses(FF, () => FF.evaluate(document, { key: 'a' }), code, pointer);
      refuses(FF, () => FF.evaluateBatch(document, { flags: ['a'] }), code, pointer);
    }
    equal(DOCUMENTS.length, 34);
  },

  'the reason of what JSON cannot say is kept': (FF) => {
    const error = refuses(FF, () => new FF.Snapshot(cyclic), 'invalid_json');
    ok(error.cause instanceof TypeError);
  },

  'bad requests': (FF) => {
    const given = registry();
    const snapshot = new FF.Snapshot(given);
    for (const [request, pointer] of REQUESTS) {
      refuses(FF, () => FF.evaluate(given, request), 'invalid_request', pointer);
      refuses(FF, () => FF.explain(snapshot, request), 'invalid_request', pointer);
      if (pointer === '') continue;
      const { key, context, ...options } = request;
      refuses(FF, () => snapshot.evaluate(key, context, options), 'invalid_request', pointer);
      refuses(FF, () => snapshot.decide(key, context, options), 'invalid_request', pointer);
      if (pointer === '/now') refuses(FF, () => snapshot.evaluate(key, snapshot.context(IN), options), 'invalid_request', pointer);
      if (pointer === '/now' || pointer === '/context') refuses(FF, () => snapshot.evaluateAll(context, options), 'invalid_request', pointer);
      if (pointer === '/context') refuses(FF, () => snapshot.context(context), 'invalid_request', pointer);
      if (pointer === '/key') refuses(FF, () => snapshot.flag(key), 'invalid_request', pointer);
    }
    equal(REQUESTS.length, 23);
  },

  'bad batches': (FF) => {
    for (const [request, pointer] of BATCHES) {
      refuses(FF, () => FF.evaluateBatch(registry(), request), 'invalid_request', pointer);
    }
    equal(BATCHES.length, 9);
  },

  'only text is hashed': (FF) => {
    for (const value of [undefined, null, 5, 5n, {}, ['a'], new String('a'), Symbol('a')]) {
      refuses(FF, () => FF.hashBucket(value), 'invalid_request');
    }
  },

  'a flag that is wrong in itself is off, and refuses nothing': (FF) => {
    const given = { flags: [{ key: 'bad', rollout_stage: 'stagd_25' }, { key: 'good' }, 5, { key: 'bad key' }] };
    const snapshot = new FF.Snapshot(given);
    equal(snapshot.warnings.map(({ code }) => code), ['invalid_flag', 'invalid_flag', 'invalid_flag']);
    equal(snapshot.warnings.map(({ pointer }) => pointer.split('/').slice(0, 3).join('/')), ['/flags/0', '/flags/2', '/flags/3']);
    equal([snapshot.evaluate('bad', IN).reason, snapshot.evaluate('good', IN).value], ['flag_invalid', true]);
    equal(snapshot.evaluate('bad', IN).flag_version, null);
  },

  'text that UTF-8 cannot hold is a fault of its flag, in an object and in text': (FF) => {
    const given = { flags: [{ key: 'a', description: 'x\ud800y' }, { key: 'b', description: '\u{1f600}' }] };
    // What JSON.stringify escapes, other writers leave as it is.
    const text = JSON.stringify(given).replace('\\ud800', '\ud800');
    ok(text.includes('\ud800'));
    for (const form of [given, text]) {
      equal(FF.evaluateBatch(form, { flags: ['a', 'b'] }).map(({ reason }) => reason), ['flag_invalid', 'default']);
    }
  },

  'nesting without end is no way in': (FF) => {
    for (const depth of [1_000, 100_000]) {
      const nested = `${'['.repeat(depth)}${']'.repeat(depth)}`;
      const snapshot = new FF.Snapshot(`{"x":${nested},"flags":[${nested},{"key":"a","metadata":${nested}},{"key":"b"}]}`);
      equal([snapshot.evaluate('a', IN).reason, snapshot.evaluate('b', IN).reason], ['flag_invalid', 'default']);
    }
  },
};
