// What the HTTP surface offers, as data: the Endpoints tab, the Auth tab, the samples and the Raw contract tab all show this one
// source. It holds JSON only, so that it can be shown as it is.

/** The attributes that a request can name without a body. A header overrules the query, and the query the default. */
export const attributes = [
  {
    attribute: 'user_id',
    header: 'X-PTT-User-Id',
    query: 'user',
    default: null,
    required: true,
    meaning: 'a stable id, for bucketing and overrides',
  },
  {
    attribute: 'tenant_id',
    header: 'X-PTT-Tenant-Id',
    query: 'tenant',
    default: null,
    required: false,
    meaning: 'the tenant whose overrides apply',
  },
  {
    attribute: 'tier',
    header: 'X-PTT-Tier',
    query: 'tier',
    default: 'anonymous',
    required: false,
    meaning: 'staff is let into internal stages',
  },
  {
    attribute: 'env',
    header: 'X-PTT-Env',
    query: 'env',
    default: 'dev',
    required: false,
    meaning: 'the environment, which may have a stage of its own',
  },
  {
    attribute: 'role_key',
    header: 'X-PTT-Role-Key',
    query: 'role_key',
    default: null,
    required: false,
    meaning: "the user's role",
  },
];

export const requestHeaders = [
  ...attributes.map(({ header, meaning }) => ({ name: header, meaning })),
  {
    name: 'X-Request-Id',
    meaning: 'your correlation id: 1 to 128 visible ASCII characters, echoed; a new UUID otherwise',
  },
  { name: 'X-Burgee-Registry', meaning: "another tenant's registry, if FF_OPEN_REGISTRIES lists it" },
  { name: 'If-None-Match', meaning: 'the ETag that you hold; what has not changed answers 304' },
  { name: 'X-Tenant-ID', meaning: "the tenant whose flags OpenFeature is told of; the platform's otherwise" },
  { name: 'Authorization', meaning: 'Bearer and a token: of your issuer, who says who you are, or of the control plane' },
  { name: 'X-PTT-Approval-Ref', meaning: "your approval for a sensitive flag, where the token's claim names none" },
  { name: 'Content-Type', meaning: 'what a body is: application/json' },
  { name: 'Accept-Encoding', meaning: 'whether a snapshot may come packed' },
  { name: 'If-Match', meaning: 'the version that a change under /v1 was made from' },
  { name: 'Last-Event-ID', meaning: 'the last event that you hold of the stream under /v1' },
];

export const responseHeaders = [
  { name: 'X-Request-Id', meaning: 'yours, or a new UUID' },
  { name: 'ETag', meaning: 'of a registry: changes when it does; of all flags for OpenFeature: with the context too' },
  { name: 'Allow', meaning: 'of a 405: the methods that the path is served for' },
  { name: 'Retry-After', meaning: 'in how many seconds to ask again' },
  { name: 'X-Burgee-Version', meaning: 'of a snapshot under /v1: its version' },
  { name: 'Burgee-Signature', meaning: 'of a snapshot under /v1: whose key has signed it, and the signature' },
];

/** `examples` are what the Try buttons send; `inputs` names a request that is made of the Run tab's (lib/request.js). */
export const endpoints = [
  {
    id: 'eval',
    method: 'GET',
    path: '/api/flags/eval',
    purpose: 'Evaluate one flag',
    needs: 'key and user in the query, or the user in X-PTT-User-Id; tenant, tier, env, role_key are optional',
    examples: [{ label: 'Try', inputs: 'get' }],
  },
  {
    id: 'batch',
    method: 'POST',
    path: '/api/flags/eval/batch',
    purpose: 'Evaluate up to 100 flags for one context, in the order asked',
    needs:
      'a JSON body {context, flags[], overrides?: {user?, tenant?}} with context.user_id, or the user in X-PTT-User-Id',
    examples: [{ label: 'Try', inputs: 'batch' }],
  },
  {
    id: 'registry',
    method: 'GET',
    path: '/api/flags/registry',
    purpose: 'Read the registry as it is stored, or a summary with its warnings',
    needs: 'nothing; summary=true asks for the summary',
    examples: [
      { label: 'Try', path: '/api/flags/registry' },
      { label: 'Try the summary', path: '/api/flags/registry?summary=true' },
    ],
  },
  {
    id: 'health',
    method: 'GET',
    path: '/api/flags/health',
    purpose: 'What is served, and how fresh it is',
    needs: 'nothing',
    examples: [{ label: 'Try', path: '/api/flags/health' }],
  },
  {
    id: 'overrides',
    method: 'GET',
    path: '/api/flags/overrides/by-flag/{key}',
    purpose: "A flag's stored override rows",
    needs: "a verified caller, or dev headers; of a sensitive flag, a verified caller; the Run tab's flag is asked for",
    examples: [{ label: 'Try', inputs: 'overrides' }],
  },
  {
    id: 'sensitive-eval',
    method: 'POST',
    path: '/api/flags/sensitive-eval',
    purpose: 'Evaluate one flag, with how it stands with who may be told of it',
    needs: 'a JSON body {key, context?, approval_ref?}; a sensitive flag asks for a verified caller',
    examples: [{ label: 'Try', inputs: 'sensitive' }],
  },
];

