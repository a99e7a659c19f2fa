/** `burgee eval`. */

import type { Snapshot } from '../snapshot.js';
import type { Decision } from '../types.js';
import { type Command, FINE, FOUND, JSON_OUTPUT, type Line } from './command.js';
import { WrongUse } from './failure.js';
import { ABOUT_SNAPSHOT, Inputs, SNAPSHOT } from './input.js';
import { ABOUT_CONTEXT, REQUEST, compile, complainOf, readRequest } from './request.js';
import { type Terminal, cut, plain, table, valueText } from './terminal.js';

/** The widest that a value may be among others. */
const VALUE_WIDTH = 40;

export const ALL = { all: { about: 'all flags of the snapshot' } };

export const evaluate: Command = {
  name: 'eval',
  takes: '<snapshot> <flag>... [options]',
  about: 'evaluate flags for a context',
  more: `${ABOUT_SNAPSHOT}\n\n${ABOUT_CONTEXT}\n\n--json gives the decision of one flag as an object, those of several or of --all as an array.`,
  options: { ...ALL, ...REQUEST, ...SNAPSHOT, ...JSON_OUTPUT },
  examples: [
    'eval flags.json checkout.v2 --user U-1',
    'eval flags.json --all --context @context.json --json',
    'eval flags.json checkout.v2 --attr plan=pro --attr seats:=12 --now 2026-12-24T00:00:00Z',
    "eval https://flags.example.com/api/flags/registry checkout.v2 --header 'Authorization: Bearer …'",
  ],
  async run(line, terminal) {
    const inputs = new Inputs();
    const { snapshot, flags } = await readFlags(line, inputs);
    const { context, options } = await readRequest(line, inputs);
    const decisions = flags.map((flag) => snapshot.decide(flag, context, options));
    if (line.has('json')) terminal.printJson(isOne(line, flags) ? decisions[0] : decisions);
    else if (isOne(line, flags)) terminal.print(describe(decisions[0]!, terminal));
    else terminal.print(summarize(decisions, terminal));
    return complainOf(flags, snapshot, terminal) ? FOUND : FINE;
  },
};

/** The snapshot and the flags that a line names. */
export async function readFlags(line: Line, inputs: Inputs): Promise<{ snapshot: Snapshot; flags: readonly string[] }> {
  const [from, ...named] = line.operands;
  if (from === undefined) throw new WrongUse('it needs a snapshot: a file, - or a URL');
  if (line.has('all') && named.length > 0) throw new WrongUse('--all is instead of flags');
  if (!line.has('all') && named.length === 0) throw new WrongUse('it needs the key of a flag, or --all');
  const snapshot = compile(await inputs.snapshot(from, line.list('header')));
  return { snapshot, flags: line.has('all') ? snapshot.flagKeys : named };
}

/** Whether one flag is asked for, and not a list that happens to have one. */
export function isOne(line: Line, flags: readonly string[]): boolean {
  return !line.has('all') && flags.length === 1;
}

/** The first line on a flag. */
export function headline({ flag_key, value, variant }: Pick<Decision, 'flag_key' | 'value' | 'variant'>, terminal: Terminal): string {
  const served = variant === null ? "no value: the caller's default stands" : valueText(value);
  return `${terminal.paint('bold', plain(flag_key))} = ${terminal.paint('green', served)}`;
}

function describe(decision: Decision, terminal: Terminal): string[] {
  const { variant, enabled, source, reason, rule_id, prerequisite, bucket, threshold, rollout_stage, flag_version } = decision;
  const rows: [string, unknown][] = [
    ['variant', variant],
    ['enabled', enabled],
    ['source', source],
    ['reason', reason],
    ['rule', rule_id],
    ['prerequisite', prerequisite],
    ['stage', rollout_stage],
    ['bucket', bucket],
    ['threshold', threshold],
    ['version', flag_version],
  ];
  const there = rows.filter(([, value]) => value !== undefined && value !== null);
  return [headline(decision, terminal), ...table(there.map(([name, value]) => [`  ${name}`, plain(String(value))]))];
}

function summarize(decisions: readonly Decision[], terminal: Terminal): string[] {
  if (decisions.length === 0) return ['the snapshot has no flags'];
  const rows = decisions.map(({ flag_key, value, variant, reason, rule_id }) => [
    plain(flag_key),
    variant === null ? '' : cut(valueText(value), VALUE_WIDTH),
    plain(variant ?? ''),
    reason + (rule_id === undefined ? '' : ` (${plain(rule_id)})`),
  ]);
  const [head, ...rest] = table([['flag', 'value', 'variant', 'reason'], ...rows]);
  return [terminal.paint('dim', head!), ...rest];
}
