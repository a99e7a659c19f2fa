// Puts the page together: the inputs live in the URL, each tab starts when it is first shown.

import './styles/page.css';
import { find } from './lib/dom.js';
import { loadEvaluator } from './lib/evaluator.js';
import { startServerStatus } from './lib/server-status.js';
import { DEFAULTS, makeState, readFragment, writeFragment } from './lib/state.js';
import { startTabs } from './lib/tabs.js';
import { startAuth } from './tabs/auth.js';
import { startCases } from './tabs/cases.js';
import { startContract } from './tabs/contract.js';
import { startCurl } from './tabs/curl.js';
import { startEndpoints } from './tabs/endpoints.js';
import { startOverrides } from './tabs/overrides.js';
import { startParity } from './tabs/parity.js';
import { startRun } from './tabs/run.js';
import { startSensitive } from './tabs/sensitive.js';
import { startToken } from './tabs/token.js';

// The largest download begins first. Whoever needs it reports it if it fails.
loadEvaluator().catch(() => {});

const state = makeState(readFragment(location.hash, DEFAULTS).inputs);
const server = startServerStatus(state);
const starters = {
  run: startRun,
  endpoints: startEndpoints,
  auth: startAuth,
  token: startToken,
  overrides: startOverrides,
  sensitive: startSensitive,
  cases: startCases,
  curl: startCurl,
  contract: startContract,
  parity: startParity,
};
const started = new Map();
let open = 'run';

const tabs = startTabs(find('#tabs'), {
  opened(name) {
    open = name;
    if (!started.has(name)) started.set(name, starters[name]({ panel: find(`#panel-${name}`), state, server }));
  },
  chosen: (name) => history.pushState(null, '', writeFragment(name, state.get())),
});

state.onChange((inputs) => history.replaceState(null, '', writeFragment(open, inputs)));

// Back and forward, and a link to another case that is followed while the page is open.
addEventListener('popstate', () => {
  const { tab, inputs } = readFragment(location.hash, DEFAULTS);
  tabs.open(tab);
  state.set(inputs);
  started.get('run')?.again();
});

tabs.open(readFragment(location.hash, DEFAULTS).tab);
