import { describe, expect, it } from 'vitest';
import type { Picture } from '../../../src/engine/events';
import { renderMask } from '../../../src/report/render-mask';
import { backendInfo, leak, maskCase } from './cases';

const plain = { ascii: false, color: false };
const conventions = backendInfo.supports;
const nothing = { rows: [], leaked: [], ignored: [] };
const draw = (picture: Omit<Picture, 'conventions'>, style = plain) =>
  `\n${renderMask({ ...picture, conventions }, style).join('\n')}\n`;

describe('renderMask', () => {
  it('draws a row per query and a column per key, batch by batch', () => {
    const { case: c, leaked, ignored, violation } = leak();
    expect(draw({ case: c, rows: violation.rows, leaked, ignored })).toMatchInlineSnapshot(`
      "
      batch 0
           k0 k1
        q0  ■  ■
        q1  ■  ■
      batch 1
           k0 k1
        q0  ■  ◉
        q1  ■  ·
      ■ kept   · dropped   ◉ dropped by the mask, yet used
      "
    `);
  });

  it('has an ASCII twin', () => {
    const { case: c, leaked, ignored, violation } = leak();
    expect(draw({ case: c, rows: violation.rows, leaked, ignored }, { ascii: true, color: false }))
      .toMatchInlineSnapshot(`
      "
      batch 0
           k0 k1
        q0  #  #
        q1  #  #
      batch 1
           k0 k1
        q0  #  X
        q1  #  .
      # kept   . dropped   X dropped by the mask, yet used
      "
    `);
  });

  it('marks a kept key that is not used, and a query that keeps no key', () => {
    const c = maskCase({
      keep: [
        [1, 1, 0],
        [0, 0, 0],
      ],
    });
    expect(draw({ case: c, ...nothing, ignored: [{ b: 0, h: 0, i: 0, j: 1 }], rows: [{ b: 0, h: 0, i: 1 }] }))
      .toMatchInlineSnapshot(`
      "
           k0 k1 k2
        q0  ■  ○  ·
        q1  ·  ·  ·   ← no key kept; differs
      ■ kept   · dropped   ○ kept, yet not used
      "
    `);
  });

  it('draws what is alike once', () => {
    const c = maskCase({ keep: [[1, 0]], batch: 1, numHeads: 3 });
    expect(draw({ case: c, ...nothing })).toMatchInlineSnapshot(`
      "
      batch 0, head 0 (2 more heads alike)
           k0 k1
        q0  ■  ·
      ■ kept   · dropped
      "
    `);
  });

  it('shows the region round the trouble of a wide mask', () => {
    const keep = [Array.from({ length: 64 }, (_, j) => (j % 5 === 0 ? 1 : 0))];
    expect(draw({ case: maskCase({ keep }), ...nothing, leaked: [{ b: 0, h: 0, i: 0, j: 32 }] }))
      .toMatchInlineSnapshot(`
      "
           k30 k31 k32 k33 k34 k35 … 58 more keys
        q0   ■   ·   ◉   ·   ·   ■
      ■ kept   · dropped   ◉ dropped by the mask, yet used
      "
    `);
  });

  it('never draws more than 16 rows and columns', () => {
    const keep = Array.from({ length: 40 }, () => Array.from({ length: 40 }, () => 1));
    const leaked = [
      { b: 0, h: 0, i: 3, j: 2 },
      { b: 0, h: 0, i: 3, j: 30 },
      { b: 0, h: 0, i: 39, j: 39 },
    ];
    const lines = renderMask({ case: maskCase({ keep }), conventions, ...nothing, ignored: leaked }, plain);
    expect(lines).toHaveLength(1 + 16 + 2);
    expect(lines[1].trim().split(/\s+/)).toHaveLength(1 + 16);
    expect(lines.join('\n')).toContain('○');
  });

  it('adds colour to the marks of trouble and changes nothing else', () => {
    const { case: c, leaked, ignored, violation } = leak();
    const colored = draw({ case: c, rows: violation.rows, leaked, ignored }, { ascii: false, color: true });
    expect(colored).toContain('\u001b[31m◉\u001b[0m');
    expect(colored.replaceAll(/\u001b\[\d+m/g, '')).toBe(draw({ case: c, rows: violation.rows, leaked, ignored }));
  });
});
