// Draws cases for the differential test.
//
//   node parity/generate.mjs --stats SEED [--count N]
//
// prints what the oracle makes of the cases of a seed, and fails where something that should come up never does.
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { ConditionDrawer } from './generate-conditions.mjs';
import { documentFaults, faults, manySegments, rowFaults, switchFaults, twists } from './generate-faults.mjs';
import { faults as ruleFaults, segmentFaults, segmentTwists, twists as ruleTwists } from './generate-faults-rules.mjs';
import { attachPrerequisites, drawRules, drawSegment, drawSegmentKeys, drawShape } from './generate-rules.mjs';
import { Deck, Random } from './random.mjs';
import { rewritten } from './rewrite-json.mjs';

const LONG_KEY = 'k'.repeat(128);
const FLAG_KEYS = ['checkout.v1', 'checkout.v2', 'a', '0', 'length', 'A_b-c.D', '__proto__', 'constructor', 'toString', LONG_KEY];
const STRANGE_KEYS = ['', 'no.such', 'hasOwnProperty', '__defineGetter__', 'café', 'a b', '\ud800', 'a\udfff', `${LONG_KEY}k`];

// The digits are also given as numbers, which must find the same rows and targets.
const DIGIT_IDS = ['42', '-7', '0', '9007199254740991'];
const WORD_IDS = [
  'U-1', 'u1', 'pty-zeroth|U-batch', 'caf\u00e9', 'cafe\u0301', '\u65c5\u884c\u8005', '\u{1f600}', '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
  'a\u0000b', ' U-1', '__proto__', 'constructor', 'toString', 'null', 'undefined', 'true', 'NaN', '-0', '1e3', 'x'.repeat(300),
];
const LONE_IDS = ['\ud83d', '\ude00', 'a\ud83db', '\ude00\ud83d', 'U-1\ud800'];
const STRANGE_NUMBERS = [NaN, Infinity, -Infinity, -0, 0, 1.5, -2.25, 1e300, 5e-324, 2 ** 53, -(2 ** 53), 2 ** 53 - 1, 1e21, 123456789012345];

const TENANTS = ['platform', 'acme', '', 'caf\u00e9', '\u{1f600}', 'a|b'];
const ENVIRONMENTS = ['dev', 'prod', 'staging', 'Prod', '', '__proto__', 'constructor', '\u65e5\u672c'];
const ATTRIBUTES = ['device', 'org.id', 'user_id', 'tenant_id', 'project_id', '__proto__', 'constructor', 'toString', 'caf\u00e9', 'env'];
const CATEGORIES = ['payments', 'search', 'caf\u00e9', '__proto__', 'constructor'];
const SALTS = ['', 'salt', 'caf\u00e9\u{1f600}', 'checkout.v1'];
const VARIANT_KEYS = ['on', 'off', 'true', 'red', 'green', 'blue', '__proto__', 'constructor', 'caf\u00e9', '\u{1f600}'.repeat(128)];
const STAGES = ['draft', 'internal', 'full', 'paused', 'rolled_back', 'staged_1', 'staged_99'];
const TYPES = ['boolean', 'boolean', 'string', 'integer', 'number', 'json'];
const BUCKETINGS = ['djb2-xor', 'djb2-xor-fmix32'];

