/** The other end of `threads.ts`: does tasks in a thread of its own, on backends that it loads itself. */
import { BroadcastChannel } from 'node:worker_threads';
import { properties } from '../../properties';
import { loadBackend, type LoadOptions } from '../backends/load';
import { closeWorkers } from '../backends/worker';
import { BackendError } from '../errors';
import { openReference, type Reference } from './reference';
import { Subject } from './subject';
import { perform, type Task, type TaskResult } from './task';

/** What a thread needs to know of the run: plain data. */
export interface ThreadSetup {
  /** By the backends' places in the run's list. */
  readonly specs: readonly string[];
  readonly load: LoadOptions;
  readonly reference: string;
  readonly timeoutMs: number;
  /** Shared by all threads; 1 once the run is interrupted. */
  readonly stopped: Int32Array;
  /** Name of the channel on which threads are told to close what they opened. */
  readonly channel: string;
}

/** An error of ours, with its stack: threads lose it. */
export interface Broken {
  readonly type: 'broken';
  readonly stack: string;
}

const subjects = new Map<string, Promise<Subject>>();
let reference: Promise<Reference> | undefined;

/** Does one task; every error comes back as data. */
export async function performInThread({
  setup,
  task,
}: {
  readonly setup: ThreadSetup;
  readonly task: Task;
}): Promise<TaskResult | Broken> {
  try {
    listen(setup);
    const property = properties.find(({ id }) => id === task.property);
    if (property === undefined) throw new Error(`There is no property ${task.property}.`);
    const stopped = { get aborted() { return Atomics.load(setup.stopped, 0) === 1; } }; // prettier-ignore
    return await perform(await subjectOf(setup.specs[task.backend], setup), property, task, stopped);
  } catch (error) {
    if (error instanceof BackendError)
      return { type: 'failed', failure: { stage: error.stage, type: error.name, message: error.message } };
    return { type: 'broken', stack: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

function subjectOf(spec: string, { load, reference: choice, timeoutMs }: ThreadSetup): Promise<Subject> {
  const known = subjects.get(spec);
  if (known !== undefined) return known;
  const made = (async () =>
    new Subject(await loadBackend(spec, load), await (reference ??= openReference(choice)), timeoutMs))();
  subjects.set(spec, made);
  return made;
}

let channel: BroadcastChannel | undefined;

/** A thread that is terminated hears no 'exit': what it started in other processes is closed on a word. */
function listen(setup: ThreadSetup): void {
  if (channel !== undefined) return;
  channel = new BroadcastChannel(setup.channel);
  channel.onmessage = ({ data }: { data: unknown }) => {
    if (data !== 'close') return;
    closeWorkers();
    channel?.postMessage('closed');
  };
}
