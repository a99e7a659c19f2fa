/// <reference lib="esnext.disposable" preserve="true" />
/** Handles for those who evaluate often: a snapshot compiled once, a flag resolved once, a context written once. */

import * as engine from './engine.js';
import { BurgeeError } from './errors.js';
import type { Attributes, Decision, Evaluation, Explanation, FlagType, Inline, JsonValue, Options, Registry, Warning } from './types.js';
import { Asked, settled, type Read, type ReadTuple, Told } from './told.js';
import { TENANT_OVERRIDE, USER_OVERRIDE, Writer } from './wire.js';

/** The place of a flag that the snapshot does not have. */
const UNKNOWN = 0xffffffff;

/** The bits of the evaluator's number for a decision that are the variant's place; all of them for none. */
const VARIANT = 0x1ff;

/** Of so many variants of each flag, `evaluateAll` has the values at hand. */
const FIRST = 4;

/** An attribute of the snapshot. */
type Attribute = Pick<Read, 'id' | 'name'>;

/** What its evaluation can ask for. */
interface Described {
  readonly type: FlagType | null;
  readonly asked: Asked;
  readonly readsTime: boolean;
  /** Itself, and the flags that its prerequisites lead to. */
  readonly readsFlags: readonly Flag[];
}

/** A flag of one snapshot: `snapshot.flag(key)`. */
export class Flag {
  /** What it evaluated to before, by the evaluator's number for it. */
  readonly #known = new Map<number, Evaluation>();
  /** The number and the object of the last time: most often it is the same again. */
  #packed = -1;
  #evaluation: Evaluation | undefined;
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

  /** What its values are; `null` for a flag that does not exist, or is at fault. */
  get type(): FlagType | null {
    return this.described.type;
  }

  /** @internal */
  get described(): Described {
    return (this.#described ??= this.snapshot.describe(this.index));
  }

  /** @internal The object for the evaluator's number: made once, frozen, and shared. */
  evaluation(packed: number): Evaluation {
    return packed === this.#packed ? this.#evaluation! : this.#other(packed);
  }

  #other(packed: number): Evaluation {
    let evaluation = this.#known.get(packed);
    if (evaluation === undefined) {
      evaluation = deepFreeze<Evaluation>({ flag_key: this.key, ...this.snapshot.unpack(this.index, packed) });
      this.#known.set(packed, evaluation);
    }
    this.#packed = packed;
    this.#evaluation = evaluation;
    return evaluation;
  }
}

/** A context of one snapshot, written once: `snapshot.context(attributes)`. */
export class Context {
  #kept: engine.KeptContext | undefined;
  #generation = -1;
  #address = 0;

  /** @internal */
  constructor(
    /** The attributes, as they were when the context was made. */
    readonly attributes: Attributes,
    /** @internal */ readonly snapshot: Snapshot,
  ) {}

  /** @internal Where the context is in the evaluator's memory; it is written again if that memory is a new one. */
  address(): number {
    return this.#generation === engine.generation ? this.#address : this.#write();
  }

  #write(): number {
    this.#kept = this.snapshot.keep(this.attributes);
    this.#generation = engine.generation;
    return (this.#address = engine.address(this.#kept));
  }

