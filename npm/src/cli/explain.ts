/** `burgee explain`. */

import type { Compared, ComparedValue, Explanation, Step } from '../types.js';
import { type Command, FINE, FOUND, JSON_OUTPUT } from './command.js';
import { ALL, headline, isOne, readFlags } from './eval.js';
import { ABOUT_SNAPSHOT, Inputs, SNAPSHOT } from './input.js';
import { ABOUT_CONTEXT, REQUEST, complainOf, readRequest } from './request.js';
import { type Terminal, plain, valueText, words } from './terminal.js';
import { timeText } from './time.js';

export const explain: Command = {
  name: 'explain',
  takes: '<snapshot> <flag>... [options]',
  about: 'evaluate flags, and show each step with what it compared',
  more: `${ABOUT_SNAPSHOT}\n\n${ABOUT_CONTEXT}\n\n--json gives the explanation of one flag as an object, those of several or of --all as an array.`,
  options: { ...ALL, ...REQUEST, ...SNAPSHOT, ...JSON_OUTPUT },
  examples: [
    'explain flags.json checkout.v2 --user U-1 --attr country=CA',
    'explain flags.json checkout.v2 --context @context.json --json',
    'curl -s https://flags.example.com/api/flags/registry | burgee explain - checkout.v2 --user U-1',
  ],
  async run(line, terminal) {
    const inputs = new Inputs();
    const { snapshot, flags } = await readFlags(line, inputs);
    const { context, options } = await readRequest(line, inputs);
    const explanations = flags.map((flag) => snapshot.explain(flag, context, options));
    if (line.has('json')) terminal.printJson(isOne(line, flags) ? explanations[0] : explanations);
    else terminal.print(explanations.map((explanation) => tree(explanation, terminal).join('\n')).join('\n\n'));
    return complainOf(flags, snapshot, terminal) ? FOUND : FINE;
  },
};

function tree(explanation: Explanation, terminal: Terminal): string[] {
  const { reason_chain: steps, variant, reason } = explanation;
  const served = variant === null ? '' : `, the variant ${plain(variant)}`;
  const lines = [`${headline(explanation, terminal)}${served}, by ${reason}`];
  for (const [at, step] of steps.entries()) {
    const isLast = at === steps.length - 1;
    const name = [words(step.step), nameOf(step)].filter((part) => part !== '').join(' ');
    const outcome = step.outcome === 'match' ? terminal.paint('green', 'decides') : terminal.paint('dim', words(step.outcome));
    lines.push(`${terminal.paint('dim', isLast ? '└─' : '├─')} ${name}: ${outcome}`);
    const details = [...(step.compared ?? []).map((one) => compared(one, terminal)), ...more(step)];
    for (const [place, detail] of details.entries()) {
      const branch = `${isLast ? ' ' : '│'}  ${place === details.length - 1 ? '└─' : '├─'}`;
      lines.push(`${terminal.paint('dim', branch)} ${detail}`);
    }
  }
  return lines;
}

function nameOf({ rule_id, prerequisite, category, rollout_stage }: Step): string {
  return plain(rule_id ?? prerequisite ?? category ?? rollout_stage ?? '');
}

/** One comparison: what was looked at, and if it did not match for another reason than its value, that reason. */
function compared({ attr, op, value, segment, by, outcome }: Compared, terminal: Terminal): string {
  const mark = outcome === 'match' ? terminal.paint('green', '✓') : terminal.paint('red', '✗');
  if (segment !== undefined) return `${mark} in the segment ${plain(segment)}${by === undefined ? '' : `, by its ${words(by)}`}`;
  const why = { absent: ': it is not there', wrong_type: ': it is of another type' }[outcome as string] ?? '';
  return `${mark} ${plain(attr ?? '')} ${words(op ?? '')} ${operand(op, value)}`.trimEnd() + why;
}

function operand(op: Compared['op'], value: ComparedValue | undefined): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return `${value[0]} and ${value[1]}`;
  if (typeof value === 'object') return value.count === 1 ? '1 value' : `${value.count} values`;
  return op === 'before' || op === 'after' ? plain(String(value)) : valueText(value);
}

/** What else a step has to say. */
function more({ outcome, bucket, threshold, served, attribute, env, expires_at, variant }: Step): string[] {
  const lines: string[] = [];
  const of = attribute === undefined ? '' : ` of ${plain(attribute)}`;
  if (served !== undefined) lines.push(`it serves ${plain(served)}`);
  if (env !== undefined) lines.push(`the stage for env ${plain(env)}`);
  if (expires_at !== undefined) lines.push(`until ${timeText(expires_at)}`);
  if (bucket !== undefined && threshold !== undefined) lines.push(`bucket ${bucket}${of} is ${bucket < threshold ? '' : 'not '}below ${threshold}`);
  else if (attribute !== undefined) lines.push(`it reads ${plain(attribute)}`);
  if (variant !== undefined && outcome !== 'match') lines.push(`it would serve ${plain(variant)}`);
  return lines;
}
