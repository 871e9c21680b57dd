import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { regenerated } from '../scripts/docs';

it('README.md shows what the commands print and what the files hold (npm run docs)', () => {
  const page = readFileSync(join(__dirname, '..', 'README.md'), 'utf8');
  expect(regenerated(page)).toBe(page);
});
