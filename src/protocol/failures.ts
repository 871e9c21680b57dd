/** Everything that can go wrong between us and a worker: each failure has its function, its sentence and its code. */
import { constants } from 'node:os';
import type { Stage } from '../engine/events';
import { BackendError, type ErrorText } from '../errors';
import { MAX_FRAME } from './frames';
import { PROTOCOL, type RemoteError } from './messages';

/** What is known about a worker when something fails. */
export interface Scene {
  /** Its name, or what the user wrote where it has not told its name yet. */
  readonly backend: string;
  readonly stage: Stage;
  readonly command: string;
  /** The last lines that it wrote to its standard error. */
  readonly stderr: readonly string[];
  /** The interpreter that runs it, and why it is that one. */
  readonly python?: { readonly program: string; readonly because: string };
}

/** What was asked when it failed: a request in words, such as "request 3 (64 cases)". */
export type Asked = string;

function failure(scene: Scene, type: string, code: string, text: ErrorText, cause?: unknown): BackendError {
  const facts = [`Command: ${scene.command}`, ...(text.facts ?? [])];
  const { python, stderr } = scene;
  if (python !== undefined) facts.push(`Interpreter: ${python.program} (${python.because})`);
  if (stderr.length > 0) facts.push(['Last lines of its stderr:', ...stderr].join('\n'));
  return new BackendError({ type, code, stage: scene.stage, backend: scene.backend }, { ...text, facts }, { cause });
}

export function didNotStart(scene: Scene, error: NodeJS.ErrnoException): BackendError {
  const why =
    error.code === 'ENOENT'
      ? 'there is no such program'
      : error.code === 'EACCES'
        ? 'it may not be executed'
        : error.message;
  const mend =
    scene.python === undefined
      ? 'Mend the command after exec:.'
      : 'Name an interpreter with --python, or activate its environment.';
  return failure(
    scene,
    'WorkerStartError',
    'did_not_start',
    { what: `The worker ${scene.backend} did not start: ${why}.`, mend },
    error,
  );
}

/** It ended before its first message: most often an import that failed. */
export function endedBeforeHello(scene: Scene, end: End): BackendError {
  const missing = missingModule(scene.stderr);
  if (missing === 'numpy') return hasNoNumpy(scene);
  if (missing !== undefined) return hasNoLibrary(scene, missing);
  const how = endInWords(end);
  const mend =
    end.code === 0
      ? 'A worker in Python ends with serve(name=..., supports=..., open=..., attend=...); in any language it says hello first and then answers until its input ends. See docs/protocol.md.'
      : end.code === 127 && scene.python === undefined
        ? 'The shell did not find the command after exec:.'
        : undefined;
  return failure(scene, 'WorkerStartError', 'ended_at_start', {
    what: `The worker ${scene.backend} ${how} before it said what it supports.`,
    mend,
  });
}

function hasNoNumpy(scene: Scene): BackendError {
  const program = scene.python?.program ?? 'Its interpreter';
  return failure({ ...scene, stderr: [] }, 'WorkerNeedsNumpyError', 'no_numpy', {
    what: `${program} has no numpy, which a worker in Python needs.`,
    mend: `Install it (${scene.python?.program ?? 'python3'} -m pip install numpy), or name another interpreter with --python.`,
  });
}

function hasNoLibrary(scene: Scene, module: string): BackendError {
  return failure({ ...scene, stderr: [] }, 'WorkerNeedsLibraryError', 'not_installed', {
    what: `The worker ${scene.backend} needs ${module}, which ${scene.python?.program ?? 'its interpreter'} does not have.`,
    mend: `Install ${module.split('.')[0]} there, or name the environment that has it with --python.`,
  });
}

export function saidNothing(scene: Scene, timeoutMs: number): BackendError {
  return failure(scene, 'WorkerSilentError', 'no_hello', {
    what: `The worker ${scene.backend} did not say what it supports within ${timeoutMs / 1000} s.`,
    mend: 'It was killed. The first frame that a worker writes is its hello; in Python, serve(...) does that.',
  });
}

