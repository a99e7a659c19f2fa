// Who is measured, and how each of them is asked:
//
//   form             the form of document that it reads (../shapes.mjs)
//   open(text)       loads a document; what it gives is the `engine` below
//   decide, close    whether a flag is on for a person, to check it by; giving back what it holds
//   explain          where it is burgee or meant to equal it: value, variant and reason
//   routes           the ways to ask it. `one(engine, key, people)` and `all(engine, people)` make a function that asks n times, one
//                    person after the other, and answers how often the flag was on, or how many flags were on the last time
//
// A route's `style` says what it is comparable with: `handle` (flag and context resolved before), `key` (a look-up by key, a context
// that is kept) or `fresh` (a look-up by key, a context made for the call). Peers are asked in the cheapest way that they have for a
// boolean, with contexts kept in their own form, and without events, metrics and logs.
//
// Every loop is written out where it is used: a shared one would see all contestants, and the JIT would inline none of them. It puts
// each answer, and each fresh context, where the JIT cannot prove that nobody looks: else it would not make the objects at all.

const TURN = 15; // People take turns, 16 of them.
const answers = new Array(TURN + 1);
const contextsMade = new Array(TURN + 1);

const countOn = (values) => Object.values(values).reduce((sum, value) => sum + (value === true ? 1 : 0), 0);

const silent = { error() {}, warn() {}, info() {}, debug() {} };

const burgee = {
  form: 'burgee',
  async open(text) {
    const { Snapshot } = await import('../../npm/dist/index.js');
    const snapshot = new Snapshot(text);
    if (snapshot.warnings.length) throw new Error(`burgee warns: ${JSON.stringify(snapshot.warnings[0])}`);
    return snapshot;
  },
  close: (snapshot) => snapshot.free(),
  decide: (snapshot, key, person) => snapshot.evaluate(key, person).value,
  explain(snapshot, key, person) {
    const { value, variant, reason } = snapshot.evaluate(key, person);
    return { value, variant, reason };
  },
  routes: {
    'flag handle, context handle': {
      style: 'handle',
      one(snapshot, key, people) {
        const flag = snapshot.flag(key);
        const contexts = people.map((person) => snapshot.context(person));
        return (n) => {
          let on = 0;
          for (let i = 0; i < n; i++) if ((answers[i & TURN] = snapshot.evaluate(flag, contexts[i & TURN])).value === true) on++;
          return on;
        };
      },
    },
    'key, context handle': {
      style: 'key',
      one(snapshot, key, people) {
        const contexts = people.map((person) => snapshot.context(person));
        return (n) => {
          let on = 0;
          for (let i = 0; i < n; i++) if ((answers[i & TURN] = snapshot.evaluate(key, contexts[i & TURN])).value === true) on++;
          return on;
        };
      },
      all(snapshot, people) {
        const contexts = people.map((person) => snapshot.context(person));
        return (n) => {
          let values;
          for (let i = 0; i < n; i++) answers[i & TURN] = values = snapshot.evaluateAll(contexts[i & TURN]);
          return countOn(values);
        };
      },
    },
    'key, fresh context': {
      style: 'fresh',
      one(snapshot, key, people) {
        return (n) => {
          let on = 0;
          for (let i = 0; i < n; i++) {
            const { user_id, locale, country, app_version, plan } = people[i & TURN];
            const context = (contextsMade[i & TURN] = { user_id, locale, country, app_version, plan });
            if ((answers[i & TURN] = snapshot.evaluate(key, context)).value === true) on++;
          }
          return on;
        };
      },
      all(snapshot, people) {
        return (n) => {
          let values;
          for (let i = 0; i < n; i++) {
            const { user_id, locale, country, app_version, plan } = people[i & TURN];
            const context = (contextsMade[i & TURN] = { user_id, locale, country, app_version, plan });
            answers[i & TURN] = values = snapshot.evaluateAll(context);
          }
          return countOn(values);
        };
      },
    },
  },
};

