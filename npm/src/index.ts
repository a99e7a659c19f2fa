/** Node, browsers and bundlers: the module is inside, so that everything is synchronous. */

import module from 'burgee:base64';
import { provide } from './engine.js';

provide(() => {
  const binary = atob(module);
  return Uint8Array.from(binary, (char) => char.charCodeAt(0));
});

export * from './api.js';
