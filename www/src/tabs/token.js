// The Token tab: a pasted JWT, taken apart here, and which row of the matrix the server applied to it.

import { matrix } from '../data/auth-matrix.js';
import { code, h, row, show, table } from '../lib/dom.js';
import { jsonView } from '../lib/json-view.js';
import { InputError, requestOf } from '../lib/request.js';
import { ask } from '../lib/server.js';
import { bearer, decodeToken, heldToken, metaOf, refusalText, rowOf, timeOf, trustHealth } from '../lib/token.js';

const CLAIMS = ['Claim', 'What it says', 'What it is here'];
const BECOMES = {
  sub: 'user_id',
  tenant_id: 'tenant_id',
  tier: 'tier',
  role_key: 'role_key',
  approval_ref: 'the approval for sensitive flags',
  iss: 'who made the token',
  aud: 'whom it is for',
};
const TIMES = {
  iat: () => 'when it was made',
  nbf: (isPast) => (isPast ? 'valid since then' : 'not valid yet'),
  exp: (isPast) => (isPast ? 'it has ended' : 'valid until then'),
};

export function startToken({ panel, state }) {
  const field = h('textarea', {
    id: 'token-text',
    rows: 5,
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    'aria-describedby': 'token-about',
    oninput: changed,
  });
  const line = h('p', { class: 'verdict none', role: 'status' }, 'Nothing was asked yet.');
  const decoded = h('div', { class: 'parts' });
  const answer = h('div', { class: 'parts' });
  const button = h('button', { type: 'submit', class: 'primary' }, 'Ask the server');
  let latest = 0;

  /** What was said of another token is not true of this one. */
  function changed() {
    latest += 1;
    say('none', 'Nothing was asked yet.');
    show(answer);
    show(decoded, decodedView(heldToken(), Date.now()));
  }

  async function verify(event) {
    event.preventDefault();
    const turn = ++latest;
    const token = heldToken();
    say('pending', 'Asking the server …');
    show(answer);
    try {
      const { get } = requestOf(state.get());
      const [health, given] = await Promise.all([
        trustHealth(),
        ask({ ...get, headers: { ...get.headers, ...bearer(token) } }),
      ]);
      if (turn !== latest) return;
      const id = rowOf(given);
      const found = matrix.find((one) => one.id === id);
      const isGood = given.status === 200;
      say(
        id === 'M-01' ? 'agree' : isGood ? 'none' : 'differ',
        found ? `${id} applied: ${found.situation}.` : refusalText(given),
      );
      show(answer, answerView(get, given, health, id));
    } catch (error) {
      if (turn !== latest) return;
      say('differ', error instanceof InputError ? `${error.message} It is an input of the Run tab.` : refusalText(error));
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
      { class: 'card', novalidate: true, onsubmit: verify },
      h('h2', {}, 'Token'),
      h(
        'p',
        { class: 'field' },
        h('label', { for: 'token-text' }, 'JWT'),
        field,
        h(
          'span',
          { class: 'about', id: 'token-about' },
          "It stays in this field: it is not stored and in no link, and goes to this page's server alone, in the header Authorization. The tabs Overrides, Sensitive gate and Use cases send it too.",
        ),
      ),
      h(
        'p',
        { class: 'actions' },
        button,
        h(
          'button',
          {
            type: 'button',
            class: 'quiet',
            onclick() {
              field.value = '';
              changed();
              field.focus();
            },
          },
          'Forget it',
        ),
      ),
      line,
    ),
    answer,
    decoded,
  );
  changed();
}

function decodedView(token, now) {
  if (token === '') return [h('p', { class: 'note' }, 'Without a token the server is asked all the same: that is M-10.')];
  const { header, claims, fault } = decodeToken(token);
  return [
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Decoded here'),
      h('p', { class: 'note' }, 'Anybody can write such a text. Only the server checks the signature.'),
      fault && h('p', { class: 'notice bad' }, `This is no JWT: ${fault}.`),
      claims && table('Claims', CLAIMS, claimRows(claims, now), { class: 'stacking' }),
      header && jsonView('Header of the token', header),
      claims && jsonView('Claims of the token', claims),
    ),
  ];
}

function claimRows(claims, now) {
  const named = Object.entries(BECOMES).map(([name, meaning]) => [
    name,
    Object.hasOwn(claims, name) ? code(textOf(claims[name])) : h('span', { class: 'nothing' }, 'left out'),
    meaning,
  ]);
  const times = Object.entries(TIMES).map(([name, meaning]) => {
    const time = timeOf(claims[name], now);
    const shown = Object.hasOwn(claims, name) ? code(textOf(claims[name])) : h('span', { class: 'nothing' }, 'left out');
    return [name, time ? time.text : shown, time ? meaning(time.isPast) : name === 'exp' ? 'a token must end' : ''];
  });
  return [...named, ...times].map(([name, value, meaning]) =>
    row(CLAIMS, [code(name), value, meaning], { 'data-claim': name }),
  );
}

const textOf = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

const ROWS = ['Case', 'Situation', 'Dev headers allowed', 'Not allowed'];

function answerView({ path }, given, health, id) {
  const { auth_source: source, warnings = [] } = metaOf(given.json) ?? {};
  const verifier = health?.verifier;
  const facts = [
    ['Asked', [code(`GET ${path}`)]],
    ['Answer', [`${given.status}${given.json?.error ? ` ${given.json.error.code}` : ''}`]],
    source && ['Auth', [source, ...warnings.map((warning) => h('span', { class: 'pill warn' }, warning))]],
    verifier && [
      'Server',
      [`mode ${verifier.mode}`, verifier.algorithms.join(', '), `keys ${verifier.jwks.state}, ${verifier.jwks.keys} held`],
    ],
  ];
  return [
    h(
      'section',
      { class: 'card' },
      h('h2', {}, "The server's answer"),
      factsView(facts),
      table(
        'Which row of the matrix applied',
        ROWS,
        matrix.map((one) =>
          row(
            ROWS,
            [
              [code(one.id), one.id === id && h('span', { class: 'pill on' }, 'applied')],
              one.situation,
              one.allowed,
              one.refused,
            ],
            { 'data-row': one.id, class: one.id === id ? 'applied' : undefined, 'aria-current': one.id === id && 'true' },
          ),
        ),
        { class: 'stacking matrix' },
      ),
      given.json && jsonView("The server's envelope", given.json),
    ),
  ];
}

/** Names and what belongs to each, as the Run tab shows them. */
export function factsView(facts) {
  return h(
    'dl',
    { class: 'facts' },
    facts.filter(Boolean).map(([name, items]) =>
      h(
        'div',
        {},
        h('dt', {}, name),
        items.filter(Boolean).map((item) => h('dd', {}, item)),
      ),
    ),
  );
}
