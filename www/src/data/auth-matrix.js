// How callers will be told apart once tokens are verified. Nothing of it is enforced in this version, and the page says so,
// above and on every row: a table of promises must not read like a table of facts.

export const NOT_VERIFIED = 'not verified in this version: dev headers only';

export const matrix = [
  {
    id: 'M-01',
    situation: 'Signature, audience, issuer and expiry are all good',
    answer: 'auth_source=jwt, no warnings',
  },
  {
    id: 'M-02',
    situation: 'The JWKS cannot be reached',
    answer: 'fallback allowed: decode-only, auth_not_verified and jwks_unreachable; else 401 jwks_unreachable',
  },
  {
    id: 'M-03',
    situation: 'The key id is unknown after one refresh',
    answer: 'fallback allowed: decode-only, auth_not_verified and kid_not_found; else 401 kid_not_found',
  },
  { id: 'M-04', situation: 'The signature does not verify', answer: '401 signature_invalid, whatever the settings' },
  { id: 'M-05', situation: 'The audience differs', answer: '401 audience_mismatch' },
  { id: 'M-06', situation: 'The issuer differs', answer: '401 issuer_mismatch' },
  { id: 'M-07', situation: 'Expired, or not valid yet', answer: '401 token_expired, or token_not_yet_valid' },
  { id: 'M-08', situation: 'The algorithm is not allowed', answer: '401 algorithm_not_allowed' },
  { id: 'M-09', situation: 'The token is not a JWT', answer: '401 token_malformed' },
  {
    id: 'M-10',
    situation: 'There is no token',
    answer: 'dev headers if allowed (auth_source=dev_headers), else 401 token_missing',
  },
  { id: 'M-11', situation: 'Decode-only mode', answer: 'auth_source=jwt_unverified, warning auth_not_verified' },
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
