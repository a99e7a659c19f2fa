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
  /** An option of the client is missing, mistyped, or excludes another. `pointer` names it. */
  | 'invalid_option'
  /** The snapshot cannot be had: the network, the time or the server's answer. The client tries again. */
  | 'unavailable'
  /** The server wants other credentials for the snapshot. */
  | 'unauthorized'
  /** The client was told to `verify`, and the snapshot carries no signature. */
  | 'signature_missing'
  /** The snapshot is signed with a key that is not among those to be trusted. */
  | 'signature_key_unknown'
  /** The signature is not the snapshot's, or the snapshot not the tenant's. */
  | 'signature_invalid'
  /** A function that the client was given has failed; `cause` says with what. */
  | 'callback_failed'
  /** The handle was freed, or the client was closed. */
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
