/** What an engine is, found out in a process of its own: a driver that falls over there has brought nothing down. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import type { Device, EngineName } from '../../reference/gpu/engines';
import { packageRoot } from '../version';
import type { SelfCheck } from './self-check';

export interface Probed {
  readonly describe: string;
  readonly device: Device;
  readonly versions: Readonly<Record<string, string>>;
  /** Where `check` was asked for. */
  readonly check?: SelfCheck;
  /** Cases of 1 x 2 x 4 x 4 x 4 (batch, num_heads, q_len, kv_len, head_dim) a second, 512 a launch. */
  readonly speed?: number;
}

/** Why there is nothing to say of it. */
export interface ProbeFailure {
  readonly type: string;
  readonly message: string;
}

export type ProbeAnswer = Probed | { readonly error: ProbeFailure };

/** What is asked of an engine: to load, or also to check itself and to show how fast it is. */
export type ProbeDepth = 'load' | 'check';

const defaultTimeoutMs = 120_000;

/** Never rejects. */
export function probeEngine(
  name: EngineName,
  depth: ProbeDepth,
  timeoutMs = defaultTimeoutMs,
): Promise<Probed | { readonly error: ProbeFailure }> {
  return inChild([name, depth], `The engine ${name}`, timeoutMs);
}

/** The versions of a built-in backend that loads a driver. Never rejects. */
export function probeBackend(
  name: string,
  timeoutMs = defaultTimeoutMs,
): Promise<Pick<Probed, 'versions'> | { readonly error: ProbeFailure }> {
  return inChild([name, 'backend'], `The backend ${name}`, timeoutMs);
}

function inChild<T>(args: readonly string[], who: string, timeoutMs: number): Promise<T | { error: ProbeFailure }> {
  return new Promise((resolve) => {
    const child = fork(join(packageRoot(), 'bin', 'probe.js'), args, {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    const started = Date.now();
    let answer: T | undefined;
    let stderr = '';
    child.stderr?.on('data', (piece: Buffer) => (stderr = `${stderr}${piece.toString()}`.slice(-4000)));
    child.on('message', (message) => (answer = message as T));
    child.on('error', (error) =>
      resolve({ error: { type: error.name, message: `${who} could not be tried: ${error.message}` } }),
    );
    child.on('close', (status, signal) => {
      const isLate = signal === 'SIGKILL' && Date.now() - started >= timeoutMs;
      const how = isLate
        ? `did not come back within ${timeoutMs} ms`
        : `brought its process down (${signal ?? `exit status ${status}`})`;
      // What a driver says last is seldom all that it knows, and always all that there is.
      const last = stderr.split('\n').filter((line) => line.trim() !== '').slice(-3); // prettier-ignore
      const message = [`${who} ${how} while it was tried.`, ...last].join('\n  ');
      resolve(answer ?? { error: { type: 'EngineCrashedError', message } });
    });
  });
}
