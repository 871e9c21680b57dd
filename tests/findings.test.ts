/** docs/findings.md: every picture and every reproduction is what it says. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { page, remade, stretchesOf } from '../scripts/findings';
import { closeWorkers } from '../src/backends/worker';
import { shippedKnownFailures } from '../src/known-failures';

afterAll(closeWorkers);

const text = readFileSync(page, 'utf8');
const stretches = stretchesOf(text);
const findings = [...text.matchAll(/^### (.+)\n\n(.*)/gm)].map(([, title, said]) => ({ title, said }));

/** What GitHub calls the place of a heading. */
const anchorOf = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\w -]/g, '')
    .replaceAll(' ', '-');

describe('docs/findings.md', () => {
  it('has findings', () => {
    expect(stretches.filter(({ kind }) => kind === 'picture').length).toBeGreaterThan(5);
    expect(stretches.filter(({ kind }) => kind === 'reproduction').length).toBeGreaterThan(5);
  });

  it('tells of every known failure, where its link says', () => {
    const links = findings.map(({ title }) => `docs/findings.md#${anchorOf(title)}`);
    const untold = shippedKnownFailures().filter(({ link }) => !links.includes(link ?? ''));
    expect(untold.map(({ backend, property, link }) => [backend, property, link])).toEqual([]);
    expect(new Set(links).size).toBe(links.length);
  });

  it('says who meets each finding', () => {
    expect(findings.filter(({ said }) => !/^(Public|Component)[.,]/.test(said))).toEqual([]);
  });

  /** `npm run findings` makes it anew; what `npm run setup:python` did not install is left out. */
  it.each(stretches.map((stretch, n) => [`${stretch.kind} ${n}: ${stretch.names}`, stretch] as const))(
    'shows %s',
    async (_, stretch) => {
      const now = await remade(stretch);
      if (now !== undefined) expect(now).toBe(stretch.body);
    },
    600_000,
  );
});
