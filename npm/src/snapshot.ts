/** Handles for those who evaluate often: a snapshot compiled once, a flag resolved once, a context written once. */

import { REASONS, SOURCES } from '../generated/model.js';
import * as engine from './engine.js';
import { BurgeeError } from './errors.js';
import type { Attributes, Decision, Evaluation, Explanation, JsonValue, Options, Registry, Warning } from './types.js';
import { TENANT_OVERRIDE, USER_OVERRIDE, Writer } from './wire.js';

/** The place of a flag that the snapshot does not have. */
const UNKNOWN = 0xffffffff;

/** Names that every object inherits: an attribute of such a name must be the object's own. */
const inherited = (name: string): boolean => name in Object.prototype;

interface Read {
  readonly id: number;
  readonly name: string;
  readonly inherited: boolean;
}

interface Described {
  readonly version: number | null;
  readonly reads: readonly Read[];
  readonly readsTime: boolean;
  readonly variants: readonly { readonly key: string; readonly value: JsonValue }[];
}

/** A flag of one snapshot: `snapshot.flag(key)`. */
export class Flag {
  /** What it evaluated to before, by the evaluator's number for it. */
  readonly #known = new Map<number, Evaluation>();
  #described: Described | undefined;

  /** @internal */
  constructor(
    readonly key: string,
    /** @internal */ readonly index: number,
    /** @internal */ readonly snapshot: Snapshot,
  ) {}

  /** Whether the snapshot has this flag. One that it does not have evaluates to the source `unknown_flag`. */
  get exists(): boolean {
    return this.index !== UNKNOWN;
  }

  /** @internal */
  get described(): Described {
    return (this.#described ??= this.snapshot.describe(this.index));
  }

  /** @internal The object for the evaluator's number: made once, frozen, and shared. */
  evaluation(packed: number): Evaluation {
    return this.#known.get(packed) ?? this.#unpack(packed);
  }

  /** Takes the number apart as `pack` in `wasm/src/lib.rs` put it together. */
  #unpack(packed: number): Evaluation {
    const variant = this.described.variants[packed & 0x1ff];
    const evaluation: Evaluation = Object.freeze({
      flag_key: this.key,
      value: variant === undefined ? null : variant.value,
      variant: variant === undefined ? null : variant.key,
      enabled: ((packed >>> 25) & 1) === 1,
      source: SOURCES[(packed >>> 9) & 0xf]!,
      reason: REASONS[(packed >>> 13) & 0x1f]!,
      rule_id: null,
      flag_version: this.described.version,
    });
    this.#known.set(packed, evaluation);
    return evaluation;
  }
}

/** A context of one snapshot, written once: `snapshot.context(attributes)`. */
export class Context {
  #kept: engine.KeptContext | undefined;
  #instance = 0;

  /** @internal */
  constructor(
    /** The attributes, as they were when the context was made. */
    readonly attributes: Attributes,
    /** @internal */ readonly snapshot: Snapshot,
  ) {}

  /** @internal The context in the evaluator's memory, written again if that memory is a new one. */
  kept(): engine.KeptContext {
    if (this.#kept === undefined || this.#instance !== engine.instance()) {
      this.#kept = this.snapshot.keep(this.attributes);
      this.#instance = engine.instance();
    }
    return this.#kept;
  }

  /** Gives its memory back now, instead of when it is garbage-collected. It may be used again: it is then written again. */
  free(): void {
    if (this.#instance === engine.instance()) this.#kept?.free();
    this.#kept = undefined;
  }

  [Symbol.dispose](): void {
    this.free();
  }
}

/** A compiled snapshot or registry. It does not change: a new version is a new snapshot. */
export class Snapshot {
  /** Whose flags these are. */
  readonly tenant: string;
  /** The version of the whole. */
  readonly version: number;
  /** When it was made, ms since the epoch; `null` if it does not say. */
  readonly generatedAt: number | null;
  /** The keys of its flags, in the document's order. */
  readonly flagKeys: readonly string[];
  /** What was left out, or switched off, and why. */
  readonly warnings: readonly Warning[];

