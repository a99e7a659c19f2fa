// The tabs, as the ARIA practices have them: one tab stop, arrows, Home and End move and open, the panel follows in the tab order.

import { find } from './dom.js';

/** `opened(name)` is called whenever a tab is shown; `chosen(name)` only when the user chose it here. */
export function startTabs(list, { opened, chosen }) {
  const tabs = [...list.querySelectorAll('[role=tab]')];
  const nameOf = (tab) => tab.id.replace(/^tab-/, '');

  function open(name) {
    const tab = tabs.find((candidate) => nameOf(candidate) === name) ?? tabs[0];
    for (const other of tabs) {
      const isOpen = other === tab;
      other.setAttribute('aria-selected', String(isOpen));
      other.tabIndex = isOpen ? 0 : -1;
      find(`#${other.getAttribute('aria-controls')}`).hidden = !isOpen;
    }
    opened(nameOf(tab));
  }

  function choose(tab) {
    tab.focus();
    open(nameOf(tab));
    chosen(nameOf(tab));
  }

  list.addEventListener('click', (event) => {
    const tab = event.target.closest('[role=tab]');
    if (tab) choose(tab);
  });

  list.addEventListener('keydown', (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const at = tabs.indexOf(document.activeElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (at < 0 || to === undefined) return;
    event.preventDefault();
    choose(tabs.at(to % tabs.length));
  });

  return { open };
}
