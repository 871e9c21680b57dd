/**
 * This thread as a crew. A backend in another process answers one task while the next one is drawn and the last one is judged; whatever
 * runs in this thread, or wants to be alone, is done by itself.
 */
import { isRemote, type Backend } from '../backend';
import { OneAtATime } from '../one-at-a-time';
import type { Property } from '../property';
import type { Reference } from './reference';
import { Subject } from './subject';
import { perform, type Crew, type Task, type TaskResult, type Tell } from './task';

/** One that is being answered, and one that is drawn or judged meanwhile. */
const lanes = 2;

interface Running {
  readonly task: Task;
  readonly shares: boolean;
  readonly done: Promise<unknown>;
}

export function soloCrew(
  backends: readonly Backend[],
  properties: readonly Property[],
  reference: Reference,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Crew {
  const judge = oneAnswerAtATime(reference);
  // What tasks count is theirs: each has a subject to itself while it runs.
  const idle = backends.map((): Subject[] => []);
  const running = new Set<Running>();

  async function performAlone(task: Task, property: Property, tell: Tell): Promise<TaskResult> {
    const subject = idle[task.backend].pop() ?? new Subject(backends[task.backend], judge, timeoutMs);
    const result = await perform(subject, property, task, signal, tell);
    idle[task.backend].push(subject);
    return result;
  }

  return {
    size: backends.some(isRemote) ? lanes : 1,
    async perform(task, tell) {
      const property = properties.find(({ id }) => id === task.property);
      if (property === undefined) throw new Error(`There is no property ${task.property} in this run.`);
      const shares = isRemote(backends[task.backend]) && property.exclusive === undefined;
      const before = [...running]
        .filter((one) => !shares || !one.shares || isHeadOf(one.task, task))
        .map(({ done }) => done);
      const result = Promise.all(before).then(() => performAlone(task, property, tell));
      const mine: Running = { task, shares, done: result.catch(() => undefined) };
      running.add(mine);
      try {
        return await result;
      } finally {
        running.delete(mine);
      }
    },
  };
}

/** A property's first batches are small, so that the first failure comes early: none of its large ones comes between them. */
function isHeadOf({ work, ...one }: Task, other: Task): boolean {
  return (
    one.backend === other.backend && one.property === other.property && work.type === 'batches' && work.isFirst === true
  );
}

/** Engines do not take a call while they answer another. */
function oneAnswerAtATime(reference: Reference): Reference {
  const answers = reference.answers?.bind(reference);
  if (answers === undefined) return reference;
  const queue = new OneAtATime();
  return { ...reference, answers: (cases, expect) => queue.run(() => answers(cases, expect)) };
}
