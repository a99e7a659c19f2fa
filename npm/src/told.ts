/**
 * Telling the evaluator of a context that is evaluated once: not its bytes, but what the flag asks of it. Texts that are compared become symbols, and
 * texts that are bucketed are hashed where they are: both is faster than carrying them over. The form is that of `Slot` in `wasm/src/wire.rs`.
 */

import { LIST_DEPTH } from './wire.js';

/** An attribute that a flag's evaluation can ask for, and what of it where it is a text: `Read` in `core/src/reads.rs`. */
export interface Read {
  readonly id: number;
  readonly name: string;
  /** Whether the text itself is asked for. */
  readonly text: boolean;
  /** The few texts that it is compared with. */
  readonly texts: readonly string[];
  /** The symbols of these. */
  readonly symbols: readonly number[];
  /** The hash that it continues, if it is bucketed. */
  readonly hash: number | null;
  /** Whether it is asked for only where `user_id`, which comes before it, is no id. */
  readonly isFallback: boolean;
}

/** The same as the evaluator describes it. */
export type ReadTuple = [id: number, text: boolean, texts: string[], symbols: number[], hash: number | null, isFallback: boolean];

/** What a flag asks of contexts. */
export class Asked {
  /** Those that stand in for others come last. */
  readonly reads: readonly Read[];
  /** How many do not. */
  readonly #needed: number;
  /** The place of `user_id`, or -1. */
  readonly #user: number;
  /** The places of the attributes in `reads` by their names. */
  readonly #places: ReadonlyMap<string, number>;
  /** The names of the last object's properties in their order, and their places, or -1: most often the next has the same ones. */
  readonly #names: string[] = [];
  readonly #placesLast: number[] = [];

  constructor(reads: readonly Read[]) {
    const needed = reads.filter(({ isFallback }) => !isFallback);
    this.reads = [...needed, ...reads.filter(({ isFallback }) => isFallback)];
    this.#needed = needed.length;
    this.#user = needed.findIndex(({ id }) => id === USER_ID);
    this.#places = new Map(this.reads.map(({ name }, place) => [name, place]));
  }

  /**
   * The caller's own attributes in the order of `reads`, getters and proxies included. Going through what is there in its own order takes V8 a fifth of
   * the time that asking for names takes.
   */
  values(attributes: Readonly<Record<string, unknown>>): unknown[] {
    const { reads } = this;
    const values = new Array<unknown>(reads.length);
    if (reads.length === 0) return values;
    const needed = this.#needed;
    const names = this.#names;
    const places = this.#placesLast;
    let i = 0;
    let found = 0;
    for (const name in attributes) {
      const place = i < names.length && name === names[i] ? places[i]! : this.#look(name, i);
      i++;
      // V8 knows of the loop's own names whose they are without looking, if it is written so.
      if (place < 0 || !Object.prototype.hasOwnProperty.call(attributes, name)) continue;
      // What is there but undefined is null, and so not read again below.
      values[place] = settled(attributes[name] ?? null);
      if (place < needed) found++;
    }
    if (found < needed || (needed < reads.length && !isText(values[this.#user]))) this.#addOthers(values, attributes);
    return values;
  }

  /** Adds what is not enumerable; what stands in for `user_id`, only where that is no text. */
  #addOthers(values: unknown[], attributes: Readonly<Record<string, unknown>>): void {
    for (let place = 0; place < this.reads.length; place++) {
      const { name, isFallback } = this.reads[place]!;
      if (values[place] !== undefined || (isFallback && isText(values[this.#user]))) continue;
      if (Object.hasOwn(attributes, name)) values[place] = settled(attributes[name]);
    }
  }

  #look(name: string, i: number): number {
    this.#names[i] = name;
    return (this.#placesLast[i] = this.#places.get(name) ?? -1);
  }
}

const ABSENT = 0;
const TEXT = 1;
const NUMBER = 2;
const FALSE = 3;
const TRUE = 4;
const TOLD = 7;

/** The id of `user_id`. */
const USER_ID = 0;

/** The symbol of what was not looked up, or is no text. */
const UNKNOWN = -1;

/** Where a snapshot is told of contexts. It is dead once memory grows or the instance is given up. */
export class Told {
  /** The place for the next text. */
  #place = 0;

  /**
   * @param words the slots, four words for each attribute
   * @param numbers the same slots, two numbers for each
   * @param bytes where texts are written that are asked for themselves
   */
  constructor(
    private readonly words: Int32Array,
    private readonly numbers: Float64Array,
    private readonly bytes: Uint8Array,
  ) {}

  get isDead(): boolean {
    return this.words.length === 0;
  }

  /**
   * Tells what `reads` ask for, of their `values`. It is not told, and false is given, where one is neither a text, number, boolean nor absent, or is asked
   * for as a text that is not of ASCII or does not fit.
   */
  tell(reads: readonly Read[], values: readonly unknown[]): boolean {
    this.#place = 0;
    for (let i = 0; i < reads.length; i++) if (!this.#tell(reads[i]!, values[i])) return false;
    return true;
  }

  #tell(read: Read, value: unknown): boolean {
    const { words } = this;
    const at = read.id << 2;
    if (typeof value === 'string') {
      words[at + 1] = read.text ? UNKNOWN : symbol(read, value);
      if (read.text || value === '') return this.#write(at, value);
      words[at] = TOLD;
      if (read.hash !== null) {
        words[at + 2] = hash(value, read.hash);
        words[at + 3] = read.hash;
      }
      return true;
    }
    words[at + 1] = UNKNOWN;
    if (value === undefined || value === null) {
      words[at] = ABSENT;
    } else if (typeof value === 'number') {
      words[at] = NUMBER;
      this.numbers[(read.id << 1) + 1] = value;
    } else if (typeof value === 'boolean') {
      words[at] = value ? TRUE : FALSE;
    } else {
      return false;
    }
    return true;
  }

  /** Writes a text of ASCII, if it is one and there is room. */
  #write(at: number, text: string): boolean {
    const { bytes, words } = this;
    const start = this.#place;
    const end = start + text.length;
    if (end > bytes.length) return false;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) return false;
      bytes[start + i] = code;
    }
    words[at] = TEXT;
    words[at + 2] = start;
    words[at + 3] = this.#place = end;
    return true;
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

/** The symbol of a text: its own if it is one of those that it is compared with, and 0 otherwise. */
function symbol({ texts, symbols }: Read, text: string): number {
  for (let i = 0; i < texts.length; i++) if (text === texts[i]) return symbols[i]!;
  return 0;
}

/** The evaluator's hash (`core/src/hash.rs`) continued by a text. */
function hash(text: string, from: number): number {
  // From the start a whole number of 32 bits, or V8 adds fractions.
  let hash = from | 0;
  for (let i = 0; i < text.length; i++) hash = ((hash << 5) + hash) ^ text.charCodeAt(i);
  return hash;
}

/** A value that will not change: a list as a copy, and anything else as it is, because of objects only that they are there is read. */
export function settled(value: unknown): unknown {
  return typeof value === 'object' ? copied(value, LIST_DEPTH) : value;
}

function copied(value: unknown, depth: number): unknown {
  if (!Array.isArray(value)) return value;
  if (depth === 0) return {};
  const copy: unknown[] = [];
  for (let i = 0; i < value.length; i++) copy.push(copied(value[i], depth - 1));
  return Object.freeze(copy);
}
