/** A backend that is right: boolean and additive masks of every rank, causal or not. */
import { defineBackend } from 'maskproof/backend';
import { attend, cellOf } from './attention';

const finfoMin = -3.4028234663852886e38;

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
    attend: (cases) =>
      cases.map((c) => {
        const past = c.key.shape[2] - c.query.shape[2];
        if (c.mask && c.mask.tensor.shape.at(-1) !== c.key.shape[2]) return { error: { type: 'ValueError', message: 'The mask does not have a column for every key.' } };
        return {
          output: attend(c, (b, h, i, j) => {
            if (c.mask?.rank !== 4 && c.isCausal && j > i + past) return -Infinity;
            const cell = cellOf(c, b, h, i, j);
            if (c.mask?.form === 'additive') return cell === finfoMin ? -Infinity : cell;
            return c.mask && cell === 0 ? -Infinity : 0;
          }),
        };
      }),
  }),
});
