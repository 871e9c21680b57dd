import { spawnSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { probeEngine } from '../../../src/engine/probe';
import { maskproof } from '../../cli/run';

const hasCompiler = spawnSync('cc', ['--version']).status === 0;
const folder = mkdtempSync(join(tmpdir(), 'maskproof-'));

/** A driver for Vulkan that falls over as soon as it is loaded. */
function crashingDriver(): string {
  const source = join(folder, 'driver.c');
  const library = join(folder, 'driver.so');
  writeFileSync(source, '#include <stdlib.h>\n__attribute__((constructor)) static void fall(void) { abort(); }\n');
  spawnSync('cc', ['-shared', '-fPIC', '-o', library, source]);
  const icd = join(folder, 'driver.json');
  writeFileSync(
    icd,
    JSON.stringify({ file_format_version: '1.0.0', ICD: { library_path: library, api_version: '1.1.0' } }),
  );
  return icd;
}

describe('an engine that is tried', () => {
  it('says what it is, how it computes and how fast', async () => {
    const probed = await probeEngine('wasm', 'check');
    expect(probed).toMatchObject({
      describe: expect.stringMatching(/^TensorFlow\.js .*WebAssembly/) as string,
      device: { kind: 'cpu' },
      check: { precision: 'float32' },
      speed: expect.any(Number) as number,
    });
  });

  it('and does not come back is ended', async () => {
    expect(await probeEngine('wasm', 'check', 1)).toEqual({
      error: {
        type: 'EngineCrashedError',
        message: 'The engine wasm did not come back within 1 ms while it was tried.',
      },
    });
  });

  it.skipIf(!hasCompiler || process.platform !== 'linux')(
    'and whose driver falls over costs a sentence, not the run',
    async (test) => {
      const icd = crashingDriver();
      const env = { VK_DRIVER_FILES: icd, VK_ICD_FILENAMES: icd };
      const ran = await maskproof(['fuzz', '--backend', 'oracle', '--reference', 'webgpu', '--runs', '1'], { env });
      if (ran.stderr.startsWith('MissingPackageError')) test.skip('WebGPU is not installed');
      if (ran.stderr.startsWith('NoDeviceError')) test.skip("Vulkan's loader is not installed");
      expect(ran.code).toBe(3);
      expect(ran.stderr).toMatch(
        /^EngineError: The engine webgpu brought its process down \(SIGABRT\) while it was tried\.\n/,
      );
    },
  );
});
