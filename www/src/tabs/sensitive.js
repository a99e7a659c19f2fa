// The Sensitive gate tab: one flag asked with its gate, and how it stands with the policy service.

import { reasonText } from '../data/words.js';
import { code, h, show } from '../lib/dom.js';
import { jsonView } from '../lib/json-view.js';
import { askData } from '../lib/server.js';
import { bearer, heldToken, metaOf, refusalText, trustHealth } from '../lib/token.js';
import { factsView } from './token.js';

const FIELDS = [
  { name: 'key', label: 'Sensitive flag', value: 'ff.cm.advanced_policy', list: 'run-flags' },
  { name: 'user_id', label: 'For the user', value: 'U-1' },
  { name: 'tenant_id', label: 'For the tenant', value: '' },
  { name: 'approval_ref', label: 'Approval', value: '', placeholder: "the token's" },
];

export function startSensitive({ panel }) {
  const inputs = Object.fromEntries(
    FIELDS.map(({ name, label, ...attributes }) => [
      name,
      h('input', {
        ...attributes,
        id: `sensitive-${name}`,
        autocomplete: 'off',
        autocapitalize: 'off',
        spellcheck: 'false',
      }),
    ]),
  );
  const line = h('p', { class: 'verdict none', role: 'status' }, 'Nothing was asked yet.');
  const place = h('div', { class: 'parts' });
  let latest = 0;

  async function pass(event) {
    event.preventDefault();
    const turn = ++latest;
    say('pending', 'Asking the server …');
    show(place);
    try {
      const said = Object.fromEntries(FIELDS.map(({ name }) => [name, inputs[name].value]).filter(([, value]) => value));
      const { key = '', approval_ref, ...context } = said;
      const body = { key, context, ...(approval_ref && { approval_ref }) };
      const given = await askData({
        method: 'POST',
        path: '/api/flags/sensitive-eval',
        headers: bearer(heldToken()),
        body,
      });
      const health = await trustHealth();
      if (turn !== latest) return;
      say(...gateText(given.data));
      show(place, answerView(given, health?.policy));
    } catch (error) {
      if (turn === latest) say('differ', refusalText(error));
    }
  }

  function say(kind, text) {
    line.className = `verdict ${kind}`;
    line.textContent = text;
  }

  show(
    panel,
    h(
      'form',
      { class: 'card', novalidate: true, onsubmit: pass },
      h('h2', {}, 'Sensitive gate'),
      h(
        'p',
        {},
        'A sensitive flag answers only a verified caller whom the policy service allows; anybody else gets its off value. The token of the Token tab says who asks, and its claims stand before the fields here.',
      ),
      h(
        'div',
        { class: 'pair' },
        FIELDS.map(({ name, label }) =>
          h('p', { class: 'field' }, h('label', { for: `sensitive-${name}` }, label), inputs[name]),
        ),
      ),
      h('p', { class: 'actions' }, h('button', { type: 'submit', class: 'primary' }, 'Ask at the gate')),
      line,
    ),
    place,
  );
}

/** The gate in one line. */
export function gateText({ evaluation, gate }) {
  const { flag_key: key } = evaluation;
  if (gate.decision === 'not_required') return ['none', `${key} is not sensitive: nobody was asked.`];
  if (gate.reason) return ['differ', `Denied: ${reasonText(gate.reason)} (${gate.reason}).`];
  return ['agree', `Allowed${gate.decision === 'allow' ? '' : ' with a warning'}: ${key} answers as it is.`];
}

function answerView({ data, json }, policy) {
  const { evaluation, sensitivity, gate } = data;
  const { auth_source: source, warnings = [] } = metaOf(json) ?? {};
  return [
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'At the gate'),
      factsView([
        ['Decision', [code(gate.decision), gate.reason && code(gate.reason)]],
        ['Approval', [gate.approval_ref ? code(gate.approval_ref) : 'none', gate.ttl_state && `ttl_state ${gate.ttl_state}`]],
        [
          'Profile',
          [
            sensitivity.sensitive_flag ? 'sensitive' : 'not sensitive',
            sensitivity.requires_approval && 'requires an approval',
            sensitivity.approval_matrix_row && code(sensitivity.approval_matrix_row),
          ],
        ],
        ['Served', [code(JSON.stringify(evaluation.value)), `because ${reasonText(evaluation.reason)}`]],
        ['Auth', [source, ...warnings.map((warning) => h('span', { class: 'pill warn' }, warning))]],
        policy && [
          'Policy service',
          [policy.configured ? 'configured' : 'not configured', `breaker ${policy.breaker}`, `${policy.failures} failures`],
        ],
      ]),
      jsonView("The gate's answer", data),
    ),
  ];
}