const plain = {
  form: 'burgee',
  async open(text) {
    const { PlainSnapshot } = await import('./plain.mjs');
    return new PlainSnapshot(text);
  },
  close() {},
  decide: (snapshot, key, person) => snapshot.evaluate(key, person).value,
  explain: (snapshot, key, person) => snapshot.evaluate(key, person),
  routes: {
    'flag handle, kept object': {
      style: 'handle',
      one(snapshot, key, people) {
        const flag = snapshot.flag(key);
        return (n) => {
          let on = 0;
          for (let i = 0; i < n; i++) if ((answers[i & TURN] = snapshot.decide(flag, people[i & TURN])).value === true) on++;
          return on;
        };
      },
    },
    'key, kept object': {
      style: 'key',
      one(snapshot, key, people) {
        return (n) => {
          let on = 0;
          for (let i = 0; i < n; i++) if ((answers[i & TURN] = snapshot.evaluate(key, people[i & TURN])).value === true) on++;
          return on;
        };
      },
      all(snapshot, people) {
        return (n) => {
          let values;
          for (let i = 0; i < n; i++) answers[i & TURN] = values = snapshot.evaluateAll(people[i & TURN]);
          return countOn(values);
        };
      },
    },
    'key, fresh object': {
      style: 'fresh',
      one(snapshot, key, people) {
        return (n) => {
          let on = 0;
          for (let i = 0; i < n; i++) {
            const { user_id, locale, country, app_version, plan } = people[i & TURN];
            const context = (contextsMade[i & TURN] = { user_id, locale, country, app_version, plan });
            if ((answers[i & TURN] = snapshot.evaluate(key, context)).value === true) on++;
          }
          return on;
        };
      },
      all(snapshot, people) {
        return (n) => {
          let values;
          for (let i = 0; i < n; i++) {
            const { user_id, locale, country, app_version, plan } = people[i & TURN];
            const context = (contextsMade[i & TURN] = { user_id, locale, country, app_version, plan });
            answers[i & TURN] = values = snapshot.evaluateAll(context);
          }
          return countOn(values);
        };
      },
    },
  },
};

const unleashContext = ({ user_id: userId, ...properties }) => ({ userId, properties });

const unleash = {
  form: 'unleash',
  package: 'unleash-client',
  async open(text) {
    const { Unleash, InMemStorageProvider } = (await import('unleash-client')).default;
    const { features } = JSON.parse(text);
    const client = new Unleash({
      appName: 'bench',
      url: 'http://127.0.0.1:1/',
      refreshInterval: 0,
      disableMetrics: true,
      skipInstanceCountWarning: true,
      storageProvider: new InMemStorageProvider(),
      bootstrap: { data: features },
      disableAutoStart: true,
    });
    // It asks its server once; there is none, and the bootstrap stays.
    client.on('error', () => {});
    client.on('warn', () => {});
    const ready = new Promise((done) => client.once('ready', done));
    void client.start();
    await ready;
    return { client, names: features.map(({ name }) => name) };
  },
  close: ({ client }) => client.destroy(),
  decide: ({ client }, key, person) => client.isEnabled(key, unleashContext(person)),
  routes: {
    isEnabled: {
      style: 'key',
      one({ client }, key, people) {
        const contexts = people.map(unleashContext);
        return (n) => {
          let on = 0;
          for (let i = 0; i < n; i++) if ((answers[i & TURN] = client.isEnabled(key, contexts[i & TURN]))) on++;
          return on;
        };
      },
      all({ client, names }, people) {
        const contexts = people.map(unleashContext);
        return (n) => {
          let values;
          for (let i = 0; i < n; i++) {
            answers[i & TURN] = values = {};
            for (const name of names) values[name] = client.isEnabled(name, contexts[i & TURN]);
          }
          return countOn(values);
        };
      },
    },
  },
};

const flagdContext = ({ user_id: targetingKey, ...rest }) => ({ targetingKey, ...rest });

const flagd = {
  form: 'flagd',
  package: '@openfeature/flagd-core',
  async open(text) {
    const { FlagdCore } = await import('@openfeature/flagd-core');
    const core = new FlagdCore(undefined, silent);
    core.setConfigurations(text);
    return core;
  },
  close() {},
  decide: (core, key, person) => core.resolveBooleanEvaluation(key, false, flagdContext(person), silent).value,
  routes: {
    resolveBooleanEvaluation: {
      style: 'key',
      one(core, key, people) {
        const contexts = people.map(flagdContext);
        return (n) => {
          let on = 0;
          for (let i = 0; i < n; i++) {
            if ((answers[i & TURN] = core.resolveBooleanEvaluation(key, false, contexts[i & TURN], silent)).value === true) on++;
          }
          return on;
        };
      },
    },
    resolveAll: {
      style: 'key',
      all(core, people) {
        const contexts = people.map(flagdContext);
        return (n) => {
          let values;
          for (let i = 0; i < n; i++) answers[i & TURN] = values = core.resolveAll(contexts[i & TURN], silent);
          return values.filter(({ value }) => value === true).length;
        };
      },
    },
  },
};

