// The five use cases of phase 2b, each as questions to the server and what their answers must show.

import { overridesPath } from './request.js';
import { bearer, heldToken, metaOf, rowOf, trustHealth } from './token.js';
import { ask, askData } from './server.js';

const FLAG = 'flags.registry_v1';
const SENSITIVE = 'ff.cm.advanced_policy';
const REFUSED = ['auth_not_verified', 'approval_expired', 'policy_denied', 'admin_unreachable'];
const NO_ROWS = `The store has no row that shows it: make dev seeds rows of ${FLAG}.`;

const evalOf = (query) => ({ path: `/api/flags/eval?${new URLSearchParams(query)}`, headers: bearer(heldToken()) });
const chainOf = ({ reason_chain: chain }) => chain.map(({ step, outcome }) => `${step}: ${outcome}`).join(' → ');
const holds = (isSo, text) => ({ kind: isSo ? 'agree' : 'differ', text: isSo ? text : `Not as it should be. ${text}` });
/** A held token's claims stand before the preset's user and tenant, so that the answer may be about somebody else. */
const holdsOfPreset = (isSo, text) =>
  !isSo && heldToken() !== '' ? cannot("The token names another user or tenant: empty the Token tab's field.") : holds(isSo, text);
const cannot = (text) => ({ kind: 'none', text });

