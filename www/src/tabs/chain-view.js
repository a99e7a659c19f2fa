// The reason chain as a list to read: every step, how it went, and what it compared.

import { outcomeName, stepDetails, stepName } from '../data/words.js';
import { code, h } from '../lib/dom.js';

/** `explanation` is the browser's, in full; `served` the server's chain of steps and outcomes. Either may be missing. */
export function chainView(explanation, served) {
  const mine = explanation?.reason_chain;
  const length = Math.max(mine?.length ?? 0, served?.length ?? 0);
  const items = Array.from({ length }, (_, i) => {
    const step = mine?.[i] ?? (mine ? undefined : served[i]);
    const other = mine && served ? (sameStep(mine[i], served[i]) ? undefined : (served[i] ?? null)) : undefined;
    return itemView(step, other);
  });
  return h('ol', { class: 'chain' }, items);
}

const sameStep = (one, other) => one?.step === other?.step && one?.outcome === other?.outcome;

/** `other` is what the server has here where it differs: a step, or null for none. */
function itemView(step, other) {
  const details = step ? stepDetails(step) : [];
  return h(
    'li',
    {
      class:
        [step?.outcome === 'match' ? 'decides' : undefined, other !== undefined && 'differs']
          .filter(Boolean)
          .join(' ') || undefined,
    },
    step
      ? [
          h('span', { class: 'step' }, stepName(step.step)),
          h('span', { class: `outcome ${step.outcome}` }, outcomeName(step.outcome)),
          h('span', { class: 'codes' }, code(`${step.step}: ${step.outcome}`)),
          details.length > 0 && h('span', { class: 'details' }, details.join(' · ')),
        ]
      : h('span', { class: 'step nothing' }, 'no such step in the browser'),
    other !== undefined &&
      h(
        'span',
        { class: 'differs-mark' },
        other ? ['the server has ', code(`${other.step}: ${other.outcome}`)] : 'the server has no such step',
      ),
  );
}
