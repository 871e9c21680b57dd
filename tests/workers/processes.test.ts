import { spawnSync } from 'node:child_process';
import { writeFileSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { closeWorkers, workerBackend } from '../../src/backends/worker';
import { fake, smallCase } from './support';

const root = resolve(__dirname, '../..');

afterEach(closeWorkers);

/** Waits until the process is gone. */
async function ended(pid: number): Promise<boolean> {
  for (let n = 0; n < 500; n++) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await new Promise((done) => setTimeout(done, 20));
  }
  return false;
}

describe('the processes of a worker', () => {
  it('are one for sessions after one another and side by side', async () => {
    const backend = await workerBackend(fake('tells_its_pid'));
    const first = await backend.open();
    const second = await backend.open();
    const answers = [first, second, first].map(async (session) => session.attend([smallCase()]));
    expect(await Promise.all(answers)).toHaveLength(3);
    await second.close?.();
    await first.close?.();
    await (await backend.open()).close?.();
    process.kill(Number(backend.versions!.pid), 0);
  });

  it('are one a session where the worker asks for that, and end with it', async () => {
    const backend = await workerBackend(fake('process_a_session'));
    const first = await backend.open();
    const second = await backend.open();
    await Promise.all([first.attend([smallCase()]), second.attend([smallCase()])]);
    await first.close?.();
    expect(await ended(Number(backend.versions!.pid))).toBe(true);
    expect(await second.attend([smallCase()])).toHaveLength(1);
    await second.close?.();
  });

  it('may answer requests out of order', async () => {
    const session = await (await workerBackend(fake('out_of_order'))).open();
    const [one, two] = await Promise.all([
      session.attend([smallCase(1)]),
      session.attend([smallCase(2), smallCase(3)]),
    ]);
    expect([one.length, two.length]).toEqual([1, 2]);
  });

  it.each([
    ['ends of itself', ''],
    ['calls process.exit', 'process.exit(0);'],
    ['throws', 'throw new Error("on purpose");'],
  ])('do not outlive ours when it %s, though one of them hangs', async (_, last) => {
    const file = join(mkdtempSync(join(tmpdir(), 'maskproof-')), 'program.ts');
    const asking =
      last === ''
        ? ''
        : `const hung = await (await workerBackend(${JSON.stringify(fake('spins'))})).open(); void Promise.resolve(hung.attend([smallCase()])).catch(() => undefined);`;
    writeFileSync(
      file,
      `const { workerBackend } = require(${JSON.stringify(join(root, 'src/backends/worker'))});
       const { smallCase } = require(${JSON.stringify(join(root, 'tests/workers/support'))});
       void (async () => {
         const backend = await workerBackend(${JSON.stringify(fake('tells_its_pid'))});
         const session = await backend.open();
         await session.attend([smallCase()]);
         ${asking}
         process.stdout.write(backend.versions.pid + '\\n', () => { ${last} });
       })();`,
    );
    const node = ['-r', 'ts-node/register/transpile-only', file];
    const { stdout, error } = spawnSync(process.execPath, node, {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, TS_NODE_PROJECT: join(root, 'tsconfig.json') },
    });
    expect(error).toBeUndefined();
    expect(await ended(Number(stdout.trim()))).toBe(true);
  });

  it('are ended with everything that they started', async () => {
    const backend = await workerBackend(fake('leaves_a_child'));
    const stuck = await backend.open();
    const outcome = Promise.resolve(stuck.attend([smallCase()])).then(
      () => 'answered',
      (error: Error) => error.name,
    );
    closeWorkers();
    // The child held the pipe: that it is closed tells that the child is gone.
    expect(await outcome).toBe('WorkerStoppedError');
  });
});
