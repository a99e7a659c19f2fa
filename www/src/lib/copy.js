// Copying to the clipboard, with a word about it that screen readers hear too.

import { h } from './dom.js';

const SHOWN_MS = 1600;

/** A button that copies what `text()` gives when it is pressed. `of` says what, for those who cannot see where it stands. */
export function copyButton(of, text, label = 'Copy') {
  const word = h('span', { 'aria-live': 'polite' }, label);
  let timer;
  return h(
    'button',
    {
      type: 'button',
      class: 'quiet copy',
      title: `Copy ${of}`,
      async onclick() {
        clearTimeout(timer);
        word.textContent = (await copied(text())) ? 'Copied' : 'Select and copy by hand';
        timer = setTimeout(() => (word.textContent = label), SHOWN_MS);
      },
    },
    word,
    h('span', { class: 'unseen' }, ` ${of}`),
  );
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No permission, or a page that was not served securely.
    return false;
  }
}
