/** Adds a boolean mask to the scores, as the first bug did, and says on standard error whenever it is asked. */
import { defineBackend } from 'maskproof/backend';
import { attend, cellOf } from '../../../examples/attention';

export default defineBackend({
  name: 'telling',
  supports: { maskRanks: [4], maskForms: ['boolean', 'additive'], cache: true },
  open: () => ({
    attend: (cases) => {
      process.stderr.write('answering\n');
      return cases.map((c) => ({ output: attend(c, (b, h, i, j) => (c.mask ? cellOf(c, b, h, i, j) : 0)) }));
    },
  }),
});
