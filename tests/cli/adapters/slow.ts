import { defineBackend } from '../../../src/backend';

/** Takes its time, so that a run can be interrupted; says so on standard error at the first call. */
export default defineBackend({
  name: 'slow',
  supports: {},
  open: () => ({
    attend: async (cases) => {
      process.stderr.write('answering\n');
      await new Promise((resolve) => setTimeout(resolve, 50));
      return cases.map(() => ({ error: { type: 'Busy', message: 'never' } }));
    },
  }),
});
