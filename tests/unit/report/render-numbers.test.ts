import { describe, expect, it } from 'vitest';
import { renderNumbers } from '../../../src/report/render-numbers';

const plain = { ascii: false, color: false };
const at = { b: 1, h: 0, i: 0 };
const draw = (numbers: Parameters<typeof renderNumbers>[0]) => `\n${renderNumbers(numbers, plain).join('\n')}\n`;

describe('renderNumbers', () => {
  it('lines up what came, what was due and how far off it may be', () => {
    const numbers = {
      of: 'output',
      at,
      actual: [1.5, 0.25, -0.75],
      expected: [0.25, 0.25, -0.75],
      allowed: [1.2e-6, 1.2e-6, 1.2e-6],
    };
    expect(draw(numbers)).toMatchInlineSnapshot(`
      "
      output[b=1, h=0, q=0]      d=0      d=1      d=2
                     actual   1.5000   0.2500  -0.7500
                   expected   0.2500   0.2500  -0.7500
                  allowed ±  1.2e-06  1.2e-06  1.2e-06
                  failed ->       xx
      "
    `);
  });

  it('shows enough digits to tell numbers apart', () => {
    expect(draw({ of: 'output', at, actual: [1.00000012], expected: [1] })).toMatchInlineSnapshot(`
      "
      output[b=1, h=0, q=0]        d=0
                     actual  1.0000001
                   expected  1.0000000
                  failed ->         xx
      (compared bit for bit)
      "
    `);
  });

  it('takes NaN for wrong only where none is due', () => {
    const numbers = { of: 'weights', at, actual: [NaN, NaN, Infinity], expected: [NaN, 0, 1], allowed: [0, 0, 0] };
    expect(draw(numbers)).toMatchInlineSnapshot(`
      "
      weights[b=1, h=0, q=0]   k0   k1        k2
                      actual  NaN  NaN  Infinity
                    expected  NaN    0    1.0000
                   allowed ±    0    0         0
                   failed ->        xx        xx
      "
    `);
  });

  it('shows eight columns round the first failure', () => {
    const expected = Array.from({ length: 40 }, () => 0);
    const actual = expected.map((_, n) => (n === 30 ? 1 : 0));
    expect(draw({ of: 'output', at, actual, expected, allowed: expected })).toMatchInlineSnapshot(`
      "
      output[b=1, h=0, q=0]  d=29    d=30  d=31  d=32  d=33  d=34  d=35  d=36
                     actual     0  1.0000     0     0     0     0     0     0
                   expected     0       0     0     0     0     0     0     0
                  allowed ±     0       0     0     0     0     0     0     0
                  failed ->            xx
      … 32 more, 1 of 40 failed
      "
    `);
  });
});
