/** What is written where: results to the standard output, all else to the standard error output, and colours only to people. */

import process from 'node:process';

const STYLES = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;

export type Style = keyof typeof STYLES;

type Output = typeof process.stdout;

/** The columns of a terminal that does not say how many it has, and of a file. */
const COLUMNS = 80;

/** The two outputs of the program. */
export class Terminal {
  /** How wide results may be. */
  readonly columns = process.stdout.columns ?? COLUMNS;
  readonly #paints = new Map<Output, boolean>();

  constructor() {
    for (const output of [process.stdout, process.stderr]) {
      this.#paints.set(output, output.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb');
      // Whoever reads may have seen enough, as `head` has.
      output.on('error', (error) => {
        if (error.code === 'EPIPE') process.exit();
        throw error;
      });
    }
  }

  /** Writes lines of a result. */
  print(lines: string | readonly string[]): void {
    process.stdout.write(`${typeof lines === 'string' ? lines : lines.join('\n')}\n`);
  }

  /** Writes a result for programs. */
  printJson(value: unknown): void {
    this.print(JSON.stringify(value, undefined, 2));
  }

  /** Writes what is no result. */
  note(line: string): void {
    process.stderr.write(`${line}\n`);
  }

  /** Gives a text of a result a style. */
  paint(style: Style, text: string): string {
    return this.#paints.get(process.stdout) ? sgr(style, text) : text;
  }

  /** As `note`, with a first word that says what it is. */
  complain(kind: 'error' | 'warning' | 'hint', line: string): void {
    const style = ({ error: 'red', warning: 'yellow', hint: 'cyan' } as const)[kind];
    const word = `${kind}:`;
    this.note(`${this.#paints.get(process.stderr) ? sgr(style, word) : word} ${line}`);
  }
}

function sgr(style: Style, text: string): string {
  return text === '' ? '' : `\x1b[${STYLES[style]}m${text}\x1b[0m`;
}

/** A text of somebody's document in one line, without what could steer a terminal or turn its order around. */
export function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
}

/** A value as a person reads it, which is as JSON. */
export function valueText(value: unknown): string {
  return plain(JSON.stringify(value) ?? 'null');
}

/** A text cut to a width. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 0))}…`;
}

/** A number with its thousands marked. */
export function grouped(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** So many of something: `plural(2, 'flag')`. */
export function plural(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** A word of the evaluator's as people write it. */
export function words(word: string): string {
  return word.replaceAll('_', ' ');
}

/** Rows in columns, two spaces apart. Columns in `right` are set to the right. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows.map((row) => {
    const cells = row.map((cell, at) => (right.includes(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)));
    return cells.join('  ').trimEnd();
  });
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** A bar for a share from 0 to 1. What is there can be seen, however small it is. */
export function bar(share: number, width: number): string {
  const eighths = Math.max(Math.round(share * width * 8), share > 0 ? 1 : 0);
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
}

/** A share from 0 to 1 in percent. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
