/** Programs that are asked something: whatever becomes of them, there is an answer. */
import { execFile } from 'node:child_process';

export type Asked = { readonly stdout: string } | { readonly problem: string };

/** Runs a program without a shell and waits for it, for so long. Never rejects. */
export function ask(program: string, args: readonly string[], timeoutMs: number): Promise<Asked> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { timeout: timeoutMs, killSignal: 'SIGKILL', encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (error === null) resolve({ stdout });
        else if (error.code === 'ENOENT') resolve({ problem: `${program} is not installed` });
        else if (error.killed === true) resolve({ problem: `${program} did not come back within ${timeoutMs} ms` });
        else
          resolve({
            problem:
              stderr.trim().split('\n').at(-1) || `${program} ended with ${error.signal ?? `status ${error.code}`}`,
          });
      },
    );
  });
}
