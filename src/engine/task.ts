/** The pieces that a run is cut into: plain data, so that any of them can be done in another thread. */
import { performance } from 'node:perf_hooks';
import type { KnownFailureEntry } from '../known-failures';
import type { Property } from '../property';
import type { Failure, Outcome } from './events';
import { leftOut, markKnown, replayKnown, type Replayed } from './known';
import { runBatches } from './run-property';
import type { Batch } from './seed';
import type { ShrinkLimits } from './shrink';
import type { Subject } from './subject';

export interface Task {
  /** The backend's place in the run's list. */
  readonly backend: number;
  readonly property: string;
  /** The known failures that speak of it. */
  readonly entries: readonly KnownFailureEntry[];
  readonly work:
    | { readonly type: 'known' }
    | {
        readonly type: 'batches';
        readonly seed: number;
        readonly batches: readonly Batch[];
        readonly isFirst: boolean;
        /** Milliseconds from now on in which batches may begin. */
        readonly msLeft: number;
        readonly shrinkMs: number;
      };
}

export type TaskResult =
  | { readonly type: 'known'; readonly replayed: Replayed }
  | { readonly type: 'batches'; readonly outcomes: readonly Outcome[] }
  /** The backend did not come so far as to be asked. */
  | { readonly type: 'failed'; readonly failure: Failure };

/** Who does the tasks: this thread, or several of them. */
export interface Crew {
  /** How many tasks it does at a time. */
  readonly size: number;
  perform(task: Task, tell: Tell): Promise<TaskResult>;
  /** Tells it that the run is interrupted. */
  stop?(): void;
}

export type Tell = (stage: 'searching' | 'shrinking', cases: number, calls: number) => void;

/** Does a task on the backend and property that it names. */
export async function perform(
  subject: Subject,
  property: Property,
  task: Task,
  signal?: ShrinkLimits['signal'],
  tell?: Tell,
): Promise<TaskResult> {
  const { work, entries } = task;
  if (work.type === 'known') return { type: 'known', replayed: await replayKnown(subject, property, entries) };
  const { seed, batches, isFirst, msLeft, shrinkMs } = work;
  const leaveOut = entries.length > 0 ? leftOut(entries) : undefined;
  const outcomes = await runBatches(subject, property, {
    seed,
    batches,
    isFirst,
    deadline: performance.now() + msLeft,
    shrinkMs,
    signal,
    leaveOut,
    tell,
  });
  return { type: 'batches', outcomes: outcomes.map((outcome) => markKnown(outcome, entries)) };
}
