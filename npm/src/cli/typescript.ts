/** Writes flags down as TypeScript. */

import type { FlagDocument, FlagType, JsonValue } from '../types.js';

/** How deep the shape of a json flag's values is written down. What is deeper is `unknown`. */
const SHAPE_DEPTH = 8;

/** Objects with more members than this are taken for maps. */
const SHAPE_MEMBERS = 50;

/** A module with the types of flags, and with the function that gives them to a client or a snapshot. */
export function typescript(flags: readonly FlagDocument[]): string {
  const keys = (...types: FlagType[]) => union(flags.filter(({ type }) => types.includes(type)).map(({ key }) => quoted(key)));
  return `// Written by \`burgee types\` from a snapshot. Write it anew instead of changing it.
/* eslint-disable */

/** The values of each flag. */
export interface Flags {
${flags.map((flag) => `${comment(flag)}  readonly ${name(flag.key)}: ${valueType(flag)};\n`).join('')}}

/** The variants of each flag. */
export interface Variants {
${flags.map(({ key, variants }) => `  readonly ${name(key)}: ${union(variants.map((variant) => quoted(variant.key)))};\n`).join('')}}

/** The keys of all flags, and of those of each type. */
export type FlagKey = keyof Flags;
export type BooleanFlag = ${keys('boolean')};
export type StringFlag = ${keys('string')};
export type IntegerFlag = ${keys('integer')};
export type NumberFlag = ${keys('number')};
export type JsonFlag = ${keys('json')};
${HELPERS}`;
}

const HELPERS = `
/** What is known of a decision by the flag's key. A value is null where the snapshot that is evaluated has none. */
export type Served<Decision, Key extends FlagKey> = Omit<Decision, 'flag_key' | 'value' | 'variant'> & {
  readonly flag_key: Key;
  readonly value: Flags[Key] | null;
  readonly variant: Variants[Key] | null;
};

/** Methods that take a flag, made of the ones that take any text. */
interface Methods<Given> {
  flag: Given extends (key: string) => infer Handle ? <Key extends FlagKey>(key: Key) => Handle & { readonly key: Key } : never;
  evaluate: Evaluating<Given>;
  decide: Evaluating<Given>;
  explain: Evaluating<Given>;
  evaluateAll: Given extends (...given: infer Rest) => unknown
    ? (...given: Rest) => { readonly [Key in FlagKey]?: Flags[Key] | null }
    : never;
  boolean: Given extends (key: string, otherwise: boolean, ...rest: infer Rest) => unknown
    ? (key: BooleanFlag, otherwise: boolean, ...rest: Rest) => boolean
    : never;
  string: Given extends (key: string, otherwise: string, ...rest: infer Rest) => unknown
    ? <Key extends StringFlag, Otherwise extends string>(key: Key, otherwise: Otherwise, ...rest: Rest) => Flags[Key] | Otherwise
    : never;
  integer: Given extends (key: string, otherwise: number, ...rest: infer Rest) => unknown
    ? (key: IntegerFlag, otherwise: number, ...rest: Rest) => number
    : never;
  number: Given extends (key: string, otherwise: number, ...rest: infer Rest) => unknown
    ? (key: NumberFlag | IntegerFlag, otherwise: number, ...rest: Rest) => number
    : never;
  json: Given extends (key: string, otherwise: never, ...rest: infer Rest) => unknown
    ? <Key extends JsonFlag, Otherwise>(key: Key, otherwise: Otherwise, ...rest: Rest) => Flags[Key] | Otherwise
    : never;
  snapshot: WithFlags<Given>;
}

type Evaluating<Given> = Given extends (flag: infer Flag, ...rest: infer Rest) => infer Decision
  ? <Key extends FlagKey>(flag: Key | (Exclude<Flag, string> & { readonly key: Key }), ...rest: Rest) => Served<Decision, Key>
  : never;

/** A client or a snapshot that takes the flags above, and no others. */
export type WithFlags<Of> = {
  readonly [Name in keyof Of]: Name extends keyof Methods<unknown> ? Methods<Of[Name]>[Name] : Of[Name];
};

/** Gives a client or a snapshot these types. It stays what it is. */
export function flags<Of extends { evaluateAll(...given: never[]): unknown }>(of: Of): WithFlags<Of> {
  return of as unknown as WithFlags<Of>;
}
`;

function comment({ description, tags, metadata }: FlagDocument): string {
  const deprecated = metadata?.['deprecated'] ?? tags?.includes('deprecated') ?? false;
  const lines = (description ?? '').split(/[\r\n\u2028\u2029]+/);
  if (deprecated !== false) lines.push(typeof deprecated === 'string' ? `@deprecated ${deprecated}` : '@deprecated');
  const shown = lines.map((line) => line.replace(STEERING, ' ').replaceAll('*/', '*\\/').trim()).filter((line) => line !== '');
  if (shown.length === 0) return '';
  if (shown.length === 1) return `  /** ${shown[0]} */\n`;
  return `  /**\n${shown.map((line) => `   * ${line}\n`).join('')}   */\n`;
}

function valueType({ type, variants }: FlagDocument): string {
  if (type === 'boolean') return 'boolean';
  if (type === 'integer' || type === 'number') return 'number';
  const values = variants.map(({ value }) => value);
  return type === 'string' ? union(values.map((value) => quoted(value as string))) : shape(values, SHAPE_DEPTH);
}

/** A type that has all of the values, with their primitives widened: what a text says may well change. */
function shape(values: readonly JsonValue[], depth: number): string {
  if (depth === 0) return 'unknown';
  const types: string[] = [];
  const items: JsonValue[] = [];
  const objects: ReadonlyMap<string, JsonValue>[] = [];
  for (const value of values) {
    if (Array.isArray(value)) {
      items.push(...value);
      types.push('[]');
    } else if (typeof value === 'object' && value !== null) {
      objects.push(new Map(Object.entries(value)));
      types.push('{}');
    } else types.push(value === null ? 'null' : typeof value);
  }
  return union(
    types.map((type) => {
      if (type === '[]') return `ReadonlyArray<${items.length === 0 ? 'unknown' : shape(items, depth - 1)}>`;
      return type === '{}' ? objectShape(objects, depth) : type;
    }),
  );
}

function objectShape(objects: readonly ReadonlyMap<string, JsonValue>[], depth: number): string {
  const names = [...new Set(objects.flatMap((object) => [...object.keys()]))];
  const valuesOf = (key: string) => objects.filter((object) => object.has(key)).map((object) => object.get(key)!);
  if (names.length === 0) return '{ readonly [name: string]: never }';
  if (names.length > SHAPE_MEMBERS) return `{ readonly [name: string]: ${shape(names.flatMap(valuesOf), depth - 1)} }`;
  const members = names.map((key) => {
    const held = valuesOf(key);
    return `readonly ${name(key)}${held.length < objects.length ? '?' : ''}: ${shape(held, depth - 1)}`;
  });
  return `{ ${members.join('; ')} }`;
}

/** What would show a text in another way than it is, and what is not seen. */
const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A text as TypeScript writes it. */
function quoted(text: string): string {
  const inside = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${inside.replace(STEERING, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`)}'`;
}

/** A name of a member. */
function name(text: string): string {
  return /^[A-Za-z_$][\w$]*$/.test(text) ? text : quoted(text);
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join(' | ') || 'never';
}
