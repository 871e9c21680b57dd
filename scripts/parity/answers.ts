/**
 * Interpretune's parity test in small: a batch of prompts, padded on the left, and of each the logit of the right answer less that of the wrong
 * one at the answer position, which is the last. https://github.com/TransformerLensOrg/TransformerLens/pull/1198
 */
import { countedPositions, type ModelCase } from '../../reference/model-case';
import { modelBuiltin } from '../../src/backends/model-builtin';
import { allowedError, logitsAt, plainCalls } from '../../src/compare/models';
import { openReference } from '../../src/engine/reference';
import { Subject } from '../../src/engine/subject';
import type { ModelAnswer } from '../../src/property';

/** Words of three to six tokens, none of them the pad token, and the two answers to choose from. */
const prompts: readonly { readonly tokens: readonly number[]; readonly right: number; readonly wrong: number }[] = [
  { tokens: [5, 9, 14], right: 7, wrong: 21 },
  { tokens: [11, 3, 27, 8, 30, 6], right: 12, wrong: 4 },
  { tokens: [19, 22, 4, 17], right: 25, wrong: 13 },
  { tokens: [8, 8, 31, 10, 16], right: 3, wrong: 29 },
];
const pad = 2;
const seqLen = Math.max(...prompts.map(({ tokens }) => tokens.length));

/** The batch as tokenizers make it for generation. */
export function leftPaddedBatch(): ModelCase {
  const rows = prompts.map(({ tokens }) => [...Array.from({ length: seqLen - tokens.length }, () => pad), ...tokens]);
  const real = prompts.map(({ tokens }) => Array.from({ length: seqLen }, (_, i) => +(i >= seqLen - tokens.length)));
  const shape = [prompts.length, seqLen];
  return {
    tokens: { dtype: 'int64', shape, data: Float64Array.from(rows.flat()) },
    dtype: 'float32',
    mask: { rank: 2, form: 'integer', tensor: { dtype: 'int64', shape, data: Float64Array.from(real.flat()) } },
    want: {},
  };
}

export interface Answers {
  readonly backend: string;
  /** A prompt each: the logit of the right answer less that of the wrong one. */
  readonly differences: readonly number[];
  /** How far rounding may take one of them. */
  readonly allowed: number;
}

/** What each backend makes of the batch; `env` by backend, for those whose packages lie elsewhere. Rejects with a BackendError. */
export async function answersOf(spec: string, name = spec, env?: NodeJS.ProcessEnv): Promise<Answers> {
  const backend = await modelBuiltin(spec, env && { env });
  const { model } = backend.supports;
  if (model === undefined) throw new Error(`${spec} is no whole model.`);
  const batch = leftPaddedBatch();
  // Where nobody counts the tokens, they are counted for it.
  const c = model.positions === 'index' ? { ...batch, positionIds: countedPositions(batch) } : batch;
  const subject = new Subject(backend, await openReference('oracle'), 120_000);
  const results = await subject.inFreshSession((session) => session.attend([c, ...plainCalls(c, model)]));
  for (const result of results) if ('error' in result) throw new Error(`${name}: ${result.error.message}`);
  const [answer, ...plain] = results as readonly ModelAnswer[];
  return {
    backend: name,
    differences: prompts.map(({ right, wrong }, b) => {
      const logits = logitsAt(answer.logits, [b, seqLen - 1]);
      return logits[right] - logits[wrong];
    }),
    // Two logits of either backend.
    allowed: 2 * allowedError(c.dtype, plain),
  };
}

/** A line a backend, and the largest difference to the first of them. */
export function answersTable(all: readonly Answers[]): string {
  const [first] = all;
  const lines = all.map(({ backend, differences }) => {
    const off = Math.max(...differences.map((x, b) => Math.abs(x - first.differences[b])));
    return `| ${[backend, ...differences.map((x) => x.toFixed(6)), off === 0 ? '0' : off.toExponential(1)].join(' | ')} |`;
  });
  const heading = ['', ...prompts.map((_, b) => `prompt ${b + 1}`), `off from ${first.backend}`];
  return [`| ${heading.join(' | ')} |`, `|${'---|'.repeat(heading.length)}`, ...lines].join('\n');
}
