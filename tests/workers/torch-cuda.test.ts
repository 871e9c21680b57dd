import { afterEach, describe, expect, it } from 'vitest';
import { checkBackend } from '../../src/check-backend';
import { pythonBuiltin } from '../../src/backends/python-builtin';
import { closeWorkers } from '../../src/backends/worker';
import { BackendError } from '../../src/errors';
import { shippedKnownFailures } from '../../src/known-failures';
import { pythonWith } from './support';

const python = pythonWith('numpy', 'torch');

afterEach(closeWorkers);

describe.skipIf(python === undefined)('PyTorch on CUDA', () => {
  it.each(['torch-sdpa-cuda', 'torch-sdpa-cuda-math'])(
    'is what %s declares where a GPU is, and says so where none is',
    async (name) => {
      const backend = await pythonBuiltin(name, { python }).catch((reason: unknown) => reason as BackendError);
      if (backend instanceof BackendError) {
        expect(backend.message).toContain('PyTorch finds no GPU here: torch.cuda.is_available() is False.');
        return;
      }
      const knownFailures = shippedKnownFailures();
      const { outcomes } = await checkBackend(backend, {
        runs: 20,
        seed: 20261126,
        reference: 'oracle',
        knownFailures,
      });
      const bad = outcomes.filter(({ status, known }) => known === undefined && /violated|failed/.test(status));
      expect(bad.map(({ property, counterexample }) => [property, counterexample?.violation.summary])).toEqual([]);
    },
    600_000,
  );
});
