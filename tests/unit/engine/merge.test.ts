import { describe, expect, it } from 'vitest';
import { properties } from '../../../properties';
import type { AttentionCase } from '../../../reference/case';
import { sizesOf } from '../../../reference/case';
import type { Backend, BackendAnswer, BackendSession } from '../../../src/backend';
import { oracleBackend } from '../../../src/backends/oracle';
import type { Report, Shard } from '../../../src/engine/events';
import { mergeReports } from '../../../src/engine/merge';
import { openReference } from '../../../src/engine/reference';
import { runSuite, type SuiteOptions } from '../../../src/engine/run-suite';
import type { KnownFailureEntry } from '../../../src/known-failures';
import type { Property } from '../../../src/property';
import { reportText } from '../../../src/report/json';
import { readReport } from '../../../src/report/read';
import { repeats, timeless } from '../../support/repeats';

const oracle = oracleBackend();
const right = (cases: readonly AttentionCase[]) => (oracle.open() as BackendSession).attend(cases) as BackendAnswer[];

function backend(name: string, attend: BackendSession['attend'], open?: Backend['open']): Backend {
  return { ...oracle, name, open: open ?? (() => ({ attend })) };
}

/** Takes boolean masks of rank 2 for none, so that some properties fall early and some late. */
const forgetful = backend('forgetful', (cases) =>
  right(
    cases.map((c) =>
      c.mask?.form === 'boolean' && c.mask.rank === 2 && sizesOf(c).kvLen > 2 ? { ...c, mask: undefined } : c,
    ),
  ),
);
const throwing = backend('throwing', (cases) => {
  if (cases.some((c) => c.query.dtype === 'float16' && c.mask?.rank === 3))
    throw new RangeError('no float16 of rank 3');
  return right(cases);
});
const closed = backend('closed', right, () => {
  throw new Error('no device');
});

const chosen = properties.filter(({ id }) =>
  [
    'forms/boolean-equals-additive',
    'padding/no-influence',
    'rows/mass',
    'rows/support',
    'numerics/agrees-with-reference',
    'state/no-history',
    'hooks/sentinel',
  ].includes(id),
);

async function run(backends: readonly Backend[], options: Partial<SuiteOptions> = {}): Promise<Report> {
  return runSuite({
    backends,
    properties: chosen,
    seed: 1,
    runs: 40,
    reference: await openReference('oracle'),
    ...options,
  });
}

/** Written and read, as `maskproof merge` has them. */
const reread = (report: Report, name: string) => ({ name, ...readReport(JSON.parse(reportText(report)), name) });

async function shards(count: number, backends: readonly Backend[], options: Partial<SuiteOptions> = {}) {
  const reports: ReturnType<typeof reread>[] = [];
  for (let index = 1; index <= count; index++)
    reports.push(reread(await run(backends, { ...options, shard: { index, count } }), `shard-${index}.json`));
  return reports;
}

async function expectSame(count: number, backends: readonly Backend[], options: Partial<SuiteOptions> = {}) {
  const whole = await run(backends, options);
  const merged = mergeReports((await shards(count, backends, options)).reverse(), options.properties ?? chosen);
  expect(timeless(reportText(merged))).toBe(timeless(reportText(whole)));
  return whole;
}

