/**
 * Whether an engine keeps its word on the device that is here: its precision is measured and must be what it declares, and its answers to a few
 * cases must lie within the radius of the oracle's. A reference that is wrong makes every finding wrong, so it is asked before each run.
 */
import fc from 'fast-check';
import { performance } from 'node:perf_hooks';
import type { AttentionCase, Conventions } from '../../reference/case';
import { expectationOf, RowState } from '../../reference/expectation';
import { precisionOf, type Engine } from '../../reference/gpu/engines';
import { breaks, describePrecision, measure, type Measured } from '../../reference/gpu/measure';
import { attendPacked, referenceConventions, type ReferenceAnswer } from '../../reference/gpu/packing';
import { attentionCase } from '../arbitraries/attention-case';
import type { CaseConstraints } from '../arbitraries/constraints';
import { BackendError } from '../errors';

export interface SelfCheck {
  readonly measured: Measured;
  /** "float32, subnormals flushed" */
  readonly precision: string;
  readonly cases: number;
  /** The largest error of an answer in float32, as a share of what the radius allows. */
  readonly largest: number;
  readonly seconds: number;
}

const everything: CaseConstraints = {
  dtypes: ['float32', 'float16', 'bfloat16'],
  causal: 'bottom_right',
  emptyRows: 'allow',
  want: { weights: true, scores: true },
};
/** Of few shapes, so that they are few launches. */
const small: CaseConstraints = { ...everything, maxBatch: 2, maxHeads: 2, maxQLen: 4, maxKvLen: 4, maxHeadDim: 4 };
const large: CaseConstraints = { ...everything, minKvLen: 17, maxQLen: 32, maxKvLen: 32, maxHeadDim: 32 };

/** A few launches: tens of milliseconds on a GPU. Throws a BackendError with what the engine does not keep. */
export async function selfCheck(engine: Engine): Promise<SelfCheck> {
  const started = performance.now();
  const measured = engine.measured ?? (await measure(engine.tf, engine.use));
  const broken = breaks(engine.precision, measured);
  if (broken !== undefined) throw failed(engine, broken);
  const cases = [
    ...fc.sample(attentionCase(small), { numRuns: 48, seed: 1 }),
    // A driver in software compiles for seconds what one in hardware has in milliseconds.
    ...fc.sample(attentionCase(large), { numRuns: engine.device.kind === 'software' ? 0 : 2, seed: 2 }),
  ];
  const answers = await attendPacked(engine, cases);
  let largest = 0;
  cases.forEach((c, n) => {
    const { misses, ratio } = judgeAnswer(c, answers[n], referenceConventions, engine);
    if (misses.length > 0)
      throw failed(engine, `its answer to case ${n + 1} of ${cases.length} is not the oracle's: ${misses[0]}`);
    // A half-precision answer may be the neighbour of the oracle's, and then takes all of its radius.
    if (c.query.dtype === 'float32') largest = Math.max(largest, ratio);
  });
  const seconds = (performance.now() - started) / 1000;
  return { measured, precision: describePrecision(measured), cases: cases.length, largest, seconds };
}

/** What an answer of an engine has outside of what the oracle allows, and its largest error as a share of what is allowed. */
export function judgeAnswer(
  c: AttentionCase,
  answer: ReferenceAnswer,
  conventions: Conventions,
  engine: Pick<Engine, 'precision'>,
): { readonly misses: readonly string[]; readonly ratio: number } {
  if ('error' in answer) return { misses: [answer.error.message], ratio: 0 };
  const due = expectationOf(c, conventions, precisionOf(engine, c.query.dtype));
  const misses: string[] = [];
  let ratio = 0;
  for (const what of ['output', 'weights', 'scores'] as const) {
    const data = answer[what]?.data;
    if (data === undefined) continue;
    const { low, high, centre, radius } = due[what];
    if (data.length !== low.length) {
      misses.push(`${what} has ${data.length} numbers, not ${low.length}`);
      continue;
    }
    const width = data.length / due.rows.length;
    data.forEach((x, n) => {
      const state = due.rows[Math.floor(n / width)];
      if (!(state === RowState.ok || (state === RowState.empty && what !== 'scores'))) return;
      const isWithin = Number.isNaN(low[n]) ? Number.isNaN(x) : x >= low[n] && x <= high[n];
      if (!isWithin) misses.push(`${what}[${n}] is ${x}, not in ${low[n]} .. ${high[n]}`);
      else if (radius[n] > 0) ratio = Math.max(ratio, Math.abs(x - centre[n]) / radius[n]);
    });
  }
  return { misses, ratio };
}

function failed(engine: Engine, how: string): BackendError {
  return new BackendError(
    { type: 'SelfCheckError', code: 'self_check_failed', stage: 'open', backend: engine.name },
    {
      what: `The engine ${engine.name} failed its self-check: ${how}.`,
      facts: [engine.describe()],
      mend: 'It cannot stand for the definition on this device: run with --reference oracle.',
    },
  );
}
