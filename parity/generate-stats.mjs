// What the oracle makes of the cases of a seed, and whether anything that should come up is missing.
import { createRequire } from 'node:module';
import { documentFaults, faults, rowFaults, switchFaults, twists } from './generate-faults.mjs';

const FF = createRequire(import.meta.url)('./reference/evaluator.js');

const DECIDED = {
  unknown_flag: ['unknown_flag'],
  off: ['flag_invalid', 'flag_off'],
  kill_switch: ['kill_switch_global', 'kill_switch_category'],
  inline_user_override: ['user_override_precedence'],
  inline_tenant_override: ['tenant_override_precedence'],
  store_user_override: ['user_override_precedence'],
  store_tenant_override: ['tenant_override_precedence'],
  target: ['deny_list', 'allow_list'],
  staged_bucket: ['staged_in', 'staged_out', 'no_bucketing_unit'],
  rollout_stage_map: [
    'stage_draft', 'stage_internal_staff', 'stage_internal_not_staff', 'stage_full', 'stage_paused', 'stage_rolled_back',
  ],
  default_distribution: ['default_distribution'],
  default: ['default', 'no_bucketing_unit'],
};
const PASSED = {
  kill_switch: ['absent'],
  inline_user_override: ['absent', 'unknown_variant'],
  inline_tenant_override: ['absent', 'unknown_variant'],
  store_user_override: ['absent', 'expired', 'unknown_variant'],
  store_tenant_override: ['absent', 'expired', 'unknown_variant'],
  off: ['no_match'],
  target: ['no_match'],
  default_distribution: ['no_bucketing_unit'],
};
const WARNINGS = [
  'invalid_flag', 'duplicate_flag', 'unsupported', 'invalid_override', 'override_unknown_flag', 'duplicate_override',
  'override_unknown_variant', 'invalid_kill_switch',
];
const REFUSED = ['', '/schema', '/tenant', '/version', '/generated_at', '/flags', '/segments', '/overrides', '/kill_switches'];

const pairs = (table) => Object.entries(table).flatMap(([name, others]) => others.map((other) => `${name} · ${other}`));
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
    warnings: new Tally('warnings', WARNINGS),
    refused: new Tally('refused documents by pointer', REFUSED),
    meant: new Tally('entries drawn to be at fault, or to look it', [
      ...rules('flag', faults), ...rules('flag', twists), ...rules('row', rowFaults), ...rules('switch', switchFaults),
      ...rules('document', documentFaults),
    ]),
  };
  const wrong = [];
  let requests = 0;
  let registries = 0;
  for (const { registry, requests: asked, marks } of generate(seed, count)) {
    registries += 1;
    requests += asked.length;
    for (const { rule } of marks) tallies.meant.add(rule);
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
    for (const { code } of loaded.warnings) tallies.warnings.add(code);
    for (const request of asked) tallyDecision(FF.evaluate(loaded, request), tallies);
  }
  console.log(`seed ${seed}: ${requests} requests on ${registries} registries`);
  for (const tally of Object.values(tallies)) tally.print();
  if (requests !== count) wrong.push(`${requests} requests were drawn, and should be ${count}`);
  return [...wrong, ...Object.values(tallies).flatMap((tally) => tally.faults())];
}

function tallyDecision({ source, reason, reason_chain: chain, variant, enabled }, { decided, passed, served }) {
  decided.add(`${source} · ${reason}`);
  for (const { step, outcome } of chain) if (outcome !== 'match') passed.add(`${step} · ${outcome}`);
  served.add(variant === null ? 'no variant' : 'a variant');
  if (enabled) served.add('enabled');
}

// Whether the oracle sees an entry as the drawer meant it.
function misses({ pointer, rule, code, isFine, isRefused }, warnings) {
  if (isRefused) return [`accepted, and meant to be refused: ${rule}`];
  const codes = warnings.filter((warning) => warning.pointer === pointer).map((warning) => warning.code);
  // A second flag of a key is left out for that, whatever is wrong with it.
  const isLeftOut = code === 'invalid_flag' && codes.includes('duplicate_flag');
  if (code && !codes.includes(code) && !isLeftOut) return [`${rule}: ${pointer} has no ${code}`];
  return isFine && codes.includes('invalid_flag') ? [`${rule}: ${pointer} is invalid, and meant to be fine`] : [];
}
