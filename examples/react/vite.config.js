import { readFileSync } from 'node:fs';

const snapshot = () => readFileSync(new URL('public/snapshot.json', import.meta.url), 'utf8');

/** Puts the snapshot into the page, as the server that renders it would. */
const bootstrap = {
  name: 'bootstrap',
  // A text in it must not end the script that it stands in.
  transformIndexHtml: (html) => html.replace('%SNAPSHOT%', () => snapshot().replaceAll('<', '\\u003c')),
};

// The evaluator is in the page's script, which is as large as that.
export default { plugins: [bootstrap], build: { chunkSizeWarningLimit: 1_000 } };
