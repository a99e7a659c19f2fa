// JSON for reading: indented, coloured by kind, cut where it becomes too long for a page.

import { copyButton } from './copy.js';
import { h } from './dom.js';

const SHOWN_CHARACTERS = 20_000;
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|\b(true|false|null)\b|-?\d[\d.eE+-]*/g;

export function jsonView(name, value) {
  return textView(name, JSON.stringify(value, null, 2), { coloured: true });
}

/** Text that can be copied as a whole although only its beginning is shown. */
export function textView(name, text, { coloured = false } = {}) {
  const shown = text.length > SHOWN_CHARACTERS ? text.slice(0, SHOWN_CHARACTERS) : text;
  const left = text.length - shown.length;
  return h(
    'figure',
    { class: 'code' },
    h(
      'figcaption',
      {},
      h('span', {}, name),
      copyButton(name, () => text),
    ),
    // It scrolls by itself, and so must be reachable by keyboard.
    h('pre', { tabindex: 0, role: 'region', 'aria-label': name }, h('code', {}, coloured ? colour(shown) : shown)),
    left > 0 && h('p', { class: 'note' }, `${left.toLocaleString('en')} more characters are copied, and not shown.`),
  );
}

function colour(text) {
  const parts = [];
  let place = 0;
  for (const match of text.matchAll(TOKEN)) {
    const [whole, string, colon] = match;
    const kind = string ? (colon ? 'name' : 'string') : match[3] ? 'word' : 'number';
    const token = string ?? whole;
    parts.push(text.slice(place, match.index), h('span', { class: `json-${kind}` }, token));
    place = match.index + token.length;
  }
  parts.push(text.slice(place));
  return parts;
}
