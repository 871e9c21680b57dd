/** What the suite does to one wrong backend: which laws fall, how soon, and how small the counterexample gets. */
import { properties } from '../../properties';
import { sizesOf } from '../../reference/case';
import { isModelCase, modelSizesOf, type Case } from '../../reference/model-case';
import type { Backend } from '../../src/backend';
import { reasonToSkip } from '../../src/engine/draw';
import type { Outcome } from '../../src/engine/events';
import type { Reference } from '../../src/engine/reference';
import { runBatches, runProperty } from '../../src/engine/run-property';
import { batchesOf } from '../../src/engine/seed';
import { Subject } from '../../src/engine/subject';
import type { Property } from '../../src/property';

/** The first failure of one seed, with what it took. Times are CPU milliseconds of the process. */
export interface Find {
  readonly seed: number;
  readonly property: string;
  /** Cases of all properties together, up to and with the one that fell. */
  readonly cases: number;
  readonly ms: number;
  /** The same clock at the end of shrinking. */
  readonly shrunkMs: number;
  readonly shrinkCalls: number;
  /** batch * num_heads * q_len * kv_len of what is left. */
  readonly cells: number;
}

const timeoutMs = 60_000;
const shrinkMs = 60_000;

/** A backend that cannot answer what it declares is caught as well. */
export const hasFallen = ({ status }: Outcome): boolean => status === 'violated' || status === 'failed';

/**
 * The properties take turns, a batch each (1, 2, 4, ... cases), until one falls: the same batches as in a run of `runs` cases a property,
 * in another order, so that what falls at all is what falls in `maskproof fuzz`. Undefined where nothing does.
 */
export async function firstFind(
  backend: Backend,
  reference: Reference,
  seed: number,
  runs: number,
): Promise<Find | undefined> {
  const subject = new Subject(backend, reference, timeoutMs);
  const started = cpuMs();
  const live = properties.filter((property) => reasonToSkip(property, subject.supports) === undefined);
  let cases = 0;
  for (const batch of batchesOf(runs)) {
    for (const property of live) {
      let foundAt = 0;
      const outcomes = await runBatches(subject, property, {
        seed,
        batches: [batch],
        isFirst: true,
        deadline: Infinity,
        shrinkMs,
        tell: (stage) => {
          if (stage === 'shrinking') foundAt = cpuMs();
        },
      });
      cases += outcomes[0].cases;
      if (!outcomes.some(hasFallen)) continue;
      const { counterexample, failure } = outcomes[0];
      const left = counterexample?.case ?? failure?.case;
      const now = cpuMs();
      return {
        seed,
        property: property.id,
        cases,
        ms: (foundAt === 0 ? now : foundAt) - started,
        shrunkMs: now - started,
        shrinkCalls: counterexample?.calls ?? 0,
        cells: left ? cellsOf(left) : 0,
      };
    }
  }
  return undefined;
}

function cellsOf(c: Case): number {
  if (isModelCase(c)) {
    const { batch, seqLen } = modelSizesOf(c);
    return batch * seqLen * seqLen;
  }
  const { batch, numHeads, qLen, kvLen } = sizesOf(c);
  return batch * numHeads * qLen * kvLen;
}

/** Cases until a property falls; undefined where it holds for all of them, or cannot be asked. */
export async function casesToFall(
  backend: Backend,
  property: Property,
  reference: Reference,
  { seed, runs }: { readonly seed: number; readonly runs: number },
): Promise<number | undefined> {
  const subject = new Subject(backend, reference, timeoutMs);
  const outcome = await runProperty(subject, property, { seed, runs, deadline: Infinity, shrinkMs: 0 });
  return hasFallen(outcome) ? outcome.cases : undefined;
}

/** CPU time of this process, its compiler and collector included: what does not grow when others use the machine. */
export function cpuMs(): number {
  return process.cpuUsage().user / 1000;
}
