/** `burgee validate`. */

import { BurgeeError } from '../errors.js';
import { Snapshot } from '../snapshot.js';
import type { Fault, Warning } from '../types.js';
import { type Command, FINE, FOUND, JSON_OUTPUT } from './command.js';
import { WrongUse } from './failure.js';
import { ABOUT_SNAPSHOT, Inputs, SNAPSHOT } from './input.js';
import { keysByPlace, placeOf } from './places.js';
import { type Terminal, plain, plural, table } from './terminal.js';
import * as tools from './tools.js';

/** What loading warns of an entry whose faults are all listed. */
const OF_FAULTS = ['invalid_flag', 'invalid_segment', 'invalid_override', 'invalid_kill_switch'];

export const validate: Command = {
  name: 'validate',
  takes: '<snapshot> [options]',
  about: 'list all faults of all entries',
  more:
    `${ABOUT_SNAPSHOT}\n\n` +
    'A flag with a fault is off, any other entry with one is left out. The exit status is 1 if there is a fault.\n' +
    'What else loading warns of, such as a second flag of one key, is listed too, and an error to `burgee lint`.',
  options: { ...SNAPSHOT, ...JSON_OUTPUT },
  examples: ['validate flags.json', 'validate flags.json --json', 'validate - < flags.json'],
  async run(line, terminal) {
    const [from, ...rest] = line.operands;
    if (from === undefined || rest.length > 0) throw new WrongUse('it needs one snapshot: a file, - or a URL');
    const document = await new Inputs().snapshot(from, line.list('header'));
    const { faults, warnings } = look(document);
    const valid = faults.length === 0;
    if (line.has('json')) terminal.printJson({ valid, faults, warnings });
    else {
      const counts = `${plural(faults.length, 'fault')}, ${plural(warnings.length, 'warning')}`;
      terminal.print([...describe([...faults, ...warnings], document, terminal), counts]);
    }
    return valid ? FINE : FOUND;
  },
};

function look(document: Uint8Array): { faults: readonly Fault[]; warnings: readonly Warning[] } {
  try {
    const { faults } = tools.documents(document);
    const warnings = new Snapshot(document).warnings.filter(({ code }) => !OF_FAULTS.includes(code));
    return { faults, warnings };
  } catch (error) {
    if (!(error instanceof BurgeeError) || error.code === 'internal') throw error;
    // The document is refused as a whole. The error's message begins with its pointer.
    const { code, pointer, message } = error;
    const alone = pointer === '' ? message : message.slice(`${pointer}: `.length);
    return { faults: [{ code: code as Fault['code'], pointer, message: alone }], warnings: [] };
  }
}

function describe(all: readonly (Fault | Warning)[], document: Uint8Array, terminal: Terminal): string[] {
  const keys = keysByPlace(document);
  const lines: string[] = [];
  let latest: string | undefined;
  const rows = table(all.map(({ code, pointer }) => [code, plain(pointer)]));
  for (const [at, { pointer, message }] of all.entries()) {
    const place = placeOf(pointer, keys);
    if (place !== latest) lines.push(...(latest === undefined ? [] : ['']), terminal.paint('bold', plain(place)));
    latest = place;
    lines.push(`  ${rows[at]}`, `      ${plain(message)}`);
  }
  return lines.length === 0 ? [] : [...lines, ''];
}