export function speaksOtherProtocol(scene: Scene, protocol: number): BackendError {
  return failure(scene, 'WorkerProtocolError', 'other_protocol', {
    what: `The worker ${scene.backend} speaks protocol ${protocol}, and this maskproof speaks ${PROTOCOL}.`,
    mend: 'Bring both to the same version.',
  });
}

export function declaresNonsense(scene: Scene, problem: string): BackendError {
  return failure(scene, 'BackendShapeError', 'not_a_backend', {
    what: `The worker ${scene.backend} declares what cannot be read: ${problem}`,
    mend: 'Mend the supports of its hello; docs/protocol.md has the fields, in snake_case.',
  });
}

/** How a process ended. */
export interface End {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A shell tells that its child was killed by a code: 128 and the signal's number. */
export function endOf(code: number | null, signal: NodeJS.Signals | null, throughShell: boolean): End {
  const told = throughShell && code !== null && code > 128;
  const found = told ? Object.entries(constants.signals).find(([, number]) => code === 128 + number) : undefined;
  return found === undefined ? { code, signal } : { code: null, signal: found[0] as NodeJS.Signals };
}

export function endedWhileAnswering(scene: Scene, asked: Asked, end: End): BackendError {
  return end.signal === null
    ? exitedWhileAnswering(scene, asked, end)
    : wasKilledWhileAnswering(scene, asked, end.signal);
}

function exitedWhileAnswering(scene: Scene, asked: Asked, end: End): BackendError {
  return failure(scene, 'WorkerExitedError', 'exited', {
    what: `The worker ${scene.backend} ${endInWords(end)} while answering ${asked}.`,
    mend: 'It was started again for what came after.',
  });
}

const reasonsToBeKilled: Partial<Record<NodeJS.Signals, string>> = {
  SIGKILL: 'Somebody killed it: the system does that to a process that takes too much memory.',
  SIGSEGV: 'Native code reached for memory that is not there.',
  SIGABRT: 'Native code gave up; its last lines may say why.',
  SIGILL: 'Native code was built for another processor.',
  SIGFPE: 'Native code divided whole numbers by zero.',
};

function wasKilledWhileAnswering(scene: Scene, asked: Asked, signal: NodeJS.Signals): BackendError {
  return failure(scene, 'WorkerKilledError', 'killed', {
    what: `The worker ${scene.backend} was killed by ${signal} while answering ${asked}.`,
    mend: [reasonsToBeKilled[signal], 'It was started again for what came after.']
      .filter((x) => x !== undefined)
      .join(' '),
  });
}

/** The session's process had ended before this was asked. */
export function isGone(scene: Scene, asked: Asked, end: End | undefined): BackendError {
  return failure(scene, 'WorkerGoneError', 'gone', {
    what: `The worker ${scene.backend} was not there any more for ${asked}: it ${end === undefined ? 'had been stopped' : endInWords(end)} before.`,
    mend: 'The next session gets a new process.',
  });
}

/** We stopped it ourselves: its session was given up while it computed. */
export function wasStopped(scene: Scene, asked: Asked): BackendError {
  return failure(scene, 'WorkerStoppedError', 'stopped', {
    what: `The worker ${scene.backend} was stopped while answering ${asked}.`,
  });
}

export function wroteNoFrame(scene: Scene, found: Uint8Array): BackendError {
  return failure(scene, 'WorkerFrameError', 'no_frame', {
    what: `The worker ${scene.backend} wrote something that is no frame: ${shown(found)}.`,
    mend: 'Standard output is for frames alone: print to standard error. In Python, run the file by its path (python:FILE.py) and prints cannot reach the frames.',
  });
}

export function announcedTooMuch(scene: Scene, length: number): BackendError {
  return failure(scene, 'WorkerFrameError', 'frame_too_long', {
    what: `The worker ${scene.backend} announced a frame of ${length} bytes; the longest has ${MAX_FRAME}.`,
    mend: 'An answer holds one tensor in the shape of each case; see docs/protocol.md.',
  });
}

/** Its output ended in the middle of a frame. */
export function stoppedWithinFrame(scene: Scene, asked: Asked, end: End): BackendError {
  return failure(scene, 'WorkerFrameError', 'cut_frame', {
    what: `The worker ${scene.backend} ${endInWords(end)} in the middle of a frame while answering ${asked}.`,
    mend: 'It was started again for what came after.',
  });
}

export function saidNonsense(scene: Scene, problem: string): BackendError {
  return failure(scene, 'WorkerMessageError', 'no_message', {
    what: `The worker ${scene.backend} sent a frame that is no message: ${problem.replace(/\.$/, '')}.`,
    mend: 'docs/protocol.md has every message with its fields.',
  });
}

export function answeredAnother(scene: Scene, id: number, waiting: readonly number[]): BackendError {
  const due =
    waiting.length === 0
      ? 'nothing is being asked'
      : `${waiting.join(', ')} ${waiting.length === 1 ? 'is' : 'are'} due`;
  return failure(scene, 'WorkerMessageError', 'wrong_id', {
    what: `The worker ${scene.backend} answered request ${id}, where ${due}.`,
    mend: 'A reply carries the id of its request, and each request gets one.',
  });
}

export function repliedOtherwise(scene: Scene, asked: Asked, type: string, due: string): BackendError {
  return failure(scene, 'WorkerMessageError', 'wrong_reply', {
    what: `The worker ${scene.backend} replied ${JSON.stringify(type)} to ${asked}, where ${JSON.stringify(due)} or "error" is due.`,
    mend: 'docs/protocol.md has every message with its fields.',
  });
}

export function gaveWrongLength(scene: Scene, asked: Asked, found: number): BackendError {
  return failure({ ...scene, stderr: [] }, 'BackendShapeError', 'wrong_length', {
    what: `The worker ${scene.backend} gave ${found} answers to ${asked}.`,
    mend: 'attend returns a list with one answer a case, in order.',
  });
}

/** The worker itself said that the whole request failed. */
export function raised(scene: Scene, asked: Asked, error: RemoteError): BackendError {
  const lines = (error.traceback ?? '').trimEnd().split('\n').slice(-8);
  return failure({ ...scene, stderr: [] }, 'BackendThrewError', 'threw', {
    what: `The worker ${scene.backend} raised ${error.type} while answering ${asked}: ${error.message}`,
    facts: error.traceback ? [lines.join('\n')] : [],
  });
}

export function couldNotOpen(scene: Scene, error: RemoteError): BackendError {
  const missing = /^No module named '([^']+)'/.exec(error.message)?.[1];
  if (error.type === 'ModuleNotFoundError' && missing !== undefined) return hasNoLibrary(scene, missing);
  return failure(scene, 'BackendThrewError', 'open_failed', {
    what: `The worker ${scene.backend} raised ${error.type} in open: ${error.message}`,
  });
}

