/** Ends the thread that it runs in. */
import { defineBackend } from 'maskproof/backend';

export default defineBackend({
  name: 'exits',
  supports: {},
  open: () => ({ attend: () => process.exit(3) }),
});
