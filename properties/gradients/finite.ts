import { askingForGradients, gradientCases, hasGradients, wrongGradients } from '../../src/compare/gradients';
import { defineProperty } from '../../src/property';

/** A row without a key answers 0 all the same after a nan_to_num, and its gradient is 0 x NaN; one such row spoils every key that it shares. */
export default defineProperty({
  id: 'gradients/finite',
  statement: 'Gradients are finite numbers.',
  compares: 'exact',
  needs: { returns: ['gradients'] },
  cases: gradientCases,
  guard: hasGradients,
  async check(context, c) {
    const asked = askingForGradients(c);
    const [answer] = await context.attend([asked]);
    return wrongGradients(context, asked, answer, {
      isExactly: Number.isFinite,
      say: (x) => `is ${x} where a finite number is due`,
    });
  },
});
