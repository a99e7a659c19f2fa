// Two answers and what to think of them: the verdict, the decision in a sentence, its fields side by side, and the chain.

import { show as textOf } from '../../../parity/compare.mjs';
import { reasonText } from '../data/words.js';
import { breakable, code, h, row, svg, table } from '../lib/dom.js';
import { jsonView } from '../lib/json-view.js';
import { sentence } from '../lib/server.js';
import { chainView } from './chain-view.js';

// In the order of reading; what a later server adds follows after them.
const ORDER = [
  'enabled',
  'value',
  'variant',
  'source',
  'reason',
  'rule_id',
  'bucket',
  'threshold',
  'rollout_stage',
  'flag_version',
  'flag_key',
];
const ELSEWHERE = ['reason_chain'];

/** The one line that matters, for the banner and for screen readers. */
export function verdictOf({ browser, remote, found }) {
  if (!found) {
    const missing =
      browser.trouble && remote.trouble
        ? 'neither side answered'
        : browser.trouble
          ? 'the browser has no answer'
          : 'the server has no answer';
    return { kind: 'none', text: `Nothing to compare: ${missing}.` };
  }
  const outcome = `${browser.decision.flag_key} is ${browser.decision.enabled ? 'on' : 'off'}`;
  if (found.length === 0) return { kind: 'agree', text: `Browser and server agree: ${outcome}.` };
  const fields = found.length === 1 ? '1 field' : `${found.length} fields`;
  return { kind: 'differ', text: `Browser and server differ in ${fields}.` };
}

export function answerView({ request, browser, remote, found }) {
  const decision = browser.decision ?? remote.decision;
  return [
    troubleViews(browser.trouble, remote.trouble),
    found?.length > 0 && differencesView(found, browser, remote),
    decision &&
      headline(
        decision,
        found?.length > 0 ? "The browser's answer" : browser.decision ? undefined : "The server's answer",
      ),
    decision && fieldsView({ request, browser, remote, found: found ?? [] }),
    decision &&
      h(
        'section',
        { class: 'card' },
        h('h2', {}, 'Reason chain'),
        chainView(browser.explanation, remote.decision?.reason_chain),
      ),
    decision && rawView({ browser, remote }),
  ];
}

/** The same trouble on both sides is one. */
function troubleViews(browser, remote) {
  if (browser && remote && browser.message === remote.message) return troubleView('Both', browser);
  return [browser && troubleView('Browser', browser), remote && troubleView('Server', remote)];
}

function troubleView(side, trouble) {
  return h(
    'p',
    { class: 'notice bad', 'data-side': side.toLowerCase() },
    h('strong', {}, `${side}: `),
    trouble.message,
    trouble.hint && ` ${sentence(trouble.hint)}`,
  );
}

function differencesView(found, browser, remote) {
  const headings = ['Field', 'Browser', 'Server'];
  const version = remote.meta?.snapshot_version;
  return h(
    'section',
    { class: 'card differences' },
    h('h2', {}, 'Where they differ'),
    table(
      'Differing fields, by JSON pointer',
      headings,
      found.map(({ pointer, expected, got }) =>
        row(headings, [code(pointer || '/'), code(textOf(got)), code(textOf(expected))]),
      ),
      { class: 'stacking' },
    ),
    version !== undefined &&
      version !== browser.version &&
      h(
        'p',
        { class: 'note' },
        `The browser read version ${browser.version} of the registry, the server answered from version ${version}: evaluate again in a moment.`,
      ),
  );
}

/** `whose` names the side where the two are not one. */
function headline(decision, whose) {
  const { flag_key, enabled, value, variant, reason, bucket, threshold } = decision;
  return h(
    'section',
    { class: 'card headline', 'data-enabled': enabled },
    whose && h('p', { class: 'about' }, whose),
    h(
      'p',
      { class: 'state' },
      h('span', { class: enabled ? 'pill on' : 'pill off' }, enabled ? 'ON' : 'OFF'),
      code(flag_key),
    ),
    h(
      'p',
      { class: 'value' },
      'serves ',
      code(textOf(value)),
      variant === null ? ' without a variant' : [' as variant ', code(textOf(variant))],
    ),
    h('p', { class: 'why' }, `Because ${reasonText(reason)}.`),
    typeof bucket === 'number' && typeof threshold === 'number' && bucketView(bucket, threshold),
  );
}

