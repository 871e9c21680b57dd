import { afterEach, describe, expect, it } from 'vitest';
import { closeWorkers } from '../../src/backends/worker';
import { pythonBuiltin, pythonBuiltinNames } from '../../src/backends/python-builtin';
import { checkBackend } from '../../src/check-backend';
import { loadKnownFailures } from '../../src/known-failures';
import { pythonWith } from './support';

const python = pythonWith('numpy', 'torch');
const knownFailures = loadKnownFailures('known-failures/torch.json');

afterEach(closeWorkers);

/** PyTorch is large: `npm run setup:python` installs it, and where nobody did, these are left out. */
describe.skipIf(python === undefined)('PyTorch', () => {
  it.each(pythonBuiltinNames.filter((name) => name.startsWith('torch-')))(
    '%s does what is known of it and nothing else',
    async (name) => {
      const backend = await pythonBuiltin(name, { python });
      const report = await checkBackend(backend, { runs: 25, seed: 20261123, reference: 'oracle', knownFailures });
      const news = report.outcomes.filter(
        ({ status, known }) => (status === 'violated' || status === 'failed') && known === undefined,
      );
      expect(
        news.map(({ property, failure, counterexample }) => [
          property,
          failure?.message ?? counterexample?.violation.summary,
        ]),
      ).toEqual([]);
      expect(report.outcomes.filter(({ status }) => status === 'held').length).toBeGreaterThan(20);
    },
  );
});
