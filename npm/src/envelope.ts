/** The envelope `{ok, data, error, service}` that a burgee Worker answers with under `/api/flags`, as text: a document in it must stay as it was written. */

/** Texts, brackets, commas and colons: what a member's end can be told by. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[[\]{},:]/g;

/** The text of an object's member, which is there; the last one of that name. The text is JSON. */
export function member(text: string, name: string): string {
  let depth = 0;
  let latest = '';
  let current: string | undefined;
  let start = 0;
  let value = '';
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    if (token === '[' || token === '{') depth++;
    else if (token === ']' || token === '}') depth--;
    if (depth > 1) continue;
    if (token === ':') [current, start] = [latest, index + 1];
    else if (token === ',' || depth === 0) {
      if (current !== undefined && JSON.parse(current) === name) value = text.slice(start, index);
      current = undefined;
    } else if (token.startsWith('"')) latest = token;
  }
  return value;
}

/** An envelope begins so, and a snapshot does not. */
const BEGINS = /^\s*\{\s*"ok"\s*:\s*true\s*,/;

/** The document in an answer: its `data`, byte for byte, if it is an envelope, or else the answer itself. */
export function opened(answer: Uint8Array): Uint8Array {
  if (!BEGINS.test(new TextDecoder().decode(answer.subarray(0, 64)))) return answer;
  try {
    const data = member(new TextDecoder('utf-8', { fatal: true }).decode(answer), 'data');
    return data === '' ? answer : new TextEncoder().encode(data);
  } catch {
    // It is no JSON: the evaluator says so better.
    return answer;
  }
}
