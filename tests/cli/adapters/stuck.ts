/** Answers wrongly a few times, and then never again. */
import { defineBackend } from '../../../src/backend';

let calls = 0;
export default defineBackend({
  name: 'stuck',
  supports: { maskRanks: [4] },
  open: () => ({
    attend: async (cases) => {
      process.stderr.write('answering\n');
      if (++calls > 60) await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
      return cases.map(({ query: { dtype, shape }, value }) => {
        const size = [...shape.slice(0, 3), value.shape[3]];
        return { output: { dtype, shape: size, data: new Float64Array(size.reduce((a, b) => a * b)).fill(7) } };
      });
    },
  }),
});
