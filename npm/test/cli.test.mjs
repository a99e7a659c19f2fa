// `npx burgee`, from the packed package in a throw-away project: each command, its help, its exit status, its JSON and its errors.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { manifest } from './support/pack.mjs';
import { project } from './support/project.mjs';
import { runtimes } from './support/runtimes.mjs';

const fixture = (name) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');
const FLAGS = fixture('flags.json');
const COMMANDS = ['eval', 'explain', 'lint', 'validate', 'simulate', 'types'];
/** Within the time of the override in the fixture. */
const NOW = '2026-11-21T10:00:00Z';
/** What is personal, or secret, and must not come back in what is said of an error. */
const SECRET = 'someone@example.com';

const { folder, write, fresh } = project({ 'flags.json': FLAGS, 'next.json': fixture('flags.next.json'), 'broken.json': fixture('broken.json') });
const FF = await fresh();
const program = join(folder, 'node_modules/.bin/burgee');

/** Runs the program: `{status, out, err}`. */
function burgee(args, { input = '', command = [program], env = {} } = {}) {
  const { NODE_OPTIONS, NODE_TEST_CONTEXT, FORCE_COLOR, NO_COLOR, ...rest } = process.env;
  const [file, ...before] = command;
  const child = spawn(file, [...before, ...args], { cwd: folder, env: { ...rest, ...env } });
  const read = async (stream) => {
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    return text;
  };
  // It may end before it has read it all.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const status = new Promise((done) => child.on('close', done));
  return Promise.all([status, read(child.stdout), read(child.stderr)]).then(([status, out, err]) => ({ status, out, err }));
}

/** Runs it and expects a status, and nothing but results. */
async function printed(args, options = {}, expected = 0) {
  const { status, out, err } = await burgee(args, options);
  assert.deepEqual({ status, err }, { status: expected, err: '' }, out);
  return out;
}

const json = async (args, options, expected) => JSON.parse(await printed([...args, '--json'], options, expected));

