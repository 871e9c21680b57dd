import { defineBackend } from '../../../src/backend';

export default defineBackend({ name: 'x'.repeat(1e7), supports: {}, open: () => ({ attend: () => [] }) });
