// What tests of the client need: the client from the packed package, a server that answers as it is told, and time that passes when told.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { mock } from 'node:test';
import { pathToFileURL } from 'node:url';
import { manifest } from './pack.mjs';
import { project } from './project.mjs';

export const URL = 'https://flags.example/v1/snapshot';

/** A time to start from. */
export const START = Date.UTC(2026, 0, 15, 9);

/** Loads entries of the packed package, by what `exports` call them, as modules that share what they share for a user. */
export async function load(...entries) {
  const { folder } = project({}, { peers: ['@openfeature/core', '@openfeature/server-sdk', '@openfeature/web-sdk'] });
  const installed = dirname(createRequire(join(folder, 'package.json')).resolve('burgee/package.json'));
  return Promise.all(entries.map((entry) => import(pathToFileURL(join(installed, manifest.exports[entry].import.default)))));
}

/** A document with boolean flags, on or off: `documentOf(2, {a: true})`. */
export function documentOf(version, flags, more = {}) {
  return { version, flags: Object.entries(flags).map(([key, on]) => ({ key, default_variant: on ? 'on' : 'off' })), ...more };
}

/**
 * A `fetch` that gives the answers it was told, in order, and the last one for ever. An answer is `{status, body, etag, headers}`, an
 * error, a `Response`, or a function of the request.
 */
export function server(...answers) {
  const requests = [];
  const next = () => (answers.length > 1 ? answers.shift() : answers[0]);
  async function fetch(url, init) {
    requests.push({ url, ...init, at: Date.now() });
    let answer = next();
    if (typeof answer === 'function') answer = await answer({ url, ...init });
    if (answer instanceof Error) throw answer;
    return answer instanceof Response ? answer : response(answer);
  }
  return { fetch, requests, answers };
}

export function response({ status = 200, body = '', etag, headers = {} }) {
  const text = status === 304 ? null : typeof body === 'string' ? body : JSON.stringify(body);
  return new Response(text, { status, headers: etag === undefined ? headers : { ETag: etag, ...headers } });
}

/** Lets everything happen that waits for nothing but its turn. */
export async function settle() {
  for (let i = 0; i < 4; i++) await new Promise(setImmediate);
}

/** Stops time, and chance: what jitters is in the middle unless told otherwise. Gives how to let time pass, ms, and what chance says. */
export function stopTime(t) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'], now: START });
  const chance = { is: 0.5 };
  const random = mock.method(Math, 'random', () => chance.is);
  t.after(() => {
    mock.timers.reset();
    random.mock.restore();
  });
  return {
    chance,
    async pass(milliseconds) {
      await settle();
      mock.timers.tick(milliseconds);
      await settle();
    },
  };
}

/** A storage that is only a map. */
export function storage(entries = {}) {
  const map = new Map(Object.entries(entries));
  return {
    map,
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => void map.set(key, value),
    removeItem: (key) => void map.delete(key),
  };
}

/** A page in place of the real one, seen or hidden. */
export function page(t, { seen = true } = {}) {
  const document = new EventTarget();
  document.visibilityState = seen ? 'visible' : 'hidden';
  globalThis.document = document;
  const window = new EventTarget();
  const own = ['addEventListener', 'removeEventListener', 'localStorage'].map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  const put = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  put('addEventListener', window.addEventListener.bind(window));
  put('removeEventListener', window.removeEventListener.bind(window));
  const local = storage();
  put('localStorage', local);
  t.after(() => {
    delete globalThis.document;
    for (const [name, descriptor] of own) {
      if (descriptor === undefined) delete globalThis[name];
      else Object.defineProperty(globalThis, name, descriptor);
    }
  });
  const become = (state) => {
    document.visibilityState = state;
    document.dispatchEvent(new Event('visibilitychange'));
  };
  return { hide: () => become('hidden'), show: () => become('visible'), leave: () => window.dispatchEvent(new Event('pagehide')), local };
}

/** That an error is one of ours, of a code. */
export const fault = (code, pointer) => (error) => {
  assert.equal(error.name, 'BurgeeError', error.stack);
  assert.equal(error.code, code);
  if (pointer !== undefined) assert.equal(error.pointer, pointer);
  return true;
};
