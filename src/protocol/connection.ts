/** One living worker process and what is being asked of it. */
import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Case } from '../../reference/model-case';
import type { BackendAnswer } from '../backend';
import type { Stage } from '../engine/events';
import { turn } from '../turn';
import type { BackendError } from '../errors';
import * as fail from './failures';
import { FrameError, FrameReader, MAX_FRAME } from './frames';
import { MessageError, PROTOCOL, readHello, readReply, writeRequest, type Hello, type Reply } from './messages';
import { SafetensorsError } from './safetensors';

/** How a worker is started. */
export interface Launch {
  /** What the user wrote. */
  readonly spec: string;
  readonly program: string;
  readonly args: readonly string[];
  /** `program` is a line for the shell. */
  readonly shell: boolean;
  readonly cwd?: string;
  readonly env: NodeJS.ProcessEnv;
  readonly python?: fail.Scene['python'];
  /** Milliseconds until its first message. */
  readonly startTimeoutMs: number;
}

/** Requests as they come out of `Omit`, which would melt the union. */
export type Question =
  { type: 'open' | 'close'; session: number } | { type: 'attend'; session: number; cases: readonly Case[] };

/** A question in bytes. */
interface Prepared {
  readonly id: number;
  readonly question: Question;
  readonly asked: fail.Asked;
  readonly frame: Uint8Array;
}

interface Waiting extends Pick<Prepared, 'question' | 'asked'> {
  resolve(reply: Reply): void;
  reject(error: BackendError): void;
}

const keptLines = 12;
const keptLineLength = 400;
/** What may still arrive after a process has ended, where something that it started keeps its pipes open. */
const lingerMs = 500;
const isWindows = process.platform === 'win32';

const living = new Set<Connection>();
let watched = false;

/** No worker outlives us. */
function watchExit(): void {
  if (watched) return;
  watched = true;
  process.on('exit', killAll);
}

/** Kills every worker that is running. */
export function killAll(): void {
  for (const connection of living) connection.kill();
}

export class Connection {
  readonly launch: Launch;
  /** Sessions that are open on it. */
  readonly sessions = new Set<number>();
  readonly #child: ChildProcess;
  readonly #reader = new FrameReader();
  readonly #waiting = new Map<number, Waiting>();
  #stderr = '';
  #hello: Hello | undefined;
  #onHello: { resolve(hello: Hello): void; reject(error: BackendError): void } | undefined;
  #lastId = 0;
  /** How much each session has asked. */
  readonly #asked = new Map<number, number>();
  #ended: fail.End | undefined;
  /** Why everything that is asked fails from now on. */
  #broken: BackendError | undefined;
  #stopped = false;
  #tellEnd: (end: fail.End) => void = () => undefined;
  /** Settles when all that was asked has left this process. */
  #written: Promise<void> = Promise.resolve();
  readonly #whenEnded = new Promise<fail.End>((resolve) => (this.#tellEnd = resolve));
  readonly #startStage: Stage;

  /** Resolves when the worker has said hello. Throws a BackendError of `stage`. */
  static async start(launch: Launch, stage: Stage): Promise<Connection> {
    watchExit();
    const connection = new Connection(launch, stage);
    await connection.#greeted();
    return connection;
  }

