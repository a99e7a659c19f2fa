// What the oracle makes of the cases of a seed, and whether anything that should come up is missing.
import { createRequire } from 'node:module';
import { documentFaults, faults, rowFaults, switchFaults, twists } from './generate-faults.mjs';
import { faults as ruleFaults, segmentFaults, segmentTwists, twists as ruleTwists } from './generate-faults-rules.mjs';

const require = createRequire(import.meta.url);
const FF = require('./reference/evaluator.js');
const { OPERATORS, isIn } = require('./reference/conditions.js');

const DECIDED = {
  unknown_flag: ['unknown_flag'],
  off: ['flag_invalid', 'flag_off'],
  sensitive: ['auth_not_verified', 'approval_expired', 'policy_denied', 'admin_unreachable'],
  kill_switch: ['kill_switch_global', 'kill_switch_category'],
  inline_user_override: ['user_override_precedence'],
  inline_tenant_override: ['tenant_override_precedence'],
  store_user_override: ['user_override_precedence'],
  store_tenant_override: ['tenant_override_precedence'],
  prerequisite: ['prerequisite_failed'],
  target: ['deny_list', 'allow_list'],
  rule: ['rule_match'],
  staged_bucket: ['staged_in', 'staged_out', 'no_bucketing_unit'],
  rollout_stage_map: [
    'stage_draft', 'stage_internal_staff', 'stage_internal_not_staff', 'stage_full', 'stage_paused', 'stage_rolled_back',
  ],
  default_distribution: ['default_distribution'],
  default: ['default', 'no_bucketing_unit'],
};
const PASSED = {
  sensitive: ['permitted'],
  kill_switch: ['absent'],
  inline_user_override: ['absent', 'unknown_variant'],
  inline_tenant_override: ['absent', 'unknown_variant'],
  store_user_override: ['absent', 'expired', 'unknown_variant'],
  store_tenant_override: ['absent', 'expired', 'unknown_variant'],
  off: ['no_match'],
  prerequisite: ['met'],
  target: ['no_match'],
  rule: ['no_match', 'no_bucketing_unit', 'not_in_percentage'],
  default_distribution: ['no_bucketing_unit'],
};
const WARNINGS = [
  'invalid_segment', 'duplicate_segment', 'invalid_flag', 'duplicate_flag', 'prerequisite_unknown_flag', 'prerequisite_cycle',
  'prerequisite_limit', 'invalid_override', 'override_unknown_flag', 'duplicate_override', 'override_unknown_variant', 'invalid_kill_switch',
];
const FAULTS = ['wrong_type', 'missing', 'invalid_value', 'limit_exceeded', 'unknown_reference', 'duplicate'];
const REPORTED = [
  'neither bucket nor threshold', 'bucket and threshold', 'threshold alone', 'rule_id', 'rule_id with a bucket', 'prerequisite', 'rollout_stage',
];
const SEGMENTS = ['excluded', 'included', 'by conditions', 'not by conditions', 'neither listed nor by conditions'];
const REFUSED = ['', '/schema', '/tenant', '/version', '/generated_at', '/flags', '/segments', '/overrides', '/kill_switches'];

const pairs = (table) => Object.entries(table).flatMap(([name, others]) => others.map((other) => `${name} · ${other}`));
const either = (names) => names.flatMap((name) => [`${name} · holds`, `${name} · does not hold`]);
const rules = (kind, list) => list.map(([rule]) => `${kind}: ${rule}`);

class Tally {
  constructor(title, expected) {
    this.title = title;
    this.expected = expected;
    this.counts = new Map(expected.map((name) => [name, 0]));
  }

  add(name) {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }

  print() {
    console.log(`\n${this.title}`);
    for (const [name, count] of this.counts) console.log(`${String(count).padStart(8)}  ${name}`);
  }

  faults() {
    return [...this.counts].flatMap(([name, count]) => {
      if (count === 0) return [`never: ${this.title}: ${name}`];
      return this.expected.includes(name) ? [] : [`not expected: ${this.title}: ${name}`];
    });
  }
}

