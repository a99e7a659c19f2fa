/** `burgee`, the program. */

import { readFileSync } from 'node:fs';
import process from 'node:process';
import { BurgeeError } from '../errors.js';
import { type Command, FINE, Line, UNABLE } from './command.js';
import { evaluate } from './eval.js';
import { explain } from './explain.js';
import { Failure, WrongUse } from './failure.js';
import { helpOf, overview } from './help.js';
import { lint } from './lint.js';
import { simulate } from './simulate.js';
import { nearest } from './suggest.js';
import { Terminal, plain } from './terminal.js';
import { types } from './types.js';
import { validate } from './validate.js';

const COMMANDS: readonly Command[] = [evaluate, explain, lint, validate, simulate, types];

async function main([name, ...args]: readonly string[], terminal: Terminal): Promise<number> {
  if (name === undefined) {
    terminal.note(overview(COMMANDS, terminal));
    return UNABLE;
  }
  if (name === '--version' || name === '-v') {
    terminal.print(JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version);
    return FINE;
  }
  if (name === 'help' || name === '--help' || name === '-h') {
    terminal.print(args[0] === undefined ? overview(COMMANDS, terminal) : helpOf(commandOf(args[0]), terminal));
    return FINE;
  }
  const command = commandOf(name);
  try {
    const line = new Line(command, args);
    if (!line.has('help')) return await command.run(line, terminal);
    terminal.print(helpOf(command, terminal));
    return FINE;
  } catch (error) {
    if (!(error instanceof WrongUse)) throw error;
    throw new WrongUse(`${command.name}: ${error.message} (see burgee help ${command.name})`);
  }
}

function commandOf(name: string): Command {
  const found = COMMANDS.find((command) => command.name === name);
  if (found !== undefined) return found;
  const meant = nearest(name, COMMANDS.map((command) => command.name));
  throw new WrongUse(`there is no command ${plain(name)}${meant === undefined ? '' : `; is it ${meant}?`} (see burgee help)`);
}

const terminal = new Terminal();
try {
  process.exitCode = await main(process.argv.slice(2), terminal);
} catch (error) {
  process.exitCode = UNABLE;
  // What the evaluator refuses of a request is named by its place in it, as in /overrides/user.
  const isTheirs = error instanceof Failure || (error instanceof BurgeeError && error.code !== 'internal');
  if (isTheirs) terminal.complain('error', (error as Error).message);
  // A defect of this program, which whoever reports it can say more of than its message.
  else terminal.complain('error', `burgee has failed: ${(error as Error).stack}`);
}
