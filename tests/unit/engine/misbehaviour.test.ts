import { describe, expect, it } from 'vitest';
import booleanEqualsAdditive from '../../../properties/forms/boolean-equals-additive';
import agrees from '../../../properties/numerics/agrees-with-reference';
import noInfluence from '../../../properties/padding/no-influence';
import { sizesOf } from '../../../reference/case';
import { oracleBackend } from '../../../src/backends/oracle';
import type { AttentionCase, Backend, BackendAnswer, BackendSession } from '../../../src/backend';
import type { Outcome } from '../../../src/engine/events';
import { openReference } from '../../../src/engine/reference';
import { runSuite, type SuiteOptions } from '../../../src/engine/run-suite';
import type { Property } from '../../../src/property';

const oracle = oracleBackend();
const right = (cases: readonly AttentionCase[]) => (oracle.open() as BackendSession).attend(cases) as BackendAnswer[];

/** The oracle with another way to answer. */
function backend(attend: BackendSession['attend'], open?: Backend['open']): Backend {
  return { ...oracle, name: 'misbehaving', open: open ?? (() => ({ attend })) };
}

async function run(subject: Backend, options: Partial<SuiteOptions> & { property?: Property } = {}): Promise<Outcome> {
  const { property = booleanEqualsAdditive, ...rest } = options;
  const report = await runSuite({
    backends: [subject],
    properties: [property],
    seed: 7,
    runs: 200,
    reference: await openReference('oracle'),
    timeoutMs: 300,
    ...rest,
  });
  return report.outcomes[0];
}

describe('a backend that errs', () => {
  it('throws on some case: that case is found, made small and named', async () => {
    const outcome = await run(
      backend((cases) => {
        if (cases.some((c) => sizesOf(c).kvLen > 3)) throw new RangeError('too many keys');
        return right(cases);
      }),
    );
    expect(outcome).toMatchObject({ status: 'failed', failure: { stage: 'answer', type: 'BackendThrewError' } });
    expect(outcome.failure?.message).toContain('threw RangeError while answering: too many keys');
    expect(sizesOf(outcome.failure!.case as AttentionCase)).toMatchObject({
      batch: 1,
      numHeads: 1,
      qLen: 1,
      kvLen: 4,
      headDim: 1,
    });
  });

  it('throws only for certain cases in one call: both are kept', async () => {
    const outcome = await run(
      backend((cases) => {
        const grouped = cases.some((c) => sizesOf(c).numKvHeads < sizesOf(c).numHeads);
        if (grouped && cases.some((c) => sizesOf(c).batch === 3 && sizesOf(c).numKvHeads === sizesOf(c).numHeads))
          throw new Error('confused');
        return right(cases);
      }),
    );
    expect(outcome.status).toBe('failed');
    expect(outcome.failure!.beside).toHaveLength(1);
  });

  it('never comes back from a loop: the case is found within the time limit of each try', async () => {
    const outcome = await run(
      backend((cases) => {
        while (cases.some((c) => sizesOf(c).qLen === 5));
        return right(cases);
      }),
    );
    expect(outcome).toMatchObject({ status: 'failed', failure: { stage: 'answer', type: 'BackendTimeoutError' } });
    expect(sizesOf(outcome.failure!.case as AttentionCase).qLen).toBe(5);
  });

  it('is slow for many cases and quick for few: a batch that takes too long is halved, and nobody is accused', async () => {
    const outcome = await run(
      backend(async (cases) => {
        await new Promise((resolve) => setTimeout(resolve, cases.length > 40 ? 600 : 1));
        return right(cases);
      }),
      { runs: 63 },
    );
    expect(outcome).toMatchObject({ status: 'held', cases: 63 });
  });

  it('never settles its promise', async () => {
    const outcome = await run(
      backend((cases) =>
        cases.some((c) => sizesOf(c).qLen === 5) ? new Promise<never>(() => undefined) : right(cases),
      ),
    );
    expect(outcome.failure?.message).toContain('did not come back within 300 ms while answering');
  });

  it.each<[string, (answer: BackendAnswer, c: AttentionCase) => unknown, string]>([
    ['nothing', () => undefined, 'answered undefined where { output } is due'],
    ['no output', () => ({}), 'answered output undefined where float'],
    ['another shape', (a) => ({ output: { ...('output' in a && a.output), shape: [1, 2, 3] } }), '[1,2,3] where '],
    [
      'another dtype',
      (a) => ({ output: { ...('output' in a && a.output), dtype: 'int64' } }),
      'answered output as int64[',
    ],
    [
      'too few numbers',
      (a) => ({ output: { ...('output' in a && a.output), data: new Float64Array(0) } }),
      'with 0 numbers where',
    ],
    [
      'text for numbers',
      (a) => ({
        output: { ...('output' in a && a.output), data: Array.from('output' in a ? a.output.data : [], String) },
      }),
      'data that are not all numbers',
    ],
    [
      'an error',
      () => ({ error: { type: 'ValueError', message: 'no such mask' } }),
      'answered a case that it declares with ValueError: no such mask',
    ],
  ])('answers with %s', async (_, spoil, message) => {
    const outcome = await run(backend((cases) => right(cases).map((a, n) => spoil(a, cases[n]) as BackendAnswer)));
    expect(outcome).toMatchObject({ status: 'failed', failure: { stage: 'answer' } });
    expect(outcome.failure?.message).toContain(message);
  });

  it('gives too few answers', async () => {
    const outcome = await run(backend((cases) => right(cases).slice(1)));
    expect(outcome.failure?.message).toMatch(
      /The backend misbehaving gave \d+ answers for \d+ cases\.\n {2}attend\(cases\) returns a list with one answer a case, in order\./,
    );
  });

  it('does not open: one failure, and the rest is skipped with the reason', async () => {
    const report = await runSuite({
      backends: [
        backend(right, () => {
          throw new Error('no device');
        }),
      ],
      properties: [booleanEqualsAdditive, noInfluence],
      seed: 1,
      reference: await openReference('oracle'),
    });
    expect(report.outcomes.map(({ status }) => status)).toEqual(['failed', 'skipped']);
    expect(report.outcomes[0].failure).toMatchObject({ stage: 'open' });
    expect(report.outcomes[1].reason).toBe('misbehaving could not be opened');
  });

  it('answers NaN where a number is due: that is a violation and no failure', async () => {
    const outcome = await run(
      backend((cases) =>
        right(cases).map((a) =>
          'output' in a ? { ...a, output: { ...a.output, data: a.output.data.map(() => NaN) } } : a,
        ),
      ),
      { property: agrees },
    );
    expect(outcome.status).toBe('violated');
  });

  it('writes into its inputs: nobody else’s case is spoilt', async () => {
    const outcome = await run(
      backend((cases) => {
        const answers = right(cases);
        for (const c of cases) c.query.data.fill(9);
        return answers;
      }),
    );
    expect(outcome.status).toBe('held');
  });
});

