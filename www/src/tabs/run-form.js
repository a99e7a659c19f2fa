// The form of the Run tab: shows the inputs, keeps them in the state, and says which of them cannot be used.

import { copyButton } from '../lib/copy.js';
import { find, h } from '../lib/dom.js';
import { FIELDS, writeFragment } from '../lib/state.js';
import { attributes } from '../data/contract.js';

const NAMED = new Map(attributes.map(({ attribute, query }) => [attribute, query]));

export function startForm({ state, server, submit }) {
  const form = find('#run-form');
  const field = (name) => form.elements[name];
  let summary;

  function write(inputs) {
    for (const name of FIELDS) if (field(name).value !== inputs[name]) field(name).value = inputs[name];
    if (inputs.overrides || inputs.attributes) find('#run-more').open = true;
    describe(inputs.key);
  }

  /** What is known of the flag that is named, before it is asked for. */
  function describe(key) {
    const flag = summary?.flags.find((entry) => entry.key === key);
    const stage = flag?.rollout_stage && `stage ${flag.rollout_stage}`;
    const about =
      flag &&
      (flag.valid ? [flag.description, stage, flag.sensitive && 'sensitive'] : ['This flag is at fault and off.']);
    find('#run-key-about').textContent = about ? about.filter(Boolean).join(' · ') : '';
  }

  function showFault(error) {
    for (const name of ['key', 'overrides', 'attributes']) {
      const isFaulty = error?.field === name;
      if (isFaulty) field(name).setAttribute('aria-invalid', 'true');
      else field(name).removeAttribute('aria-invalid');
      find(`#run-${name}-fault`).textContent = isFaulty ? error.message : '';
    }
    if (!error) return;
    if (error.field !== 'key') find('#run-more').open = true;
    field(error.field).focus();
  }

  form.addEventListener('input', ({ target }) => {
    // The registry is asked for when it is named in full, not at every letter.
    if (FIELDS.includes(target.name) && target.name !== 'registry') state.set({ [target.name]: target.value });
  });
  form.addEventListener('change', ({ target }) => {
    if (target.name === 'registry') state.set({ registry: target.value.trim() });
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    state.set({ registry: field('registry').value.trim() });
    submit();
  });

  server.onSummary((given) => {
    summary = given;
    find('#run-flags').replaceChildren(
      ...(summary?.flags ?? []).map(({ key, description }) => h('option', { value: key }, description)),
    );
    describe(state.get().key);
  });

  find('#run-actions').append(
    copyButton(
      'a link to this case',
      () => new URL(writeFragment('run', state.get()), location.href).href,
      'Copy link',
    ),
  );
  state.onChange(write);
  write(state.get());
  offerExamples(state, submit);
  return { showFault };
}

/** The parity examples as starting points: they show every way in which a flag is decided today. */
async function offerExamples(state, submit) {
  let vectors;
  try {
    vectors = await import('../lib/vectors.js');
  } catch {
    // The form works without them.
    return;
  }
  const { examples, registries } = vectors;
  const { tenant } = registries.synthetic;
  const select = find('#run-example');
  const option = (example) => h('option', { value: examples.indexOf(example) }, example.name);
  const group = (label, registry) =>
    h('optgroup', { label }, examples.filter((example) => example.registry === registry).map(option));
  select.append(group(`Synthetic registry (${tenant})`, 'synthetic'), group("The platform's registry", 'real'));
  find('#run-registries').replaceChildren(h('option', { value: tenant }, 'synthetic, for parity'));

  select.addEventListener('change', () => {
    const example = examples[select.value];
    if (!example) return;
    state.set(inputsOf(example, tenant));
    submit();
  });
  find('#run-form').addEventListener('input', ({ target }) => {
    if (target !== select) select.value = '';
  });
}

function inputsOf({ registry, request: { key, context, overrides } }, tenant) {
  const inputs = Object.fromEntries(FIELDS.map((name) => [name, '']));
  const others = {};
  for (const [name, value] of Object.entries(context)) {
    if (NAMED.has(name) && typeof value === 'string') inputs[NAMED.get(name)] = value;
    else others[name] = value;
  }
  return {
    ...inputs,
    key,
    registry: registry === 'synthetic' ? tenant : '',
    attributes: Object.keys(others).length ? JSON.stringify(others) : '',
    overrides: overrides ? JSON.stringify(overrides) : '',
  };
}
