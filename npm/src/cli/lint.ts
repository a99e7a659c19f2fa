/** `burgee lint`. */

import type { Finding } from '../../generated/model.js';
import { type Command, FINE, FOUND, JSON_OUTPUT } from './command.js';
import { WrongUse } from './failure.js';
import { ABOUT_SNAPSHOT, Inputs, SNAPSHOT } from './input.js';
import { keysByPlace, placeOf } from './places.js';
import { readNow, refusing } from './request.js';
import { type Terminal, plain, plural, table } from './terminal.js';
import * as tools from './tools.js';

const STYLES = { error: 'red', warning: 'yellow', info: 'cyan' } as const;

export const lint: Command = {
  name: 'lint',
  takes: '<snapshot> [options]',
  about: 'find what is valid and yet likely a mistake',
  more:
    `${ABOUT_SNAPSHOT}\n\n` +
    'An error is something that is off or left out, a warning likely not what was meant, an info good to know.\n' +
    'The exit status is 1 if there is an error, or if there are more warnings than --max-warnings allows.',
  options: {
    'max-warnings': { value: 'N', about: 'fail if there are more warnings than this; any number is fine when left out' },
    now: { value: 'TIME', about: "which overrides have ended at this time; the clock's when left out" },
    ...SNAPSHOT,
    ...JSON_OUTPUT,
  },
  examples: ['lint flags.json', 'lint flags.json --max-warnings 0', 'lint flags.json --json'],
  async run(line, terminal) {
    const [from, ...rest] = line.operands;
    if (from === undefined || rest.length > 0) throw new WrongUse('it needs one snapshot: a file, - or a URL');
    const most = line.whole('max-warnings', 0, Number.MAX_SAFE_INTEGER);
    const now = readNow(line);
    const document = await new Inputs().snapshot(from, line.list('header'));
    const findings = refusing(() => tools.lint(document, now));
    const count = (severity: Finding['severity']) => findings.filter((finding) => finding.severity === severity).length;
    const [errors, warnings, infos] = [count('error'), count('warning'), count('info')] as const;
    const isTooMuch = most !== undefined && warnings > most;
    const ok = errors === 0 && !isTooMuch;
    if (line.has('json')) terminal.printJson({ ok, errors, warnings, infos, findings });
    else {
      const counts = `${plural(errors, 'error')}, ${plural(warnings, 'warning')}, ${plural(infos, 'info')}`;
      terminal.print([...describe(findings, document, terminal), counts]);
    }
    if (isTooMuch) terminal.complain('error', `there are more than ${plural(most, 'warning')}`);
    return ok ? FINE : FOUND;
  },
};

/** The findings by the entry that they are about, in the order of the first of each. */
function describe(findings: readonly Finding[], document: Uint8Array, terminal: Terminal): string[] {
  const keys = keysByPlace(document);
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    const place = placeOf(finding.pointer, keys);
    const group = groups.get(place);
    if (group === undefined) groups.set(place, [finding]);
    else group.push(finding);
  }
  const lines: string[] = [];
  for (const [place, group] of groups) {
    lines.push(terminal.paint('bold', plain(place)));
    const rows = table(group.map(({ severity, code, pointer }) => [severity, code, plain(pointer)]));
    for (const [at, { severity, message }] of group.entries()) {
      lines.push(`  ${terminal.paint(STYLES[severity], severity)}${rows[at]!.slice(severity.length)}`, `      ${plain(message)}`);
    }
    lines.push('');
  }
  return lines;
}
