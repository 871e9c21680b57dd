import { askingForGradients, gradientCases, hasGradients, wrongGradients } from '../../src/compare/gradients';
import { show } from '../../src/compare/compare';
import { defineProperty } from '../../src/property';

/** A backward pass is written by hand beside the kernel: the scale, the softcap's slope, the mean that softmax takes off, the sum over a group of heads are each there a second time. */
export default defineProperty({
  id: 'gradients/agree',
  statement: 'Gradients lie within the derived radius of the derivative.',
  compares: 'radius',
  needs: { returns: ['gradients'] },
  cases: gradientCases,
  guard: hasGradients,
  async check(context, c) {
    const asked = askingForGradients(c);
    const [answer] = await context.attend([asked]);
    return wrongGradients(context, asked, answer, {
      say: (x, { centre, radius }, n) =>
        Number.isNaN(x)
          ? `is NaN where ${show(centre[n])} is due`
          : `is off by ${show(Math.abs(x - centre[n]))} where ${show(radius[n])} is allowed`,
    });
  },
});
