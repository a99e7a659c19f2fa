// What the server serves: the line in the masthead, the list of flags to choose from, and notices of what is wrong.

import { copyButton } from './copy.js';
import { code, find, h, show } from './dom.js';
import { registryHeader } from './request.js';
import { asTrouble, askData, sentence } from './server.js';

const SHOWN_WARNINGS = 50;

export function startServerStatus(state) {
  const place = find('#notices');
  const line = find('#server');
  const listeners = [];
  let asked = 0;
  let of;

  function say(kind, text) {
    line.className = `server ${kind}`;
    find('.text', line).textContent = text;
  }

  /** Asks again. Called at the start, when another registry is chosen, and after trouble. */
  async function refresh() {
    const turn = ++asked;
    of = state.get().registry;
    const headers = registryHeader(of);
    say('asking', 'asking the server');
    try {
      const [summary, health] = await Promise.all([
        askData({ path: '/api/flags/registry?summary=true', headers }),
        askData({ path: '/api/flags/health', headers }),
      ]);
      if (turn !== asked) return;
      succeed(summary.data, health.data);
    } catch (error) {
      if (turn !== asked) return;
      fail(asTrouble(error));
    }
  }

  function succeed(summary, health) {
    const isFresh = health.status === 'ok';
    const flags = summary.count === 1 ? '1 flag' : `${summary.count} flags`;
    say(
      isFresh && summary.warnings.length === 0 ? 'good' : 'warn',
      `${summary.tenant || 'no tenant'} v${summary.version} · ${flags} · evaluator ${health.evaluator_version}`,
    );
    show(place, !isFresh && staleNotice(health), summary.warnings.length > 0 && warningsNotice(summary.warnings));
    for (const listener of listeners) listener(summary);
  }

  function fail(trouble) {
    say('bad', trouble.code === 'registry_unavailable' ? 'no snapshot' : trouble.status ? 'refused' : 'no answer');
    show(
      place,
      troubleNotice(trouble, () => {
        refresh();
        document.dispatchEvent(new Event('burgee:again'));
      }),
    );
    for (const listener of listeners) listener(undefined);
  }

  state.onChange(({ registry }) => {
    if (registry !== of) refresh();
  });
  refresh();
  return { refresh, onSummary: (listener) => listeners.push(listener) };
}

function troubleNotice(trouble, again) {
  return h(
    'div',
    { class: 'notice bad' },
    h('p', {}, h('strong', {}, trouble.message), trouble.hint && ` ${sentence(trouble.hint)}`),
    h('button', { type: 'button', class: 'quiet', onclick: again }, 'Try again'),
  );
}

function staleNotice(health) {
  const why = health.refresh_fault?.message ?? 'the last refresh failed';
  return h(
    'div',
    { class: 'notice warn' },
    h(
      'p',
      {},
      h('strong', {}, 'The server answers from the last good snapshot.'),
      ` It is version ${health.snapshot_version}; ${why}.`,
    ),
  );
}

function warningsNotice(warnings) {
  const shown = warnings.slice(0, SHOWN_WARNINGS);
  const count = warnings.length === 1 ? '1 warning' : `${warnings.length} warnings`;
  return h(
    'details',
    { class: 'notice warn' },
    h(
      'summary',
      {},
      h('strong', {}, `The registry has ${count}.`),
      ' What is at fault is off or left out; the rest works.',
    ),
    h(
      'ul',
      { class: 'warnings' },
      shown.map(({ code: name, pointer, message }) => h('li', {}, code(name), ' ', code(pointer), ` ${message}`)),
    ),
    warnings.length > shown.length &&
      h('p', { class: 'note' }, `${warnings.length - shown.length} more are in the registry's summary.`),
    copyButton('the warnings', () => JSON.stringify(warnings, null, 2)),
  );
}
