/** What a command is, and how its line is read. */

import { parseArgs } from 'node:util';
import { WrongUse } from './failure.js';
import type { Terminal } from './terminal.js';

/** The exit statuses, the same for all commands. */
export const FINE = 0;
/** Findings, faults, or a flag that is unknown or at fault. */
export const FOUND = 1;
/** Wrong use, or an input that cannot be read. */
export const UNABLE = 2;

/** An option: one with a `value` takes one, one without is a switch. */
export interface Option {
  readonly value?: string;
  readonly short?: string;
  /** Whether it may be repeated. */
  readonly many?: boolean;
  readonly about: string;
}

export type Options = Readonly<Record<string, Option>>;

/** A command of the program. */
export interface Command {
  readonly name: string;
  /** What stands behind the name, for the first line of the help. */
  readonly takes: string;
  /** What it does, in one line. */
  readonly about: string;
  /** What else there is to know. */
  readonly more?: string;
  readonly options: Options;
  /** Lines that work, without the program's name. */
  readonly examples: readonly string[];
  /** Gives the exit status. */
  run(line: Line, terminal: Terminal): Promise<number>;
}

/** For every command. */
export const COMMON: Options = {
  help: { short: 'h', about: 'show this help' },
};

/** For every command but `types`. */
export const JSON_OUTPUT: Options = {
  json: { about: 'print JSON' },
};

/** A command's line, read. */
export class Line {
  readonly operands: readonly string[];
  readonly #values: Readonly<Record<string, string | boolean | string[] | undefined>>;

  constructor(command: Command, args: readonly string[]) {
    const options = Object.entries({ ...command.options, ...COMMON }).map(([name, { value, short, many }]) => {
      const type = value === undefined ? ('boolean' as const) : ('string' as const);
      return [name, { type, ...(short === undefined ? {} : { short }), ...(many === undefined ? {} : { multiple: many }) }];
    });
    try {
      const { values, positionals } = parseArgs({ args, options: Object.fromEntries(options), allowPositionals: true, strict: true });
      this.#values = values;
      this.operands = positionals;
    } catch (error) {
      // The first sentence names the option; hints follow.
      const [what] = (error as Error).message.split(/\. |\.?\n|\.$/);
      throw new WrongUse(what!.replace(/^\w/, (letter) => letter.toLowerCase()));
    }
  }

  /** Whether a switch is there. */
  has(name: string): boolean {
    return this.#values[name] === true;
  }

  /** An option's value, if it is there. */
  text(name: string): string | undefined {
    return this.#values[name] as string | undefined;
  }

  /** The values of an option that may be repeated. */
  list(name: string): readonly string[] {
    return (this.#values[name] as string[] | undefined) ?? [];
  }

  /** An option's value as a whole number, if it is there. */
  whole(name: string, least: number, most: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = /^\d+$/.test(text) ? Number(text) : NaN;
    if (number >= least && number <= most) return number;
    throw new WrongUse(`--${name} must be a whole number from ${least} to ${most}`);
  }
}