/** Prints the counts of what `generate` yields; gives the list of what is wrong with them. */
export function printStats(generate, seed, count) {
  const tallies = {
    decided: new Tally('source · reason', pairs(DECIDED)),
    passed: new Tally('step · outcome, where it did not decide', pairs(PASSED)),
    served: new Tally('what was served', ['a variant', 'no variant', 'enabled']),
    reported: new Tally('what was reported', REPORTED),
    operators: new Tally('operator · whether it held', either(Object.keys(OPERATORS))),
    segments: new Tally('in segments', SEGMENTS),
    warnings: new Tally('warnings', WARNINGS),
    faults: new Tally('kinds of faults', FAULTS),
    refused: new Tally('refused documents by pointer', REFUSED),
    meant: new Tally('entries drawn to be at fault, or to look it', [
      ...rules('flag', [...faults, ...ruleFaults, ...twists, ...ruleTwists]), ...rules('segment', [...segmentFaults, ...segmentTwists]),
      ...rules('row', rowFaults), ...rules('switch', switchFaults), ...rules('document', documentFaults),
    ]),
  };
  watchOperators(tallies.operators);
  const wrong = [];
  let requests = 0;
  let registries = 0;
  for (const { registry, requests: asked, marks } of generate(seed, count)) {
    registries += 1;
    requests += asked.length;
    for (const { rule } of marks) if (rule) tallies.meant.add(rule);
    let loaded;
    try {
      loaded = FF.load(registry);
    } catch (error) {
      if (error.pointer === undefined) throw error;
      tallies.refused.add(error.pointer);
      if (!marks.some((mark) => mark.isRefused)) wrong.push(`refused, and not meant to be: ${error.pointer}`);
      continue;
    }
    wrong.push(...marks.flatMap((mark) => misses(mark, loaded.warnings)));
    for (const { code, fault } of loaded.warnings) {
      tallies.warnings.add(code);
      if (fault) tallies.faults.add(fault);
    }
    for (const request of asked) {
      tallyDecision(FF.evaluate(loaded, request), tallies);
      for (const segment of loaded.segments.values()) if (segment) tallies.segments.add(placeIn(segment, request.context));
    }
  }
  console.log(`seed ${seed}: ${requests} requests on ${registries} registries`);
  for (const tally of Object.values(tallies)) tally.print();
  if (requests !== count) wrong.push(`${requests} requests were drawn, and should be ${count}`);
  return [...wrong, ...Object.values(tallies).flatMap((tally) => tally.faults())];
}

// The oracle's operators say from now on whether they held.
function watchOperators(tally) {
  for (const [name, operator] of Object.entries(OPERATORS)) {
    const { holds } = operator;
    operator.holds = (...operands) => {
      const held = holds(...operands);
      tally.add(`${name} · ${held ? 'holds' : 'does not hold'}`);
      return held;
    };
  }
}

function placeIn(segment, context) {
  if (!isIn({ ...segment, exclude: [] }, context)) return segment.condition === undefined ? SEGMENTS[4] : SEGMENTS[3];
  if (!isIn(segment, context)) return SEGMENTS[0];
  return isIn({ ...segment, include: [] }, context) ? SEGMENTS[2] : SEGMENTS[1];
}

function tallyDecision(decision, { decided, passed, served, reported }) {
  const { source, reason, reason_chain: chain, variant, enabled } = decision;
  const has = (name) => Object.hasOwn(decision, name);
  reported.add(has('bucket') ? REPORTED[1] : has('threshold') ? REPORTED[2] : REPORTED[0]);
  for (const name of ['rule_id', 'prerequisite', 'rollout_stage']) if (has(name)) reported.add(name);
  if (has('rule_id') && has('bucket')) reported.add('rule_id with a bucket');
  decided.add(`${source} · ${reason}`);
  for (const { step, outcome } of chain) if (outcome !== 'match') passed.add(`${step} · ${outcome}`);
  served.add(variant === null ? 'no variant' : 'a variant');
  if (enabled) served.add('enabled');
}

// Whether the oracle sees an entry as the drawer meant it.
function misses({ pointer, rule, code, isFine, isRefused }, warnings) {
  if (isRefused) return [`accepted, and meant to be refused: ${rule}`];
  const isOf = (warning) => warning.pointer === pointer || warning.pointer.startsWith(`${pointer}/`);
  const codes = warnings.filter(isOf).map((warning) => warning.code);
  // A second entry of a key is left out for that, whatever is wrong with it.
  const isLeftOut = codes.includes(code?.replace('invalid_', 'duplicate_')) && code !== 'invalid_override';
  if (code && !codes.includes(code) && !isLeftOut) return [`${rule}: ${pointer} has no ${code}`];
  const isInvalid = codes.some((found) => found.startsWith('invalid_'));
  return isFine && isInvalid ? [`${rule ?? 'as drawn'}: ${pointer} is invalid, and meant to be fine`] : [];
}
