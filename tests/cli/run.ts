/** Whole commands as real processes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { packageVersion } from '../../src/version';

export const root = join(__dirname, '..', '..');
export const example = (name: string) => join(root, 'examples', name);
export const adapter = (name: string) => join(__dirname, 'adapters', name);

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly onStart?: (process: ChildProcess) => void;
  /** Called with what stands on standard error so far. */
  readonly onStderr?: (text: string, process: ChildProcess) => void;
}

export function maskproof(
  args: readonly string[],
  { cwd = root, env = {}, onStart, onStderr }: RunOptions = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [join(root, 'bin', 'maskproof.js'), ...args], {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, LANG: 'C.UTF-8', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onStart?.(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    onStderr?.(stderr, child);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }));
  });
}

/** Output with what differs from run to run and from place to place taken out. */
export function settled(text: string, ...folders: readonly string[]): string {
  const placed = [...folders, root].reduce(
    (rest, folder, n) => rest.replaceAll(folder, n < folders.length ? 'TMP' : 'ROOT'),
    text,
  );
  return `\n${placed.replaceAll(/in \d+\.\d s/g, 'in 0.0 s').replaceAll(packageVersion(), 'VERSION')}`;
}
