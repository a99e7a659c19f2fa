// The Endpoints tab: what there is, and what it answers when it is asked now.

import { endpoints, operations, remote } from '../data/contract.js';
import { code, h, row, show, table } from '../lib/dom.js';
import { jsonView, textView } from '../lib/json-view.js';
import { InputError, registryHeader, requestOf } from '../lib/request.js';
import { ask, asTrouble } from '../lib/server.js';

const HEADINGS = ['Method', 'Path', 'What it needs', 'Ask'];

export function startEndpoints({ panel, state }) {
  const line = h('p', { class: 'answer-line', role: 'status' });
  const answer = h('div', {});
  let latest = 0;

  async function send(example) {
    const turn = ++latest;
    show(answer);
    line.className = 'answer-line';
    try {
      const request = requestFor(example, state.get());
      line.textContent = `Asking ${request.method} ${request.path} …`;
      const given = await ask(request);
      if (turn !== latest) return;
      line.classList.add(given.status < 400 ? 'good' : 'bad');
      show(
        line,
        h('span', { class: 'pill' }, String(given.status)),
        ` ${request.method} `,
        code(request.path),
        ` in ${Math.round(given.ms)} ms`,
      );
      show(answer, answerView(request, given));
    } catch (error) {
      if (turn !== latest) return;
      const trouble =
        error instanceof InputError
          ? { message: error.message, hint: 'It is an input of the Run tab.' }
          : asTrouble(error);
      line.classList.add('bad');
      line.textContent = [trouble.message, trouble.hint].filter(Boolean).join(' ');
    }
  }

  const section = (caption, list, about) => [
    table(
      caption,
      HEADINGS,
      list.map((endpoint) => endpointRow(endpoint, send)),
      { class: 'stacking endpoints' },
    ),
    h('p', { class: 'note' }, about),
  ];
  show(
    panel,
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Endpoints'),
      section(
        'Flags: JSON in one envelope',
        endpoints,
        'Evaluations are asked with the inputs of the Run tab, and all with its registry.',
      ),
    ),
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'OpenFeature'),
      section(
        "For OpenFeature's own clients: its remote evaluation protocol, OFREP",
        remote,
        'They are asked with the context of the Run tab, and with its registry as the tenant. Overrides have no place here.',
      ),
    ),
    h(
      'section',
      { class: 'card' },
      h('h2', {}, 'Operations'),
      section('For those who run the service: plain text', operations, 'They answer without the envelope.'),
    ),
    h('section', { class: 'card' }, h('h2', {}, 'The answer'), line, answer),
  );
  line.textContent = 'Nothing was asked yet.';
}

function endpointRow({ method, path, purpose, needs, examples }, send) {
  const buttons = examples.map((example) =>
    h(
      'button',
      { type: 'button', class: 'quiet', onclick: () => send({ ...example, method }) },
      example.label,
      h('span', { class: 'unseen' }, ` ${method} ${path}`),
    ),
  );
  return row(HEADINGS, [
    h('span', { class: `method ${method.toLowerCase()}` }, method),
    [code(path), h('span', { class: 'about' }, purpose)],
    needs,
    h('span', { class: 'buttons' }, buttons),
  ]);
}

function requestFor({ method, path, inputs: from }, inputs) {
  if (from) return requestOf(inputs)[from];
  return { method, path, headers: registryHeader(inputs.registry) };
}

function answerView(request, { headers, text, json }) {
  return [
    request.body && jsonView('Body sent', request.body),
    textView('Headers', headers.map(([name, value]) => `${name}: ${value}`).join('\n')),
    json === undefined ? textView('Body', text) : jsonView('Body', json),
  ];
}
