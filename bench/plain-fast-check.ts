/** The law as people write it with fast-check alone: nested arrays of numbers and booleans, whose lengths are drawn first. */
import fc from 'fast-check';
import type { AttentionCase, BackendAnswer } from '../src/backend';
import { finfo } from '../reference/dtype';

const float = fc.float({ min: -5, max: 5, noNaN: true });
const list = <T>(of: fc.Arbitrary<T>, length: number) => fc.array(of, { minLength: length, maxLength: length });
const tensor = <T>(of: fc.Arbitrary<T>, [length, ...inner]: readonly number[]): fc.Arbitrary<unknown[]> =>
  inner.length === 0 ? list(of, length) : list(tensor(of, inner), length);

const sizes = fc.tuple(
  fc.integer({ min: 1, max: 4 }),
  fc.integer({ min: 1, max: 4 }),
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 1, max: 6 }),
  fc.integer({ min: 1, max: 8 }),
);

/** B, H 1..4, Q, K 1..6, D 1..8, with a mask [B, 1, Q, K]. */
const drawn = sizes.chain(([b, h, q, k, d]) =>
  fc.record({
    shape: fc.constant([b, h, q, k, d]),
    query: tensor(float, [b, h, q, d]),
    key: tensor(float, [b, h, k, d]),
    value: tensor(float, [b, h, k, d]),
    mask: tensor(fc.boolean(), [b, 1, q, k]),
  }),
);

/** The property that its additive twins answer as the boolean mask does, within what most people would write. */
export function plainProperty(
  attend: (cases: readonly AttentionCase[]) => readonly BackendAnswer[],
): fc.IProperty<unknown> {
  return fc.property(drawn, ({ shape: [b, h, q, k, d], query, key, value, mask }) => {
    const numbers = (nested: unknown[], shape: readonly number[]) =>
      ({ dtype: 'float32', shape, data: Float64Array.from(nested.flat(3) as number[]) }) as const;
    const cells = mask.flat(3) as boolean[];
    const rest = {
      bridge: 'base',
      query: numbers(query, [b, h, q, d]),
      key: numbers(key, [b, h, k, d]),
      value: numbers(value, [b, h, k, d]),
      isCausal: false,
      scale: 1 / Math.sqrt(d),
      want: {},
    } as const;
    const additive = (dropped: number): AttentionCase => ({
      ...rest,
      mask: {
        rank: 4,
        form: 'additive',
        tensor: {
          dtype: 'float32',
          shape: [b, 1, q, k],
          data: Float64Array.from(cells, (keep) => (keep ? 0 : dropped)),
        },
      },
    });
    const boolean: AttentionCase = {
      ...rest,
      mask: {
        rank: 4,
        form: 'boolean',
        tensor: { dtype: 'bool', shape: [b, 1, q, k], data: Uint8Array.from(cells, Number) },
      },
    };
    const [one, ...others] = attend([boolean, additive(finfo.float32.lowest), additive(-Infinity)]).map((answer) =>
      'output' in answer ? answer.output.data : new Float64Array(),
    );
    return others.every((other) => other.every((x, n) => Math.abs(x - one[n]) <= 1e-5 + 1e-4 * Math.abs(one[n])));
  });
}
