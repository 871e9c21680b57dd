/** Backends in another process: `python:FILE.py[:NAME]` and `exec:COMMAND`. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Case } from '../../reference/model-case';
import type { BackendAnswer, Limit, RemoteBackend, RemoteSession, Supports } from '../backend';
import { BackendError, UsageError } from '../errors';
import { toCamelCase } from '../protocol/codec';
import { OneAtATime } from '../one-at-a-time';
import { Connection, type Launch } from '../protocol/connection';
import { declaresNonsense } from '../protocol/failures';
import { supportsProblem } from '../supports';
import { packageRoot } from '../version';
import { identityProblem } from './identity';
import { findPython } from './python-environment';

export { killAll as closeWorkers } from '../protocol/connection';

export interface WorkerOptions {
  /** The interpreter that --python names. */
  readonly python?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Milliseconds until its first message: what it imports may take long the first time. */
  readonly startTimeoutMs?: number;
}

const defaultStartTimeoutMs = 300_000;

/** Whether a --backend is a worker. */
export function isWorkerSpec(spec: string): boolean {
  return /^(?:python|exec):/.test(spec);
}

/** Starts the worker to hear what it is. Throws a UsageError for a specification that says nothing, and a BackendError of stage 'load'. */
export async function workerBackend(spec: string, options: WorkerOptions = {}): Promise<RemoteBackend> {
  const launch = launchOf(spec, options);
  const first = await Connection.start(launch, 'load');
  const { name, versions } = first.hello;
  const supports = toCamelCase(first.hello.supports);
  const unnamed = identityProblem(name, versions);
  const problem = unnamed ?? supportsProblem(supports);
  if (problem !== undefined) {
    first.kill();
    throw declaresNonsense(
      { backend: unnamed === undefined ? name : spec, stage: 'load', command: spec, stderr: [] },
      problem,
    );
  }
  const workers = new Workers(launch, first);
  return {
    name,
    versions,
    supports: supports as Partial<Supports>,
    open: () => workers.open(),
    openLater: () => workers.openLater(),
  };
}

/** How a worker is started: the interpreter and the script that takes the real standard output away, or the user's own command. */
export function launchOf(spec: string, options: WorkerOptions = {}): Launch {
  const { env = process.env, cwd = process.cwd(), startTimeoutMs = defaultStartTimeoutMs } = options;
  const common = { spec, cwd, env, startTimeoutMs };
  const command = /^exec:(.*)$/s.exec(spec)?.[1];
  if (command !== undefined) {
    if (command.trim() === '')
      throw new UsageError('no_command', {
        what: 'exec: names no command.',
        mend: 'Write it as exec:COMMAND, such as exec:./my-worker.',
      });
    return { ...common, program: command, args: [], shell: true };
  }
  const [, file, variant] = /^python:(.+?\.py)(?::([^:]+))?$/s.exec(spec) ?? [];
  if (file === undefined)
    throw new UsageError('no_python_file', {
      what: `${spec} names no file in Python.`,
      mend: 'Write it as python:FILE.py, or python:FILE.py:NAME where a file has several backends.',
    });
  if (!existsSync(resolve(cwd, file)))
    throw new BackendError(
      { type: 'BackendMissingError', code: 'file_missing', stage: 'load', backend: spec },
      {
        what: `There is no file ${file}.`,
        facts: [`Looked for ${resolve(cwd, file)}.`],
        mend: 'Give the path of a worker in Python; docs/backends.md has one to start from.',
      },
    );
  const { command: python, because } = findPython(options.python, { env, cwd });
  const [program, ...before] = python;
  const runner = join(packageRoot(), 'python', 'run_worker.py');
  const args = [...before, runner, resolve(cwd, file), ...(variant === undefined ? [] : [variant])];
  return { ...common, program, args, shell: false, python: { program: python.join(' '), because } };
}

