/** Answers wrongly, and never comes back from a single query: whoever shrinks what it does gets stuck. */
import { defineBackend } from '../../../src/backend';

export default defineBackend({
  name: 'stuck-small',
  supports: { maskRanks: [4] },
  open: () => ({
    attend: async (cases) => {
      if (cases.length < 3 && cases.some(({ query }) => query.shape[2] === 1)) {
        process.stderr.write('stuck\n');
        await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
      }
      return cases.map(({ query: { dtype, shape }, value }) => {
        const size = [...shape.slice(0, 3), value.shape[3]];
        return { output: { dtype, shape: size, data: new Float64Array(size.reduce((a, b) => a * b)).fill(7) } };
      });
    },
  }),
});
