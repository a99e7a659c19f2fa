/** What can go wrong, as a code that programs may compare. */
export type ErrorCode =
  /** The registry or snapshot is refused as a whole. `pointer` says where. */
  | 'invalid_json'
  | 'missing'
  | 'wrong_type'
  | 'invalid_value'
  | 'limit_exceeded'
  /** The request is not one: `pointer` says where. */
  | 'invalid_request'
  /** The handle was freed. */
  | 'freed'
  /** `burgee/slim` was used before `init`, or the module cannot be compiled here. */
  | 'not_initialized'
  /** The evaluator failed, and starts anew: other calls are not affected. */
  | 'internal';

/** Every error that this package throws on purpose. */
export class BurgeeError extends Error {
  override readonly name = 'BurgeeError';

  constructor(
    readonly code: ErrorCode,
    /** Where, as a JSON pointer (RFC 6901) into the registry or the request; empty for the whole. */
    readonly pointer: string,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(pointer === '' ? message : `${pointer}: ${message}`, options);
  }
}
