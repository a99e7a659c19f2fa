// The OpenFeature specification's own scenarios, read where they are, and unchanged.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { AstBuilder, GherkinClassicTokenMatcher, Parser, compile } from '@cucumber/gherkin';
import { IdGenerator } from '@cucumber/messages';
import { ROOT } from '../test/support/pack.mjs';

/** Beside the checkout, where the project's shared files are. */
const FOLDER = join(dirname(ROOT), 'shared', 'conformance', 'openfeature-spec');

/** The files, and how many scenarios each has; an outline is one, however many examples it has. */
export const FEATURES = {
  'evaluation.feature': 13,
  'evaluation_v2.feature': 21,
  'contextMerging.feature': 7,
  'hooks.feature': 3,
  'metadata.feature': 2,
};

function read(name) {
  const file = join(FOLDER, name);
  if (!existsSync(file)) throw new Error(`${file} is not there: the OpenFeature specification's suites belong beside the checkout`);
  return readFileSync(file, 'utf8');
}

/** The flags that the scenarios evaluate, as the specification writes them. */
export const specFlags = JSON.parse(read('test-flags.json'));

/**
 * The scenarios of a file: `{name, pickles}`, where a pickle is a scenario with one example filled in, `{name, tags, steps}`.
 */
export function scenarios(name) {
  const newId = IdGenerator.uuid();
  const document = new Parser(new AstBuilder(newId), new GherkinClassicTokenMatcher()).parse(read(name));
  const pickles = compile(document, name, newId);
  return document.feature.children
    .filter(({ scenario }) => scenario !== undefined)
    .map(({ scenario }) => ({ name: scenario.name, pickles: pickles.filter(({ astNodeIds }) => astNodeIds[0] === scenario.id) }));
}
