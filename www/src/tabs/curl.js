// The curl tab: the Run tab's question as commands, ready to be pasted.

import { h, show } from '../lib/dom.js';
import { textView } from '../lib/json-view.js';
import { InputError, requestOf } from '../lib/request.js';
import { samplesOf } from '../lib/samples.js';

export function startCurl({ panel, state }) {
  function render(inputs) {
    let request;
    try {
      request = requestOf(inputs);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      return show(panel, h('p', { class: 'notice warn' }, `${error.message} It is an input of the Run tab.`));
    }
    show(
      panel,
      h(
        'section',
        { class: 'card' },
        h('h2', {}, 'curl samples'),
        h('p', {}, "They ask this page's origin, with the inputs of the Run tab."),
        samplesOf(location.origin, inputs, request).map(({ title, text }) => textView(title, text)),
      ),
    );
  }
  state.onChange(render);
  render(state.get());
}