  readonly #json: Uint8Array;
  readonly #reads: readonly Read[];
  readonly #flags = new Map<string, Flag>();
  readonly #inOrder: readonly Flag[];
  #handle: engine.Handle | undefined;
  #instance = 0;
  #scratch = 0;
  #room = 0;
  #view: Uint8Array = new Uint8Array(0);

  /**
   * Compiles a snapshot or registry: an object, its JSON text, or its UTF-8 bytes.
   *
   * @throws {BurgeeError} if the document is refused. A flag that is wrong in itself is off, and listed in `warnings`.
   */
  constructor(registry: Registry | string | Uint8Array) {
    this.#json = toBytes(registry);
    try {
      const described = JSON.parse(this.#live().describe());
      this.tenant = described.tenant;
      this.version = described.version;
      this.generatedAt = described.generated_at;
      this.flagKeys = Object.freeze(described.flags as string[]);
      this.warnings = Object.freeze(described.warnings as Warning[]);
      this.#reads = described.attributes.map((name: string, id: number) => ({ id, name, inherited: inherited(name) }));
      this.#inOrder = this.flagKeys.map((key, index) => new Flag(key, index, this));
      for (const flag of this.#inOrder) this.#flags.set(flag.key, flag);
    } catch (error) {
      throw engine.recover(error);
    }
  }

  /** The flag of this key; one that does not exist is given too, and evaluates to the source `unknown_flag`. */
  flag(key: string): Flag {
    return this.#flags.get(key) ?? new Flag(text(key, '/key'), UNKNOWN, this);
  }

  /** Writes a context once, to evaluate it often. Later changes of `attributes` do not change it. */
  context(attributes: Attributes): Context {
    return new Context(Object.freeze({ ...plain(attributes) }), this);
  }

  /**
   * Decides a flag. The object is frozen and shared between calls.
   *
   * @param flag a key, or what `flag` gave
   * @param context attributes, or what `context` gave
   */
  evaluate(flag: string | Flag, context: Context | Attributes, options?: Options): Evaluation {
    const resolved = this.#resolve(flag);
    try {
      const handle = this.#live();
      const now = options === undefined && !resolved.described.readsTime ? 0 : time(options);
      if (options?.overrides === undefined && context instanceof Context && context.snapshot === this) {
        return resolved.evaluation(handle.evaluateKept(resolved.index, context.kept(), now));
      }
      const length = this.#write(resolved.described.reads, context, resolved.key, options);
      return resolved.evaluation(handle.evaluate(resolved.index, length, now));
    } catch (error) {
      throw engine.recover(error);
    }
  }

  /** Decides every flag: an object without prototype of key → value, `null` where there is none. */
  evaluateAll(context: Context | Attributes, options?: { now?: number }): Record<string, JsonValue> {
    const own = context instanceof Context && context.snapshot === this ? context : undefined;
    const used = own ?? this.context(context instanceof Context ? context.attributes : context);
    try {
      const address = this.#live().evaluateAll(used.kept(), time(options));
      const packed = engine.numbers(address, this.#inOrder.length);
      const values: Record<string, JsonValue> = Object.create(null);
      for (let index = 0; index < packed.length; index++) {
        const flag = this.#inOrder[index]!;
        values[flag.key] = flag.evaluation(packed[index]!).value;
      }
      return values;
    } catch (error) {
      throw engine.recover(error);
    } finally {
      if (own === undefined) used.free();
    }
  }

  /** Decides a flag in full: with bucket, threshold and the chain of steps. */
  decide(flag: string | Flag, context: Context | Attributes, options?: Options): Decision {
    return this.#full(flag, context, options, false) as Decision;
  }

  /** Decides a flag in full, with what each step compared. */
  explain(flag: string | Flag, context: Context | Attributes, options?: Options): Explanation {
    return this.#full(flag, context, options, true) as Explanation;
  }

  /** Gives its memory back now, instead of when it is garbage-collected. It cannot be used afterwards. */
  free(): void {
    if (this.#instance === engine.instance()) this.#handle?.free();
    this.#handle = undefined;
    this.#instance = -1;
  }

  [Symbol.dispose](): void {
    this.free();
  }

  /** @internal */
  describe(index: number): Described {
    const described = JSON.parse(this.#live().flag(index)) ?? { version: null, reads: [], reads_time: false, variants: [] };
    return {
      version: described.version,
      reads: described.reads.map((id: number) => this.#reads[id]!),
      readsTime: described.reads_time,
      variants: deepFreeze(described.variants),
    };
  }

  /** @internal */
  keep(attributes: Attributes): engine.KeptContext {
    const length = this.#write(this.#reads, attributes, '', undefined);
    return this.#live().keep(length);
  }

  #full(flag: string | Flag, context: Context | Attributes, options: Options | undefined, explain: boolean): unknown {
    const resolved = this.#resolve(flag);
    try {
      const handle = this.#live();
      const now = time(options);
      const length = this.#write(resolved.described.reads, context, resolved.key, options);
      const decision = JSON.parse(handle.evaluateFull(resolved.index, length, now, explain));
      decision.flag_key = resolved.key;
      return decision;
    } catch (error) {
      throw engine.recover(error);
    }
  }

  #resolve(flag: string | Flag): Flag {
    if (!(flag instanceof Flag)) return this.flag(flag);
    return flag.snapshot === this ? flag : this.flag(flag.key);
  }

  /** The compiled snapshot, compiled again if the instance that had it is gone. */
  #live(): engine.Handle {
    if (this.#handle !== undefined && this.#instance === engine.instance()) return this.#handle;
    if (this.#instance === -1) throw new BurgeeError('freed', '', 'the snapshot was freed');
    this.#handle = engine.compile(this.#json);
    this.#instance = engine.instance();
    this.#room = 0;
    return this.#handle;
  }

  /** Writes attributes and inline overrides into the scratch buffer, in as much room as they turn out to need. Gives their length. */
  #write(reads: readonly Read[], context: Context | Attributes, key: string, options: Options | undefined): number {
    const attributes = (context instanceof Context ? context.attributes : plain(context)) as Record<string, unknown>;
    const overrides = options?.overrides;
    for (;;) {
      const writer = new Writer(this.#buffer());
      for (const { id, name, inherited } of reads) {
        if (!inherited || Object.hasOwn(attributes, name)) writer.attribute(id, attributes[name]);
      }
      if (overrides !== undefined && overrides !== null) {
        writer.override(USER_OVERRIDE, own(overrides.user, key));
        writer.override(TENANT_OVERRIDE, own(overrides.tenant, key));
      }
      if (writer.fits) return writer.place;
      this.#room = Math.max(writer.place, this.#room * 2);
      this.#scratch = 0;
    }
  }

  #buffer(): Uint8Array {
    if (this.#scratch === 0 || this.#room === 0) {
      this.#room = Math.max(this.#room, 1024);
      this.#scratch = this.#live().scratch(this.#room);
      this.#view = engine.view(this.#scratch, this.#room);
    } else if (this.#view.byteLength === 0) {
      // Memory has grown since: views of it are dead, addresses in it are not.
      this.#view = engine.view(this.#scratch, this.#room);
    }
    return this.#view;
  }
}

/** The member `key` of an object, if it is the object's own. */
function own<T>(members: Readonly<Record<string, T>> | null | undefined, key: string): T | undefined {
  return members !== undefined && members !== null && Object.hasOwn(members, key) ? members[key] : undefined;
}

/** The context as an object; leaving it out is an empty one. */
function plain(context: Attributes | null | undefined): Attributes {
  if (context === undefined || context === null) return {};
  if (typeof context !== 'object') throw new BurgeeError('invalid_request', '/context', 'must be an object');
  return context;
}

function text(value: unknown, pointer: string): string {
  if (typeof value !== 'string') throw new BurgeeError('invalid_request', pointer, 'must be a string');
  return value;
}

/** The time of the request, or the clock's. */
function time(options: { now?: number } | undefined): number {
  const now = options?.now;
  if (now === undefined || now === null) return Date.now();
  if (!Number.isFinite(now)) throw new BurgeeError('invalid_request', '/now', 'must be milliseconds since the epoch');
  return now;
}

function toBytes(registry: Registry | string | Uint8Array): Uint8Array {
  // A copy: the document is compiled again after a trap, and must be the same then.
  if (registry instanceof Uint8Array) return registry.slice();
  const json = typeof registry === 'string' ? registry : JSON.stringify(registry);
  // What JSON cannot say, such as undefined, is no document.
  return new TextEncoder().encode(json ?? '');
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}
