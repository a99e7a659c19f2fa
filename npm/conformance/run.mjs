// Runs the specification's scenarios against a provider from the packed package, each example as a test of its own.

import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CucumberExpression, ParameterType, ParameterTypeRegistry, RegularExpression } from '@cucumber/cucumber-expressions';
import { manifest } from '../test/support/pack.mjs';
import { project } from '../test/support/project.mjs';
import { FEATURES, scenarios, specFlags } from './features.mjs';
import { RULES, snapshot } from './flags.mjs';
import { contextSteps } from './steps/context.mjs';
import { evaluationSteps } from './steps/evaluation.mjs';
import { hookSteps } from './steps/hooks.mjs';
import { olderSteps } from './steps/older.mjs';
import { providerSteps } from './steps/providers.mjs';

const parameters = new ParameterTypeRegistry();
// The kind of flag that a step speaks of, as {kind}.
parameters.defineParameterType(new ParameterType('kind', /[Bb]oolean|[Ss]tring|[Ii]nteger|[Ff]loat|[Oo]bject/, null, (kind) => kind.toLowerCase(), false, false));

const steps = [...providerSteps, ...evaluationSteps, ...hookSteps, ...contextSteps, ...olderSteps].map(([pattern, run]) => ({
  expression: typeof pattern === 'string' ? new CucumberExpression(pattern, parameters) : new RegularExpression(pattern, parameters),
  run,
}));

/** The step that a text means, with the values in it. */
function stepOf(text) {
  const found = steps.flatMap(({ expression, run }) => {
    const values = expression.match(text);
    return values === null ? [] : [{ run, values: values.map((value) => value.getValue(null)) }];
  });
  assert.equal(found.length, 1, `${found.length} steps for: ${text}`);
  return found[0];
}

/** Loads an entry of the packed package in a project that has the SDKs of OpenFeature. */
export async function load(entry) {
  const { folder } = project({}, { peers: ['@openfeature/core', '@openfeature/server-sdk', '@openfeature/web-sdk'] });
  const file = manifest.exports[`./${entry}`].import.default;
  return import(pathToFileURL(join(folder, 'node_modules', manifest.name, file)));
}

/**
 * Makes tests of all scenarios.
 *
 * @param test of `node:test`
 * @param sdk how an SDK is used: see `server.test.mjs`
 * @param expected by file, how many scenarios and examples of it this SDK runs: `[scenarios, examples]`
 */
export function conform(test, sdk, expected) {
  test('every flag of the specification is there, and every expression has its rules', () => {
    const expressions = new Set(Object.values(specFlags).flatMap(({ contextEvaluator }) => contextEvaluator ?? []));
    assert.deepEqual([...expressions].sort(), Object.keys(RULES).sort());
    assert.deepEqual(snapshot.flags.map(({ key }) => key), [...Object.keys(specFlags), 'context-aware']);
  });

  for (const [file, count] of Object.entries(FEATURES)) {
    test(`${sdk.name}: ${file}`, async (t) => {
      const all = scenarios(file);
      assert.equal(all.length, count, 'scenarios in the file');
      const ran = { scenarios: 0, examples: 0 };
      for (const { name, pickles } of all) {
        const chosen = pickles.filter((pickle) => sdk.runs(file, pickle));
        if (chosen.length > 0) ran.scenarios++;
        for (const [index, pickle] of chosen.entries()) {
          ran.examples++;
          await t.test(chosen.length > 1 ? `${name} (${index + 1})` : name, () => runPickle(sdk, pickle));
        }
      }
      assert.deepEqual([ran.scenarios, ran.examples], expected[file], 'scenarios and examples that ran');
    });
  }
}

let worlds = 0;

async function runPickle(sdk, pickle) {
  const tags = pickle.tags.map(({ name }) => name);
  // A domain of its own: what one scenario registers is not there for the next.
  const world = { sdk, tags, domain: `scenario-${++worlds}`, context: {} };
  try {
    for (const { text, argument } of pickle.steps) {
      const { run, values } = stepOf(text);
      await run(world, ...values, argument?.dataTable?.rows.map(({ cells }) => cells.map(({ value }) => value)));
    }
  } finally {
    await sdk.reset();
  }
}
