// The Run tab: one question, asked of the evaluator in this page and of the server, and both answers side by side.

import { differences } from '../../../parity/compare.mjs';
import { find, show } from '../lib/dom.js';
import { loadEvaluator, loadSnapshot } from '../lib/evaluator.js';
import { InputError, requestOf } from '../lib/request.js';
import { Trouble, asTrouble, askData } from '../lib/server.js';
import { answerView, verdictOf } from './answer-view.js';
import { startForm } from './run-form.js';

export function startRun({ state, server }) {
  const results = find('#run-results');
  const verdict = find('#run-verdict');
  const form = startForm({ state, server, submit: run });
  let latest = 0;
  let shown;

  async function run() {
    const turn = ++latest;
    const inputs = state.get();
    let request;
    try {
      request = requestOf(inputs);
      form.showFault(undefined);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      form.showFault(error);
      results.setAttribute('aria-busy', 'false');
      say('none', `Not evaluated. ${error.message}`);
      show(find('#run-answer'));
      return;
    }
    results.setAttribute('aria-busy', 'true');
    const [browser, remote] = await Promise.all([
      settled(inBrowser(inputs.registry, request)),
      settled(onServer(request)),
    ]);
    // A later question has overtaken this one.
    if (turn !== latest) return;
    const found = browser.decision && remote.decision ? differences(remote.decision, browser.decision) : undefined;
    const { kind, text } = verdictOf({ browser, remote, found });
    say(kind, text);
    show(find('#run-answer'), answerView({ request, browser, remote, found }));
    results.setAttribute('aria-busy', 'false');
    results.removeAttribute('data-stale');
    shown = inputs;
  }

  function say(kind, text) {
    verdict.className = `verdict ${kind}`;
    verdict.textContent = text;
  }

  state.onChange((inputs) => {
    if (shown) results.toggleAttribute('data-stale', inputs !== shown);
  });
  document.addEventListener('burgee:again', run);
  run();
  return { again: run };
}

async function inBrowser(registry, { evaluator: request }) {
  const { snapshot, isOld } = await loadSnapshot(registry);
  const { evaluate, explain } = await loadEvaluator();
  const explanation = explain(snapshot, request);
  const began = performance.now();
  const decision = evaluate(snapshot, request);
  return { decision, explanation, version: snapshot.version, isOld, ms: performance.now() - began };
}

async function onServer({ server }) {
  const answer = await askData(server);
  const found = Array.isArray(answer.data) ? answer.data[0] : answer.data;
  if (typeof found !== 'object' || found === null) {
    throw new Trouble('The server answered without a decision.', '', { status: answer.status });
  }
  const { meta, ...decision } = found;
  return { decision, meta, service: answer.service, ms: answer.ms, envelope: answer.json };
}

const settled = (promise) => promise.catch((error) => ({ trouble: asTrouble(error) }));
