// Elements without markup: text is only ever set as text, so that nothing a server sends can become part of the page.

const SVG = 'http://www.w3.org/2000/svg';

/** `h('button', { class: 'small', onclick }, 'Copy')`; children that are null, undefined or false are left out. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false),
  );
  return element;
}

export const show = (element, ...children) => element.replaceChildren(...children.flat(Infinity).filter(Boolean));

export const find = (selector, root = document) => root.querySelector(selector);

/** A table whose roles are said outright: on a phone its rows become blocks, and browsers then forget what they were. */
export function table(caption, headings, rows, attributes = {}) {
  return h(
    'table',
    { role: 'table', ...attributes },
    h('caption', { class: 'unseen' }, caption),
    h(
      'thead',
      { role: 'rowgroup' },
      h(
        'tr',
        { role: 'row' },
        headings.map((heading) => h('th', { role: 'columnheader', scope: 'col' }, heading)),
      ),
    ),
    h('tbody', { role: 'rowgroup' }, rows),
  );
}

/** A row of such a table; each cell repeats its column's heading, which the phone shows before it. */
export function row(headings, cells, attributes = {}) {
  const [first, ...rest] = cells;
  return h(
    'tr',
    { role: 'row', ...attributes },
    h('th', { role: 'rowheader', scope: 'row' }, first),
    rest.map((cell, i) => h('td', { role: 'cell', 'data-label': headings[i + 1] }, cell)),
  );
}

export const code = (text, attributes = {}) => h('code', attributes, text);

/** Code that may break where its words end, for narrow columns. */
export const breakable = (text) =>
  code(text.split(/(?<=[._/])(?=.)/).flatMap((part, i) => (i ? [h('wbr'), part] : [part])));
