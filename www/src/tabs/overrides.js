// The Overrides tab: the stored rows of a flag, those that have ended too.

import { code, h, row, show, table } from '../lib/dom.js';
import { overridesPath } from '../lib/request.js';
import { askData } from '../lib/server.js';
import { bearer, heldToken, refusalText, trustHealth } from '../lib/token.js';

const HEADINGS = ['Whose', 'Variant', 'Until', 'Now', 'Reason', 'Approval', 'Made'];

export function startOverrides({ panel, state }) {
  const key = h('input', {
    id: 'overrides-key',
    list: 'run-flags',
    value: state.get().key,
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
  });
  const line = h('p', { class: 'answer-line', role: 'status' });
  const store = h('p', { class: 'note' });
  const place = h('div', {});
  let latest = 0;

  async function read(event) {
    event?.preventDefault();
    const turn = ++latest;
    line.className = 'answer-line';
    line.textContent = 'Asking …';
    show(place);
    if (key.value === '') {
      line.classList.add('bad');
      line.textContent = 'Name a flag: its key is what is asked for.';
      return;
    }
    try {
      const [health, { data }] = await Promise.all([
        trustHealth(),
        askData({ path: overridesPath(key.value), headers: bearer(heldToken()) }),
      ]);
      if (turn !== latest) return;
      const held = health?.override_store;
      store.textContent = held ? `In all ${countOf(held.rows)}, ${held.expired} of them ended (${held.backing_state}).` : '';
      line.textContent = `${data.flag_key} has ${countOf(data.rows.length)}.`;
      show(place, data.rows.length > 0 && rowsView(data.rows));
    } catch (error) {
      if (turn !== latest) return;
      line.classList.add('bad');
      line.textContent = refusalText(error);
    }
  }

  show(
    panel,
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Override store'),
      h('p', {}, "The rows that the platform's registry holds of a flag. A user's row stands before a tenant's."),
      h(
        'form',
        { class: 'asks', novalidate: true, onsubmit: read },
        h('p', { class: 'field' }, h('label', { for: 'overrides-key' }, 'Flag of the rows'), key),
        h('p', { class: 'actions' }, h('button', { type: 'submit', class: 'primary' }, 'Read the rows')),
      ),
      line,
      place,
      store,
    ),
  );
  read();
}

const countOf = (count) => (count === 1 ? '1 row' : `${count} rows`);

function rowsView(rows) {
  const none = () => h('span', { class: 'nothing' }, 'none');
  return table(
    'Stored override rows',
    HEADINGS,
    rows.map(({ scope, id, variant, expires_at, approval_ref, reason, created_by, created_at, expired }) =>
      row(
        HEADINGS,
        [
          [`${scope} `, code(id)],
          code(JSON.stringify(variant)),
          expires_at ?? none(),
          h('span', { class: expired ? 'pill warn' : 'pill on' }, expired ? 'has ended' : 'applies'),
          reason ?? none(),
          approval_ref ? code(approval_ref) : none(),
          [created_by, created_at].filter(Boolean).join(', ') || none(),
        ],
        { 'data-id': id },
      ),
    ),
    { class: 'stacking' },
  );
}
