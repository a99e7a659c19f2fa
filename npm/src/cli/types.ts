/** `burgee types`. */

import { writeFileSync } from 'node:fs';
import type { FlagDocument } from '../types.js';
import { type Command, FINE } from './command.js';
import { Failure, WrongUse } from './failure.js';
import { ABOUT_SNAPSHOT, Inputs, SNAPSHOT, reason } from './input.js';
import { compile, refusing } from './request.js';
import { plain, plural } from './terminal.js';
import * as tools from './tools.js';
import { typescript } from './typescript.js';

export const types: Command = {
  name: 'types',
  takes: '<snapshot> [-o FILE] [options]',
  about: 'write TypeScript types, so that a misspelt flag does not compile',
  more: `${ABOUT_SNAPSHOT}

Flags that are archived, or at fault, are left out. In a program:

  import { flags } from './flags.js';
  const client = flags(createClient({ url }));     // or flags(new Snapshot(document))
  client.boolean('chekout.v2', false);             // does not compile`,
  options: {
    output: { value: 'FILE', short: 'o', about: 'write to a file, *.ts; to the standard output when left out' },
    ...SNAPSHOT,
  },
  examples: ['types flags.json -o src/flags.ts', 'types https://flags.example.com/api/flags/registry -o src/flags.ts'],
  async run(line, terminal) {
    const [from, ...rest] = line.operands;
    if (from === undefined || rest.length > 0) throw new WrongUse('it needs one snapshot: a file, - or a URL');
    const output = line.text('output');
    if (output !== undefined && (!/\.[cm]?ts$/.test(output) || /\.d\.[cm]?ts$/.test(output))) {
      throw new WrongUse('--output must be a file *.ts; as it holds a function, it cannot be one *.d.ts');
    }
    const { flags, left } = live(await new Inputs().snapshot(from, line.list('header')));
    const text = typescript(flags);
    if (output === undefined) terminal.print(text.trimEnd());
    else write(output, text);
    for (const key of left) terminal.complain('warning', `the flag ${plain(key)} is at fault, and so it is left out: \`burgee validate\` says why`);
    if (output !== undefined) terminal.note(`${output}: ${plural(flags.length, 'flag')}`);
    return FINE;
  },
};

/** The flags that can be evaluated, in the order of their keys, and the keys of those at fault. */
function live(document: Uint8Array): { flags: readonly FlagDocument[]; left: readonly string[] } {
  const snapshot = compile(document);
  const byKey = new Map<string, FlagDocument>();
  for (const { value } of refusing(() => tools.documents(document)).flags) {
    // The first of a repeated key counts.
    if (value.state !== 'archived' && !byKey.has(value.key)) byKey.set(value.key, value);
  }
  const isLive = (key: string) => snapshot.flag(key).type !== null;
  const keys = snapshot.flagKeys.filter(isLive).sort();
  return { flags: keys.map((key) => byKey.get(key)!), left: snapshot.flagKeys.filter((key) => !isLive(key)) };
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text);
  } catch (error) {
    const why = (error as { code?: string }).code === 'ENOENT' ? 'its folder is not there' : reason(error);
    throw new Failure(`cannot write ${file}: ${why}`);
  }
}
