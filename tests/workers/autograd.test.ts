import { afterAll, describe, expect, it } from 'vitest';
import { properties } from '../../properties';
import { closeWorkers, workerBackend } from '../../src/backends/worker';
import { check, said } from '../support/check';
import { fakeFile, memoize, pythonWith } from './support';

const python = pythonWith('numpy', 'torch');
const backend = memoize((empty) => workerBackend(fakeFile(`autograd.py:${empty}`), { python }));
const laws = properties.filter(({ id }) => id === 'numerics/agrees-with-reference' || id.startsWith('gradients/'));

afterAll(closeWorkers);

/** What torch derives from the definition is what the oracle says its derivative is: two ways that share nothing. */
describe.skipIf(python === undefined)('the derivative by autograd', () => {
  describe.each(['zeros', 'uniform'])('with %s in rows that keep nothing', (empty) => {
    it.each(laws.map((law) => [law.id, law] as const))('keeps %s', async (_id, law) => {
      expect(said(await check(await backend(empty), law))).toBe('held');
    });
  });
});