/** OpenFeature's remote evaluation protocol, for its stock clients; `inputs` are as above. */
export const remote = [
  {
    id: 'ofrep-one',
    method: 'POST',
    path: '/ofrep/v1/evaluate/flags/{key}',
    purpose: 'Evaluate one flag',
    needs: 'a JSON body {context?}, where context.targetingKey is the user; X-Tenant-ID names another tenant',
    examples: [{ label: 'Try', inputs: 'remoteOne' }],
  },
  {
    id: 'ofrep-all',
    method: 'POST',
    path: '/ofrep/v1/evaluate/flags',
    purpose: 'Evaluate all flags; with the ETag of what you hold, 304 if nothing has changed for this context',
    needs: 'the same',
    examples: [{ label: 'Try', inputs: 'remoteAll' }],
  },
];

/** For those who run the service; plain text, without the envelope. */
export const operations = [
  {
    id: 'healthz',
    method: 'GET',
    path: '/healthz',
    purpose: 'The process runs',
    needs: 'nothing',
    examples: [{ label: 'Try', path: '/healthz' }],
  },
  {
    id: 'readyz',
    method: 'GET',
    path: '/readyz',
    purpose: 'There is a registry to answer from',
    needs: 'nothing',
    examples: [{ label: 'Try', path: '/readyz' }],
  },
  {
    id: 'trust-health',
    method: 'GET',
    path: '/phase-2b/health',
    purpose: 'How it stands with override rows, keys and the policy service: JSON',
    needs: 'nothing',
    examples: [{ label: 'Try', path: '/phase-2b/health' }],
  },
];

export const errors = [
  { status: 400, code: 'invalid_request', when: 'the user or the key is missing, or the query or body cannot be read' },
  { status: 401, code: 'token_missing', when: 'there is no token, and dev headers are not allowed' },
  { status: 401, code: 'token_malformed', when: 'the token is no JWT that can be used; the matrix has the other codes' },
  { status: 403, code: 'permission_denied', when: 'override rows are for verified callers' },
  { status: 404, code: 'not_found', when: 'nothing is served at this path' },
  { status: 405, code: 'method_not_allowed', when: 'the path is served, but not for this method' },
  { status: 500, code: 'internal_error', when: 'the fault is on the server' },
  { status: 503, code: 'registry_unavailable', when: 'there is no snapshot to answer from' },
];

const service = { service_version: '…', evaluator_version: '…', request_id: '…' };

export const envelope = {
  success: { ok: true, data: 'a decision, a list of decisions, a registry or a health report', error: null, service },
  failure: {
    ok: false,
    data: null,
    error: { code: 'one of errors[].code', message: 'for people', hint: 'what would be right; may be left out' },
    service,
  },
  notes: [
    'An unknown flag is an answer: 200 with data.source "unknown_flag".',
    'A batch answers in the order asked, repeats included.',
  ],
};

export const decision = {
  flag_key: 'as asked',
  enabled: 'boolean flags: the value is true; others: a variant is served that is not the off variant',
  value: 'what is served; null where there is nothing, and your default stands',
  variant: "the served variant's key, or null",
  source: 'the step that decided',
  reason: 'why it decided so',
  rule_id: 'only when a rule decided',
  bucket: 'only when the deciding step computed one',
  threshold: 'what the bucket was compared with',
  rollout_stage: 'only when a stage decided',
  flag_version: "the flag's; null for an unknown or invalid flag",
  reason_chain: '[{step, outcome}] from the first step to the one that decided',
  meta: {
    backing_state: 'where registries are stored',
    cache: 'uncached, hit, miss or stale',
    snapshot_version: "the registry's",
    warnings: 'codes of what to know of this answer',
    auth_source: 'jwt: a token that verified; jwt_unverified: one that did not; dev_headers: you are believed',
  },
};

const shown = (list) => list.map(({ examples, id, ...rest }) => rest);

/** The whole, for the Raw contract tab. */
export const contract = {
  service: 'burgee',
  surface: '/api/flags',
  endpoints: shown([...endpoints, ...operations]),
  attributes,
  request_headers: requestHeaders,
  response_headers: responseHeaders,
  envelope,
  decision,
  errors,
  open_feature: {
    protocol: 'OFREP 0.3',
    endpoints: shown(remote),
    flag: {
      key: 'as asked',
      value: 'what is served; left out where your default stands',
      reason: 'STATIC, DEFAULT, TARGETING_MATCH, SPLIT or DISABLED',
      variant: "the served variant's key; empty where there is none",
      metadata: "the flag's own, and flagSetId, version, reasonCode, ruleId, prerequisite, flagState",
    },
    failure: {
      key: 'of one flag only',
      errorCode: 'FLAG_NOT_FOUND, PARSE_ERROR, TARGETING_KEY_MISSING, INVALID_CONTEXT or GENERAL',
      errorDetails: 'for people',
      metadata: 'as above, or empty',
    },
  },
  limits: { flags_per_batch: 100, body_bytes: 1_048_576, context_bytes: 65_536, request_id_characters: 128 },
};
