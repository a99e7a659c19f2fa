// The Parity tab: every vector through the npm package in this page, and on demand through the server.

import { KNOWN_INPUT, runVectors } from '../../../parity/runner.mjs';
import { httpTarget } from '../../../parity/http-target.mjs';
import { show as textOf } from '../../../parity/compare.mjs';
import { code, h, row, show, table } from '../lib/dom.js';
import { loadEvaluator } from '../lib/evaluator.js';
import { Trouble, asTrouble } from '../lib/server.js';

const PARTS = [
  ['examples', 'Examples', 'a decision, whole'],
  ['idempotency', 'Idempotency', 'asked twice, and as a batch'],
  ['hash', 'Hash', 'buckets of odd and ordinary ids'],
];
const HEADINGS = ['Case', 'Browser', 'Server'];

const SIDES = {
  browser: { name: 'Browser', open: () => loadEvaluator() },
  server: { name: 'Server', open: ({ registries }) => httpTarget(location.origin, registries) },
};

export function startParity({ panel }) {
  const results = {};
  const line = h('p', { class: 'verdict pending', role: 'status' }, 'Running the vectors …');
  const cases = h('div', {});
  const reports = h('div', { class: 'reports' });
  const buttons = Object.entries(SIDES).map(([side, { name }]) =>
    h(
      'button',
      { type: 'button', class: side === 'browser' ? 'primary' : 'quiet', onclick: () => run(side) },
      side === 'browser' ? 'Run in the browser' : 'Run against the server',
      h('span', { class: 'unseen' }, ` (${name})`),
    ),
  );

  async function run(side) {
    for (const button of buttons) button.disabled = true;
    say('pending', side === 'server' ? 'Asking the server for every vector …' : 'Running the vectors …');
    try {
      const vectors = await import('../lib/vectors.js');
      const target = await SIDES[side].open(vectors).catch(asPlain);
      const began = performance.now();
      const result = await runVectors({ ...pick(vectors), target });
      results[side] = { ...result, ms: performance.now() - began, closed: target.closed };
      render(vectors);
    } catch (error) {
      say('differ', asTrouble(error.isFatal ? new Trouble(`${error.message}.`) : error).message);
    } finally {
      for (const button of buttons) button.disabled = false;
    }
  }

  function say(kind, text) {
    line.className = `verdict ${kind}`;
    line.textContent = text;
  }

  function render(vectors) {
    const all = Object.entries(results);
    const isOk = all.every(([, result]) => result.ok);
    say(isOk ? 'agree' : 'differ', all.map(([side, result]) => `${SIDES[side].name}: ${countsOf(result)}`).join(' · '));
    show(
      cases,
      PARTS.map(([part, title, about]) =>
        partView(part, title, about, vectors[part === 'hash' ? 'hash' : 'examples'], results),
      ),
    );
    show(
      reports,
      all.map(([side, result]) => reportView(SIDES[side].name, result)),
    );
  }

  show(
    panel,
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Parity'),
      h(
        'p',
        {},
        'The same vectors hold the evaluator together wherever it runs: here, in Node, at the edge, and in the independent oracle.',
      ),
      h('p', { class: 'actions' }, buttons),
      line,
    ),
    cases,
    reports,
  );
  run('browser');
}

/** A target that cannot be opened says why in words of its own. */
function asPlain(error) {
  throw error instanceof Trouble ? error : new Trouble(`${error.message}.`);
}

const pick = ({ examples, hash, registries }) => ({ examples, hash, registries });

function countsOf({ ok, hash, idempotency, examples }) {
  const parts = [hash, idempotency, examples];
  const passed = parts.reduce((sum, part) => sum + part.passed, 0);
  const failed = parts.reduce((sum, part) => sum + part.failed, 0);
  return failed || !ok ? `${passed} pass, ${failed} fail` : `all ${passed} cases pass`;
}

function partView(part, title, about, vectors, results) {
  const failed = Object.values(results).some((result) => result[part].failed > 0);
  const count = vectors.length;
  return h(
    'details',
    { class: 'card cases', 'data-part': part, open: failed || part === 'examples' },
    h('summary', {}, h('h3', {}, title), h('span', { class: 'about' }, `${count} cases: ${about}`)),
    table(
      `${title}, case by case`,
      HEADINGS,
      vectors.map(({ name }) =>
        row(HEADINGS, [name, ...['browser', 'server'].map((side) => outcomeView(results[side], part, name))]),
      ),
      { class: 'outcomes' },
    ),
  );
}

function outcomeView(result, part, name) {
  if (!result) return h('span', { class: 'nothing' }, 'not run');
  const failures = result[part].failures.filter((failure) => failure.name === name);
  if (failures.length === 0) return h('span', { class: 'pass' }, 'pass');
  return [
    h('span', { class: 'fail' }, 'fail'),
    h(
      'ul',
      { class: 'failures' },
      failures.map((failure) => h('li', {}, failureText(failure))),
    ),
  ];
}

function failureText({ way, message, pointer, expected, got }) {
  const where = way ? `${way}: ` : '';
  return message
    ? `${where}${message}`
    : [where, code(pointer || '/'), ' expected ', code(textOf(expected, 120)), ', got ', code(textOf(got, 120))];
}

/** The lines that verify.mjs ends with, so that the two can be laid side by side. */
function reportView(name, { ok, counts, hash, idempotency, examples, ms, closed }) {
  const lines = [
    ...(closed ? [closed] : []),
    ...counts.map((message) => `FAIL  ${message}`),
    `hash ${hash.passed} pass · ${hash.failed} fail · ${KNOWN_INPUT} → ${hash.known}`,
    `idempotency ${idempotency.passed} pass · ${idempotency.failed} fail`,
    `${examples.passed} pass · ${examples.failed} fail · parity ${ok ? 'OK' : 'BROKEN'}`,
  ];
  return h(
    'section',
    { class: `card report ${ok ? 'good' : 'bad'}` },
    h('h3', {}, `${name}, in ${Math.max(1, Math.round(ms))} ms`),
    h('pre', {}, lines.join('\n')),
  );
}