/** Runs it and expects an error: status 2, one line that says what is wrong, no result and no trace of the program's inside. */
async function refused(args, message, options) {
  const { status, out, err } = await burgee(args, options);
  assert.deepEqual({ status, out }, { status: 2, out: '' }, err);
  assert.match(err, message);
  assert.match(err, /^error: [^\n]+\n$/, 'one line');
  assert.doesNotMatch(err, /\bat .*:\d+:\d+|node:internal|file:\/\//);
  for (const part of [SECRET, 'example.com', 'someone']) assert.ok(!err.includes(part), err);
}

// ---- The program as a whole

test('--version is the version of the package', async () => {
  for (const option of ['--version', '-v']) assert.equal(await printed([option]), `${manifest.version}\n`);
});

test('the overview names every command, and each help has usage, options, examples and exit statuses', async () => {
  const overview = await printed(['help']);
  for (const option of ['--help', '-h']) assert.equal(await printed([option]), overview);
  for (const command of COMMANDS) {
    assert.match(overview, new RegExp(`^  ${command} +\\w`, 'm'));
    const help = await printed(['help', command]);
    for (const option of ['--help', '-h']) assert.equal(await printed([command, option]), help);
    for (const title of ['Usage', 'Options', 'Examples', 'Exit status']) assert.match(help, new RegExp(`^${title}$`, 'm'), command);
    assert.match(help, new RegExp(`^  burgee ${command} `, 'm'));
    assert.match(help, /^ {2}1 {2}there are findings or faults/m);
  }
});

test('the examples of the help work', async () => {
  write({ 'context.json': '{"user_id":"U-1"}', 'ids.txt': 'U-1\nU-2\n', 'flags.next.json': FLAGS, 'src/here': '' });
  let ran = 0;
  for (const command of COMMANDS) {
    const help = await printed(['help', command]);
    const examples = /^Examples\n((?: {2}.*\n)+)/m.exec(help)[1].trim().split(/\n */);
    for (const example of examples) {
      if (example.includes('://')) continue;
      const [words, input] = example.replace(/^burgee /, '').split(' < ');
      const { status, err } = await burgee(words.split(' '), { input: input === undefined ? '' : FLAGS });
      assert.equal(status, example.includes('--max-warnings 0') ? 1 : 0, `${example}: ${err}`);
      ran++;
    }
  }
  assert.ok(ran >= 15, `${ran} ran`);
});

test('without a command, or with one that is not there, it says what there is', async () => {
  const { status, out, err } = await burgee([]);
  assert.deepEqual({ status, out }, { status: 2, out: '' });
  assert.match(err, /^Usage$/m);
  await refused(['linf'], /there is no command linf; is it lint\?/);
  await refused(['frobnicate'], /there is no command frobnicate \(see burgee help\)/);
  await refused(['help', 'expalin'], /is it explain\?/);
});

for (const { version, path } of runtimes()) {
  test(`it runs on Node ${version}`, async () => {
    const command = [path, join(folder, 'node_modules/burgee/dist/cli.js')];
    const out = await printed(['eval', 'flags.json', 'checkout.v2', '--user', 'U-in', '--json'], { command });
    assert.equal(JSON.parse(out).value, true);
  });
}

test('it makes no code from text, and has its module beside it', async () => {
  const file = join(folder, 'node_modules/burgee/dist/cli.js');
  const command = [process.execPath, '--disallow-code-generation-from-strings', file];
  assert.match(await printed(['eval', 'flags.json', 'base'], { command }), /^base = true$/m);
  assert.match(readFileSync(file, 'utf8'), /^#!\/usr\/bin\/env node\n/);
  const module = new WebAssembly.Module(readFileSync(join(folder, 'node_modules/burgee/dist/tools.wasm')));
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  for (const name of ['engine_lint', 'engine_documents', 'snapshot_evaluate']) assert.ok(names.includes(name), name);
});

test('there are no colours where nobody sees them', async () => {
  for (const args of [['help'], ['explain', 'flags.json', 'base'], ['simulate', 'flags.json', 'theme', '--users', '10'], ['lint', 'flags.json']]) {
    assert.ok(!(await printed(args)).includes('\x1b'), args.join(' '));
  }
  assert.ok(!(await burgee(['eval'])).err.includes('\x1b'));
});

test('whoever has seen enough may close the pipe', async () => {
  const flags = Array.from({ length: 5000 }, (_, at) => ({ key: `flag-${at}` }));
  write({ 'many.json': JSON.stringify({ flags }) });
  const { status, out, err } = await burgee([], { command: ['sh', '-c', `"${program}" eval many.json --all --json | head -n 1`] });
  assert.deepEqual({ status, out, err }, { status: 0, out: '[\n', err: '' });
});

// ---- eval

test('eval gives one flag', async () => {
  const out = await printed(['eval', 'flags.json', 'checkout.v2', '--user', 'U-in']);
  assert.equal(out, 'checkout.v2 = true\n  variant  on\n  enabled  true\n  source   rule\n  reason   rule_match\n  rule     beta\n  version  12\n');
  assert.match(await printed(['eval', 'flags.json', 'layout']), /^layout = \{"columns":1,"panes":\[\]\}$/m);
});

test('eval gives several flags, and all', async () => {
  const out = await printed(['eval', 'flags.json', 'limit', 'theme', '-u', 'U-vip', '--now', NOW]);
  assert.equal(
    out,
    'flag   value    variant  reason\n' +
      'limit  100      high     user_override_precedence\n' +
      'theme  "light"  light    default_distribution\n',
  );
  const all = (await printed(['eval', 'flags.json', '--all'])).trimEnd().split('\n');
  assert.equal(all.length, 1 + 8);
  assert.equal(await printed(['eval', '-', '--all'], { input: '{"flags":[]}' }), 'the snapshot has no flags\n');
});

test('eval --json gives what the package decides', async () => {
  const context = { user_id: 'U-vip', plan: 'pro', seats: 12 };
  const decide = (key) => FF.evaluate(FLAGS, { key, context, now: Date.parse(NOW) });
  const asked = ['--user', 'U-vip', '--attr', 'plan=pro', '-a', 'seats:=12', '--now', NOW];
  assert.deepEqual(await json(['eval', 'flags.json', 'checkout.v2', ...asked]), decide('checkout.v2'));
  assert.deepEqual(await json(['eval', 'flags.json', 'limit', 'staged', ...asked]), ['limit', 'staged'].map(decide));
  const keys = new FF.Snapshot(FLAGS).flagKeys;
  assert.deepEqual(await json(['eval', 'flags.json', '--all', ...asked]), keys.map(decide));
});

test('a context comes from the line, a file or the standard input, with --user and --attr on top', async () => {
  const context = { user_id: 'U-1', country: 'CA', seats: 1 };
  write({ 'context.json': JSON.stringify(context) });
  const read = async (args, input) => (await json(['eval', 'flags.json', 'checkout.v2', ...args], { input })).rule_id;
  assert.equal(await read(['--context', JSON.stringify(context)]), 'beta');
  assert.equal(await read(['--context', '@context.json']), 'beta');
  assert.equal(await read(['--context', '-'], JSON.stringify(context)), 'beta');
  assert.equal(await read(['--context', '@context.json', '--user', 'U-out']), undefined);
  assert.equal(await read(['--context', '@context.json', '--attr', 'country=DE']), undefined);
  assert.equal(await read(['--attr', 'country=CA']), 'beta');
  assert.equal(await read(['--attr', 'country:="CA"']), 'beta');
});

test('attributes are texts, or JSON where they say so, and may have = in them', async () => {
  const flag = { key: 'f', default_variant: 'off', rules: [{ id: 'r', when: { attr: 'a', op: 'equals', value: 'x=y:=z' }, serve: { variant: 'on' } }] };
  const input = JSON.stringify({ flags: [flag] });
  const value = async (...attr) => (await json(['eval', '-', 'f', ...attr], { input })).value;
  assert.equal(await value('--attr', 'a=x=y:=z'), true);
  assert.equal(await value('--attr', 'a:="x=y:=z"'), true);
  assert.equal(await value('--attr', 'a='), false);
});

test('overrides and the time are as asked', async () => {
  const value = async (...args) => (await json(['eval', 'flags.json', 'limit', '-u', 'U-vip', ...args])).value;
  assert.equal(await value('--now', '2026-11-30T23:59:59.999Z'), 100);
  assert.equal(await value('--now', '2026-12-01T01:00:00+01:00'), 10);
  assert.equal(await value('--now', String(Date.UTC(2026, 11, 1) - 1)), 100);
  assert.equal(await value('--now', String(Date.UTC(2026, 11, 1))), 10);
  assert.equal(await value('--now', '2027-01-01T00:00:00Z', '--overrides', '{"user":{"limit":"high"}}'), 100);
});

test('a flag that is unknown, or at fault, is shown, named and a reason to fail', async () => {
  const unknown = await burgee(['eval', 'flags.json', 'chekout.v2', 'base']);
  assert.equal(unknown.status, 1);
  assert.match(unknown.out, /^chekout\.v2 +unknown_flag$/m);
  assert.equal(unknown.err, 'error: there is no flag chekout.v2; is it checkout.v2?\n');
  const one = await burgee(['eval', 'flags.json', 'zzz', '--json']);
  assert.deepEqual([one.status, JSON.parse(one.out).source, one.err], [1, 'unknown_flag', 'error: there is no flag zzz\n']);
  const broken = await burgee(['explain', 'broken.json', 'wrong']);
  assert.equal(broken.status, 1);
  assert.match(broken.out, /^wrong = no value: the caller's default stands, by flag_invalid$/m);
  assert.match(broken.err, /the flag wrong is at fault/);
});

// ---- explain

test('explain shows each step with what it compared', async () => {
  const asked = ['-u', 'U-1', '-a', 'country=DE', '-a', 'plan=pro'];
  const tree = await printed(['explain', 'flags.json', 'checkout.v2', ...asked, '-a', 'seats=12']);
  assert.equal(
    tree,
    `checkout.v2 = false, the variant off, by default
├─ kill switch: absent
├─ inline user override: absent
├─ inline tenant override: absent
├─ store user override: absent
├─ store tenant override: absent
├─ off: no match
├─ prerequisite base: met
│  └─ it serves on
├─ rule beta: no match
│  ├─ ✗ country in 2 values
│  └─ ✗ in the segment beta, by its conditions
├─ rule grown: no match
│  ├─ ✓ plan in 2 values
│  └─ ✗ seats between 5 and 50: it is of another type
└─ default: decides
`,
  );
  const share = await printed(['explain', 'flags.json', 'checkout.v2', ...asked, '-a', 'seats:=12']);
  assert.match(share, /^├─ rule grown: not in percentage\n│ {2}├─ ✓ plan in 2 values\n│ {2}├─ ✓ seats between 5 and 50\n│ {2}└─ bucket 0\.\d+ is not below 0\.5\n└─ default: decides$/m);
});

test('explain says why of stages, overrides, distributions and kill switches', async () => {
  const tree = await printed(['explain', 'flags.json', 'staged', 'limit', 'theme', 'payments', 'layout', '-u', 'U-vip', '-a', 'env=prod', '--now', NOW]);
  const said = [
    /^└─ rollout stage map draft: decides\n {3}└─ the stage for env prod$/m,
    /^└─ store user override: decides\n {3}└─ until 2026-12-01T00:00:00\.000Z$/m,
    /^└─ default distribution: decides\n {3}└─ bucket 0\.\d+ is below 1$/m,
    /^payments = false, the variant off, by kill_switch_category\n└─ kill switch payments: decides$/m,
    /^├─ rule companies: no bucketing unit\n│ {2}└─ it reads company_id$/m,
  ];
  for (const pattern of said) assert.match(tree, pattern);
});

test('explain --json gives what the package explains', async () => {
  const context = { user_id: 'U-in', country: 'CA' };
  const explain = (key) => FF.explain(FLAGS, { key, context, now: Date.parse(NOW) });
  const asked = ['--context', JSON.stringify(context), '--now', NOW];
  assert.deepEqual(await json(['explain', 'flags.json', 'checkout.v2', ...asked]), explain('checkout.v2'));
  assert.ok(explain('checkout.v2').reason_chain.some(({ compared }) => compared?.length > 0));
  assert.deepEqual(await json(['explain', 'flags.json', '--all', ...asked]), new FF.Snapshot(FLAGS).flagKeys.map(explain));
});

test('what a document says cannot steer the terminal', async () => {
  const evil = '\x1b[31m\x9b31m\u202eabc\n';
  const input = JSON.stringify({ flags: [{ key: 'f', type: 'string', variants: [{ key: evil, value: evil }], default_variant: evil, rules: [{ id: evil, when: { attr: evil, op: 'exists' }, serve: { variant: evil } }] }] });
  for (const args of [['eval', '-', 'f'], ['explain', '-', 'f'], ['eval', '-', '--all'], ['simulate', '-', 'f'], ['lint', '-'], ['types', '-']]) {
    const out = await printed(args, { input });
    assert.doesNotMatch(out, /[\x1b\x9b\u202e]/, args.join(' '));
  }
});

// ---- lint

test('lint groups its findings, and fails for errors or too many warnings', async () => {
  const out = await printed(['lint', 'flags.json', '--now', NOW]);
  assert.match(out, /^segment staff\n {2}warning {2}segment_unused {2}\/segments\/1\n {6}no rule names the segment staff$/m);
  assert.match(out, /^flag theme\n {2}warning {2}variant_never_served {2}\/flags\/3\/variants\/2$/m);
  assert.match(out, /\n\n0 errors, 2 warnings, 0 infos\n$/);
  await printed(['lint', 'flags.json', '--max-warnings', '2', '--now', NOW]);
  const many = await burgee(['lint', 'flags.json', '--max-warnings', '1', '--now', NOW]);
  assert.deepEqual([many.status, many.out, many.err], [1, out, 'error: there are more than 1 warning\n']);
  const broken = await printed(['lint', 'broken.json'], {}, 1);
  assert.match(broken, /^flag wrong\n {2}error {2}invalid_flag {2}\/flags\/1/m);
  assert.match(broken, /^flag round\n {2}error {2}prerequisite_cycle {2}\/flags\/2\/prerequisites$/m);
});

test('lint --json has the findings and their numbers', async () => {
  const { findings, ...counts } = await json(['lint', 'flags.json', '--now', NOW]);
  assert.deepEqual(counts, { ok: true, errors: 0, warnings: 2, infos: 0 });
  assert.deepEqual(findings.map(({ severity, code, pointer, flag }) => ({ severity, code, pointer, flag })), [
    { severity: 'warning', code: 'segment_unused', pointer: '/segments/1', flag: undefined },
    { severity: 'warning', code: 'variant_never_served', pointer: '/flags/3/variants/2', flag: 'theme' },
  ]);
  const later = await json(['lint', 'flags.json', '--now', '2027-01-01T00:00:00Z']);
  assert.deepEqual([later.ok, later.infos, later.findings.filter(({ severity }) => severity === 'info').map(({ code }) => code)], [true, 1, ['override_expired']]);
  const { status, out } = await burgee(['lint', 'flags.json', '--max-warnings', '0', '--json']);
  assert.deepEqual([status, JSON.parse(out).ok], [1, false]);
  assert.equal((await json(['lint', 'broken.json'], {}, 1)).ok, false);
});

// ---- validate

test('validate lists every fault of every entry', async () => {
  assert.equal(await printed(['validate', 'flags.json']), '0 faults, 0 warnings\n');
  assert.deepEqual(await json(['validate', 'flags.json']), { valid: true, faults: [], warnings: [] });
  const { valid, faults, warnings } = await json(['validate', 'broken.json'], {}, 1);
  assert.equal(valid, false);
  const pointers = ['/segments/0/conditions/value', '/flags/1/state', '/flags/1/variants/0/value', '/overrides/0/variant', '/kill_switches/0/category'];
  assert.deepEqual(faults.map(({ pointer }) => pointer).sort(), pointers.sort());
  for (const fault of faults) assert.deepEqual(Object.keys(fault), ['code', 'pointer', 'message']);
  assert.deepEqual(warnings.map(({ code, pointer }) => [code, pointer]), [
    ['prerequisite_cycle', '/flags/2/prerequisites'],
    ['prerequisite_cycle', '/flags/3/prerequisites'],
  ]);
  const out = await printed(['validate', 'broken.json'], {}, 1);
  assert.match(out, /^flag wrong\n {2}\w+ +\/flags\/1\/state\n/m);
  assert.match(out, /\n\n5 faults, 2 warnings\n$/);
  assert.ok(!out.includes(SECRET));
});

test('validate finds fault with a document as a whole, where the other commands refuse it', async () => {
  for (const [input, code, pointer] of [['', 'invalid_json', ''], ['{"flags":[', 'invalid_json', ''], ['{"flags":5}', 'wrong_type', '/flags'], ['{}', 'missing', '/flags']]) {
    const { valid, faults } = await json(['validate', '-'], { input }, 1);
    assert.deepEqual([valid, faults.map(({ code, pointer }) => [code, pointer])], [false, [[code, pointer]]]);
    assert.doesNotMatch(faults[0].message, /^\//);
    for (const args of [['eval', '-', 'a'], ['explain', '-', 'a'], ['lint', '-'], ['simulate', '-', 'a'], ['types', '-']]) {
      await refused(args, new RegExp(`the snapshot is refused: .*\\(${code}\\)`), { input });
    }
  }
});

// ---- simulate

test('simulate counts as the package evaluates', async () => {
  const result = await json(['simulate', 'flags.json', 'theme', '--users', '2000', '--id-prefix', 'id-']);
  const snapshot = new FF.Snapshot(FLAGS);
  const counts = { dark: 0, light: 0, "it's": 0 };
  for (let at = 1; at <= 2000; at++) counts[snapshot.evaluate('theme', { user_id: `id-${at}` }).variant]++;
  assert.deepEqual(result, {
    flag: 'theme',
    unit: 'user_id',
    users: 2000,
    variants: Object.entries(counts).map(([variant, count]) => ({ variant, value: variant, count, share: count / 2000 })),
    reasons: [{ source: 'default_distribution', reason: 'default_distribution', count: 2000, share: 1 }],
  });
  assert.ok(Math.abs(counts.dark / 2000 - 0.25) < 0.05);
});

test('simulate shows a bar for each variant and each reason', async () => {
  const out = await printed(['simulate', 'flags.json', 'checkout.v2', '--attr', 'plan=pro', '--attr', 'seats:=7']);
  const { variants, reasons } = await json(['simulate', 'flags.json', 'checkout.v2', '--attr', 'plan=pro', '--attr', 'seats:=7']);
  assert.equal(variants.reduce((sum, { count }) => sum + count, 0), 10_000);
  assert.ok(Math.abs(variants[0].share - 0.5) < 0.02);
  assert.deepEqual(reasons.map(({ rule_id }) => rule_id).sort(), ['grown', undefined]);
  assert.match(out, /^checkout\.v2 for 10,000 users, by user_id\n\nvariant {2}value +users +share\n/);
  const shown = variants[0].count.toLocaleString('en-US');
  assert.match(out, new RegExp(`^on +true +${shown} +${(variants[0].share * 100).toFixed(2)} % {2}█{14,16}[▏▎▍▌▋▊▉]?$`, 'm'));
  assert.match(out, /^rule_match grown +\d,\d{3} +\d\d\.\d\d % {2}█/m);
});

test('simulate takes ids, lists who is served a variant, and varies another attribute', async () => {
  write({ 'ids.txt': 'U-in\r\nU-out\n\nU-other\n' });
  const ids = ['simulate', 'flags.json', 'checkout.v2', '--ids'];
  const listed = await json([...ids, 'ids.txt', '--list', 'on', '--attr', 'country=FR']);
  assert.deepEqual([listed.users, listed.list], [3, { variant: 'on', ids: ['U-in'] }]);
  const out = await printed([...ids, '-', '--list', 'off'], { input: 'U-in\nU-a\nU-b\n' });
  assert.match(out, /\n\nU-a\nU-b\n$/);
  assert.ok(!JSON.stringify(await json([...ids, 'ids.txt'])).includes('U-in'), 'only where it is asked for');
  const many = await printed(['simulate', 'flags.json', 'base', '--users', '200000', '--list', 'on']);
  assert.ok(many.endsWith('\nuser-200000\n'));

  const without = await burgee(['simulate', 'flags.json', 'layout', '--users', '100']);
  assert.deepEqual([without.status, without.err], [0, 'hint: the flag buckets by company_id: --unit company_id\n']);
  const { variants } = await json(['simulate', 'flags.json', 'layout', '--unit', 'company_id', '--user', 'U-1']);
  assert.ok(Math.abs(variants[0].share - 0.5) < 0.02);
});

test('simulate compares with another snapshot', async () => {
  const { variants, compare } = await json(['simulate', 'flags.json', 'staged', '--compare', 'next.json']);
  const on = (list) => list.find(({ variant }) => variant === 'on').count;
  // A percentage that grows only adds.
  const more = on(compare.variants) - on(variants);
  assert.deepEqual(compare.changed, { count: more, share: more / 10_000, moves: [{ from: 'off', to: 'on', count: more }] });
  assert.ok(Math.abs(more / 10_000 - 0.25) < 0.02);
  assert.match(await printed(['simulate', 'flags.json', 'staged', '--compare', 'next.json']), /^\d,\d{3} of 10,000 users would change \(2\d\.\d\d %\)\n\nchange +users +share\noff → on /m);
  const none = await json(['simulate', 'flags.json', 'base', '--compare', '-'], { input: FLAGS });
  assert.deepEqual(none.compare.changed, { count: 0, share: 0, moves: [] });
  const gone = await burgee(['simulate', 'flags.json', 'ratio', '--compare', 'next.json', '--json']);
  assert.equal(gone.status, 1);
  assert.deepEqual(JSON.parse(gone.out).compare.changed.moves, [{ from: 'half', to: null, count: 10_000 }]);
});

// ---- types

test('types writes a file, or to the standard output', async () => {
  const out = await printed(['types', 'flags.json']);
  assert.match(out, /^export interface Flags \{$/m);
  assert.match(out, /^ {2}\/\*\* @deprecated use quota \*\/\n {2}readonly limit: number;$/m);
  assert.match(out, /^ {3}\* The new checkout\.\n {3}\* Ask the payments team \*\\\/ first\.\n/m);
  assert.doesNotMatch(out, /\bgone\b/);
  const { status, err } = await burgee(['types', 'flags.json', '-o', 'flags.ts']);
  assert.deepEqual([status, err], [0, 'flags.ts: 8 flags\n']);
  assert.equal(readFileSync(join(folder, 'flags.ts'), 'utf8'), out);
  const broken = await burgee(['types', 'broken.json']);
  assert.deepEqual([broken.status, broken.err], [0, 'warning: the flag wrong is at fault, and so it is left out: `burgee validate` says why\n']);
  assert.match(broken.out, /BooleanFlag = 'fine' \| 'round' \| 'trip';/);
});

// ---- Where snapshots come from

/** A server, ended after the tests. Gives its address. */
async function serve(answer) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  after(() => server.closeAllConnections() ?? server.close());
  await new Promise((ready) => server.once('listening', ready));
  return `http://127.0.0.1:${server.address().port}`;
}

test('a snapshot comes from a URL, with headers, in an envelope or not', async () => {
  const seen = [];
  const url = await serve(({ url, headers }, response) => {
    seen.push(headers);
    const path = url.split('?')[0];
    const envelope = (data) => `{"ok":true,"data":${data},"error":null,"service":{"request_id":"{\\"data\\":1}"}}`;
    if (path === '/plain') response.end(FLAGS);
    else if (path === '/marked') response.end(`\ufeff${FLAGS}`);
    else if (path === '/api/flags/registry') response.end(envelope(FLAGS));
    else if (path === '/summary') response.end(envelope('{"count":1,"flags":[{"key":"base","valid":true}]}'));
    else if (path === '/moved') response.writeHead(302, { location: '/plain' }).end();
    else if (path === '/failed') response.end('{"ok":false,"data":null,"error":{"code":"registry_unavailable","message":"m"},"service":{}}');
    else response.writeHead(Number(path.slice(1))).end(`what was sent: ${JSON.stringify(headers)}`);
  });
  const whole = await json(['eval', 'flags.json', '--all', '-u', 'U-1', '--now', NOW]);
  for (const path of ['/plain', '/marked', '/api/flags/registry', '/moved']) {
    assert.deepEqual(await json(['eval', url + path, '--all', '-u', 'U-1', '--now', NOW]), whole, path);
  }
  const headers = ['--header', `Authorization: Bearer ${SECRET}`, '--header', 'X-Tenant-ID:acme'];
  assert.equal(await printed(['validate', `${url}/plain`, ...headers]), '0 faults, 0 warnings\n');
  const { authorization, 'x-tenant-id': tenant } = seen.at(-1);
  assert.deepEqual({ authorization, tenant }, { authorization: `Bearer ${SECRET}`, tenant: 'acme' });
  const compared = await json(['simulate', `${url}/plain`, 'staged', '--compare', `${url}/plain`, ...headers, '--users', '10']);
  assert.equal(compared.compare.changed.count, 0);
  assert.equal(seen.at(-1).authorization, `Bearer ${SECRET}`, 'one server, two snapshots');
  const elsewhere = [];
  const other = await serve(({ headers }, response) => {
    elsewhere.push(headers.authorization);
    response.end(FLAGS);
  });
  await json(['simulate', `${url}/plain`, 'staged', '--compare', other, ...headers, '--users', '10']);
  await json(['simulate', 'flags.json', 'staged', '--compare', other, ...headers, '--users', '10']);
  assert.deepEqual(elsewhere, [undefined, `Bearer ${SECRET}`]);

  const said = (path, message) => refused(['eval', `${url}${path}?token=${SECRET}`, 'base', ...headers], message);
  await said('/401', /\/401: the server wants other credentials \(HTTP 401\)$/m);
  await said('/403', /the server wants other credentials \(HTTP 403\)/);
  await said('/404', /the server answers with HTTP 404/);
  await said('/503', /the server answers with HTTP 503/);
  await said('/moved', /sends on to another address \(HTTP 302\)/);
  await said('/summary', /is the summary of a registry: ask for the registry without summary=true/);
  await said('/failed', /says that something went wrong: registry_unavailable/);
});

test('what cannot be had is said without what was sent', async () => {
  const header = ['--header', `X-Key: ${SECRET}`];
  const port = Number(new URL(await serve(() => {})).port);
  const cut = await serve((_, response) => {
    response.writeHead(200, { 'content-length': 100 }).write('{');
    setTimeout(() => response.destroy(), 50);
  });
  await refused(['lint', cut, ...header], /cannot read the snapshot from http:\/\/127\.0\.0\.1:\d+\/: /);
  await refused(['lint', `http://${SECRET}:x@127.0.0.1:${port}/`], /must not hold a password/);
  await refused(['lint', 'http://', ...header], /is not a valid one/);
  await refused(['lint', `http://127.0.0.1:${port}/`, '--header', `X Key: ${SECRET}`], /--header must be 'Name: value'; number 1 is not/);
  await refused(['lint', `http://127.0.0.1:${port}/`, ...header, '--header', SECRET], /number 2 is not/);
  await refused(['lint', `http://127.0.0.1:${port}/`, '--header', `X-Key: ${SECRET}\nX-Other: 1`], /number 1 is not/);
  await refused(['lint', 'flags.json', ...header], /--header is for a snapshot from a URL/);
  const closed = createServer().listen(0, '127.0.0.1');
  await new Promise((ready) => closed.once('listening', ready));
  const free = closed.address().port;
  await new Promise((done) => closed.close(done));
  await refused(['lint', `http://127.0.0.1:${free}/x?token=${SECRET}`, ...header], /\/x: nobody listens there$/m);
});

test('an envelope is opened byte for byte', async () => {
  // Written anew, the number would be another one, and the flag would be small enough.
  const flag = (more) => `{"key":"big","type":"number","default_variant":"v","variants":[{"key":"v","value":1.0}]${more}}`;
  const envelope = (data) => `{ "data": 1, "ok" : true , "\\u0064ata" : ${data} , "service": {"data":[{}, "\\"}"]} }`;
  const faults = async (input) => (await json(['validate', '-'], { input }, 1)).faults.map(({ code }) => code);
  assert.deepEqual(await faults(envelope(`{"flags":[${flag(`,"x":${' '.repeat(70_000)}1`)}]}`)), ['limit_exceeded']);
  assert.deepEqual(await faults(envelope(`{"flags":[${flag(',"x":1e999')}]}`)), ['invalid_json']);
  assert.equal((await json(['eval', '-', 'big'], { input: envelope(`{"flags":[${flag('')}]}`) })).value, 1);
});

// ---- Wrong use

test('wrong use is said in one line, with status 2', async () => {
  for (const [args, message] of [
    [['eval'], /eval: it needs a snapshot/],
    [['eval', 'flags.json'], /it needs the key of a flag, or --all/],
    [['eval', 'flags.json', 'base', '--all'], /--all is instead of flags/],
    [['eval', 'flags.json', 'base', '--frob'], /unknown option '--frob' \(see burgee help eval\)/],
    [['eval', 'flags.json', 'base', '--json=1'], /'--json' does not take an argument/],
    [['eval', 'flags.json', 'base', '--user'], /argument missing/],
    [['eval', 'flags.json', 'base', '--now', 'yesterday'], /--now must be a time in RFC 3339/],
    [['eval', 'flags.json', 'base', '--now', '2026-02-30T00:00:00Z'], /--now must be/],
    [['eval', 'flags.json', 'base', '--now', '2026-13-01T00:00:00Z'], /--now must be/],
    [['eval', 'nowhere.json', 'base'], /cannot read the snapshot from nowhere\.json: it is not there/],
    [['eval', '.', 'base'], /it is a folder/],
    [['explain', 'flags.json'], /explain: it needs the key of a flag/],
    [['lint'], /it needs one snapshot/],
    [['lint', 'flags.json', 'next.json'], /it needs one snapshot/],
    [['lint', 'flags.json', '--max-warnings', 'few'], /--max-warnings must be a whole number/],
    [['lint', 'flags.json', '--max-warnings=-1'], /--max-warnings must be a whole number/],
    [['validate', 'flags.json', '--user', 'U'], /unknown option '--user'/],
    [['simulate', 'flags.json'], /it needs a snapshot and the key of a flag/],
    [['simulate', 'flags.json', 'base', '--users', '0'], /--users must be a whole number from 1 to/],
    [['simulate', 'flags.json', 'base', '--users', '5', '--ids', 'x'], /--ids is instead of --users/],
    [['simulate', 'flags.json', 'base', '--user', SECRET], /--user is what is simulated/],
    [['simulate', 'flags.json', 'base', '--list', 'blue'], /--list must be a variant of the flag: on, off/],
    [['simulate', 'flags.json', 'base', '--ids', '/dev/null'], /--ids has no ids/],
    [['types', 'flags.json', '-o', 'flags.d.ts'], /--output must be a file \*\.ts/],
    [['types', 'flags.json', '-o', 'flags.js'], /--output must be a file \*\.ts/],
    [['types', 'flags.json', '-o', 'nowhere/flags.ts'], /cannot write nowhere\/flags\.ts: its folder is not there/],
    [['types', 'flags.json', '--json'], /unknown option '--json'/],
  ]) {
    await refused(args, message);
  }
});

test('a context is personal: no error shows any of it', async () => {
  const bad = `{"user_id":"${SECRET}", oops}`;
  write({ 'bad.json': bad, 'list.json': `["${SECRET}"]` });
  for (const option of ['context', 'overrides']) {
    await refused(['eval', 'flags.json', 'base', `--${option}`, bad], new RegExp(`--${option} is not JSON, from its character \\d+ on`));
    await refused(['eval', 'flags.json', 'base', `--${option}`, '@bad.json'], /is not JSON/);
    await refused(['eval', 'flags.json', 'base', `--${option}`, '-'], /is not JSON/, { input: bad });
    await refused(['eval', 'flags.json', 'base', `--${option}`, '@list.json'], new RegExp(`--${option} must be an object`));
    await refused(['eval', 'flags.json', 'base', `--${option}`, SECRET], /is not JSON/);
  }
  await refused(['eval', 'flags.json', 'base', '--attr', SECRET], /--attr must be NAME=TEXT or NAME:=JSON/);
  await refused(['eval', 'flags.json', 'base', '--attr', `email:=${SECRET}`], /the attribute email is not JSON/);
  await refused(['eval', 'flags.json', 'base', '--overrides', `{"user":"${SECRET}"}`], /\/overrides\/user/);
  await refused(['eval', 'flags.json', 'base', '--context', '@nowhere.json'], /cannot read --context from nowhere\.json: it is not there/);
  await refused(['eval', '-', 'base', '--context', '-'], /the standard input cannot be both the snapshot and --context/, { input: FLAGS });
});
