/** A disk that fills up in the middle of a run, as a file system of a few kilobytes. Mounting one takes rights that not everybody has. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadCounterexample } from '../../src/corpus/load';
import { readReport } from '../../src/report/read';
import { adapter, maskproof } from './run';

const folder = mkdtempSync(join(tmpdir(), 'maskproof-disk-'));
const disk = join(folder, 'disk');
mkdirSync(disk);
const mount = (size: string) => spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', disk]).status === 0;
const unmount = () => spawnSync('umount', [disk]);
const canMount = mount('8k');
if (canMount) unmount();
afterAll(() => rmSync(folder, { recursive: true }));

/** How a file of each kind ends, if it is whole; those that can be read are read. */
const whole: Readonly<Record<string, (text: string, name: string) => void>> = {
  'report.json': (text, name) => void readReport(JSON.parse(text), name),
  'report.sarif': (text) => void JSON.parse(text),
  'report.xml': (text) => expect(text.trimEnd()).toMatch(/<\/testsuites>$/),
  'report.html': (text) => expect(text.trimEnd()).toMatch(/<\/html>$/),
};

describe.skipIf(!canMount)('a disk that is full', () => {
  it.each(['4k', '32k', '64k', '1m'])(
    'after %s leaves every file whole or absent, and the findings in the text',
    async (room) => {
      expect(mount(room)).toBe(true);
      try {
        const args = ['fuzz', '--backend', adapter('telling.ts'), '--no-check', '--seed', '1', '--runs', '30'];
        const reports = ['json', 'junit', 'sarif', 'html'].flatMap((kind) => [
          `--${kind}`,
          join(disk, kind === 'junit' ? 'report.xml' : `report.${kind}`),
        ]);
        const { code, stdout, stderr } = await maskproof([...args, '--corpus', join(disk, 'corpus'), ...reports]);
        const isEnough = room === '1m';
        expect(code).toBe(isEnough ? 1 : 2);
        expect(stdout).toContain('padding/no-influence: violated');
        if (!isEnough) expect(stderr).toMatch(/(could not be written|could not be kept): ENOSPC\./);
        const files = readdirSync(disk).filter((name) => name !== 'corpus');
        for (const name of files) whole[name](readFileSync(join(disk, name), 'utf8'), name);
        const kept = readdirSync(join(disk, 'corpus'));
        for (const name of kept) expect(loadCounterexample(join(disk, 'corpus', name)).backend).toBe('telling');
        // What a line of the report tells to replay is there.
        for (const [, file] of stdout.matchAll(/Again: npx maskproof replay (\S+\.json)/g))
          expect(file).toMatch(new RegExp(`/(${kept.join('|')})$`));
        if (isEnough) expect(files.sort()).toEqual(Object.keys(whole).sort());
      } finally {
        unmount();
      }
    },
  );
});