export function asksTooMuch(scene: Scene, asked: Asked, length: number): BackendError {
  return failure({ ...scene, stderr: [] }, 'WorkerFrameError', 'request_too_long', {
    what: `A frame of ${length} bytes is due for ${asked}, and the longest has ${MAX_FRAME}.`,
    mend: 'Send fewer cases at a time, or smaller ones.',
  });
}

function endInWords({ code, signal }: End): string {
  return signal === null ? `exited with code ${code}` : `was killed by ${signal}`;
}

/** The module of the last ModuleNotFoundError in these lines. */
function missingModule(stderr: readonly string[]): string | undefined {
  const found = stderr.map((line) => /^ModuleNotFoundError: No module named '([^']+)'/.exec(line)?.[1]);
  return found.findLast((module) => module !== undefined);
}

/** The text that the bytes begin with, or the bytes. */
function shown(bytes: Uint8Array): string {
  const first = Buffer.from(bytes.subarray(0, 60));
  const odd = first.findIndex((byte) => byte < 0x20 && ![0x09, 0x0a, 0x0d, 0x1b].includes(byte));
  const readable = odd < 0 ? first : first.subarray(0, odd);
  // What follows a line may be a frame's length that looks like a letter.
  const text = odd < 0 ? readable : readable.subarray(0, readable.lastIndexOf(0x0a) + 1 || readable.length);
  if (text.length < 4) return `the bytes ${first.subarray(0, 16).toString('hex')}${bytes.length > 16 ? '...' : ''}`;
  return JSON.stringify(text.toString('utf8') + (bytes.length > text.length ? '...' : ''));
}