// A plain assignment to `__proto__` sets no property.
function put(object, name, value) {
  return Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/**
 * Cases with `count` requests in all: `{registry, text, requests, marks}`. `text`, where there is one, is the registry
 * as another JSON text of the same meaning. `marks` are what the drawer meant: `{pointer, rule, code}` for an entry
 * that must have the warning `code`, `{pointer, rule?, isFine}` for one that must not be at fault.
 */
export function* generate(seed, count = 20_000) {
  const random = new Random(seed);
  const decks = {
    faults: new Deck([...faults, ...ruleFaults]), twists: new Deck([...twists, ...ruleTwists]), rowFaults: new Deck(rowFaults),
    switchFaults: new Deck(switchFaults), segmentFaults: new Deck(segmentFaults), segmentTwists: new Deck(segmentTwists),
    documentFaults: new Deck(documentFaults),
  };
  for (let drawn = 0; drawn < count; ) {
    const drawer = new Drawer(random, decks);
    const { registry, marks } = drawer.registry();
    const text = random.chance(0.25) && !drawer.isLarge ? rewritten(registry, random) : undefined;
    const requests = random.list(1, 8, () => drawer.request()).slice(0, count - drawn);
    drawn += requests.length;
    yield { registry, text, requests, marks };
  }
}

// What the parts of one case have in common, so that ids, keys and times meet.
class Drawer {
  constructor(random, decks) {
    this.random = random;
    this.decks = decks;
    this.keys = random.sample(FLAG_KEYS, random.between(1, 5));
    this.ids = [...random.sample(WORD_IDS, 2), random.pick(DIGIT_IDS), `U-${random.word()}`];
    this.isLarge = false;
    this.names = new Map(); // flag key → what its variants are called
    // Neither near today: the handle interface goes by the clock, and rows must be the same for it on every day.
    this.now = random.weighted([
      [60, () => random.between(1_000_000_000_000, 1_500_000_000_000)],
      [20, () => random.between(1_000_000_000, 1_500_000_000) * 1000],
      [10, () => random.between(32_503_680_000_000, 200_000_000_000_000)],
      [10, () => random.pick([0, 1, -1, 999, -62_000_000_000_001, 951_782_400_000])],
    ]);
    this.conditions = new ConditionDrawer(random, {
      now: this.now,
      time: (millis) => this.time(millis),
      known: new Map([
        ['tier', ['staff', 'free', 'anonymous']], ['env', ['dev', 'prod']], ['role_key', ['admin']], ['user_id', [...this.ids, 42]], ['project_id', this.ids],
      ]),
    });
    this.segmentKeys = [];
  }

  // ---- The document ------------------------------------------------------------------------------------------------

  registry() {
    const { random, decks } = this;
    const marks = [];
    const take = (name, list) =>
      list.map(({ entry, mark }, i) => {
        if (mark) marks.push({ pointer: `/${name}/${i}`, ...mark });
        return entry;
      });
    const segments = take('segments', this.segmentEntries());
    const flags = take('flags', this.flagEntries());
    if (JSON.stringify(flags).includes('"at-fault"')) segments.push({ key: 'at-fault', name: 5 });
    const registry = { flags };
    if (segments.length > 0 || random.chance(0.5)) registry.segments = segments;
    else if (random.chance(0.01)) registry.segments = manySegments(1000);
    const rows = random.list(0, 14, () => this.rowEntry());
    const switches = random.list(0, 2, () => this.switchEntry());
    const options = {
      schema: () => random.pick(['burgee.registry/1', 'burgee.snapshot/1', null]),
      tenant: () => random.weighted([[9, () => random.pick(TENANTS)], [1, null]]),
      version: () => random.pick([0, 1, 2 ** 53 - 1, null]),
      generated_at: () => random.weighted([[4, () => this.time(this.now)], [1, null]]),
      overrides: () => take('overrides', rows),
      kill_switches: () => take('kill_switches', switches),
      comment: () => random.pick(['ignored', 5, { flags: [] }]),
    };
    for (const [name, draw] of Object.entries(options)) if (random.chance(0.8)) registry[name] = draw();
    if (!random.chance(0.02)) return { registry, marks };
    const [rule, apply] = decks.documentFaults.draw(random);
    return { registry: apply(registry, random), marks: [{ rule: `document: ${rule}`, isRefused: true }] };
  }

  // ---- Segments ----------------------------------------------------------------------------------------------------

  // Leaves the keys that flags may name in `segmentKeys`.
  segmentEntries() {
    const { random, decks } = this;
    const keys = drawSegmentKeys(random);
    // A second one of a key.
    if (keys.length > 0 && random.chance(0.1)) keys.push(random.pick(keys));
    const taken = new Set();
    return keys.map((key) => {
      const segment = drawSegment(this, key);
      const [deck, mark] = random.weighted([
        [18, [decks.segmentFaults, { code: 'invalid_segment' }]],
        [8, [decks.segmentTwists, { isFine: true }]],
        [74, [undefined, { isFine: true }]],
      ]);
      const [rule, apply] = deck?.draw(random) ?? [];
      const entry = apply ? apply(segment, random) : segment;
      if (!taken.has(entry?.key) && mark.isFine) this.segmentKeys.push(entry.key);
      taken.add(entry?.key);
      return { entry, mark: { ...(rule && { rule: `segment: ${rule}` }), ...mark } };
    });
  }

  // ---- Flags -------------------------------------------------------------------------------------------------------

  flagEntries() {
    const { random } = this;
    const keys = [...this.keys];
    // A second flag of a key, before or behind the first.
    if (random.chance(0.12)) keys.splice(random.between(0, keys.length), 0, random.pick(this.keys));
    const flags = keys.map((key) => this.flag(key));
    attachPrerequisites(flags, this.names, this);
    const entries = flags.map((flag) => this.flagEntry(flag));
    if (!random.chance(0.06)) return entries;
    const shape = drawShape(random);
    this.keys.push(...shape.map(({ key }) => key));
    return [...entries, ...shape.map((entry) => ({ entry }))];
  }

  flagEntry(flag) {
    const { random, decks } = this;
    const [deck, mark] = random.weighted([
      [13, [decks.faults, { code: 'invalid_flag' }]],
      [9, [decks.twists, { isFine: true }]],
      [78, []],
    ]);
    if (!deck) return { entry: flag, mark: { isFine: true } };
    const [rule, apply] = deck.draw(random);
    const entry = apply(flag, random);
    this.isLarge ||= JSON.stringify(entry).length > 20_000;
    return { entry, mark: { rule: `flag: ${rule}`, ...mark } };
  }

  flag(key) {
    const { random } = this;
    const type = random.pick(TYPES);
    const variants = this.variants(type);
    // What can be named; boolean flags without variants have the implied ones.
    const names = variants?.length > 0 ? variants.map((variant) => variant.key) : ['on', 'off'];
    this.names.set(key, names);
    const flag = { key };
    const maybe = (probability, name, draw) => {
      if (random.chance(probability)) flag[name] = draw();
    };
    if (type !== 'boolean' || random.chance(0.5)) flag.type = type;
    if (variants) flag.variants = variants;
    if (type === 'string' && random.chance(0.3)) this.shorten(flag);
    const isWeighted = variants?.length > 0 && random.chance(0.1);
    if (isWeighted) this.addWeights(variants);
    maybe(0.3, 'state', () => random.weighted([[5, 'on'], [3, 'off'], [2, 'archived'], [1, null]]));
    maybe(0.7, 'version', () => random.between(0, 1000));
    maybe(0.3, 'description', () => random.pick(['', 'what it is for', '\u{1f600}', null]));
    maybe(0.2, 'tags', () => random.pick([[], ['a', 'caf\u00e9'], null]));
    maybe(0.2, 'created_at', () => this.time(this.now));
    maybe(type === 'boolean' ? 0.4 : 0.7, 'off_variant', () => random.weighted([[3, () => random.pick(names)], [1, null]]));
    maybe(type === 'boolean' ? 0.4 : 0.85, 'default_variant', () => random.weighted([[4, () => random.pick(names)], [1, null]]));
    maybe(0.2, 'metadata', () => random.pick([{}, { team: 'a', size: 1.5, live: true }, put({}, '__proto__', 'x'), null]));
    maybe(0.3, 'bucketing', () => random.pick(BUCKETINGS));
    maybe(0.2, 'bucket_by', () => random.pick(ATTRIBUTES));
    maybe(0.25, 'salt', () => random.pick(SALTS));
    maybe(0.25, 'targets', () => this.targets(names));
    maybe(0.3, 'kill_switch', () => random.pick(CATEGORIES));
    maybe(0.1, 'high_impact', () => random.chance(0.5));
    maybe(0.15, 'sensitive', () => ({ sensitive_flag: random.chance(0.6), requires_approval: random.chance(0.5) }));
    maybe(0.04, 'prerequisites', () => random.pick([[], null]));
    maybe(0.45, 'rules', () => random.weighted([[1, []], [1, null], [18, () => drawRules(this, names, ATTRIBUTES, SALTS)]]));
    if (random.chance(0.4)) this.addStage(flag);
    if (!isWeighted) maybe(0.5, 'fallthrough', () => this.serve(names, 0.15));
    return flag;
  }

  variants(type) {
    const { random } = this;
    if (type === 'boolean' && random.chance(0.6)) return random.pick([undefined, undefined, null, []]);
    const keys = random.sample(VARIANT_KEYS, random.between(1, 4));
    return keys.map((key) => ({ key, value: this.value(type) }));
  }

  // The short form of variants, of all or of some.
  shorten(flag) {
    const { random } = this;
    for (const variant of flag.variants) if (random.chance(0.6)) delete variant.value;
    if (flag.variants.every((variant) => !('value' in variant)) && random.chance(0.8)) delete flag.type;
  }

  addWeights(variants) {
    const { random } = this;
    for (const variant of variants) if (random.chance(0.7)) variant.weight = random.pick([0, 1, 1, 50, 0.1, null, random.unit()]);
    if (!variants.some((variant) => variant.weight > 0)) variants[0].weight = 1;
  }

  value(type) {
    const { random } = this;
    switch (type) {
      case 'boolean': return random.chance(0.5);
      case 'string': return random.pick(['', 'red', 'true', 'caf\u00e9', '\u{1f600}', 'a\u0000b\u2028', '</script>']);
      case 'integer': return random.pick([0, 1, -1, 42, 2 ** 53 - 1, -(2 ** 53 - 1), random.between(-1e6, 1e6)]);
      case 'number': return random.pick([0, 1, 0.1, -1.5, 1e300, 5e-324, 2 ** 53, 1e21, random.unit(), random.unit() * 1e17]);
      default: return random.pick([
        null, true, 0, 'text', [], {}, [1, [null, 'a']], { b: { c: [0.1, '\u{1f600}'] }, a: null },
        put({ constructor: 1 }, '__proto__', { x: 1 }), { '': '', 'a/b~c': [[[[]]]] }, random.unit(),
      ]);
    }
  }

  addStage(flag) {
    const { random } = this;
    const draw = () => random.weighted([[3, () => random.pick(STAGES)], [2, () => `staged_${random.between(1, 99)}`]]);
    const written = random.chance(0.4) ? flag : (flag.stage = {});
    written.rollout_stage = draw();
    if (!random.chance(0.5)) return;
    written.rollout_stage_map = random.weighted([
      [8, () => {
        const map = {};
        for (const environment of random.sample(ENVIRONMENTS, random.between(0, 5))) put(map, environment, draw());
        return map;
      }],
      [1, null],
    ]);
  }

  targets(names) {
    const { random } = this;
    const ids = () => random.sample([...this.ids, ''], random.between(0, 3));
    const targets = {};
    if (random.chance(0.8)) targets.allow = random.list(0, 2, () => ({ variant: random.pick(names), ids: ids() }));
    if (random.chance(0.6)) targets.deny = random.sample(this.ids, random.between(0, 1));
    return targets;
  }

  serve(names, single) {
    const { random } = this;
    if (random.chance(single)) return { variant: random.pick(names) };
    const weight = () => random.weighted([
      [4, () => random.between(1, 100)],
      [3, 0],
      [2, () => random.unit() * 100],
      [2, () => random.pick([0.1, 1 / 3, 1e300, 4e299, 1e-310, 5e-324, 33.333333333333336])],
    ]);
    const distribution = random.list(1, 5, () => ({ variant: random.pick(names), weight: weight() }));
    if (distribution.every((entry) => entry.weight === 0)) random.pick(distribution).weight = 1;
    const serve = { distribution };
    if (random.chance(0.2)) serve.bucket_by = random.pick(ATTRIBUTES);
    if (random.chance(0.25)) serve.salt = random.pick(SALTS);
    return serve;
  }

  // ---- Rows and switches -------------------------------------------------------------------------------------------

  rowEntry() {
    const { random } = this;
    const flag = random.weighted([[14, () => random.pick(this.keys)], [1, 'no.such'], [1, () => random.pick(FLAG_KEYS)]]);
    const row = { scope: random.pick(['user', 'tenant']), id: random.pick(this.ids), flag, variant: this.variantOf(flag) };
    if (random.chance(0.55)) row.expires_at = random.weighted([[8, () => this.time(this.now + random.between(-1, 1))], [2, () => this.farTime()], [1, null]]);
    if (random.chance(0.2)) row.approval_ref = random.pick(['APR-1', null]);
    if (random.chance(0.2)) row.created_at = this.time(this.now);
    if (!random.chance(0.06)) return { entry: row };
    const [rule, apply] = this.decks.rowFaults.draw(random);
    return { entry: apply(row, random), mark: { rule: `row: ${rule}`, code: 'invalid_override' } };
  }

  // What an override may say, mostly something that the flag has.
  variantOf(key) {
    const { random } = this;
    return random.weighted([
      [6, () => random.pick(this.names.get(key) ?? VARIANT_KEYS)],
      [3, () => random.chance(0.5)],
      [1, () => random.pick([...VARIANT_KEYS, '', 'no-such'])],
    ]);
  }

  switchEntry() {
    const { random } = this;
    const entry = { category: random.weighted([[12, () => random.pick(CATEGORIES)], [1, '*']]) };
    if (random.chance(0.5)) entry.engaged = random.pick([true, false, null]);
    if (!random.chance(0.12)) return { entry };
    const [rule, apply] = this.decks.switchFaults.draw(random);
    return { entry: apply(entry, random), mark: { rule: `switch: ${rule}`, code: 'invalid_kill_switch' } };
  }

  farTime() {
    const { random } = this;
    return random.pick(['2000-01-01T00:00:00Z', '2999-01-01T00:00:00Z', '0000-01-01T00:00:00+23:59', '9999-12-31T23:59:59.999-23:59', 0, 2 ** 53 - 1]);
  }

  // An instant in one of the ways to write it. The text names the same millisecond: what is behind it is cut off.
  time(millis) {
    const { random } = this;
    if (random.chance(0.4)) return millis;
    const offset = random.weighted([[2, 0], [1, () => random.between(-1439, 1439)]]);
    const local = new Date(millis + offset * 60_000).toISOString();
    // Outside the years 0 to 9999 there is no RFC 3339 text.
    if (local.length !== 24) return millis;
    const [seconds, fraction] = local.slice(0, 23).split('.');
    const digits = random.weighted([
      [2, fraction],
      [2, () => fraction + random.between(0, 999_999)],
      [1, () => fraction.replace(/0+$/, '')],
    ]);
    const pad = (part) => String(part).padStart(2, '0');
    const ahead = Math.abs(offset);
    const zone = offset === 0
      ? random.pick(['Z', 'z', '+00:00', '-00:00'])
      : `${offset < 0 ? '-' : '+'}${pad(Math.floor(ahead / 60))}:${pad(ahead % 60)}`;
    return `${random.chance(0.1) ? seconds.replace('T', 't') : seconds}${digits ? `.${digits}` : ''}${zone}`;
  }

  // ---- Requests ----------------------------------------------------------------------------------------------------

  request() {
    const { random } = this;
    const request = {
      key: random.weighted([[94, () => random.pick(this.keys)], [6, () => random.pick([...STRANGE_KEYS, ...FLAG_KEYS])]]),
      context: this.context(),
      now: this.now,
    };
    if (random.chance(0.15)) request.now += random.pick([-1, 1, 86_400_000]);
    if (random.chance(0.35)) request.overrides = this.overrides(request.key);
    if (random.chance(0.6)) request.permits = this.permits();
    return request;
  }

  // Of which sensitive flags the caller may be told; those that are not sensitive may be named too.
  permits() {
    const { random } = this;
    const permits = {};
    for (const key of this.keys) {
      // Names cannot be written for the native evaluator where they are no Unicode.
      if (!random.chance(0.8) || /[\ud800-\udfff]/u.test(key)) continue;
      put(permits, key, random.weighted([[5, true], [1, () => random.pick(['approval_expired', 'policy_denied', 'admin_unreachable'])]]));
    }
    return permits;
  }

  context() {
    const { random } = this;
    const context = {};
    const maybe = (probability, name, draw) => {
      if (random.chance(probability)) put(context, name, draw());
    };
    maybe(0.85, 'user_id', () => this.id());
    maybe(0.4, 'project_id', () => this.id());
    maybe(0.7, 'tenant_id', () => this.id());
    maybe(0.7, 'tier', () => random.weighted([[4, 'staff'], [2, 'free'], [1, 'Staff'], [1, () => this.odd()]]));
    maybe(0.7, 'env', () => random.weighted([[7, () => random.pick(ENVIRONMENTS)], [1, () => this.odd()]]));
    maybe(0.2, 'role_key', () => random.pick(['admin', null]));
    for (const name of random.sample(ATTRIBUTES, random.between(0, 3))) {
      if (!Object.hasOwn(context, name)) put(context, name, this.id());
    }
    for (const [name, value] of this.conditions.attributes()) put(context, name, value);
    return context;
  }

  id() {
    const { random } = this;
    return random.weighted([
      [50, () => random.pick(this.ids)],
      [12, () => `U-${random.word()}`],
      [8, () => Number(random.pick(DIGIT_IDS))],
      [8, () => random.pick(LONE_IDS)],
      [8, () => random.pick(WORD_IDS)],
      [14, () => this.odd()],
    ]);
  }

  odd() {
    const { random } = this;
    return random.weighted([
      [4, () => random.pick(STRANGE_NUMBERS)],
      [1, () => random.pick([true, false])],
      [1, () => random.pick([null, ''])],
      [1, () => random.pick([[], ['U-1'], [NaN, null, '\ud800'], {}, { id: 'U-1' }, put({}, '__proto__', 'staff')])],
    ]);
  }

  overrides(key) {
    const { random } = this;
    const value = (flag) => random.weighted([
      [4, () => this.variantOf(flag)],
      [1, () => random.pick([null, '', 'no-such', '\ud800', 0, 1, NaN, -0, [], ['on'], {}])],
    ]);
    const scope = () => {
      const map = {};
      if (random.chance(0.6)) put(map, key, value(key));
      // Of others: prerequisites of the flag, at times.
      for (const other of random.sample([...this.keys, ...FLAG_KEYS], random.between(0, 2))) {
        if (other !== key) put(map, other, value(other));
      }
      return map;
    };
    // Names cannot be written for the native evaluator where they are no Unicode.
    if (/[\ud800-\udfff]/u.test(key)) return {};
    const overrides = {};
    if (random.chance(0.75)) overrides.user = random.weighted([[9, scope], [1, null]]);
    if (random.chance(0.75)) overrides.tenant = random.weighted([[9, scope], [1, null]]);
    return overrides;
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { values } = parseArgs({ options: { stats: { type: 'string' }, count: { type: 'string', default: '20000' } } });
  const [seed, count] = [Number(values.stats), Number(values.count)];
  if (values.stats === undefined || !Number.isSafeInteger(seed) || !Number.isSafeInteger(count)) {
    console.error('usage: node parity/generate.mjs --stats SEED [--count N]');
    process.exit(2);
  }
  const { printStats } = await import('./generate-stats.mjs');
  const wrong = printStats(generate, seed, count);
  for (const message of wrong) console.log(`FAIL  ${message}`);
  console.log(`\ngenerate seed=${seed} · ${wrong.length === 0 ? 'everything came up' : `${wrong.length} faults`}`);
  process.exitCode = wrong.length === 0 ? 0 : 1;
}