/** Where the user's bucket lies, and up to where the share reaches. A bucket is one of a hundred, or a fraction. */
function bucketView(bucket, threshold) {
  const scale = Number.isInteger(bucket) ? 1 : 100;
  const [at, to] = [bucket * scale, Math.min(threshold * scale, 100)];
  const text = `bucket ${bucket}, threshold ${threshold}`;
  return h(
    'figure',
    { class: 'bucket' },
    svg(
      'svg',
      { viewBox: '0 0 100 8', preserveAspectRatio: 'none', role: 'img', 'aria-label': text },
      svg('rect', { class: 'all', width: 100, height: 8 }),
      svg('rect', { class: 'share', width: to, height: 8 }),
      svg('rect', { class: at < to ? 'mark in' : 'mark out', x: Math.min(at, 99.2), width: 0.8, height: 8 }),
    ),
    h('figcaption', { 'aria-hidden': 'true' }, text),
  );
}

function fieldsView({ request, browser, remote, found }) {
  const headings = ['Field', 'Browser', 'Server'];
  const sides = [browser.decision, remote.decision];
  const names = [...new Set([...ORDER, ...sides.flatMap((side) => Object.keys(side ?? {}))])].filter(
    (name) => !ELSEWHERE.includes(name) && sides.some((side) => side && Object.hasOwn(side, name)),
  );
  const cell = (side, name) =>
    side && Object.hasOwn(side, name)
      ? breakable(textOf(side[name]))
      : h('span', { class: 'nothing' }, side ? 'left out' : 'no answer');
  const rows = names.map((name) => {
    const differs = found.some(({ pointer }) => pointer === `/${name}` || pointer.startsWith(`/${name}/`));
    const label = [breakable(`/${name}`), differs && h('span', { class: 'differs-mark' }, ' differs')];
    return row(headings, [label, cell(sides[0], name), cell(sides[1], name)], {
      class: differs ? 'differs' : undefined,
      'data-field': name,
    });
  });
  const { method, path } = request.server;
  return h(
    'section',
    { class: 'card' },
    h('h2', {}, 'Both answers'),
    table('The decision, field by field', headings, rows, { class: 'fields' }),
    h(
      'dl',
      { class: 'facts' },
      facts(
        'Browser',
        browser.ms !== undefined && [
          `registry version ${browser.version}${browser.isOld ? ', read earlier' : ''}`,
          duration(browser.ms),
        ],
      ),
      facts('Server', metaFacts(remote)),
      facts('Asked with', [code(`${method} ${path}`)]),
    ),
  );
}

const facts = (name, items) =>
  items &&
  h(
    'div',
    {},
    h('dt', {}, name),
    items.filter(Boolean).map((item) => h('dd', {}, item)),
  );

function metaFacts({ meta, ms }) {
  if (!meta) return undefined;
  const { snapshot_version, cache, backing_state, auth_source, warnings = [] } = meta;
  return [
    `registry version ${snapshot_version}`,
    duration(ms),
    `cache ${cache}`,
    `from ${backing_state}`,
    `auth ${auth_source}`,
    ...warnings.map((warning) => h('span', { class: 'pill warn' }, warning)),
  ];
}

const duration = (ms) => (ms < 0.1 ? 'less than 0.1 ms' : ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`);

function rawView({ browser, remote }) {
  return h(
    'details',
    { class: 'card raw' },
    h('summary', {}, 'As JSON'),
    browser.explanation && jsonView("The browser's explanation", browser.explanation),
    remote.envelope && jsonView("The server's envelope", remote.envelope),
  );
}
