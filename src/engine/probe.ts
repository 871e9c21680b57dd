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

/** What is asked: to load the engine, or also to check it and to see how fast it is. */
export type ProbeDepth = 'load' | 'check';

const defaultTimeoutMs = 120_000;

/** Never rejects. */
export function probeEngine(name: EngineName, depth: ProbeDepth, timeoutMs = defaultTimeoutMs): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const child = fork(join(packageRoot(), 'bin', 'probe.js'), [name, depth], {
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    const started = Date.now();
    let answer: ProbeAnswer | undefined;
    let stderr = '';
    child.stderr?.on('data', (piece: Buffer) => (stderr = `${stderr}${piece.toString()}`.slice(-4000)));
    child.on('message', (message) => (answer = message as ProbeAnswer));
    child.on('error', (error) =>
      resolve({ error: { type: error.name, message: `It could not be started: ${error.message}` } }),
    );
    child.on('close', (status, signal) => {
      // The last lines of a driver are the only ones it wrote.
      const last = stderr
        .trim()
        .split('\n')
        .filter((line) => line !== '')
        .slice(-3);
      const how =
        signal === 'SIGKILL' && Date.now() - started >= timeoutMs
          ? `did not come back within ${timeoutMs} ms`
          : `brought its process down (${signal ?? `exit status ${status}`})`;
      const message = [`The engine ${name} ${how} while it was tried.`, ...last].join('\n  ');
      resolve(answer ?? { error: { type: 'EngineCrashedError', message } });
    });
  });
}