const growthbook = {
  form: 'growthbook',
  package: '@growthbook/growthbook',
  async open(text) {
    const { GrowthBookClient } = await import('@growthbook/growthbook');
    const payload = JSON.parse(text);
    return { client: new GrowthBookClient().initSync({ payload }), names: Object.keys(payload.features) };
  },
  close: ({ client }) => client.destroy(),
  decide: ({ client }, key, person) => client.isOn(key, { attributes: person }),
  routes: {
    isOn: {
      style: 'key',
      one({ client }, key, people) {
        const contexts = people.map((attributes) => ({ attributes }));
        return (n) => {
          let on = 0;
          for (let i = 0; i < n; i++) if ((answers[i & TURN] = client.isOn(key, contexts[i & TURN]))) on++;
          return on;
        };
      },
      all({ client, names }, people) {
        const contexts = people.map((attributes) => ({ attributes }));
        return (n) => {
          let values;
          for (let i = 0; i < n; i++) {
            answers[i & TURN] = values = {};
            for (const name of names) values[name] = client.isOn(name, contexts[i & TURN]);
          }
          return countOn(values);
        };
      },
    },
  },
};

const launchdarklyContext = ({ user_id: key, ...rest }) => ({ kind: 'user', key, ...rest });

const launchdarkly = {
  form: 'launchdarkly',
  package: '@launchdarkly/node-server-sdk',
  async open(text) {
    const { init, integrations } = (await import('@launchdarkly/node-server-sdk')).default;
    const data = new integrations.TestData();
    await Promise.all(Object.values(JSON.parse(text).flags).map((flag) => data.usePreconfiguredFlag(flag)));
    const client = init('bench', { updateProcessor: data.getFactory(), sendEvents: false, diagnosticOptOut: true, logger: silent });
    await client.waitForInitialization({ timeout: 10 });
    return client;
  },
  close: (client) => client.close(),
  decide: (client, key, person) => client.boolVariation(key, launchdarklyContext(person), false),
  routes: {
    'boolVariation, awaited': {
      style: 'key',
      one(client, key, people) {
        const contexts = people.map(launchdarklyContext);
        return async (n) => {
          let on = 0;
          for (let i = 0; i < n; i++) if ((answers[i & TURN] = await client.boolVariation(key, contexts[i & TURN], false))) on++;
          return on;
        };
      },
    },
    'allFlagsState, awaited': {
      style: 'key',
      all(client, people) {
        const contexts = people.map(launchdarklyContext);
        return async (n) => {
          let values;
          for (let i = 0; i < n; i++) answers[i & TURN] = values = (await client.allFlagsState(contexts[i & TURN])).allValues();
          return countOn(values);
        };
      },
    },
  },
};

const fliptRequest = (flagKey, { user_id: entityId, ...context }) => ({ flagKey, entityId, context });

const flipt = {
  form: 'flipt',
  package: '@flipt-io/flipt-client-js',
  async open(text) {
    const { FliptClient } = await import('@flipt-io/flipt-client-js');
    const document = JSON.parse(text);
    const response = { ok: true, status: 200, statusText: 'OK', headers: { get: () => null }, json: async () => document };
    const client = await FliptClient.init({ updateInterval: 0, fetcher: async () => response });
    return { client, isBoolean: new Map(document.flags.map(({ key, type }) => [key, type === 'BOOLEAN_FLAG_TYPE'])) };
  },
  close: ({ client }) => client.close(),
  decide({ client, isBoolean }, key, person) {
    const request = fliptRequest(key, person);
    return isBoolean.get(key) ? client.evaluateBoolean(request).enabled : client.evaluateVariant(request).variantKey === 'on';
  },
  routes: {
    'evaluateBoolean, evaluateVariant': {
      style: 'key',
      one({ client, isBoolean }, key, people) {
        const requests = people.map((person) => fliptRequest(key, person));
        if (isBoolean.get(key)) {
          return (n) => {
            let on = 0;
            for (let i = 0; i < n; i++) if ((answers[i & TURN] = client.evaluateBoolean(requests[i & TURN])).enabled) on++;
            return on;
          };
        }
        return (n) => {
          let on = 0;
          for (let i = 0; i < n; i++) if ((answers[i & TURN] = client.evaluateVariant(requests[i & TURN])).variantKey === 'on') on++;
          return on;
        };
      },
    },
    evaluateBatch: {
      style: 'key',
      all({ client, isBoolean }, people) {
        const requests = people.map((person) => [...isBoolean.keys()].map((key) => fliptRequest(key, person)));
        return (n) => {
          let answer;
          for (let i = 0; i < n; i++) answers[i & TURN] = answer = client.evaluateBatch(requests[i & TURN]);
          return answer.responses.filter((response) => response.variantEvaluationResponse.variantKey === 'on').length;
        };
      },
    },
  },
};

export const CONTESTANTS = {
  burgee,
  'plain JS': plain,
  'unleash-client': unleash,
  'flagd-core': flagd,
  growthbook,
  launchdarkly,
  flipt,
};
