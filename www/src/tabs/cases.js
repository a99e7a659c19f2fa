// The Use cases tab: five presets, each asked of the server with one button.

import { h, show } from '../lib/dom.js';
import { refusalText } from '../lib/token.js';
import { useCases } from '../lib/use-cases.js';
import { factsView } from './token.js';

export function startCases({ panel }) {
  show(
    panel,
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Use cases'),
      h('p', {}, 'Each asks this server now, with the token of the Token tab where one is there. Nothing is changed by it.'),
    ),
    useCases.map(caseView),
  );
}

function caseView({ id, title, about, run }) {
  const line = h('p', { class: 'verdict none', role: 'status' }, 'Not asked yet.');
  const place = h('div', {});
  const button = h(
    'button',
    { type: 'button', class: 'quiet', onclick: start },
    'Ask the server',
    h('span', { class: 'unseen' }, ` (${id})`),
  );

  function say(kind, text) {
    line.className = `verdict ${kind}`;
    line.textContent = text;
  }

  async function start() {
    button.disabled = true;
    say('pending', 'Asking the server …');
    show(place);
    try {
      const { kind, text, facts } = await run();
      say(kind, text);
      show(place, factsView(Object.entries(facts).map(([name, value]) => [name, [value]])));
    } catch (error) {
      say('differ', refusalText(error));
    } finally {
      button.disabled = false;
    }
  }

  return h(
    'section',
    { class: 'card', 'data-case': id },
    h('h2', {}, title, ' ', h('span', { class: 'pill' }, id)),
    h('p', {}, about),
    h('p', { class: 'actions' }, button),
    line,
    place,
  );
}
