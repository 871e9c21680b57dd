import { isReal } from '../../reference/model-case';
import { places } from '../../src/arbitraries/model/describe';
import { logitsAt } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';

/** What has no influence has no gradient: a padding embedding that is trained is one that leaks. */
export default defineModelProperty({
  id: 'models/gradients-zero-at-padding',
  statement: 'The loss over real tokens has no gradient at padding: it is exactly 0 there.',
  compares: 'exact',
  needs: { abilities: ['gradients'] },
  cases: (domain) => ({
    ...domain,
    masks: domain.masks.filter((kind) => kind !== 'none'),
    paddings: domain.paddings.filter((padding) => padding !== 'none'),
    chunks: 'never',
    want: { gradients: true },
  }),
  async check(context, c) {
    const [{ gradients }] = await context.forward([c]);
    const padding = places(c).filter(([b, i]) => !isReal(c, b, i));
    // A gradient that is no number is for the law of finite gradients to tell.
    const odd = padding.filter((place) => logitsAt(gradients!.embedding, place).some((x) => Math.abs(x) > 0));
    context.tally('compared', padding.length - odd.length);
    if (odd.length === 0) return undefined;
    const [[b, i]] = odd;
    const largest = logitsAt(gradients!.embedding, [b, i]).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    return {
      summary: `The gradient at token ${i} of row ${b}, which is padding, is ${largest.toPrecision(3)}${odd.length > 1 ? `; at ${odd.length} tokens it is not 0` : ''}.`,
      rows: odd.map(([row, token]) => ({ b: row, h: 0, i: token })),
      cells: [],
    };
  },
});