describe('a failure that needs calls before it', () => {
  it('is kept with the shortest sequence, and made small', async () => {
    /** Leaks once it has seen a mask of rank 3 in this session. */
    const stale: Backend = {
      ...oracle,
      name: 'stale',
      open: () => {
        let seen = false;
        return {
          attend: (cases) =>
            cases.map((c) => {
              const [answer] = right([seen && c.mask?.form === 'boolean' ? { ...c, mask: undefined } : c]);
              if (c.mask?.rank === 3) seen = true;
              return answer;
            }),
        };
      },
    };
    const rankTwo: Property = {
      ...booleanEqualsAdditive,
      guard: (c) => c.mask?.rank !== 3 || c.mask.tensor.data.every((cell) => cell === 1),
    };
    const outcome = await run(stale, { property: rankTwo, runs: 500 });
    expect(outcome.status).toBe('violated');
    const { after, case: c, path } = outcome.counterexample!;
    expect(after.length).toBe(1);
    expect(after[0].mask?.rank).toBe(3);
    expect(path).toBeUndefined();
    expect(sizesOf(c as AttentionCase)).toMatchObject({ batch: 1, numHeads: 1, qLen: 1, kvLen: 2, headDim: 1 });
  });
});

describe('a run', () => {
  it('gives the same findings for the same seed', async () => {
    const broken = () =>
      backend((cases) =>
        right(cases.map((c) => (c.mask?.form === 'boolean' && c.mask.rank === 2 ? { ...c, mask: undefined } : c))),
      );
    const strip = ({ seconds, ...rest }: Outcome) => ({ ...rest, seconds: typeof seconds });
    expect(strip(await run(broken()))).toEqual(strip(await run(broken())));
  });

  it('stops when it is told to, with what was found so far', async () => {
    const controller = new AbortController();
    const report = await runSuite({
      backends: [oracle],
      properties: [booleanEqualsAdditive, noInfluence],
      seed: 1,
      runs: 1_000_000,
      reference: await openReference('oracle'),
      signal: controller.signal,
      listeners: [(event) => event.type === 'progress' && event.cases > 100 && controller.abort()],
    });
    expect(report.interrupted).toBe(true);
    expect(report.outcomes.map(({ status }) => status)).toEqual(['held', 'skipped']);
    expect(report.outcomes[0].cases).toBeGreaterThan(100);
  });

  it('stops after the given seconds, having tried every property', async () => {
    const report = await runSuite({
      backends: [oracle],
      properties: [booleanEqualsAdditive, noInfluence],
      seed: 1,
      seconds: 0.5,
      reference: await openReference('oracle'),
    });
    expect(report.outcomes.every(({ status, cases }) => status === 'held' && cases > 0)).toBe(true);
  });
});
