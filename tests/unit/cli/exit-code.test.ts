import { describe, expect, it } from 'vitest';
import { exitCode } from '../../../src/cli/exit-code';

describe('exitCode', () => {
  it.each([
    [0, { checked: true }],
    [4, {}],
    [1, { checked: true, violated: true }],
    [3, { checked: true, violated: true, failed: true }],
    [3, { failed: true }],
    [2, { usage: true, failed: true, violated: true, checked: true }],
    [130, { interrupted: true, usage: true, failed: true, violated: true, checked: true }],
  ])('is %i for %o', (code, happened) => {
    expect(exitCode(happened)).toBe(code);
  });
});
