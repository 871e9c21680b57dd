import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { AxeResults } from 'axe-core';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { htmlText } from '../../src/report/html';
import { outcomeOf, reportOf } from '../unit/report/cases';
import { hostileReport, wholeReport } from '../unit/report/sample';

/** A Chromium of the system: none is downloaded. Without one these tests are skipped. */
const executablePath = process.env.MASKPROOF_CHROMIUM ?? '/usr/bin/chromium';
const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const reports = {
  whole: htmlText(wholeReport(), { leftOut: [{ name: 'absent', reason: 'is not installed' }] }),
  held: htmlText(reportOf([outcomeOf({ status: 'held' })])),
  empty: htmlText({ ...reportOf([]), coverage: [] }),
  hostile: htmlText(hostileReport()),
};
/** Pictures of the page, for people to look at. */
const pictures = join(__dirname, '../../.cache/screenshots');

describe.skipIf(!existsSync(executablePath))(`the HTML report in ${executablePath}`, () => {
  let browser: Browser;
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'maskproof-html-'));
    for (const [name, text] of Object.entries(reports)) writeFileSync(join(folder, `${name}.html`), text);
    mkdirSync(pictures, { recursive: true });
    browser = await chromium.launch({ executablePath, args: flags });
  });
  afterAll(async () => {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a report, offline, and hands back what it asked for and complained of. */
  async function opened(name: keyof typeof reports, options: BrowserContextOptions = {}) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, offline: true, ...options });
    const page = await context.newPage();
    const asked: string[] = [];
    const complaints: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    const url = pathToFileURL(join(folder, `${name}.html`)).href;
    await page.goto(url);
    return { page, asked, complaints, url };
  }

  const openAll = (page: Page) =>
    page.evaluate(`document.querySelectorAll('details').forEach((part) => { part.open = true; })`);

  /** What axe finds wrong, whatever its weight. */
  async function wrongBy(page: Page) {
    await page.evaluate(axe);
    const { violations } = await page.evaluate<AxeResults>(`axe.run(document)`);
    return violations.map(({ id, nodes }) => [id, nodes[0].html, nodes[0].failureSummary]);
  }

  const looks = [
    ['light', { colorScheme: 'light' }],
    ['dark', { colorScheme: 'dark' }],
    ['narrow', { colorScheme: 'light', viewport: { width: 320, height: 700 } }],
  ] as const satisfies [string, BrowserContextOptions][];

  describe.each(looks)('in %s', (look, options) => {
    it.each(['whole', 'held', 'empty', 'hostile'] as const)('is accessible and fits: %s', async (name) => {
      const { page } = await opened(name, options);
      await openAll(page);
      expect(await page.evaluate(`document.documentElement.scrollWidth - innerWidth`)).toBeLessThanOrEqual(0);
      await page.screenshot({ path: join(pictures, `${name}-${look}.png`), fullPage: true });
      expect(await wrongBy(page)).toEqual([]);
      await page.context().close();
    });
  });

  it('asks for nothing but itself and complains of nothing', async () => {
    for (const name of Object.keys(reports) as (keyof typeof reports)[]) {
      const { page, asked, complaints, url } = await opened(name);
      await openAll(page);
      expect(asked).toEqual([url]);
      expect(complaints).toEqual([]);
      await page.context().close();
    }
  });

  it('does what a hostile backend says in no case', async () => {
    const { page, complaints } = await opened('hostile');
    await openAll(page);
    await page.evaluate(
      `document.querySelectorAll('*').forEach((element) => ['mouseover', 'focus', 'load', 'error'].forEach((type) => element.dispatchEvent(new Event(type))))`,
    );
    expect(await page.evaluate(`globalThis.harmed`)).toBeUndefined();
    expect(await page.evaluate(`document.querySelectorAll('script').length`)).toBe(1);
    expect(
      await page.evaluate(`document.querySelectorAll('img, iframe, object, [onmouseover], [onerror]').length`),
    ).toBe(0);
    const links = await page.evaluate<string[]>(`[...document.links].map((link) => link.getAttribute('href'))`);
    expect(links.filter((href) => !href.startsWith('#'))).toEqual([]);
    expect(complaints).toEqual([]);
    expect(reports.hostile.length).toBeLessThan(200_000);
    await page.context().close();
  });

  it('runs no script but its own', async () => {
    const { page, complaints } = await opened('whole');
    await page.evaluate(
      `document.body.insertAdjacentHTML('beforeend', '<button id="bad" onclick="globalThis.harmed = 1">x</button>')`,
    );
    await page.evaluate(`document.getElementById('bad').click()`);
    expect(await page.evaluate(`globalThis.harmed`)).toBeUndefined();
    expect(complaints.join()).toContain('Content Security Policy');
    await page.context().close();
  });

  it('leads the keyboard from the overview to a finding and its command', async () => {
    const { page } = await opened('whole', { permissions: ['clipboard-read', 'clipboard-write'] });
    await page.keyboard.press('Tab');
    expect(await page.evaluate(`document.activeElement.textContent`)).toBe('Skip to the findings');
    await page.locator('a.chip', { hasText: 'padding/no-influence on broadcast-bug: violated' }).first().focus();
    await page.keyboard.press('Enter');
    const address = await page.evaluate<string>(`location.hash`);
    expect(await page.locator(`article${address} h3`).textContent()).toContain('padding/no-influence');
    await page.locator(`article${address} .copy`).focus();
    await page.keyboard.press('Enter');
    await page.locator('#said', { hasText: /\S/ }).waitFor({ state: 'attached' });
    expect(await page.locator('#said').textContent()).toBe('The command was copied.');
    expect(await page.evaluate(`navigator.clipboard.readText()`)).toBe(
      'npx maskproof replay --backend ./broadcast-bug.ts --property padding/no-influence --seed 20261123 --path 5:0:1:1',
    );
    await page.context().close();
  });

  it('opens and closes its parts by keyboard', async () => {
    const { page } = await opened('whole');
    const part = page.locator('#known details');
    await part.locator('summary').focus();
    await page.keyboard.press('Enter');
    expect(await part.getAttribute('open')).toBe('');
    expect(await part.locator('article').first().isVisible()).toBe(true);
    await page.context().close();
  });

  it('stops the keyboard only where there is something to scroll', async () => {
    const { page } = await opened('whole', { viewport: { width: 320, height: 700 } });
    const stops = `[...document.querySelectorAll('.scroll')].filter((area) => area.checkVisibility()).map((area) => [area.tabIndex === 0, area.scrollWidth > area.clientWidth])`;
    // Told of sizes with the next frame.
    await page.evaluate(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))`);
    const all = await page.evaluate<[boolean, boolean][]>(stops);
    expect(all.filter(([stop, scrolls]) => stop !== scrolls)).toEqual([]);
    expect(new Set(all.map(([stop]) => stop))).toEqual(new Set([true, false]));
    await page.context().close();
  });

  it('says the same without its script', async () => {
    const { page } = await opened('whole', { javaScriptEnabled: false });
    expect(await page.locator('.copy:visible').count()).toBe(0);
    expect(await page.locator('article').first().isVisible()).toBe(true);
    await page.context().close();
  });

  it('tells every kind of cell by its mark and its words, and not by colour alone', async () => {
    const { page } = await opened('whole', { forcedColors: 'active' });
    const cells = page.locator('#findings td.cell');
    const texts = new Set(await cells.allTextContents());
    expect(texts).toContain('■kept');
    expect(texts).toContain('■kept, bias -0.5');
    expect(texts).toContain('·dropped');
    expect(texts).toContain('◉dropped by the mask, yet used');
    expect(texts).toContain('○kept, yet not used, bias -0.5');
    await page.context().close();
  });
});
