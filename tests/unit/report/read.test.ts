import { describe, expect, it } from 'vitest';
import type { BatchTally } from '../../../src/engine/events';
import { reportText } from '../../../src/report/json';
import { readReport } from '../../../src/report/read';
import { leak, maskCase, noRows, outcomeOf, reportOf } from './cases';

const batch: BatchTally = {
  batch: 3,
  cases: 6,
  calls: 9,
  rows: { ...noRows, compared: 2 },
  drawn: [{ cell: 'is_causal=true', cases: 6, checked: 5 }],
  ended: true,
};
const { violation, ...rest } = leak();
const numbers = {
  of: 'weights',
  at: { b: 0, h: 0, i: 0 },
  actual: [NaN, -0],
  expected: [Infinity, -Infinity],
  allowed: [0, 1e-300],
};
const odd = {
  ...rest,
  violation: { ...violation, numbers },
  after: [maskCase({ keep: [[1]] })],
  stopped: 'interrupted',
  ignored: [{ b: 0, h: 0, i: 1, j: 1 }],
};
const known = { property: 'a/*', backend: 'b', reason: 'why', link: 'https://example.org' };
const report = {
  ...reportOf([
    outcomeOf({ status: 'violated', counterexample: leak(), batches: [batch] }),
    outcomeOf({ status: 'violated', counterexample: odd, known, seconds: 0.1 }),
    outcomeOf({ status: 'held', fixed: { ...known, link: undefined } }),
    outcomeOf({ status: 'skipped', reason: 'does not declare it' }),
    outcomeOf({ status: 'failed', failure: { stage: 'open', type: 'E', message: 'No\ndevice "\u0000".' } }),
    outcomeOf({
      status: 'failed',
      failure: { stage: 'answer', type: 'E', message: '', case: maskCase({ keep: [[1, 0]] }), seed: 3, path: '1:2' },
    }),
  ]),
  budget: { runs: 5, seconds: 2.5, failFast: true, mode: 'pr' as const },
  shard: { index: 2, count: 3 },
  starved: [{ backend: 'broadcast-bug', facets: { dtype: 'float16' }, cases: 100, checked: 0, required: 0.1 }],
};
const leftOut = [{ name: 'tfjs-wasm', reason: 'is not installed' }];

describe('readReport', () => {
  it('gives a report that is written the same', () => {
    const text = reportText(report, leftOut);
    const read = readReport(JSON.parse(text), 'a.json');
    expect(reportText(read.report, read.leftOut)).toBe(text);
    expect(read.report.outcomes[0].counterexample).toEqual(leak());
  });

  it.each<[string, (json: { [name: string]: never }) => unknown, string]>([
    [
      'another file',
      () => ({ schema: 'maskproof/counterexample@1' }),
      'a.json is no report: its schema is "maskproof/counterexample@1", not "maskproof/report@1".',
    ],
    ['a list', () => [], 'a.json is a report that cannot be read: the whole is []; it is an object.'],
    ['nothing', () => null, 'the whole is null; it is an object.'],
    ['a seed that is none', (json) => ({ ...json, seed: '7' }), 'seed is "7"; it is a whole number, 0 or more.'],
    ['a missing list', (json) => ({ ...json, outcomes: undefined }), 'outcomes is missing; it is a list.'],
    [
      'an unknown status',
      (json) => ({ ...json, outcomes: [{ status: 'fine' }] }),
      'outcomes[0].status is "fine"; it is one of held, violated, skipped, failed.',
    ],
    [
      'a strange backend',
      (json) => ({
        ...json,
        backends: [{ name: 'a', spec: 'a', versions: {}, supports: { mask_ranks: [7], declared: [] } }],
      }),
      'supports.maskRanks holds 7',
    ],
    [
      'cells out of step',
      (json) => ({ ...json, combinations: [['a', 1]] }),
      'combinations[0] holds 2 items; they come in threes.',
    ],
  ])('says what is wrong with %s', (_, spoil, sentence) => {
    const json = JSON.parse(reportText(report)) as { [name: string]: never };
    expect(() => readReport(JSON.parse(JSON.stringify(spoil(json))), 'a.json')).toThrow(sentence);
  });
});
