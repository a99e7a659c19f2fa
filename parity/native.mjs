import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

// The native evaluator: one process, one JSON line in and one out for each case.
//
// JSON text cannot carry everything that a JavaScript caller can pass. In `key`, `context` and `overrides` a string with
// a lone surrogate is written as `{"$utf16": [units]}`, and NaN, the infinities and -0 as `{"$number": "NaN"}` and so on.
export class NativeEvaluator {
  /** Why it cannot be used any more. */
  failure;

  #child;
  #waiting = [];
  #ended;

  constructor(path) {
    this.#child = spawn(path, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#ended = new Promise((resolve) => {
      const fail = (reason) => {
        this.failure ??= `the native evaluator ${path} ${reason}`;
      };
      this.#child.on('error', (error) => {
        fail(`does not start: ${error.message}`);
        resolve();
      });
      // A process that is gone takes no more input; that is said by its exit.
      this.#child.stdin.on('error', () => {});
      const lines = createInterface({ input: this.#child.stdout, crlfDelay: Infinity });
      lines.on('line', (line) => {
        const receive = this.#waiting.shift();
        try {
          if (!receive) throw new Error('has answered more often than it was asked');
          receive(decode(JSON.parse(line)));
        } catch (error) {
          fail(`: ${error.message}: ${line.slice(0, 200)}`);
        }
      });
      this.#child.on('close', (code, signal) => {
        if (code !== 0) fail(`ended with ${signal ?? `status ${code}`}`);
        else if (this.#waiting.length > 0) fail(`left ${this.#waiting.length} cases without an answer`);
        resolve();
      });
    });
  }

  /** Sends a case; `receive` gets the answer, later and in order. Resolves when the next case may be sent. */
  async ask({ registry, text, requests }, receive) {
    this.#waiting.push(receive);
    const line = `{"registry":${text ?? JSON.stringify(registry)},"requests":${JSON.stringify(requests.map(encode))}}\n`;
    if (!this.#child.stdin.write(line)) {
      await Promise.race([new Promise((resolve) => this.#child.stdin.once('drain', resolve)), this.#ended]);
    }
    if (this.failure) throw new Error(this.failure);
  }

  async end() {
    this.#child.stdin.end();
    await this.#ended;
    if (this.failure) throw new Error(this.failure);
  }
}

const LONE_SURROGATE = /[\ud800-\udfff]/u;

function encode(value) {
  if (typeof value === 'string') {
    return LONE_SURROGATE.test(value) ? { $utf16: Array.from({ length: value.length }, (_, i) => value.charCodeAt(i)) } : value;
  }
  if (typeof value === 'number') return Object.is(value, -0) ? { $number: '-0' } : Number.isFinite(value) ? value : { $number: String(value) };
  return mapped(value, encode);
}

function decode(value) {
  if (Array.isArray(value?.$utf16)) return String.fromCharCode(...value.$utf16);
  return mapped(value, decode);
}

// `Object.fromEntries` makes `__proto__` a property like others, where an assignment does not.
function mapped(value, change) {
  if (Array.isArray(value)) return value.map(change);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, change(inner)]));
}
