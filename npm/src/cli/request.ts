/** What a flag is evaluated for: the context, the overrides and the time that a line gives. */

import { BurgeeError } from '../errors.js';
import { Snapshot } from '../snapshot.js';
import type { Attributes, Options as EvaluationOptions } from '../types.js';
import type { Line, Options } from './command.js';
import { Failure, WrongUse } from './failure.js';
import { type Inputs, parse } from './input.js';
import { nearest } from './suggest.js';
import { type Terminal, plain } from './terminal.js';
import { instant } from './time.js';

/** For every command that evaluates. */
export const REQUEST: Options = {
  context: { value: 'JSON|@FILE|-', about: 'the context, an object of attributes' },
  user: { value: 'ID', short: 'u', about: 'the attribute user_id' },
  attr: { value: 'NAME=TEXT', short: 'a', many: true, about: 'an attribute that is a text; NAME:=JSON for any other (may be repeated)' },
  overrides: { value: 'JSON|@FILE|-', about: 'overrides: {"user": {"FLAG": VARIANT}, "tenant": {…}}' },
  now: { value: 'TIME', about: "evaluate as if it were this time, RFC 3339 or ms since the epoch; the clock's when left out" },
};

/** What is said of contexts in the help. */
export const ABOUT_CONTEXT =
  'Attributes are compared strictly by type: --attr age=30 is a text, --attr age:=30 a number. What --user and\n' +
  '--attr give comes on top of --context. Without tier and env a context is of the tier anonymous in dev.';

export interface Asked {
  readonly context: Attributes;
  readonly options: EvaluationOptions & { readonly now: number };
}

/** Reads what a line asks for. */
export async function readRequest(line: Line, inputs: Inputs): Promise<Asked> {
  const given = line.text('context');
  const context = new Map(Object.entries(given === undefined ? {} : await inputs.object(given, 'context')));
  const user = line.text('user');
  if (user !== undefined) context.set('user_id', user);
  for (const attribute of line.list('attr')) {
    const [, name, isJson, text] = /^([^=]+?)(:?)=(.*)$/s.exec(attribute) ?? [];
    if (name === undefined) throw new WrongUse('--attr must be NAME=TEXT or NAME:=JSON');
    context.set(name, isJson ? parse(text!, `the attribute ${plain(name)}`) : text);
  }
  const overrides = line.text('overrides');
  return {
    context: Object.fromEntries(context) as Attributes,
    options: { now: readNow(line), overrides: overrides === undefined ? null : await inputs.object(overrides, 'overrides') },
  };
}

/** The time that a line gives, or the clock's. */
export function readNow(line: Line): number {
  const text = line.text('now');
  if (text === undefined) return Date.now();
  const now = instant(text);
  if (now === undefined) throw new WrongUse('--now must be a time in RFC 3339, such as 2026-11-21T10:00:00Z, or milliseconds since the epoch');
  return now;
}

/** Compiles a snapshot. */
export function compile(document: Uint8Array): Snapshot {
  return refusing(() => new Snapshot(document));
}

/** Does something with a document that may be refused. */
export function refusing<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    if (!(error instanceof BurgeeError) || error.code === 'internal') throw error;
    throw new Failure(`the snapshot is refused: ${plain(error.message)} (${error.code})`);
  }
}

/** Says of flags what keeps them from being evaluated. Gives whether there was anything to say. */
export function complainOf(flags: readonly string[], snapshot: Snapshot, terminal: Terminal): boolean {
  let complained = false;
  for (const key of flags) {
    const flag = snapshot.flag(key);
    if (flag.type !== null) continue;
    complained = true;
    if (!flag.exists) {
      const meant = nearest(key, snapshot.flagKeys);
      terminal.complain('error', `there is no flag ${plain(key)}${meant === undefined ? '' : `; is it ${meant}?`}`);
    } else {
      terminal.complain('error', `the flag ${key} is at fault, and so it is off: \`burgee validate\` says why`);
    }
  }
  return complained;
}