  private constructor(launch: Launch, startStage: Stage) {
    this.launch = launch;
    this.#startStage = startStage;
    // A process group of its own: Ctrl-C is for us, and killing it also kills what a wrapper (uv, a shell) started.
    this.#child = spawn(launch.program, launch.args, {
      cwd: launch.cwd,
      env: launch.env,
      shell: launch.shell,
      detached: !isWindows,
      windowsHide: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    living.add(this);
    const { stdin, stdout, stderr } = this.#child;
    stdout!.on('data', (chunk: Buffer) => this.#read(chunk));
    stderr!.on('data', (chunk: Buffer) => this.#remember(chunk));
    // A closed pipe is told by the end of the process.
    stdin!.on('error', () => undefined);
    this.#child.on('error', (error) => this.#end({ code: null, signal: null }, error));
    this.#child.on('close', (code, signal) => this.#end(fail.endOf(code, signal, launch.shell)));
    this.#child.on('exit', (code, signal) =>
      setTimeout(() => this.#end(fail.endOf(code, signal, launch.shell)), lingerMs).unref(),
    );
  }

  get hello(): Hello {
    return this.#hello!;
  }

  /** Whether it can take a request. */
  get isAlive(): boolean {
    return this.#ended === undefined && this.#broken === undefined && !this.#stopped;
  }

  /** Whether it has to come to an answer yet. Closing a session is nothing to wait for. */
  get isBusy(): boolean {
    return [...this.#waiting.values()].some(({ question }) => question.type !== 'close');
  }

  /** Whether a request of this session is not yet answered. */
  isAnswering(session: number): boolean {
    return [...this.#waiting.values()].some(({ question }) => question.session === session);
  }

  async open(session: number): Promise<void> {
    // Known from now on: what is sent behind this is answered after it.
    this.sessions.add(session);
    const reply = await this.ask({ type: 'open', session }, `open (session ${session})`);
    const scene = this.#scene('open');
    if (reply.type === 'error') {
      this.sessions.delete(session);
      throw fail.couldNotOpen(scene, reply.error);
    }
    if (reply.type !== 'opened') throw this.#break(fail.repliedOtherwise(scene, 'open', reply.type, 'opened'));
  }

  async attend(session: number, cases: readonly Case[]): Promise<readonly BackendAnswer[]> {
    return this.send(this.prepare(session, cases));
  }

  /** Puts cases into bytes, to be sent later. */
  prepare(session: number, cases: readonly Case[]): Prepared {
    // Counted within the session, whose first request opened it: the same whatever other sessions ask meanwhile.
    const number = (this.#asked.get(session) ?? 1) + 1;
    this.#asked.set(session, number);
    const asked = `request ${number} (${cases.length === 1 ? '1 case' : `${cases.length} cases`})`;
    return this.#prepare({ type: 'attend', session, cases }, asked);
  }

  #prepare(question: Question, asked: fail.Asked): Prepared {
    const id = ++this.#lastId;
    return { id, question, asked, frame: writeRequest({ ...question, id }) };
  }

  /** Sends what was prepared here. */
  async send(prepared: Prepared): Promise<readonly BackendAnswer[]> {
    const { asked, question } = prepared;
    const { cases } = question as Extract<Question, { type: 'attend' }>;
    const reply = await this.#ask(prepared);
    const scene = this.#scene('answer');
    if (reply.type === 'error') throw fail.raised(scene, asked, reply.error);
    if (reply.type !== 'answer') throw this.#break(fail.repliedOtherwise(scene, asked, reply.type, 'answer'));
    if (reply.answers.length !== cases.length) throw fail.gaveWrongLength(scene, asked, reply.answers.length);
    return reply.answers;
  }

  /**
   * Resolves when the worker has all that it was asked. A pipe holds less than a batch: whoever keeps this thread busy before that
   * keeps the worker waiting for the rest.
   */
  async written(): Promise<void> {
    // Whoever goes on at the same moment asks before that.
    await turn();
    await this.#written;
  }

  /** Ends a session; one that is still being answered was given up, and its process is stuck: that is killed. */
  async close(session: number): Promise<void> {
    this.sessions.delete(session);
    this.#asked.delete(session);
    if (!this.isAlive) return;
    if (this.isAnswering(session)) this.kill();
    else await this.ask({ type: 'close', session }, `close (session ${session})`);
  }

  /** Ends the worker's input, which tells it to end; resolves with how it did. */
  finish(): Promise<fail.End> {
    this.#hold(true);
    this.#child.stdin!.end();
    return this.#whenEnded;
  }

  /** Ends the process and all that it started, at once. */
  kill(): void {
    if (this.#ended !== undefined) return;
    this.#stopped = true;
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(isWindows ? pid : -pid, 'SIGKILL');
    } catch {
      // It ended by itself meanwhile.
    }
  }

  #scene(stage: Stage): fail.Scene {
    const { spec, program, args, shell, python } = this.launch;
    const { stderr } = this;
    return {
      backend: this.#hello?.name ?? spec,
      stage,
      command: shell ? program : [program, ...args].map(quoted).join(' '),
      stderr,
      python,
    };
  }

  /** The last lines of its standard error. */
  get stderr(): readonly string[] {
    const lines = this.#stderr.split(/[\r\n]+/).filter((line) => line.trim() !== '');
    return lines.slice(-keptLines).map((line) => line.slice(0, keptLineLength));
  }

  #remember(chunk: Buffer): void {
    this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-keptLines * keptLineLength);
  }

  async #greeted(): Promise<void> {
    const stage = this.#startStage;
    let timer: NodeJS.Timeout | undefined;
    try {
      this.#hello = await new Promise<Hello>((resolve, reject) => {
        this.#onHello = { resolve, reject };
        timer = setTimeout(
          () => reject(fail.saidNothing(this.#scene(stage), this.launch.startTimeoutMs)),
          this.launch.startTimeoutMs,
        );
      });
    } catch (error) {
      this.kill();
      throw error;
    } finally {
      clearTimeout(timer);
      this.#onHello = undefined;
      this.#hold(false);
    }
    if (this.#hello.protocol !== PROTOCOL) {
      this.kill();
      throw fail.speaksOtherProtocol(this.#scene(stage), this.#hello.protocol);
    }
  }

  /** Asks anything; the reply is whatever the worker makes of it. */
  ask(question: Question, asked: fail.Asked): Promise<Reply> {
    return this.#ask(this.#prepare(question, asked));
  }

  #ask({ id, question, asked, frame }: Prepared): Promise<Reply> {
    const stage: Stage = question.type === 'attend' ? 'answer' : question.type;
    if (!this.isAlive) return Promise.reject(this.#broken ?? fail.isGone(this.#scene(stage), asked, this.#ended));
    if (frame.length > MAX_FRAME) return Promise.reject(fail.asksTooMuch(this.#scene(stage), asked, frame.length));
    return new Promise<Reply>((resolve, reject) => {
      this.#waiting.set(id, { question, asked, resolve, reject });
      this.#hold(true);
      this.#written = new Promise((written) => this.#child.stdin!.write(frame, () => written()));
    });
  }

  #read(chunk: Buffer): void {
    try {
      for (const file of this.#reader.push(chunk)) this.#take(file);
    } catch (error) {
      const scene = this.#scene(this.#hello === undefined ? this.#startStage : 'answer');
      if (error instanceof FrameError)
        this.#break(
          error.length === undefined
            ? fail.wroteNoFrame(scene, error.found)
            : fail.announcedTooMuch(scene, error.length),
        );
      else if (error instanceof MessageError || error instanceof SafetensorsError)
        this.#break(fail.saidNonsense(scene, error.message));
      else throw error;
    }
  }

  #take(file: Uint8Array): void {
    if (this.#onHello !== undefined) {
      this.#onHello.resolve(readHello(file));
      this.#onHello = undefined;
      return;
    }
    const reply = readReply(file);
    const waiting = this.#waiting.get(reply.id);
    if (waiting === undefined) {
      this.#break(fail.answeredAnother(this.#scene('answer'), reply.id, [...this.#waiting.keys()]));
      return;
    }
    this.#waiting.delete(reply.id);
    if (this.#waiting.size === 0) this.#hold(false);
    waiting.resolve(reply);
  }

  /** What follows cannot be understood any more: every question fails, and the process is ended. */
  #break(error: BackendError): BackendError {
    this.#broken ??= error;
    this.kill();
    this.#onHello?.reject(error);
    this.#rejectAll(() => error);
    return error;
  }

  #end(end: fail.End, error?: NodeJS.ErrnoException): void {
    if (this.#ended !== undefined) return;
    this.#ended = end;
    this.#tellEnd(end);
    living.delete(this);
    // Where the process is gone and something that it started is not.
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream?.destroy();
    if (this.#onHello !== undefined) {
      const scene = this.#scene(this.#startStage);
      this.#onHello.reject(error === undefined ? fail.endedBeforeHello(scene, end) : fail.didNotStart(scene, error));
    }
    this.#rejectAll((asked) => {
      const scene = this.#scene('answer');
      if (this.#stopped) return fail.wasStopped(scene, asked);
      return this.#reader.partial > 0
        ? fail.stoppedWithinFrame(scene, asked, end)
        : fail.endedWhileAnswering(scene, asked, end);
    });
  }

  #rejectAll(because: (asked: fail.Asked) => BackendError): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const waiting of all) waiting.reject(because(waiting.asked));
  }

  /** Whether this process keeps ours running: only while something is being asked. */
  #hold(yes: boolean): void {
    const { stdin, stdout, stderr } = this.#child;
    for (const handle of [this.#child, stdin, stdout, stderr] as unknown as Socket[]) {
      if (yes) handle.ref?.();
      else handle.unref?.();
    }
  }
}

const quoted = (word: string): string =>
  /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
