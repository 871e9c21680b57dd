/** `maskproof/vitest`: a backend as a describe block with a test per property. An ES module, because vitest is one. */
import { describe, test, type TestContext } from 'vitest';
import { casesFor, type BlockOptions } from './test-block.js';
import type { Backend } from './backend.js';

export type { BlockOptions } from './test-block.js';

/**
 * Describes a backend: every property is a test that fails with the picture of its counterexample, and one that cannot be asked is
 * skipped with the reason. `backend` is one, or what would stand after --backend.
 */
export function describeBackend(backend: Backend | string, options: BlockOptions = {}): void {
  const { title, cases, timeoutMs } = casesFor(backend, options, describeBackend);
  describe(title, () => {
    for (const { name, run } of cases)
      test(name, { timeout: timeoutMs }, async (context: TestContext) => {
        const reason = await run();
        if (reason !== undefined) context.skip(reason);
      });
  });
}