  /** Gives its memory back now, instead of when it is garbage-collected. It may be used again: it is then written again. */
  free(): void {
    const kept = this.#kept;
    const isLive = this.#generation === engine.generation;
    this.#kept = undefined;
    this.#generation = -1;
    try {
      if (kept !== undefined && isLive) kept.free();
    } catch (error) {
      throw engine.recover(error);
    }
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
  readonly #attributes: readonly Attribute[];
  readonly #flags = new Map<string, Flag>();
  readonly #inOrder: readonly Flag[];
  #handle: engine.Handle | undefined;
  #address = 0;
  #generation = -1;
  #isFreed = false;
  #scratch = 0;
  #room = 0;
  #view: Uint8Array = new Uint8Array(0);
  /** For `evaluateAll`: the keys, which V8 reads faster from a list that is not frozen, where the evaluator's numbers are put, and each flag's first values. */
  #all: { readonly keys: readonly string[]; readonly packed: Uint32Array; readonly values: (JsonValue | undefined)[] } | undefined;
  #told: Told | undefined;

  /**
   * Compiles a snapshot or registry: an object, its JSON text, or its UTF-8 bytes.
   *
   * @throws {BurgeeError} if the document is refused. A flag that is wrong in itself is off, and listed in `warnings`.
   */
  constructor(registry: Registry | string | Uint8Array) {
    this.#json = toBytes(registry);
    try {
      const described = JSON.parse(this.#compiled().describe());
      this.tenant = described.tenant;
      this.version = described.version;
      this.generatedAt = described.generated_at;
      this.flagKeys = Object.freeze(described.flags as string[]);
      this.warnings = deepFreeze(described.warnings as Warning[]);
      this.#attributes = described.attributes.map((name: string, id: number) => ({ id, name }));
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
    const copy: Record<string, unknown> = { ...plain(attributes) };
    for (const name of Object.keys(copy)) {
      copy[name] = settled(copy[name]);
    }
    return new Context(Object.freeze(copy) as Attributes, this);
  }

  /**
   * Decides a flag. The object is frozen and shared between calls.
   *
   * @param flag a key, or what `flag` gave
   * @param context attributes, or what `context` gave
   */
  evaluate(flag: string | Flag, context: Context | Attributes, options?: Options): Evaluation {
    const resolved = flag instanceof Flag && flag.snapshot === this ? flag : this.#resolve(flag);
    const { asked, readsTime } = resolved.described;
    if (options?.overrides != null) return this.#overridden(resolved, context, options);
    const now = options === undefined && !readsTime ? 0 : time(options);
    const kept = context instanceof Context ? context : undefined;
    if (kept !== undefined && kept.snapshot === this) {
      try {
        return resolved.evaluation(
          engine.raw.snapshot_evaluateKept(this.#live(), resolved.index, kept.address(), now) >>> 0,
        );
      } catch (error) {
        throw engine.recover(error);
      }
    }
    // What getters of the caller's do, freeing this very snapshot included, is done before anything is written.
    const values = asked.values(kept === undefined ? plain(context as Attributes) : kept.attributes);
    const told = this.#isTelling() ? this.#told! : this.#newTold();
    try {
      if (told.tell(asked.reads, values)) return resolved.evaluation(engine.raw.snapshot_evaluateTold(this.#address, resolved.index, now) >>> 0);
      const length = this.#write(asked.reads, values, []);
      return resolved.evaluation(engine.raw.snapshot_evaluate(this.#live(), resolved.index, length, now) >>> 0);
    } catch (error) {
      throw engine.recover(error);
    }
  }

  #overridden(flag: Flag, context: Context | Attributes, options: Options): Evaluation {
    const { asked: { reads }, readsFlags } = flag.described;
    const now = time(options);
    const values = read(reads, context, readsFlags, options.overrides);
    try {
      const length = this.#write(reads, values, readsFlags);
      return flag.evaluation(engine.raw.snapshot_evaluateOverridden(this.#live(), flag.index, length, now) >>> 0);
    } catch (error) {
      throw engine.recover(error);
    }
  }

  /** Decides every flag: an object without prototype of key → value, `null` where there is none. */
  evaluateAll(context: Context | Attributes, options?: { now?: number }): Record<string, JsonValue> {
    const own = context instanceof Context && context.snapshot === this ? context : undefined;
    const used = own ?? this.context(context instanceof Context ? context.attributes : context);
    const now = time(options);
    try {
      const at = engine.raw.snapshot_evaluateAll(this.#live(), used.address(), now) >>> 0;
      const flags = this.#inOrder;
      const { keys, packed, values } = (this.#all ??= {
        keys: [...this.flagKeys],
        packed: new Uint32Array(flags.length),
        values: new Array(flags.length * FIRST).fill(undefined),
      });
      engine.numbers(at, packed);
      const result: Record<string, JsonValue> = Object.create(null);
      for (let index = 0; index < keys.length; index++) {
        const number = packed[index]!;
        const variant = number & VARIANT;
        result[keys[index]!] =
          variant < FIRST ? (values[index * FIRST + variant] ??= flags[index]!.evaluation(number).value) : flags[index]!.evaluation(number).value;
      }
      return result;
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
    const handle = this.#handle;
    const isLive = this.#generation === engine.generation;
    this.#handle = undefined;
    this.#generation = -1;
    this.#isFreed = true;
    try {
      if (handle !== undefined && isLive) handle.free();
    } catch (error) {
      throw engine.recover(error);
    }
  }

  [Symbol.dispose](): void {
    this.free();
  }

  /** @internal */
  describe(index: number): Described {
    try {
      const described = JSON.parse(this.#compiled().flag(index)) ?? { type: null, reads: [], reads_time: false, reads_flags: [] };
      // A hash of 32 bits with a sign is a whole number to V8.
      const read = ([id, text, texts, symbols, hash, isFallback]: ReadTuple): Read =>
        ({ id, name: this.#attributes[id]!.name, text, texts, symbols, hash: hash === null ? hash : hash | 0, isFallback });
      return {
        type: described.type,
        asked: new Asked(described.reads.map(read)),
        readsTime: described.reads_time,
        readsFlags: described.reads_flags.map((index: number) => this.#inOrder[index]!),
      };
    } catch (error) {
      throw engine.recover(error);
    }
  }

  /** @internal What the evaluator's number for a decision stands for. */
  unpack(index: number, packed: number): Omit<Evaluation, 'flag_key'> {
    return JSON.parse(this.#compiled().unpack(index, packed));
  }

  /** @internal */
  keep(attributes: Attributes): engine.KeptContext {
    const length = this.#write(this.#attributes, read(this.#attributes, attributes, [], undefined), []);
    return this.#compiled().keep(length);
  }

  #full(flag: string | Flag, context: Context | Attributes, options: Options | undefined, explain: boolean): unknown {
    const resolved = this.#resolve(flag);
    const { asked: { reads }, readsFlags } = resolved.described;
    const now = time(options);
    const values = read(reads, context, readsFlags, options?.overrides ?? undefined);
    try {
      const length = this.#write(reads, values, readsFlags);
      const decision = JSON.parse(this.#compiled().evaluateFull(resolved.index, length, now, explain));
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

  /** Where the compiled snapshot is in the evaluator's memory. */
  #live(): number {
    if (this.#generation !== engine.generation) this.#compiled();
    return this.#address;
  }

  /** The compiled snapshot, compiled again if the instance that had it is gone. */
  #compiled(): engine.Handle {
    if (this.#handle !== undefined && this.#generation === engine.generation) return this.#handle;
    if (this.#isFreed) throw new BurgeeError('freed', '', 'the snapshot was freed');
    this.#handle = engine.compile(this.#json);
    this.#address = engine.address(this.#handle);
    this.#generation = engine.generation;
    this.#room = 0;
    this.#told = undefined;
    return this.#handle;
  }

  /** Whether contexts can be told, in the memory as it is now. */
  #isTelling(): boolean {
    return this.#told !== undefined && !this.#told.isDead && this.#generation === engine.generation;
  }

  /** Where contexts are told. */
  #newTold(): Told {
    try {
      const handle = this.#compiled();
      const address = handle.told();
      const bytes = this.#buffer();
      return (this.#told = new Told(...engine.numberViews(address, this.#attributes.length * 16), bytes));
    } catch (error) {
      throw engine.recover(error);
    }
  }

  /**
   * Writes inputs into the scratch buffer, in as much room as they turn out to need. Gives their length. Nothing of the caller's may run
   * from here to the call that reads them: it could use this very snapshot, and so this buffer.
   */
  #write(reads: readonly Attribute[], values: readonly unknown[], flags: readonly Flag[]): number {
    this.#compiled();
    for (;;) {
      const writer = new Writer(this.#buffer());
      let i = 0;
      for (; i < reads.length; i++) writer.attribute(reads[i]!.id, values[i]);
      if (values.length > reads.length) {
        for (const { index } of flags) {
          writer.override(USER_OVERRIDE, index, values[i++] as Inline);
          writer.override(TENANT_OVERRIDE, index, values[i++] as Inline);
        }
      }
      if (writer.fits) return writer.place;
      this.#room = Math.max(writer.place, this.#room * 2);
      this.#scratch = 0;
    }
  }

  #buffer(): Uint8Array {
    if (this.#scratch === 0 || this.#room === 0) {
      this.#told = undefined;
      this.#room = Math.max(this.#room, 1024);
      this.#scratch = this.#compiled().scratch(this.#room);
      this.#view = engine.view(this.#scratch, this.#room);
    } else if (this.#view.byteLength === 0) {
      // Memory has grown since: views of it are dead, addresses in it are not.
      this.#view = engine.view(this.#scratch, this.#room);
    }
    return this.#view;
  }
}

/**
 * Reads from the caller's objects, getters and proxies included, what an evaluation needs: the attributes in the order of `reads`, and
 * behind them, if there are overrides, the user's and the tenant's for each of `flags`. Only what is an object's own counts.
 */
function read(
  reads: readonly Attribute[],
  context: Context | Attributes,
  flags: readonly Flag[],
  overrides: Options['overrides'],
): unknown[] {
  const attributes = (context instanceof Context ? context.attributes : plain(context)) as Record<string, unknown>;
  const values = new Array<unknown>(reads.length);
  for (let i = 0; i < reads.length; i++) {
    const { name } = reads[i]!;
    const value = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    values[i] = settled(value);
  }
  if (overrides !== undefined && overrides !== null) {
    const { user, tenant } = object(overrides, '/overrides');
    const users = object(user ?? {}, '/overrides/user');
    const tenants = object(tenant ?? {}, '/overrides/tenant');
    for (const { key } of flags) values.push(own(users, key), own(tenants, key));
  }
  return values;
}

/** An override of those for a scope, if it is the object's own. */
function own(scope: Readonly<Record<string, Inline>>, key: string): Inline | undefined {
  return Object.hasOwn(scope, key) ? scope[key] : undefined;
}

/** The context as an object; leaving it out is an empty one. */
function plain(context: Attributes | null | undefined): Attributes {
  return context === undefined || context === null ? {} : object(context, '/context');
}

function object<T>(value: T, pointer: string): T {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new BurgeeError('invalid_request', pointer, 'must be an object');
  }
  return value;
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
  // A copy: the document is compiled again after a trap, and must be the same then. Not by its own slice(): a Buffer's copies nothing.
  if (ArrayBuffer.isView(registry)) return new Uint8Array(registry.buffer, registry.byteOffset, registry.byteLength).slice();
  const json = typeof registry === 'string' ? registry : stringify(registry);
  // The encoder would put a character of its own for a lone surrogate, where the document must be found at fault.
  return new TextEncoder().encode(json.replace(LONE_SURROGATE, (unit) => `\\u${unit.charCodeAt(0).toString(16)}`));
}

// In unicode mode a pair is one character, so only a surrogate that stands alone is in the class.
const LONE_SURROGATE = /[\ud800-\udfff]/gu;

/** The JSON of a registry. What JSON cannot say is no document. */
export function stringify(registry: unknown): string {
  try {
    return JSON.stringify(registry) ?? '';
  } catch (error) {
    // A list in itself, or a bigint.
    throw new BurgeeError('invalid_json', '', `the registry cannot be written as JSON: ${error}`, { cause: error });
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member);
    Object.freeze(value);
  }
  return value;
}
