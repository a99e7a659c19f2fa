// What the SDKs have in common.

/** Failures are what some scenarios are about, and need not be in the log. */
export const QUIET = { error() {}, warn() {}, info() {}, debug() {} };

/** The method of a client for a kind of flag. */
export function methodOf(kind) {
  return `get${{ boolean: 'Boolean', string: 'String', integer: 'Number', float: 'Number', object: 'Object' }[kind]}Details`;
}
