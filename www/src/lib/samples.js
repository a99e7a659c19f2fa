// Requests as text: curl for a POSIX shell, and JavaScript for Node.

import { attributes } from '../data/contract.js';

/** Single quotes keep everything but themselves. */
const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const BREAK = ' \\\n  ';

export function curl(origin, { method, path, headers = {}, body }) {
  const lines = [`curl -sS ${method === 'GET' ? '' : `-X ${method} `}${quoted(origin + path)}`];
  const all = body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' };
  for (const [name, value] of Object.entries(all)) lines.push(`-H ${quoted(`${name}: ${value}`)}`);
  if (body !== undefined) lines.push(`--data ${quoted(JSON.stringify(body))}`);
  return lines.join(BREAK);
}

export function samplesOf(origin, inputs, request) {
  const { headers } = request.get;
  const registry = { method: 'GET', path: '/api/flags/registry', headers };
  const summary = { ...registry, path: '/api/flags/registry?summary=true' };
  const health = { ...registry, path: '/api/flags/health' };
  return [
    { title: 'This evaluation', text: curl(origin, request.server) },
    { title: 'The same, with the caller in headers', text: curl(origin, byHeaders(inputs, request)) },
    {
      title: 'Several flags for one context',
      text: curl(origin, { ...request.batch, body: { ...request.batch.body, flags: severalFrom(inputs.key) } }),
    },
    { title: 'The registry in short', text: curl(origin, summary) },
    { title: 'The registry, if it has changed: 200, and 304 from then on', text: ifChanged(origin, registry) },
    { title: 'Health', text: curl(origin, health) },
    { title: "All flags, as OpenFeature's clients ask for them", text: curl(origin, request.remoteAll) },
    { title: 'The same evaluation in Node, without a request', text: inNode(origin, inputs, request) },
  ];
}

/** curl keeps the ETag in a file. */
function ifChanged(origin, request) {
  const options = "--etag-compare registry.etag --etag-save registry.etag -o registry.json -w '%{http_code}\\n'";
  return [curl(origin, request), options].join(BREAK);
}

/** Whatever the query or the context names moves to its header; a header cannot hold what is not visible ASCII. */
function byHeaders(inputs, { get, batch, server }) {
  const fits = attributes.filter(({ query }) => /^[\x20-\x7e]+$/.test(inputs[query]));
  const headers = { ...get.headers, ...Object.fromEntries(fits.map(({ header, query }) => [header, inputs[query]])) };
  if (server === batch) {
    const context = { ...batch.body.context };
    for (const { attribute } of fits) delete context[attribute];
    return { ...batch, headers, body: { ...batch.body, context } };
  }
  const query = new URLSearchParams(get.path.split('?')[1]);
  for (const { query: name } of fits) query.delete(name);
  return { ...get, path: `/api/flags/eval?${query}`, headers };
}

const severalFrom = (key) =>
  [...new Set([key, 'flags.registry_v1', 'cases.runtime_v1', 'wizard.runtime_v1'])].slice(0, 3);

function inNode(origin, inputs, { get, evaluator }) {
  const options = Object.keys(get.headers).length ? `, { headers: ${JSON.stringify(get.headers)} }` : '';
  return [
    "import * as FF from 'burgee';",
    '',
    `const answer = await fetch(${JSON.stringify(`${origin}/api/flags/registry`)}${options});`,
    'const registry = (await answer.json()).data;',
    `console.log(FF.evaluate(registry, ${JSON.stringify(evaluator, null, 2)}));`,
  ].join('\n');
}
