// The Auth tab: which of several values the server uses, shown by asking it; and what tokens mean.

import { differences } from '../../../parity/compare.mjs';
import { matrix, probes } from '../data/auth-matrix.js';
import { attributes } from '../data/contract.js';
import { code, h, row, show, table } from '../lib/dom.js';
import { loadEvaluator, loadSnapshot } from '../lib/evaluator.js';
import { registryHeader } from '../lib/request.js';
import { asTrouble, askData } from '../lib/server.js';

const PRECEDENCE = ['Attribute', 'Header', 'Query', 'Default', 'Asked of', 'What the server used'];
const MATRIX = ['Case', 'Situation in mode verified, unless said', 'Dev headers allowed', 'Not allowed'];

export function startAuth({ panel }) {
  const entries = attributes.map(entryOf);
  const line = h('p', { class: 'answer-line', role: 'status' });
  const button = h('button', { type: 'button', class: 'primary', onclick: demonstrate }, 'Ask the server');

  async function demonstrate() {
    button.disabled = true;
    line.className = 'answer-line';
    line.textContent = 'Asking …';
    try {
      const { registries } = await import('../lib/vectors.js');
      const { tenant } = registries.synthetic;
      const { snapshot } = await loadSnapshot(tenant);
      await Promise.all(entries.map((entry) => probe(entry, tenant, snapshot)));
      line.textContent = 'Asked. Empty a header to see the query win, and the query to see the default.';
    } catch (error) {
      const trouble = asTrouble(error);
      line.classList.add('bad');
      line.textContent =
        trouble.code === 'invalid_request'
          ? 'This server does not open the synthetic registry, whose answers would tell the values apart (FF_OPEN_REGISTRIES).'
          : [trouble.message, trouble.hint].filter(Boolean).join(' ');
    } finally {
      button.disabled = false;
    }
  }

  show(
    panel,
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Header over query over default'),
      h(
        'p',
        {},
        'Without a token the caller says who it is, and is believed where dev headers are allowed. Each row is sent with both values to a flag whose answer depends on them; the answer shows which one was used.',
      ),
      table(
        'Where an attribute comes from',
        PRECEDENCE,
        entries.map((entry) => entry.row),
        { class: 'stacking precedence' },
      ),
      h('p', { class: 'actions' }, button),
      line,
    ),
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Auth matrix'),
      h('p', {}, 'What a token in the header Authorization means. The Token tab shows which of the rows applies to one of yours.'),
      table(
        'What tokens mean',
        MATRIX,
        matrix.map(({ id, situation, allowed, refused }) => row(MATRIX, [code(id), situation, allowed, refused])),
        { class: 'stacking matrix' },
      ),
    ),
  );
}

function entryOf(attribute) {
  const asked = probes[attribute.attribute];
  const input = (kind, name) =>
    h('input', {
      value: asked[kind],
      'aria-label': `${attribute.attribute} by ${kind} (${name})`,
      autocomplete: 'off',
      autocapitalize: 'off',
      spellcheck: 'false',
    });
  const header = input('header', attribute.header);
  const query = input('query', attribute.query);
  const result = h('span', { class: 'won' }, '–');
  const cells = [
    code(attribute.attribute),
    [code(attribute.header), header],
    [code(`?${attribute.query}=`), query],
    attribute.default ? code(attribute.default) : attribute.required ? 'none: 400' : 'none',
    code(asked.flag),
    result,
  ];
  return {
    ...attribute,
    asked,
    header: attribute.header,
    query: attribute.query,
    inputs: { header, query },
    result,
    row: row(PRECEDENCE, cells, { 'data-attribute': attribute.attribute }),
  };
}

/** Asks the server once, and the evaluator here for what each of the possible values would give. */
async function probe(entry, tenant, snapshot) {
  const sent = { header: entry.inputs.header.value, query: entry.inputs.query.value };
  const query = new URLSearchParams({
    key: entry.asked.flag,
    ...entry.asked.fixed,
    ...(sent.query && { [entry.query]: sent.query }),
  });
  const headers = { ...registryHeader(tenant), ...(sent.header && { [entry.header]: sent.header }) };
  let answer;
  try {
    answer = await askData({ path: `/api/flags/eval?${query}`, headers });
  } catch (error) {
    return say(entry, sent.header || sent.query ? 'bad' : '', asTrouble(error).message);
  }
  const { meta, ...decision } = answer.data;
  const { evaluate } = await loadEvaluator();
  const fixed = Object.fromEntries(
    attributes
      .filter(({ query: name }) => Object.hasOwn(entry.asked.fixed, name))
      .map(({ attribute, query: name }) => [attribute, entry.asked.fixed[name]]),
  );
  const candidates = [
    ['header', sent.header],
    ['query', sent.query],
    ['default', entry.default ?? ''],
  ].filter(([name, value]) => value !== '' || name === 'default');
  const fitting = candidates.filter(([, value]) => {
    const context = { ...fixed, ...(value !== '' && { [entry.attribute]: value }) };
    return differences(evaluate(snapshot, { key: entry.asked.flag, context }), decision).length === 0;
  });
  const names = fitting.map(([name]) => name);
  const value = (fitting[0]?.[1] ?? '') || 'none';
  if (fitting.length === 0) return say(entry, 'bad', 'none of these values');
  if (fitting.length === 1) return say(entry, 'good', `${names[0]}: `, value);
  // Values that give the same answer cannot be told apart by it; the first of them is the rule's.
  say(entry, '', `${names.slice(0, -1).join(', ')} or ${names.at(-1)}: they give the same answer here`);
}

function say({ result }, kind, text, value) {
  result.className = `won ${kind}`.trim();
  show(result, text, value && code(value));
}
