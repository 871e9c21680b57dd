/** docs/findings.md: every picture and every reproduction is what it says. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { page, remade, stretchesOf } from '../scripts/findings';
import { closeWorkers } from '../src/backends/worker';

afterAll(closeWorkers);

const stretches = stretchesOf(readFileSync(page, 'utf8'));

describe('docs/findings.md', () => {
  it('has findings', () => {
    expect(stretches.filter(({ kind }) => kind === 'picture').length).toBeGreaterThan(5);
    expect(stretches.filter(({ kind }) => kind === 'reproduction').length).toBeGreaterThan(5);
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
