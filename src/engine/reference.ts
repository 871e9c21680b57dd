/** Who answers for the definition in this run: the oracle, or the same definition on a TensorFlow.js engine. */
import type { AttentionCase, FloatType } from '../../reference/case';
import type { Expectation } from '../../reference/expectation';
import { DeviceLostError } from '../../reference/gpu/engine';
import { engineEntry, engines, type EngineEntry } from '../../reference/gpu/engines';
import { expectPacked } from '../../reference/gpu/expect';
import { isEngineError, onEngine } from '../../reference/gpu/on-engine';
import { loadEngine } from '../backends/tfjs';
import type { ResolvedSupports } from '../backend';
import { BackendError, UsageError } from '../errors';
import { didYouMean } from '../nearest';
import { precisionOf } from '../supports';
import { chooseEngine } from './choose-engine';
import type { ReferenceInfo } from './events';
import { selfCheck } from './self-check';

/** The backend that is being judged, and what the oracle expects of it. */
export interface Judged {
  readonly supports: ResolvedSupports;
  expect(c: AttentionCase): Expectation;
}

export interface Reference {
  readonly info: ReferenceInfo;
  /**
   * An expectation a case, around the reference's own numbers, with its own radius added to the backend's. Absent where the oracle answers,
   * which is also asked where the reference makes no claim.
   */
  answers?(cases: readonly AttentionCase[], judged: Judged): Promise<readonly Expectation[]>;
  close(): Promise<void>;
}

export const referenceChoices: readonly string[] = ['auto', 'oracle', ...engines.map(({ name }) => name)];

const oracle = (reason?: string): Reference => ({
  info: { name: 'oracle', precision: 'float64', device: 'cpu', reason },
  close: () => Promise.resolve(),
});

/** Throws a UsageError for an unknown choice and a BackendError where the engine does not load, or fails its self-check. */
export async function openReference(choice: string): Promise<Reference> {
  if (choice === 'oracle') return oracle();
  if (choice === 'auto') {
    const { engine, reason } = await chooseEngine();
    return engine === undefined ? oracle(reason) : engineReference(engineEntry(engine), reason);
  }
  const entry = engines.find(({ name }) => name === choice);
  if (entry === undefined)
    throw new UsageError('unknown_reference', {
      what: `There is no reference ${JSON.stringify(choice)}.${didYouMean(choice, referenceChoices)}`,
      mend: `Choose one of ${referenceChoices.join(', ')}.`,
    });
  return engineReference(entry);
}

async function engineReference(entry: EngineEntry, reason?: string): Promise<Reference> {
  const { name } = entry;
  const engine = await loadEngine(entry, name);
  const { precision } = await selfCheck(engine);
  return {
    info: { name, precision, device: engine.describe(), reason },
    async answers(cases, judged) {
      const { supports } = judged;
      const asked = { conventions: supports, precisionOf: (dtype: FloatType) => precisionOf(supports, dtype) };
      const expectations = await onEngine(entry, (loaded) => expectPacked(loaded, cases, asked)).catch(
        (error: unknown) => {
          throw asReferenceError(name, error);
        },
      );
      return expectations.map((expectation, n) => expectation ?? judged.expect(cases[n]));
    },
    close: () => Promise.resolve(),
  };
}

/** A device that is lost twice, and an operation that the engine refuses, are no findings about the backend, and no bugs of ours. */
function asReferenceError(name: string, error: unknown): unknown {
  if (!(error instanceof DeviceLostError || isEngineError(error))) return error;
  const code = error instanceof DeviceLostError ? error.code.toLowerCase() : 'reference_failed';
  return new BackendError(
    { type: error.name, code, stage: 'answer', backend: name },
    { what: `The reference ${name} did not answer: ${error.message}`, mend: 'Run again with --reference oracle.' },
    { cause: error },
  );
}