describe('shards, joined', () => {
  it.each(Array.from({ length: repeats(4) }, (_, seed) => seed))('are the one run, with seed %i', async (seed) => {
    const whole = await expectSame(2 + (seed % 3), [forgetful, throwing, oracle], { seed });
    expect(new Set(whole.outcomes.map(({ status }) => status))).toEqual(new Set(['held', 'violated', 'failed']));
  });

  it('are the one run where there are more of them than batches', async () => {
    await expectSame(7, [forgetful], { runs: 5 });
  });

  it('are the one run under --fail-fast', async () => {
    const whole = await expectSame(3, [oracle, forgetful], { failFast: true });
    expect(whole.outcomes.at(-1)?.reason).toContain('--fail-fast');
  });

  it('are the one run where a backend does not open', async () => {
    const whole = await expectSame(2, [closed, oracle]);
    expect(whole.outcomes[1].reason).toBe('closed could not be opened');
  });

  it('are the one run where failures are known', async () => {
    const { counterexample } = (await run([forgetful])).outcomes.find(
      ({ property }) => property === 'padding/no-influence',
    )!;
    const entry = { property: 'padding/no-influence', reason: 'known', case: counterexample!.case };
    const knownFailures: KnownFailureEntry[] = [
      { ...entry, backend: 'forgetful', when: { mask_rank: '2', mask_form: 'boolean' } },
      { property: 'rows/*', backend: 'forgetful', reason: 'as well', when: { mask_rank: '2' } },
      { ...entry, backend: 'oracle' },
    ];
    const whole = await expectSame(3, [forgetful, oracle], { knownFailures });
    const statuses = whole.outcomes.map(({ known, fixed, cases }) => [known !== undefined, fixed !== undefined, cases]);
    expect(statuses).toContainEqual([true, false, 40]);
    expect(statuses).toContainEqual([false, true, 1]);
  });

  it('are the one run where the guard accepts nothing', async () => {
    const picky: Property = { ...chosen[0], guard: () => false };
    const whole = await expectSame(2, [oracle], { properties: [picky] });
    expect(whole.outcomes[0].reason).toContain('accepts none of');
  });

  it('keep what an interrupted shard found', async () => {
    const controller = new AbortController();
    controller.abort();
    const [first] = await shards(1, [oracle]);
    const asFirst = { ...first, report: { ...first.report, shard: { index: 1, count: 2 } } };
    const second = reread(
      await run([oracle], { shard: { index: 2, count: 2 }, signal: controller.signal }),
      'second.json',
    );
    const merged = mergeReports([asFirst, second], chosen);
    expect(merged.interrupted).toBe(true);
    expect(merged.outcomes.every(({ status, cases }) => status === 'held' && cases === 40)).toBe(true);
  });
});

describe('reports that are not the shards of one run', () => {
  const with2 = (changes: Partial<Report>) => async () => {
    const [first, second] = await shards(2, [oracle], { runs: 2 });
    return mergeReports([first, { ...second, report: { ...second.report, ...changes } }], chosen);
  };

  it.each<[string, Partial<Report>, string]>([
    [
      'another seed',
      { seed: 9 },
      'shard-1.json and shard-2.json are not shards of one run: their seed differs.\n  shard-1.json: 1\n  shard-2.json: 9\n',
    ],
    [
      'another budget',
      { budget: { runs: 3 } },
      'their budget differs.\n  shard-1.json: {"runs":2}\n  shard-2.json: {"runs":3}\n',
    ],
    ['another backend', { backends: [] }, 'their backends differ.'],
    ['other properties', { outcomes: [] }, 'their properties differ.'],
    ['another reference', { reference: { name: 'wasm', precision: 'float32' } }, 'their reference differs.'],
    [
      'another number of shards',
      { shard: { index: 2, count: 3 } },
      'shard-1.json is one of 2 shards, and shard-2.json is one of 3.',
    ],
    ['the same shard twice', { shard: { index: 1, count: 2 } }, 'shard-1.json and shard-2.json are both shard 1 of 2.'],
    ['a whole run', { shard: undefined }, 'shard-2.json is the report of a whole run and of no shard.'],
  ])('%s is told', async (_, changes, sentence) => {
    await expect(with2(changes)()).rejects.toThrow(sentence);
  });

  it('another version is told', async () => {
    const [first, second] = await shards(2, [oracle], { runs: 2 });
    expect(() => mergeReports([first, { ...second, version: '9.9.9' }], chosen)).toThrow(
      'their maskproof version differs.',
    );
  });

  it('missing shards are named', async () => {
    const shard = (index: number): Shard => ({ index, count: 5 });
    const [only] = await shards(1, [oracle], { runs: 2 });
    const some = [2, 4].map((index) => ({
      ...only,
      name: `${index}.json`,
      report: { ...only.report, shard: shard(index) },
    }));
    expect(() => mergeReports(some, chosen)).toThrow('Of 5 shards, shards 1, 3, 5 are missing.');
    expect(() =>
      mergeReports(
        [...some, ...[1, 3].map((index) => ({ ...only, report: { ...only.report, shard: shard(index) } }))],
        chosen,
      ),
    ).toThrow('Of 5 shards, shard 5 is missing.');
  });
});
