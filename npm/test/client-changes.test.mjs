// What a client says has changed: every flag that may be evaluated differently.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { URL, load, server } from './support/client.mjs';

const [{ createClient }] = await load('./client');

const BASE = {
  tenant: 'acme',
  version: 1,
  flags: [
    { key: 'plain' },
    { key: 'killable', kill_switch: 'payments' },
    { key: 'beta', rules: [{ id: 'r', when: { not: { segment: 'testers' } }, serve: { variant: 'on' } }] },
    { key: 'needs-beta', prerequisites: [{ flag: 'beta', variants: ['on'] }] },
    { key: 'needs-that', prerequisites: [{ flag: 'needs-beta', variants: ['on'] }] },
    { key: 'text', type: 'string', variants: [{ key: 'v', value: 'x' }] },
  ],
  segments: [{ key: 'testers', include: ['U-1'] }, { key: 'others' }],
  overrides: [{ scope: 'user', id: 'U-1', flag: 'plain', variant: false }],
  kill_switches: [{ category: 'payments', engaged: false }],
};
const ALL = BASE.flags.map(({ key }) => key);

const copy = (change) => {
  const document = structuredClone(BASE);
  change(document);
  return document;
};
const flag = (document, key) => document.flags.find((one) => one.key === key);

/** `[what is done to the document, what has changed]` */
const CHANGES = {
  'nothing that matters': [(d) => Object.assign(d, { version: 2, generated_at: 5 }), undefined],
  'a flag\'s state': [(d) => Object.assign(flag(d, 'plain'), { state: 'off' }), ['plain']],
  'a flag\'s version': [(d) => Object.assign(flag(d, 'text'), { version: 2 }), ['text']],
  'a value': [(d) => Object.assign(flag(d, 'text').variants[0], { value: 'y' }), ['text']],
  'a new flag': [(d) => d.flags.unshift({ key: 'new' }), ['new']],
  'a flag that is gone': [(d) => d.flags.shift(), ['plain']],
  'a flag that was replaced': [(d) => d.flags.splice(0, 1, { key: 'new' }), ['new', 'plain']],
  'a flag that is there twice': [(d) => d.flags.push({ key: 'plain', state: 'off' }), ['plain']],
  'the order of flags': [(d) => d.flags.reverse(), undefined],
  'a prerequisite': [(d) => Object.assign(flag(d, 'needs-beta'), { state: 'off' }), ['needs-beta', 'needs-that']],
  'a segment': [(d) => d.segments[0].include.push('U-2'), ['beta', 'needs-beta', 'needs-that']],
  'a segment that is gone': [(d) => d.segments.shift(), ['beta', 'needs-beta', 'needs-that']],
  'a segment that nobody names': [(d) => d.segments.pop(), undefined],
  'an override': [(d) => Object.assign(d.overrides[0], { variant: true }), ['plain']],
  'no overrides': [(d) => delete d.overrides, ['plain']],
  'an override of what others need': [(d) => d.overrides.push({ scope: 'user', id: 'U-2', flag: 'beta', variant: true }), ['beta', 'needs-beta', 'needs-that']],
  'a kill switch': [(d) => Object.assign(d.kill_switches[0], { engaged: true }), ['killable']],
  'the global kill switch': [(d) => d.kill_switches.push({ category: '*' }), ALL],
  'the tenant, which users are bucketed with': [(d) => Object.assign(d, { tenant: 'umbrella' }), ALL],
  'entries that are none': [(d) => d.flags.push(5, null, 'plain', {}, { key: 7 }, []), undefined],
};

for (const [name, [change, expected]] of Object.entries(CHANGES)) {
  test(`changed: ${name}`, async () => {
    const said = [];
    const after = copy(change);
    const { fetch } = server({ body: after });
    const client = createClient({ url: URL, storage: null, fetch, bootstrap: BASE, onChange: (one) => said.push(one) });
    await client.refresh();
    client.close();
    assert.deepEqual(said, expected === undefined ? [] : [{ version: after.version, changed: expected }]);
    for (const one of said) assert.ok(Object.isFrozen(one) && Object.isFrozen(one.changed));
  });
}

test('of the first snapshot, all of it is new', async () => {
  const said = [];
  const client = createClient({ url: URL, storage: null, fetch: server({ body: BASE }).fetch, onChange: (one) => said.push(one) });
  await client.whenReady();
  client.close();
  assert.deepEqual(said, [{ version: 1, changed: ALL }]);
});

test('what was written differently from one time to the next is compared all the same', async () => {
  const said = [];
  const bytes = new TextEncoder().encode(JSON.stringify(BASE));
  const after = copy((d) => Object.assign(flag(d, 'plain'), { state: 'off' }));
  for (const bootstrap of [BASE, JSON.stringify(BASE, null, 2), bytes]) {
    const client = createClient({ url: URL, storage: null, fetch: server({ body: JSON.stringify(after, null, 1) }).fetch, bootstrap, onChange: (one) => said.push(one.changed) });
    // What happens to it after it was handed over changes nothing.
    if (ArrayBuffer.isView(bootstrap)) bootstrap.fill(0);
    await client.refresh();
    client.close();
  }
  assert.deepEqual(said, [['plain'], ['plain'], ['plain']]);
});

test('a document of 10,000 flags is compared in little time', async () => {
  const large = (version) => ({
    version,
    flags: Array.from({ length: 10_000 }, (_, i) => ({
      key: `flag.${i}`,
      version: i === 5_000 ? version : 1,
      prerequisites: i > 5_000 && i < 5_010 ? [{ flag: `flag.${i - 1}`, variants: ['on'] }] : [],
      rules: [{ id: 'r', when: { attr: 'country', op: 'in', values: ['CA', 'FR', `x${i}`] }, serve: { variant: 'on' } }],
    })),
  });
  const said = [];
  const { fetch } = server({ body: large(2) });
  const client = createClient({ url: URL, storage: null, fetch, bootstrap: large(1), onChange: (one) => said.push(one.changed) });
  const began = performance.now();
  await client.refresh();
  const took = performance.now() - began;
  client.close();
  assert.deepEqual(said, [Array.from({ length: 10 }, (_, i) => `flag.${5_000 + i}`)]);
  // Some 200 ms with compiling it; the limit only tells a square from a line.
  assert.ok(took < 5_000, `${took} ms`);
});
