import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    reporters: ['default', './tests/support/closing-line.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two cores are what CI has; whole commands and engines are started by the tests themselves.
    maxWorkers: 2,
  },
});
