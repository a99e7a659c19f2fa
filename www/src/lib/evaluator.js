// The npm package in this page: the same evaluator as the server's, from the same source. Its module is an asset of its own, compiled
// while it arrives, which is lighter than the entry that carries it as text.

import { Snapshot, evaluate, evaluateBatch, explain, hashBucket, init } from 'burgee/slim';
import moduleFile from 'burgee/burgee.wasm';
import { registryHeader } from './request.js';
import { Trouble, askData } from './server.js';

let loading;

/** The package's functions, once its module is there. */
export function loadEvaluator() {
  loading ??= load().catch((error) => {
    // The next one who asks tries again.
    loading = undefined;
    throw error;
  });
  return loading;
}

async function load() {
  let module;
  try {
    module = await WebAssembly.compileStreaming(fetch(new URL(moduleFile, import.meta.url)));
  } catch {
    throw new Trouble(
      'The evaluator could not be loaded into this page.',
      'It needs WebAssembly, and the server to give burgee.wasm.',
    );
  }
  init(module);
  return { Snapshot, evaluate, evaluateBatch, explain, hashBucket };
}

const held = new Map();

/**
 * A registry as the server stores it, compiled here as `snapshot`; compiled again only when it has changed. While the server is
 * away, what was read before still serves, and is `isOld`.
 */
export async function loadSnapshot(registry) {
  const { Snapshot } = await loadEvaluator();
  const known = held.get(registry);
  let answer;
  try {
    answer = await askData({ path: '/api/flags/registry', headers: registryHeader(registry) });
  } catch (error) {
    if (known && error instanceof Trouble && !(error.status < 500)) return { snapshot: known.snapshot, isOld: true };
    throw error;
  }
  const document = storedDocument(answer);
  if (known?.document === document) return { snapshot: known.snapshot, isOld: false };
  const snapshot = new Snapshot(document);
  held.set(registry, { document, snapshot });
  return { snapshot, isOld: false };
}

const BEFORE = '{"ok":true,"data":';
const AFTER = ',"error":null,"service":';

/**
 * The stored text itself where it can be cut out of the envelope: a flag has a limit in bytes as it is written, so the same data written
 * in another way could be judged differently here.
 */
function storedDocument({ text, data }) {
  const end = text.lastIndexOf(AFTER);
  return text.startsWith(BEFORE) && end > 0 ? text.slice(BEFORE.length, end) : JSON.stringify(data);
}
