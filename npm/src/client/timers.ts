/** Waiting, and what the page is doing. Everything is looked up when it is used, so that tests may put their own in its place. */

/** Something to be done later, until it is called off. */
export type Cancel = () => void;

/** Does something after a time, ms. In Node it does not keep the process alive. */
export function later(milliseconds: number, action: () => void): Cancel {
  const timer: unknown = setTimeout(action, milliseconds);
  if (typeof timer === 'object' && timer !== null && 'unref' in timer && typeof timer.unref === 'function') timer.unref();
  return () => clearTimeout(timer as Parameters<typeof clearTimeout>[0]);
}

/** A number that is up to a part of it greater or less, so that clients that started together do not ask together. */
export function jittered(number: number, part: number): number {
  return number * (1 + part * (2 * Math.random() - 1));
}

/** Whether there is a page, and nobody sees it. */
export function isHidden(): boolean {
  return typeof document !== 'undefined' && document.visibilityState === 'hidden';
}

/** Calls back when a page is hidden or about to go, and when it is seen again; never where there is no page. Gives what ends that. */
export function watchPage(hidden: () => void, visible: () => void): Cancel {
  if (typeof document === 'undefined') return () => {};
  const page = document;
  const changed = () => (page.visibilityState === 'hidden' ? hidden() : visible());
  page.addEventListener('visibilitychange', changed);
  // A page that goes without being hidden first, as Safari's may.
  globalThis.addEventListener?.('pagehide', hidden);
  return () => {
    page.removeEventListener('visibilitychange', changed);
    globalThis.removeEventListener?.('pagehide', hidden);
  };
}