/** The processes behind one backend: one as a rule, another while that one is busy or was lost. */
class Workers {
  readonly #launch: Launch;
  #connections: Connection[];
  #lastSession = 0;
  /** One is answered at a time: whatever brings a process down is then sure to be what it was asked. */
  readonly turns = new OneAtATime();

  constructor(launch: Launch, first: Connection) {
    this.#launch = launch;
    this.#connections = [first];
  }

  async open(): Promise<RemoteSession> {
    const session = this.openLater();
    await session.open();
    return session;
  }

  openLater(): WorkerSession {
    return new WorkerSession(this, ++this.#lastSession);
  }

  /** A process that would answer at once, another one where there is none. */
  async connection(): Promise<Connection> {
    return this.#idle() ?? this.#start();
  }

  /** The process that will most likely take what is asked next. */
  living(): Connection | undefined {
    return this.#connections.find(({ isAlive, hello }) => isAlive && hello.sessions === 'shared');
  }

  /** A process that would answer at once. One that is busy may be so for ever. */
  #idle(): Connection | undefined {
    this.#connections = this.#connections.filter(({ isAlive }) => isAlive);
    return this.#connections.find(
      ({ isBusy, sessions, hello }) => !isBusy && (hello.sessions === 'shared' || sessions.size === 0),
    );
  }

  async #start(): Promise<Connection> {
    const connection = await Connection.start(this.#launch, 'open');
    this.#connections.push(connection);
    return connection;
  }

  async close(connection: Connection, session: number): Promise<void> {
    const isSpare = this.#connections.some((other) => other !== connection && other.isAlive && !other.isBusy);
    const isDone = connection.sessions.size <= 1 && (isSpare || connection.hello.sessions === 'process');
    // Nobody else begins there any more.
    if (isDone) this.#connections = this.#connections.filter((other) => other !== connection);
    try {
      await connection.close(session);
    } finally {
      if (isDone) connection.kill();
    }
  }
}

interface Ready {
  readonly connection: Connection;
  readonly request: ReturnType<Connection['prepare']>;
}

class WorkerSession implements RemoteSession {
  readonly #workers: Workers;
  readonly #id: number;
  #connection: Connection | undefined;
  isOpening = false;

  constructor(workers: Workers, id: number) {
    this.#workers = workers;
    this.#id = id;
  }

  async open(): Promise<void> {
    this.isOpening = true;
    this.#connection = await this.#workers.connection();
    await this.#connection.open(this.#id);
    this.isOpening = false;
  }

  attend(cases: readonly Case[]): Promise<readonly BackendAnswer[]> {
    return this.#connection!.attend(this.#id, cases);
  }

  async attendInTurn(cases: readonly Case[], limit: Limit): Promise<readonly BackendAnswer[]> {
    const connection = this.#connection ?? this.#workers.living();
    const ready = connection && { connection, request: connection.prepare(this.#id, cases) };
    const answers = await this.#workers.turns.run(() => limit(this.#send(cases, ready)));
    // The next one's request is on its way by now.
    await this.#connection?.written();
    return answers;
  }

  /** Where the process that it was meant for hangs or is gone by now, for somebody else's reason, another one opens the session anew. */
  async #send(cases: readonly Case[], ready?: Ready): Promise<readonly BackendAnswer[]> {
    let opened: Promise<void> | undefined;
    if (this.#connection === undefined || !this.#connection.isAlive || this.#connection.isBusy) {
      this.isOpening = true;
      this.#connection = await this.#workers.connection();
      opened = this.#connection.open(this.#id);
    }
    const connection = this.#connection;
    // Right behind it: nobody waits for the word that it is open.
    const answers =
      ready?.connection === connection ? connection.send(ready.request) : connection.attend(this.#id, cases);
    if (opened !== undefined) {
      answers.catch(() => undefined);
      await opened;
      this.isOpening = false;
    }
    return answers;
  }

  async close(): Promise<void> {
    if (this.#connection !== undefined) await this.#workers.close(this.#connection, this.#id);
  }
}
