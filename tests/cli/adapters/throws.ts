import { defineBackend } from '../../../src/backend';

/** Cannot answer two keys and more. */
export default defineBackend({
  name: 'throws',
  supports: {},
  open: () => ({
    attend: (cases) =>
      cases.map((c) => {
        if (c.key.shape[2] > 1) throw new RangeError('one key \u001b[31monly');
        return { output: { ...c.value, shape: c.query.shape } };
      }),
  }),
});
