// Stands between the Worker and its KV namespace, on the same runtime: counts reads and writes, and can make them slow, fail, be held back, or never end.
export default function gate({ KV, CONTROL }) {
  let reads = 0;
  let writes = 0;
  const pass = (name) => (...args) => KV[name](...args);
  return {
    async get(...args) {
      reads += 1;
      await CONTROL.put('reads', String(reads));
      switch (await CONTROL.get('mode')) {
        case 'slow':
          await new Promise((resolve) => setTimeout(resolve, 500));
          break;
        case 'failing':
          throw new Error('the gate fails');
        case 'closed':
          await new Promise(() => {});
      }
      return KV.get(...args);
    },
    getWithMetadata: pass('getWithMetadata'),
    async put(...args) {
      writes += 1;
      await CONTROL.put('write-count', String(writes));
      switch (await CONTROL.get('writes')) {
        case 'failing':
          throw new Error('the gate fails');
        case 'held':
          // As where KV has it, and other places do not see it yet.
          return;
      }
      return KV.put(...args);
    },
    list: pass('list'),
    delete: pass('delete'),
  };
}
