import { describe, expect, it } from 'vitest';
import { reportText, reportToJson } from '../../../src/report/json';
import { leak, noRows, outcomeOf, reportOf } from './cases';

describe('the JSON report', () => {
  const report = reportOf([
    outcomeOf({ status: 'violated', cases: 6, rows: { ...noRows, compared: 3, blind: 1 }, counterexample: leak() }),
    outcomeOf({
      property: 'rotary/agrees-with-base',
      status: 'skipped',
      cases: 0,
      reason: 'does not declare the rotary bridge',
    }),
    outcomeOf({
      property: 'padding/other',
      status: 'failed',
      failure: { stage: 'open', type: 'BackendOpenError', message: 'No device.' },
    }),
  ]);
  const json = reportToJson(report);

  it('is what its text says', () => {
    expect(JSON.parse(reportText(report))).toEqual(JSON.parse(JSON.stringify(json)));
  });

  it('holds the run, the backends and every outcome', () => {
    expect(json).toMatchObject({
      schema: 'maskproof/report@1',
      seed: 7,
      reference: { name: 'oracle' },
      backends: [
        {
          name: 'broadcast-bug',
          versions: { kernel: '1.2.3' },
          supports: { mask_ranks: [2, 4], fully_masked_row: { finfo: 'unspecified' } },
        },
      ],
      coverage: [{ facet: 'mask_rank', value: '4', cases: 3, checked: 3 }],
    });
    expect(json.outcomes.map(({ property, status, reason, stage }) => ({ property, status, reason, stage }))).toEqual([
      { property: 'padding/no-influence', status: 'violated', reason: undefined, stage: undefined },
      {
        property: 'rotary/agrees-with-base',
        status: 'skipped',
        reason: 'does not declare the rotary bridge',
        stage: undefined,
      },
      { property: 'padding/other', status: 'failed', reason: 'No device.', stage: 'open' },
    ]);
  });

  it('holds the counterexample in wire form', () => {
    expect(json.outcomes[0].violation).toMatchObject({
      summary: '1 of the pairs that the mask drops changed the output',
      seed: 20261123,
      path: '5:0:1:1',
      shrinks: 12,
      calls: 40,
      rows: [{ b: 1, h: 0, i: 0 }],
      cells: [{ b: 1, h: 0, i: 0, j: 1 }],
      case: { bridge: 'base', query: { dtype: 'float32', shape: [2, 1, 2, 1], data: [1, 1, 1, 1] }, is_causal: false },
    });
  });

  it('says what was not checked', () => {
    expect(json.notChecked).toEqual(
      expect.arrayContaining([
        {
          kind: 'skipped',
          backend: 'broadcast-bug',
          property: 'rotary/agrees-with-base',
          reason: 'does not declare the rotary bridge',
        },
        { kind: 'undeclared', backend: 'broadcast-bug', reason: 'bridge rotary' },
        {
          kind: 'blind_rows',
          backend: 'broadcast-bug',
          property: 'padding/no-influence',
          reason: 'the radius is wider than their values',
          rows: 1,
          of: 4,
        },
      ]),
    );
  });
});
