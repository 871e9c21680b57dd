import { keepGrid } from '../../reference/masks';
import { droppedKeySets } from '../../src/arbitraries/changes';
import { narrow } from '../../src/arbitraries/narrow';
import { leaks } from '../../src/compare/influence';
import { defineProperty } from '../../src/property';

/** Softcap after the mask turns -inf into -c, which is a score like any other; a specification and its reference once agreed on that (onnx#7865). */
export default defineProperty({
  id: 'composition/softcap',
  statement: 'With a softcap, dropped keys stay dropped.',
  compares: 'bitwise',
  needs: { abilities: ['softcap'] },
  cases: (domain) => narrow(domain, { softcap: 'always' }),
  async check(context, c) {
    const keep = keepGrid(c, context.supports);
    return leaks(context, c, keep, { sets: droppedKeySets(c, keep), probe: 'both' });
  },
});
