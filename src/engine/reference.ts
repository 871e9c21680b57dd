/** Who answers for the definition in this run: the oracle, or the same definition on a TensorFlow.js engine. */
import type { AttentionCase } from '../../reference/case';
import { expectationOf, RowState, type Expectation, type Interval } from '../../reference/expectation';
import { engineEntry, engines, type EngineEntry } from '../../reference/gpu/engines';
import { loadEngine, tfjs } from '../backends/tfjs';
import type { ResolvedSupports } from '../backend';
import { BackendError, UsageError } from '../errors';
import { didYouMean } from '../nearest';
import type { Answer } from '../property';
import { precisionOf, resolveSupports } from '../supports';
import { chooseEngine } from './choose-engine';
import type { ReferenceInfo } from './events';
import { selfCheck } from './self-check';
import { Session } from './session';

export interface Reference {
  readonly info: ReferenceInfo;
  /**
   * An expectation a case, around the reference's own numbers, with its own radius added to the backend's. Absent where the oracle answers.
   * `expect` is the oracle's expectation under the conventions and precision of the backend that is being judged.
   */
  answers?(cases: readonly AttentionCase[], expect: (c: AttentionCase) => Expectation): Promise<readonly Expectation[]>;
  close(): Promise<void>;
}

export const referenceChoices: readonly string[] = ['auto', 'oracle', ...engines.map(({ name }) => name)];

const oracle = (reason?: string): Reference => ({
  info: { name: 'oracle', precision: 'float64', device: 'cpu', reason },
  close: () => Promise.resolve(),
});

/** Throws a UsageError for an unknown choice and a BackendError where the engine does not load, or fails its self-check. */
export async function openReference(choice: string, timeoutMs = 60_000): Promise<Reference> {
  if (choice === 'oracle') return oracle();
  if (choice === 'auto') {
    const { engine, reason } = await chooseEngine();
    return engine === undefined ? oracle(reason) : engineReference(engineEntry(engine), timeoutMs, reason);
  }
  const entry = engines.find(({ name }) => name === choice);
  if (entry === undefined)
    throw new UsageError('unknown_reference', {
      what: `There is no reference ${JSON.stringify(choice)}.${didYouMean(choice, referenceChoices)}`,
      mend: `Choose one of ${referenceChoices.join(', ')}.`,
    });
  return engineReference(entry, timeoutMs);
}

async function engineReference(entry: EngineEntry, timeoutMs: number, reason?: string): Promise<Reference> {
  const { name } = entry;
  const backend = await tfjs(name);
  const engine = await loadEngine(entry, name);
  const { precision } = await selfCheck(engine);
  const supports = resolveSupports(backend.supports);
  const session = await Session.open(backend, supports, timeoutMs);
  return {
    info: { name, precision, device: engine.describe(), reason },
    async answers(cases, expect) {
      const able = cases.filter((c) => supports.dtypes.includes(c.query.dtype));
      const given = able.length > 0 ? await session.attend(able) : [];
      const answers = new Map(able.map((c, n) => [c, given[n]]));
      return cases.map((c) => {
        const answer = answers.get(c);
        if (answer === undefined) return expect(c);
        if (!('output' in answer))
          throw new BackendError(
            { type: 'ReferenceError', code: 'reference_failed', stage: 'answer', backend: backend.name },
            {
              what: `The reference ${name} did not answer: ${'error' in answer ? answer.error.message : 'malformed' in answer ? answer.malformed : 'no output'}`,
              mend: 'Run again with --reference oracle.',
            },
          );
        return around(answer, expect(c), c, supports);
      });
    },
    close: () => session.close(),
  };
}

/** The backend's expectation moved onto the reference's numbers, in rows where both read the mask alike and both make a claim. */
function around(answer: Answer, expected: Expectation, c: AttentionCase, supports: ResolvedSupports): Expectation {
  const own = expectationOf(c, supports, precisionOf(supports, c.query.dtype));
  const claims = (row: number) =>
    expected.rows[row] === RowState.ok &&
    own.rows[row] === RowState.ok &&
    sameRow(own.keep, expected.keep, row, expected.rows.length);
  const moved = (numbers: Float64Array | undefined, mine: Interval, its: Interval): Interval =>
    numbers ? moveRows(numbers, mine, its, expected.rows.length, claims) : mine;
  return {
    ...expected,
    output: moved(answer.output.data, expected.output, own.output),
    weights: moved(answer.weights?.data, expected.weights, own.weights),
    scores: moved(answer.scores?.data, expected.scores, own.scores),
  };
}

function sameRow(a: Uint8Array, b: Uint8Array, row: number, rows: number): boolean {
  const width = a.length / rows;
  for (let n = row * width; n < (row + 1) * width; n++) if (a[n] !== b[n]) return false;
  return true;
}

function moveRows(
  numbers: Float64Array,
  mine: Interval,
  its: Interval,
  rows: number,
  claims: (row: number) => boolean,
): Interval {
  const width = numbers.length / Math.max(1, rows);
  const moved = {
    centre: mine.centre.slice(),
    low: mine.low.slice(),
    high: mine.high.slice(),
    radius: mine.radius.slice(),
  };
  for (let row = 0; row < rows; row++) {
    if (!claims(row)) continue;
    for (let n = row * width; n < (row + 1) * width; n++) {
      // Exact places (dropped weights, sentinels) stay as the definition has them.
      if (mine.low[n] === mine.high[n] || !Number.isFinite(mine.centre[n])) continue;
      moved.centre[n] = numbers[n];
      moved.radius[n] = mine.radius[n] + its.radius[n];
      moved.low[n] = numbers[n] - moved.radius[n];
      moved.high[n] = numbers[n] + moved.radius[n];
    }
  }
  return moved;
}
