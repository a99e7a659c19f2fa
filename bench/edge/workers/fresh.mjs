// Answers each request from a new isolate of the Worker whose parts its own bindings hold: `module:NAME`, of which MAIN is the main one, and
// `text:NAME`, which become that Worker's variables.
import { WorkerEntrypoint } from 'cloudflare:workers';

const utf8 = new TextDecoder();

/** Stands where a KV namespace does: a binding of KV cannot be handed to a Worker that is loaded on demand. */
export class Kv extends WorkerEntrypoint {
  get(key, options) {
    const { KEY, DOCUMENT } = this.env;
    if (key !== KEY) return null;
    return options?.type === 'arrayBuffer' ? DOCUMENT : utf8.decode(DOCUMENT);
  }
}

const module = (name, bytes) => (name.endsWith('.wasm') ? { wasm: bytes } : { js: utf8.decode(bytes) });

/** The bindings whose names begin with `prefix`, by the rest of their names. */
function these(env, prefix, read) {
  const found = Object.entries(env).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), read(name, value)]));
}

let parts;

export default {
  fetch(request, env, { exports }) {
    // Read once: it is no part of what a new isolate takes.
    parts ??= { modules: these(env, 'module:', module), variables: these(env, 'text:', (_, text) => text) };
    const worker = env.LOADER.get(crypto.randomUUID(), () => ({
      compatibilityDate: env.DATE,
      mainModule: env.MAIN,
      modules: parts.modules,
      env: { ...parts.variables, FLAGS: exports.Kv({ props: {} }) },
      globalOutbound: null,
    }));
    return worker.getEntrypoint().fetch(request);
  },
};