/** A token that ends in ten minutes and whose signature is nobody's. */
function unsignedToken() {
  const part = (value) => btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const exp = Math.floor(Date.now() / 1000) + 600;
  const claims = { sub: 'U-1', iss: 'debug-page', aud: 'pty-feature-flags', exp };
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${'A'.repeat(342)}`;
}

async function liveRows() {
  const { data } = await askData({ path: overridesPath(FLAG), headers: bearer(heldToken()) });
  return data.rows.filter(({ expired }) => !expired);
}

/** `run()` gives `{kind, text, facts}`: whether it is so, in a line, and what was answered, by name. */
export const useCases = [
  {
    id: 'UC-FF2B+-01',
    title: 'Verified and decode-only mode',
    about: 'A token that nobody has signed: mode verified refuses it, mode decode-only answers with the warning auth_not_verified.',
    async run() {
      const health = await trustHealth();
      const given = await ask({ ...evalOf({ key: FLAG, user: 'U-1' }), headers: bearer(unsignedToken()) });
      const row = rowOf(given);
      const mode = health?.verifier.mode ?? 'unknown';
      const warnings = metaOf(given.json)?.warnings ?? [];
      const isSo =
        mode === 'decode-only'
          ? row === 'M-11' && warnings.includes('auth_not_verified')
          : given.status === 401 || ((row === 'M-02' || row === 'M-03') && warnings.includes('auth_not_verified'));
      const facts = {
        Mode: mode,
        'Matrix row': row ?? 'none',
        Answer: given.json?.error ? `${given.status} ${given.json.error.code}` : `${given.status}, ${metaOf(given.json)?.auth_source}`,
        Warnings: warnings.join(', ') || 'none',
      };
      const outcome = given.status === 200 ? 'answers, and warns' : 'refuses';
      return { ...holds(isSo, `Mode ${mode} ${outcome} (${row ?? 'no row'}).`), facts };
    },
  },
  {
    id: 'UC-FF2B+-02',
    title: 'Tenant override, and what stores it',
    about: `A tenant's stored row of ${FLAG} decides for everybody of the tenant; meta.backing_state says what it was read from.`,
    async run() {
      const row = (await liveRows()).find(({ scope }) => scope === 'tenant');
      if (!row) return { ...cannot(NO_ROWS), facts: {} };
      const { data } = await askData(evalOf({ key: FLAG, user: 'U-debug-page', tenant: row.id }));
      return {
        ...holdsOfPreset(data.source === 'store_tenant_override', `The row of tenant ${row.id} decides, from ${data.meta.backing_state}.`),
        facts: factsOf(data, { 'Stored row': `tenant ${row.id}: ${JSON.stringify(row.variant)}` }),
      };
    },
  },
  {
    id: 'UC-FF2B+-03',
    title: 'User override before tenant override',
    about: `Rows of a tenant and of a user that say different things of ${FLAG}: the user's decides, and the chain shows what was consulted.`,
    async run() {
      const rows = await liveRows();
      const tenant = rows.find(({ scope }) => scope === 'tenant');
      const user = rows.find(({ scope, variant }) => scope === 'user' && variant !== tenant?.variant);
      if (!tenant || !user) return { ...cannot(NO_ROWS), facts: {} };
      const { data } = await askData(evalOf({ key: FLAG, user: user.id, tenant: tenant.id }));
      return {
        ...holdsOfPreset(
          data.source === 'store_user_override' && data.reason === 'user_override_precedence',
          `The row of user ${user.id} stands before that of tenant ${tenant.id}.`,
        ),
        facts: factsOf(data, {
          'Stored rows': `tenant ${tenant.id}: ${JSON.stringify(tenant.variant)}, user ${user.id}: ${JSON.stringify(user.variant)}`,
        }),
      };
    },
  },
  {
    id: 'UC-FF2B+-04',
    title: 'Cache and refresh',
    about: 'Each answer says whether it came from the cache. Who holds the registry with its ETag is told 304 until it changes.',
    async run() {
      const question = evalOf({ key: FLAG, user: 'U-1' });
      const first = (await askData(question)).data.meta;
      const second = (await askData(question)).data.meta;
      const registry = { path: '/api/flags/registry', headers: bearer(heldToken()) };
      const held = await askData(registry);
      const etag = new Map(held.headers).get('etag') ?? '';
      const { status } = await ask({ ...registry, headers: { ...registry.headers, 'If-None-Match': etag } });
      const known = ['hit', 'miss', 'stale', 'uncached'];
      const isSo = [first, second].every(({ cache }) => known.includes(cache)) && etag !== '' && status === 304;
      return {
        ...holds(isSo, `The cache answered ${first.cache}, then ${second.cache}; the registry has not changed: ${status}.`),
        facts: {
          'First answer': `${first.cache}, version ${first.snapshot_version}`,
          'Second answer': `${second.cache}, version ${second.snapshot_version}`,
          ETag: etag,
          'Asked with the ETag': String(status),
        },
      };
    },
  },
  {
    id: 'UC-FF2B+-05',
    title: 'Sensitive flag at the gate',
    about: `${SENSITIVE} asks the policy service about the caller's approval, and is off for whoever is not allowed.`,
    async run() {
      const { data } = await askData({
        method: 'POST',
        path: '/api/flags/sensitive-eval',
        headers: bearer(heldToken()),
        body: { key: SENSITIVE, context: { user_id: 'U-1' } },
      });
      const { evaluation, sensitivity, gate } = data;
      if (!sensitivity.sensitive_flag) return { ...cannot(`${SENSITIVE} is not sensitive here.`), facts: {} };
      const isDenied = REFUSED.includes(gate.reason);
      const isSo = isDenied
        ? evaluation.source === 'sensitive' && evaluation.reason === gate.reason && evaluation.enabled === false
        : evaluation.source !== 'sensitive' && evaluation.meta.auth_source === 'jwt';
      return {
        ...holds(isSo, isDenied ? `Denied: ${gate.reason}.` : `Allowed, ttl_state ${gate.ttl_state}.`),
        facts: factsOf(evaluation, {
          Gate: [gate.decision, gate.reason].filter(Boolean).join(', '),
          Approval: [gate.approval_ref ?? 'none', gate.ttl_state].filter(Boolean).join(', '),
          Auth: evaluation.meta.auth_source,
        }),
      };
    },
  },
];

function factsOf(decision, before) {
  const { enabled, value, source, reason, meta } = decision;
  return {
    ...before,
    Answer: `${JSON.stringify(value)}, ${enabled ? 'on' : 'off'}`,
    Source: `${source}, ${reason}`,
    'Backing state': meta.backing_state,
    'Consulted, top to bottom': chainOf(decision),
  };
}
