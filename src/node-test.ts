/** `maskproof/node-test`: a backend as a suite of node:test with a test per property. */
import { describe, it } from 'node:test';
import type { Backend } from './backend';
import { casesFor, type BlockOptions } from './test-block';

export type { BlockOptions } from './test-block';

/**
 * Describes a backend: every property is a test that fails with the picture of its counterexample, and one that cannot be asked is
 * skipped with the reason. `backend` is one, or what would stand after --backend.
 */
export function describeBackend(backend: Backend | string, options: BlockOptions = {}): void {
  const { title, cases, timeoutMs } = casesFor(backend, options, describeBackend);
  void describe(title, () => {
    for (const { name, run } of cases)
      void it(name, { timeout: timeoutMs }, async (context) => {
        const reason = await run();
        if (reason !== undefined) context.skip(reason);
      });
  });
}
