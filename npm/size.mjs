// Prints what the package weighs: node npm/size.mjs. Each file raw and with brotli, and what an entry that evaluates comes to.

import { readFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';

const file = (name) => readFileSync(new URL(`dist/${name}`, import.meta.url));
const brotli = (bytes) => brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }).length;
const row = (name, raw, packed) => console.log(`${name.padEnd(28)}${String(raw).padStart(9)} B${String(packed).padStart(9)} B brotli`);

const sizes = {};
for (const name of ['burgee.wasm', 'slim.js', 'workerd.js', 'index.js', 'index.cjs', 'client.js', 'openfeature-server.js', 'openfeature-web.js', 'cli.js', 'tools.wasm']) {
  const bytes = file(name);
  sizes[name] = brotli(bytes);
  row(name, bytes.length, sizes[name]);
}
row('slim.js + burgee.wasm', file('slim.js').length + file('burgee.wasm').length, sizes['slim.js'] + sizes['burgee.wasm']);
