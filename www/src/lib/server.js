// Asking this page's own server, and saying in words what went wrong.

const TIMEOUT_MS = 10_000;

/** Something to tell the user: what, and what to do about it. */
export class Trouble extends Error {
  constructor(message, hint = '', details = {}) {
    super(message);
    this.hint = hint;
    Object.assign(this, details);
  }
}

/** Sends a request and gives the answer, whatever its status. Throws a `Trouble` where there is none. */
export async function ask({ method = 'GET', path, headers = {}, body }) {
  const began = performance.now();
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      headers: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    text = await response.text();
  } catch (error) {
    throw unreachable(error);
  }
  return {
    status: response.status,
    headers: [...response.headers].sort(),
    text,
    json: parsed(text),
    ms: performance.now() - began,
  };
}

/** Asks for what comes in the envelope, and gives the answer with its `data`. Throws a `Trouble` for everything else. */
export async function askData(request) {
  const answer = await ask(request);
  const envelope = answer.json;
  if (answer.status === 200 && envelope?.ok === true)
    return { ...answer, data: envelope.data, service: envelope.service };
  throw refused(answer);
}

function unreachable(error) {
  if (error.name === 'TimeoutError')
    return new Trouble(`The server did not answer within ${TIMEOUT_MS / 1000} seconds.`, 'Try again in a moment.');
  // A header's value that cannot be sent is refused before anything is sent.
  if (/ISO-8859-1|Invalid (name|value)|ByteString/i.test(error.message))
    return new Trouble('A header cannot carry this value.', 'Headers hold ASCII; use the query instead.');
  return new Trouble(
    'The server does not answer.',
    'Is it running? A registry that this page has read can still be evaluated here.',
  );
}

function refused({ status, json }) {
  const error = json?.error;
  if (!error?.code)
    return new Trouble(`The server answered ${status}, and not in the form that this page knows.`, '', { status });
  const details = { status, code: error.code };
  if (error.code === 'registry_unavailable') {
    return new Trouble(
      `The server has no snapshot to answer from (${status} ${error.code}): ${error.message}.`,
      error.hint ?? '',
      details,
    );
  }
  return new Trouble(`The server refused (${status} ${error.code}): ${error.message}.`, error.hint ?? '', details);
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Any error as something to tell; one that nobody foresaw is told without its inner life. */
export function asTrouble(error) {
  if (error instanceof Trouble) return error;
  if (error?.name === 'BurgeeError')
    return new Trouble(`The evaluator refused (${error.code}): ${error.message}.`, '', { code: error.code });
  console.warn(error);
  return new Trouble('This page made a mistake.', 'Reload it; the console of the browser says more.');
}

/** A hint of the server as a sentence of its own. */
export const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}${/[.?!]$/.test(text) ? '' : '.'}`;
