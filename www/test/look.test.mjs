// How it looks where that can be measured: no sideways scrolling on a phone, two schemes, and contrast in both.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { openTab, seeded, startBrowser, startSite, vectors, verdict } from './site.mjs';

let site;
let browser;
before(async () => {
  site = await startSite({ snapshots: { platform: seeded(), parity: vectors('synthetic') } });
  browser = await startBrowser();
});
after(async () => {
  await browser?.stop();
  await site?.stop();
});

const LONG = 'x'.repeat(120);
const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const TOKEN = `${part({ alg: 'ES256', typ: 'JWT' })}.${part({ sub: LONG, iss: LONG, exp: 4_000_000_000 })}.AAAA`;
const FRAGMENT = `#run?registry=parity&key=syn.staged_25&user=bucket-low-1&attributes=${encodeURIComponent(`{"long":"${LONG}"}`)}`;

/** Fills every tab with what it can show. */
async function showAll(page, name) {
  await openTab(page, name);
  if (name === 'Run') await verdict(page);
  if (name === 'Endpoints') {
    await page.getByRole('button', { name: 'Try POST /api/flags/eval/batch' }).click();
    await page.getByRole('region', { name: 'Body sent' }).waitFor();
  }
  if (name === 'Auth matrix') {
    await page.getByRole('button', { name: 'Ask the server' }).click();
    await page.getByText('Asked.').waitFor();
  }
  if (name === 'Token') {
    await page.getByLabel('JWT', { exact: true }).fill(TOKEN);
    await page.getByRole('button', { name: 'Ask the server', exact: true }).click();
    await page.locator('#panel-token tr.applied').waitFor();
  }
  if (name === 'Overrides') {
    await page.getByLabel('Flag of the rows').fill('flags.registry_v1');
    await page.getByRole('button', { name: 'Read the rows' }).click();
    await page.locator('#panel-overrides tbody tr').first().waitFor();
  }
  if (name === 'Sensitive gate') {
    await page.getByLabel('Approval', { exact: true }).fill(LONG);
    await page.getByRole('button', { name: 'Ask at the gate' }).click();
    await page.getByRole('region', { name: "The gate's answer" }).waitFor();
  }
  if (name === 'Use cases') {
    for (const button of await page.locator('#panel-cases button').all()) await button.click();
    // A token that the Token tab holds by then may stand before a preset's user, and is told so.
    await page.locator('#panel-cases .card').filter({ has: page.locator('.facts') }).nth(4).waitFor();
  }
  if (name === 'Parity') await page.locator('.report').waitFor();
  await page.locator('main details').evaluateAll((all) => all.forEach((details) => (details.open = true)));
  await page.waitForLoadState('networkidle');
  // Colours are read once they have arrived.
  await page.evaluate(() =>
    Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))),
  );
}

const NAMES = [
  'Run',
  'Endpoints',
  'Auth matrix',
  'Token',
  'Overrides',
  'Sensitive gate',
  'Use cases',
  'curl samples',
  'Raw contract',
  'Parity',
];

describe('a phone of 360 pixels', () => {
  for (const name of NAMES) {
    test(name, async () => {
      const page = await browser.open(site, FRAGMENT, {
        context: { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true },
      });
      await showAll(page, name);
      const { inner, scroll, wide } = await page.evaluate(() => ({
        inner: innerWidth,
        scroll: document.documentElement.scrollWidth,
        wide: [...document.querySelectorAll('body *')]
          .filter(
            (element) =>
              element.checkVisibility() &&
              !element.closest('pre, .unseen, .stacking thead') &&
              element.getBoundingClientRect().right > innerWidth + 0.5,
          )
          .map((element) => element.outerHTML.slice(0, 120)),
      }));
      assert.equal(inner, 360);
      assert.ok(scroll <= inner, `${scroll} pixels wide`);
      assert.deepEqual(wide, []);
      const small = await page.evaluate(() =>
        [...document.querySelectorAll('main :is(button, input, select, textarea, [role=tab])')]
          .filter((element) => element.checkVisibility())
          .filter((element) => element.getBoundingClientRect().height < 32)
          .map((element) => element.outerHTML.slice(0, 120)),
      );
      assert.deepEqual(small, [], 'a finger can hit it');
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });
  }
});

/** The contrast of every visible text with what is behind it, where it is less than `least`. */
function lowContrast(least) {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  // Whatever form a colour is written in, the canvas gives its bytes.
  const bytes = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const over = ([r, g, b, a], ground) => [r, g, b].map((channel, i) => (channel * a + ground[i] * (255 - a)) / 255);
  const luminance = (color) =>
    color
      .map((channel) => channel / 255)
      .map((channel) => (channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4))
      .reduce((sum, channel, i) => sum + channel * [0.2126, 0.7152, 0.0722][i], 0);
  const groundOf = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(bytes(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((ground, layer) => over(layer, ground), [255, 255, 255]);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  let seen = 0;
  while (texts.nextNode()) {
    const element = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest('.unseen, option, noscript'))
      continue;
    const ground = groundOf(element);
    const [one, other] = [luminance(over(bytes(getComputedStyle(element).color), ground)), luminance(ground)].sort(
      (a, b) => b - a,
    );
    const ratio = (one + 0.05) / (other + 0.05);
    seen += 1;
    if (ratio < least) found.push(`${ratio.toFixed(2)} ${texts.currentNode.data.trim().slice(0, 40)}`);
  }
  return { seen, found };
}

describe('light and dark', () => {
  const grounds = {};
  for (const scheme of ['light', 'dark']) {
    test(`${scheme}: text can be read`, async () => {
      const page = await browser.open(site, FRAGMENT, { context: { colorScheme: scheme } });
      for (const name of NAMES) {
        await showAll(page, name);
        const { seen, found } = await page.evaluate(lowContrast, 4.5);
        assert.ok(seen > 20, `${name}: ${seen} texts`);
        assert.deepEqual(found, [], name);
      }
      grounds[scheme] = await page.evaluate(() =>
        [document.body, document.querySelector('.card'), document.querySelector('button.primary')].map(
          (element) => getComputedStyle(element).backgroundColor,
        ),
      );
      assert.deepEqual(page.problems, []);
      await page.context().close();
    });

    test(`${scheme}: a disagreement can be read`, async () => {
      const page = await browser.open(site, '', {
        context: { colorScheme: scheme },
        before: (opened) =>
          opened.route('**/api/flags/eval?*', async (route) => {
            const response = await route.fetch();
            const body = await response.json();
            body.data.value = true;
            body.data.reason_chain[0].outcome = 'match';
            await route.fulfill({ response, json: body });
          }),
      });
      await showAll(page, 'Run');
      await page.getByLabel('User', { exact: true }).fill('U-2');
      assert.deepEqual((await page.evaluate(lowContrast, 4.5)).found, []);
      await page.context().close();
    });
  }

  test('they differ', () => {
    const [light, dark] = [grounds.light, grounds.dark];
    assert.equal(new Set([...light, ...dark]).size, 6, JSON.stringify(grounds));
  });
});
