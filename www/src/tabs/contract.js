// The Raw contract tab: the surface as JSON, and the server's own description of itself where it has one.

import { contract } from '../data/contract.js';
import { code, h, show } from '../lib/dom.js';
import { jsonView } from '../lib/json-view.js';
import { ask, asTrouble } from '../lib/server.js';

const OPENAPI = '/openapi.json';

export function startContract({ panel }) {
  const line = h('p', { class: 'answer-line', role: 'status' });
  const place = h('div', {}, jsonView('Contract of /api/flags', contract));

  async function askForIt() {
    line.className = 'answer-line';
    line.textContent = `Asking for ${OPENAPI} …`;
    try {
      const { status, json } = await ask({ path: OPENAPI });
      if (status === 200 && json) {
        line.textContent = `The server describes itself at ${OPENAPI}.`;
        show(place, jsonView(OPENAPI, json));
      } else {
        line.textContent = `This server offers no ${OPENAPI} (it answers ${status}), so the page's own description stands.`;
      }
    } catch (error) {
      line.classList.add('bad');
      line.textContent = asTrouble(error).message;
    }
  }

  show(
    panel,
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Raw contract'),
      h('p', {}, 'Envelope, errors and headers, as the Endpoints tab has them.'),
      // Asked for when wanted: a 404 on its own would stand in the browser's console as if something were wrong.
      h(
        'p',
        { class: 'actions' },
        h('button', { type: 'button', class: 'quiet', onclick: askForIt }, 'Ask the server for ', code(OPENAPI)),
      ),
      line,
      place,
    ),
  );
}
