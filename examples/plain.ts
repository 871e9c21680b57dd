import { defineBackend } from 'maskproof/backend';
import { attend, biasOf } from './attention';

export default defineBackend({
  name: 'plain',
  supports: {
    maskRanks: [2, 3, 4],
    maskForms: ['boolean', 'additive'],
    causal: 'bottom_right',
    bidirectional: true,
    cache: true,
    fullyMaskedRow: 'zeros',
  },
  open: () => ({
    attend: (cases) => cases.map((c) => ({ output: attend(c, biasOf(c)) })),
  }),
});
