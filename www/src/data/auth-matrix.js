// How callers are told apart: the rows of docs/trust.md, and questions that show which of two values the server used.

/** `allowed` and `refused` are the answers where dev headers are allowed, and where they are not. */
export const matrix = [
  {
    id: 'M-01',
    situation: 'Signature, audience, issuer and expiry are all good',
    allowed: '200, auth_source jwt, no warnings',
    refused: 'the same',
  },
  {
    id: 'M-02',
    situation: "The issuer's keys cannot be had, and none are held",
    allowed: '200, jwt_unverified, warnings auth_not_verified and jwks_unreachable',
    refused: '401 jwks_unreachable',
  },
  {
    id: 'M-03',
    situation: 'The key id is unknown after one refresh',
    allowed: '200, jwt_unverified, warnings auth_not_verified and kid_not_found',
    refused: '401 kid_not_found',
  },
  { id: 'M-04', situation: 'The signature does not verify', allowed: '401 signature_invalid', refused: 'the same' },
  { id: 'M-05', situation: 'The audience differs or is missing', allowed: '401 audience_mismatch', refused: 'the same' },
  { id: 'M-06', situation: 'The issuer differs or is missing', allowed: '401 issuer_mismatch', refused: 'the same' },
  {
    id: 'M-07',
    situation: 'Expired, without an end, or not valid yet',
    allowed: '401 token_expired, or token_not_yet_valid',
    refused: 'the same',
  },
  {
    id: 'M-08',
    situation: "The algorithm is not allowed, or not the key's",
    allowed: '401 algorithm_not_allowed',
    refused: 'the same',
  },
  { id: 'M-09', situation: 'Not a JWT, or without sub', allowed: '401 token_malformed', refused: 'the same' },
  { id: 'M-10', situation: 'There is no token', allowed: '200, auth_source dev_headers', refused: '401 token_missing' },
  {
    id: 'M-11',
    situation: 'Mode decode-only, any token that is a JWT',
    allowed: '200, jwt_unverified, warning auth_not_verified',
    refused: 'the same',
  },
];

/**
 * Questions that show which of two values the server used: each asks a flag of the synthetic registry whose answer depends on the
 * attribute. `fixed` is sent with both. No flag there reads the role, so the server's answer cannot tell.
 */
export const probes = {
  user_id: { flag: 'syn.staged_25', header: 'bucket-low-1', query: 'U-2', fixed: {} },
  tenant_id: { flag: 'syn.override', header: 'T-held', query: 'T-other', fixed: { user: 'U-1' } },
  tier: { flag: 'syn.per_env', header: 'staff', query: 'enterprise', fixed: { user: 'U-1', env: 'staging' } },
  env: { flag: 'syn.per_env', header: 'staging', query: 'prod', fixed: { user: 'U-1' } },
  role_key: { flag: 'syn.per_env', header: 'admin', query: 'viewer', fixed: { user: 'U-1' } },
};
