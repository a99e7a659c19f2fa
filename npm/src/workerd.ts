/** workerd: a module may not be compiled from bytes there, so it is imported. */

import module from './burgee.wasm';
import { provide } from './engine.js';

provide(() => module);

export * from './api.js';
