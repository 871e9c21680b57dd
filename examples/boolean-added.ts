/**
 * The bug that maskproof began with: a 4D boolean mask is added to the scores as it is, so that kept keys get +1 and dropped ones stay
 * (TransformerLens, pull request 1198). A causal mask hides it, since +1 on every kept key of a row cancels; a mask with holes shows it.
 */
import { defineBackend } from 'maskproof/backend';
import { attend, cellOf } from './attention';

export default defineBackend({
  name: 'boolean-added',
  supports: { maskRanks: [4], maskForms: ['boolean', 'additive'], cache: true },
  open: () => ({
    attend: (cases) =>
      cases.map((c) => ({
        output: attend(c, (b, h, i, j) => (c.mask ? cellOf(c, b, h, i, j) : 0)),
      })),
  }),
});
