/**
 * Writing contexts into the evaluator's memory. The form is described, and read, in `wasm/src/wire.rs`.
 *
 * Strings are written unit by unit, because `TextEncoder` would replace lone surrogates, and two users whose ids differ in one
 * would become the same user.
 */

import type { AttributeValue, Inline } from './types.js';

export const USER_OVERRIDE = 0xffff;
export const TENANT_OVERRIDE = 0xfffe;

/** Lists in lists are written to this depth, and deeper ones as objects: they equal nothing. It also ends a list in itself. */
export const LIST_DEPTH = 4;

const float = new Float64Array(1);
const floatBytes = new Uint8Array(float.buffer);

/** Writes into memory that somebody else provides. `place` is past the end once the room was too small. */
export class Writer {
  place = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get fits(): boolean {
    return this.place <= this.bytes.length;
  }

  /** Writes one attribute, unless there is nothing to say. */
  attribute(id: number, value: unknown): void {
    if (value === undefined || value === null) return;
    const start = this.place;
    this.byte(id & 0xff);
    this.byte(id >>> 8);
    if (!this.value(value, LIST_DEPTH)) this.place = start;
  }

  /** Writes an inline override for a flag. What names no variant is written as an object, which says just that. */
  override(id: number, flag: number, value: Inline | undefined): void {
    if (value === undefined || value === null) return;
    this.byte(id & 0xff);
    this.byte(id >>> 8);
    this.length(flag);
    this.value(typeof value === 'string' || typeof value === 'boolean' ? value : {}, 0);
  }

  private value(value: unknown, depth: number): boolean {
    switch (typeof value) {
      case 'string':
        this.byte(1);
        this.string(value);
        return true;
      case 'number':
        this.byte(2);
        float[0] = value;
        for (let i = 0; i < 8; i++) this.byte(floatBytes[i]!);
        return true;
      case 'boolean':
        this.byte(value ? 4 : 3);
        return true;
      case 'object':
        if (!Array.isArray(value) || depth === 0) {
          this.byte(6);
          return true;
        }
        this.byte(5);
        this.length(value.length);
        for (const item of value as AttributeValue[]) {
          // A hole, or what JSON does not know, still takes its place in the list.
          if (item === null || !this.value(item, depth - 1)) this.byte(6);
        }
        return true;
      default:
        // Functions, symbols and undefined are not JSON, so they are not there; nor is a bigint.
        return false;
    }
  }

  private byte(byte: number): void {
    // Past the end this writes nothing, and `fits` will tell.
    this.bytes[this.place++] = byte;
  }

  private length(length: number): void {
    this.byte(length & 0xff);
    this.byte((length >>> 8) & 0xff);
    this.byte((length >>> 16) & 0xff);
    this.byte(length >>> 24);
  }

  /** Writes a string as generalised UTF-8, with its length before it. */
  private string(text: string): void {
    const start = this.place;
    this.place += 4;
    this.text(text);
    const end = this.place;
    this.place = start;
    this.length(end - start - 4);
    this.place = end;
  }

  /** Writes a string as generalised UTF-8: each code point, and each lone surrogate, in its own bytes. */
  text(text: string): void {
    const bytes = this.bytes;
    let place = this.place;
    for (let i = 0; i < text.length; i++) {
      let code = text.charCodeAt(i);
      if (code < 0x80) {
        bytes[place++] = code;
        continue;
      }
      if ((code & 0xfc00) === 0xd800 && i + 1 < text.length) {
        const low = text.charCodeAt(i + 1);
        if ((low & 0xfc00) === 0xdc00) {
          code = 0x10000 + ((code & 0x3ff) << 10) + (low & 0x3ff);
          i++;
        }
      }
      if (code < 0x800) {
        bytes[place++] = 0xc0 | (code >>> 6);
      } else {
        if (code < 0x10000) {
          bytes[place++] = 0xe0 | (code >>> 12);
        } else {
          bytes[place++] = 0xf0 | (code >>> 18);
          bytes[place++] = 0x80 | ((code >>> 12) & 0x3f);
        }
        bytes[place++] = 0x80 | ((code >>> 6) & 0x3f);
      }
      bytes[place++] = 0x80 | (code & 0x3f);
    }
    this.place = place;
  }
}
