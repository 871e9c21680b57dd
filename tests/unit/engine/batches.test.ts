import { describe, expect, it } from 'vitest';
import { Halts, joinOutcomes, skipped } from '../../../src/engine/join';
import type { BatchTally, Outcome } from '../../../src/engine/events';
import { batchesOf, nextStretch } from '../../../src/engine/seed';

describe('batchesOf', () => {
  it('gives as many cases as are asked for, in batches of fixed sizes', () => {
    expect([...batchesOf(100)].map(({ size }) => size)).toEqual([1, 2, 4, 8, 16, 32, 37]);
    expect([...batchesOf(1)]).toEqual([{ batch: 0, size: 1 }]);
  });

  it.each([1, 2, 3, 7, 50])('%i shards have every batch once', (count) => {
    const all = Array.from({ length: count }, (_, n) => [...batchesOf(5_000, { index: n + 1, count })]).flat();
    expect(all.sort((a, b) => a.batch - b.batch)).toEqual([...batchesOf(5_000)]);
  });

  it('goes on for ever where there is no bound, and stretches take what one job does at a time', () => {
    const batches = batchesOf(Infinity);
    const stretches = Array.from({ length: 4 }, () => nextStretch(batches).map(({ batch }) => batch));
    expect(stretches).toEqual([[0, 1, 2, 3, 4, 5, 6], [7], [8], [9]]);
    expect(nextStretch(batchesOf(0))).toEqual([]);
  });
});

const rows = { compared: 1, blind: 0, out_of_range: 0, empty: 0, not_bitwise: 0 };
const tally = (batch: number, ended?: true): BatchTally => ({
  batch,
  cases: 10,
  calls: 20,
  rows,
  drawn: [],
  ...(ended && { ended }),
});
const named = { property: 'a/b', statement: 'It holds.', backend: 'one' };
const part = (batches: readonly BatchTally[], rest: Partial<Outcome> = {}): Outcome => ({
  ...skipped(named, ''),
  reason: undefined,
  status: 'held',
  calls: 20 * batches.length,
  batches,
  ...rest,
});

describe('joinOutcomes', () => {
  it('adds up what held', () => {
    const joined = joinOutcomes([part([tally(1), tally(3)]), part([tally(0), tally(2)])]);
    expect(joined).toMatchObject({ status: 'held', cases: 40, calls: 80, rows: { compared: 4 } });
    expect(joined.batches?.map(({ batch }) => batch)).toEqual([0, 1, 2, 3]);
  });

  it('ends with the first batch that ended the search, whoever met it, and counts nothing after it', () => {
    const late = part([tally(0), tally(3, true)], {
      status: 'failed',
      failure: { stage: 'answer', type: 'Late', message: '' },
    });
    const early = part([tally(2, true)], {
      status: 'failed',
      failure: { stage: 'answer', type: 'Early', message: '' },
    });
    const joined = joinOutcomes([late, part([tally(1), tally(4)]), early]);
    expect(joined).toMatchObject({ status: 'failed', failure: { type: 'Early' }, cases: 30, calls: 60 });
  });

  it('counts what was replayed before the search once', () => {
    const known = { status: 'violated', known: { ...named, reason: 'known' } } as const;
    const joined = joinOutcomes([
      part([tally(0)], { ...known, calls: 25 }),
      part([tally(1)], { ...known, calls: 25 }),
      part([], { ...known, calls: 5 }),
    ]);
    expect(joined).toMatchObject({ status: 'violated', cases: 20, calls: 45 });
  });
});

describe('Halts', () => {
  const bad = part([], { status: 'violated' });

  it('stop after what fails the run, and only under --fail-fast', () => {
    const careful = new Halts(true);
    careful.take(part([]));
    careful.take({ ...bad, known: { ...named, reason: 'known' } });
    expect(careful.reason('one')).toBeUndefined();
    careful.take(bad);
    expect(careful.reason('one')).toContain('--fail-fast');
    const patient = new Halts(false);
    patient.take(bad);
    expect(patient.reason('one')).toBeUndefined();
  });

  it('ask a backend that did not open no more, and the others on', () => {
    const halts = new Halts(false);
    halts.take(part([], { status: 'failed', failure: { stage: 'open', type: 'E', message: '' } }));
    expect(halts.reason('one')).toBe('one could not be opened');
    expect(halts.reason('two')).toBeUndefined();
  });
});
