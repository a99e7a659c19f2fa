/** Counts who is served what, and shows it in bars. */

import type { Flag, Snapshot } from '../snapshot.js';
import type { DecisionSource, Evaluation, JsonValue, Reason } from '../types.js';
import { type Asked, refusing } from './request.js';
import { type Terminal, bar, cut, grouped, percent, plain, plural, table, valueText } from './terminal.js';
import * as tools from './tools.js';

/** The widest that a bar, and a value, may be. */
const BAR_WIDTH = 30;
const VALUE_WIDTH = 20;

interface VariantCount {
  readonly variant: string | null;
  readonly value: JsonValue;
  count: number;
}

interface ReasonCount {
  readonly source: DecisionSource;
  readonly reason: Reason;
  readonly rule_id?: string;
  readonly prerequisite?: string;
  count: number;
}

/** Who is served what by one snapshot, counted. */
export class Tally {
  total = 0;
  /** The flag's variants. */
  readonly variants: readonly string[];
  /** The attributes that the flag says to bucket by. */
  readonly units: ReadonlySet<string>;
  readonly #variants = new Map<string | null, VariantCount>();
  readonly #reasons = new Map<Evaluation, ReasonCount>();
  readonly #flag: Flag;

  constructor(
    flag: string,
    readonly snapshot: Snapshot,
    document: Uint8Array,
  ) {
    this.#flag = snapshot.flag(flag);
    const { flags } = refusing(() => tools.documents(document));
    const definition = flags.find(({ value }) => value.key === flag && value.state !== 'archived')?.value;
    // Those that nobody is served are to be seen too.
    for (const { key, value } of definition?.variants ?? []) this.#variants.set(key, { variant: key, value, count: 0 });
    this.variants = definition?.variants.map(({ key }) => key) ?? [];
    const rules = definition?.rules ?? [];
    const serves = [...rules.map(({ serve }) => serve), definition?.fallthrough];
    const distributions = serves.map((serve) => (serve !== undefined && 'distribution' in serve ? serve : undefined));
    this.units = new Set([definition, ...rules, ...distributions].flatMap((one) => one?.bucket_by ?? []));
  }

  /** Evaluates for one more. */
  add(unit: string, id: string, { context, options }: Asked): Evaluation {
    const evaluation = this.snapshot.evaluate(this.#flag, { ...context, [unit]: id }, options);
    const { variant, value } = evaluation;
    this.total++;
    let served = this.#variants.get(variant);
    if (served === undefined) this.#variants.set(variant, (served = { variant, value, count: 0 }));
    served.count++;
    // The evaluator gives the same object for the same decision.
    let reason = this.#reasons.get(evaluation);
    if (reason === undefined) this.#reasons.set(evaluation, (reason = reasonOf(evaluation)));
    reason.count++;
    return evaluation;
  }

  /** Whether somebody had nothing to be bucketed by. */
  get isWithoutUnit(): boolean {
    return [...this.#reasons.values()].some(({ reason }) => reason === 'no_bucketing_unit');
  }

  /** How many each reason decided, the most frequent first. */
  get reasons(): readonly ReasonCount[] {
    const merged = new Map<string, ReasonCount>();
    for (const one of this.#reasons.values()) {
      const label = labelOf(one);
      const known = merged.get(label);
      if (known === undefined) merged.set(label, { ...one });
      else known.count += one.count;
    }
    return [...merged.values()].sort((a, b) => b.count - a.count);
  }

  summary(): object {
    const share = <T extends { count: number }>(one: T) => ({ ...one, share: one.count / this.total });
    return { variants: [...this.#variants.values()].map(share), reasons: this.reasons.map(share) };
  }

  chart(terminal: Terminal): string[] {
    const variants = [...this.#variants.values()].map(({ variant, value, count }) => {
      return { label: nameOf(variant), value: variant === null ? '' : cut(valueText(value), VALUE_WIDTH), count };
    });
    const reasons = this.reasons.map((one) => ({ label: labelOf(one), value: '', count: one.count }));
    return [...chart('variant', variants, this.total, terminal), '', ...chart('reason', reasons, this.total, terminal)];
  }
}

function reasonOf({ source, reason, rule_id, prerequisite }: Evaluation): ReasonCount {
  return { source, reason, ...(rule_id === null ? {} : { rule_id }), ...(prerequisite === null ? {} : { prerequisite }), count: 0 };
}

function labelOf({ reason, rule_id, prerequisite }: ReasonCount): string {
  const by = rule_id ?? prerequisite;
  return reason + (by === undefined ? '' : ` ${plain(by)}`);
}

function nameOf(variant: string | null): string {
  return variant === null ? '(no value)' : plain(variant);
}

/** What would change, counted by from what and to what. */
export class Moves {
  #count = 0;
  readonly #moves = new Map<string, { from: string | null; to: string | null; count: number }>();

  add(before: Evaluation, after: Evaluation): void {
    if (before.variant === after.variant && JSON.stringify(before.value) === JSON.stringify(after.value)) return;
    this.#count++;
    const name = JSON.stringify([before.variant, after.variant]);
    const move = this.#moves.get(name) ?? { from: before.variant, to: after.variant, count: 0 };
    move.count++;
    this.#moves.set(name, move);
  }

  summary(total: number): object {
    return { count: this.#count, share: this.#count / total, moves: this.#sorted() };
  }

  chart(total: number, terminal: Terminal): string[] {
    const moves = this.#sorted().map(({ from, to, count }) => ({ label: `${nameOf(from)} → ${nameOf(to)}`, value: '', count }));
    const lines = moves.length === 0 ? [] : ['', ...chart('change', moves, total, terminal)];
    return [`${grouped(this.#count)} of ${plural(total, 'user')} would change (${percent(this.#count / total)})`, ...lines];
  }

  #sorted(): readonly { from: string | null; to: string | null; count: number }[] {
    return [...this.#moves.values()].sort((a, b) => b.count - a.count);
  }
}

interface Counted {
  readonly label: string;
  readonly value: string;
  readonly count: number;
}

function chart(head: string, rows: readonly Counted[], total: number, terminal: Terminal): string[] {
  const hasValues = rows.some(({ value }) => value !== '');
  const cells = rows.map(({ label, value, count }) => [label, ...(hasValues ? [value] : []), grouped(count), percent(count / total)]);
  const [first, ...rest] = table([[head, ...(hasValues ? ['value'] : []), 'users', 'share'], ...cells], hasValues ? [2, 3] : [1, 2]);
  const width = Math.max(Math.min(BAR_WIDTH, terminal.columns - rest[0]!.length - 3), 10);
  const bars = rows.map(({ count }) => terminal.paint('green', bar(count / total, width)));
  return [terminal.paint('dim', first!), ...rest.map((line, at) => `${line}  ${bars[at]}`.trimEnd())];
}
