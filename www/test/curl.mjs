// As much of curl as the samples use, so that they can be run where there is none: a shell still takes them apart.

import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    silent: { type: 'boolean', short: 's' },
    'show-error': { type: 'boolean', short: 'S' },
    request: { type: 'string', short: 'X', default: 'GET' },
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    data: { type: 'string' },
  },
});
const headers = values.header.map((line) => line.split(/: (.*)/s).slice(0, 2));
const response = await fetch(positionals[0], { method: values.request, headers, body: values.data });
process.stdout.write(await response.text());
