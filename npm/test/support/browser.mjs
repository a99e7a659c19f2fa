// A browser, and a server for what it loads; both end with the tests of the file.

import assert from 'node:assert/strict';
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { extname, join, normalize } from 'node:path';
import { after } from 'node:test';
import { chromium } from 'playwright-core';
import { BROWSER_ARGUMENTS } from '../../../tools/browser.mjs';

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

/** A browser of the machine: CHROMIUM_BIN names it, which tools/env.sh sets. */
export async function browser() {
  const executablePath = process.env.CHROMIUM_BIN;
  assert.ok(executablePath, 'CHROMIUM_BIN must name a Chromium or Chrome: install one, or set it');
  const launched = await chromium.launch({ executablePath, args: BROWSER_ARGUMENTS });
  after(() => launched.close());
  return launched;
}

/** Serves a folder, with headers for each file as `headersOf(name)` says. Gives its URL. */
export async function serve(folder, headersOf) {
  const server = createServer((request, response) => {
    const name = normalize(decodeURIComponent(new URL(request.url, 'http://any').pathname)).slice(1);
    const file = join(folder, name);
    if (!existsSync(file) || TYPES[extname(file)] === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': TYPES[extname(file)], ...headersOf(name) });
    createReadStream(file).pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}
