import { mkdirSync, writeFileSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Ends a run with `N passed, N failed, N skipped`, and leaves the three numbers in .cache/tests.txt for .ci/run to add up. */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      let tests = 0;
      for (const test of module.children.allTests()) {
        tests++;
        const { state } = test.result();
        if (state !== 'pending') count[state]++;
      }
      // A file that does not load has no tests to fail.
      if (tests === 0 && module.state() === 'failed') count.failed++;
    }
    mkdirSync('.cache', { recursive: true });
    writeFileSync('.cache/tests.txt', `${count.passed} ${count.failed} ${count.skipped}\n`);
    process.stdout.write(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`);
  }
}
