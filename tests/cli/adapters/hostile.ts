import { defineBackend } from '../../../src/backend';

const line =
  '<script>globalThis.harmed = 1</script>\u001b[2J\u0000\u202e]]>--><img src=x onerror="globalThis.harmed = 1">\n::error::x\n';
/** Ten million characters. */
const flood = line.repeat(Math.ceil(1e7 / line.length));

/** Says what does harm wherever it is read as anything but text, and far too much of it. */
export default defineBackend({
  name: '<img src=x onerror="globalThis.harmed = 1">\u001b[31m\n::error::name',
  versions: { '"><script>globalThis.harmed = 1</script>': '\u0000\u0007\n::error::version' },
  supports: { maskRanks: [4] },
  open: () => ({
    attend: (cases) =>
      cases.map(() => ({ error: { type: '</td><script>globalThis.harmed = 1</script>', message: flood } })),
  }),
});
