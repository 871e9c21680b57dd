import { withinLogits } from '../../src/compare/models';
import { defineModelProperty } from '../../src/property';

/** A step of decoding has one query and all keys: its mask, its position and its causality all have to be moved by what is cached. */
export default defineModelProperty({
  id: 'models/cached-equals-one-shot',
  statement: 'A text read piece by piece with a cache has the logits of the text read at once, with any padding.',
  compares: 'declared',
  needs: { abilities: ['cache'] },
  cases: (domain) => ({ ...domain, chunks: 'always' }),
  async check(context, c) {
    const whole = { ...c, chunks: undefined };
    const [pieces, once] = await context.forward([c, whole]);
    return withinLogits(context, [c, pieces], [{ side: [whole, once], name: 'the text read at once' }]);
  },
});
