import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { manifestOf, storeFolder, storeProblem, type Manifest } from '../../../reference/gpu/engines/tensorflow-store';
import { maskproof } from '../../cli/run';

/** A store with one library, as `npm run setup:tensorflow` leaves it. */
function store(folder = mkdtempSync(join(tmpdir(), 'maskproof-'))): {
  readonly folder: string;
  readonly library: string;
} {
  mkdirSync(join(folder, 'lib'), { recursive: true });
  const library = join(folder, 'lib', 'libtensorflow_cc.so.2');
  const content = 'a library';
  writeFileSync(library, content);
  const { size, mtimeMs } = statSync(library);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const manifest: Manifest = {
    version: 1,
    tensorflow: '2.19.1',
    files: { 'lib/libtensorflow_cc.so.2': { size, mtimeMs, sha256 } },
  };
  writeFileSync(manifestOf(folder), JSON.stringify(manifest));
  return { folder, library };
}

describe('a store of TensorFlow', () => {
  it('is whole as it was made, and when its files were only touched', () => {
    const { folder, library } = store();
    expect(storeProblem(folder)).toBeUndefined();
    utimesSync(library, 1, 1);
    expect(storeProblem(folder)).toBeUndefined();
  });

  it('tells of a library that was cut short, replaced or taken away, and of a manifest that is no more', () => {
    const { folder, library } = store();
    writeFileSync(library, 'a l1brary');
    utimesSync(library, 1, 1);
    expect(storeProblem(folder)).toBe('lib/libtensorflow_cc.so.2 is another file than was put there');
    truncateSync(library, 3);
    expect(storeProblem(folder)).toBe('lib/libtensorflow_cc.so.2 has 3 bytes where 9 are due');
    writeFileSync(manifestOf(folder), '{');
    expect(storeProblem(folder)).toBe('its manifest.json is missing or is no JSON');
  });

  it('that is damaged ends a run with a sentence, the mend and exit status 3', async () => {
    const home = mkdtempSync(join(tmpdir(), 'maskproof-'));
    const { library } = store(join(home, 'cpu'));
    truncateSync(library, 3);
    const env = { MASKPROOF_TENSORFLOW: home };
    const ran = await maskproof(['fuzz', '--backend', 'oracle', '--reference', 'tensorflow', '--runs', '1'], { env });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toBe(
      [
        'DamagedEngineError: What the engine tensorflow loads is damaged.',
        `  npm run setup:tensorflow: its store ${join(home, 'cpu')} is damaged: lib/libtensorflow_cc.so.2 has 3 bytes where 9 are due.`,
        '  Make it again: npm run setup:tensorflow',
        '',
      ].join('\n'),
    );
  });

  it('that is nowhere is a sentence too', async () => {
    const env = { MASKPROOF_TENSORFLOW: mkdtempSync(join(tmpdir(), 'maskproof-')) };
    const ran = await maskproof(['fuzz', '--backend', 'oracle', '--reference', 'tensorflow', '--runs', '1'], { env });
    expect(ran.code).toBe(3);
    expect(ran.stderr).toMatch(
      /^MissingPackageError: The package @tensorflow\/tfjs-node is not installed; the engine tensorflow needs it\.\n {2}Install it: npm run setup:tensorflow/,
    );
  });

  it('is beside the package, or where MASKPROOF_TENSORFLOW says', () => {
    expect(storeFolder('gpu')).toMatch(/tensorflow[/\\]gpu$/);
  });
});
