import { describe, expect, it } from 'vitest';
import { maskproof } from './run';

const vulkan = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
const store = process.env.MASKPROOF_TENSORFLOW;
/** Drivers and libraries as the tests have them. */
const env = {
  ...(vulkan === undefined ? {} : { VK_DRIVER_FILES: vulkan, VK_ICD_FILENAMES: vulkan }),
  ...(store === undefined ? {} : { MASKPROOF_TENSORFLOW: store }),
};

const runs = [
  { name: 'tensorflow', header: /^reference tensorflow, float32, .*TensorFlow \d\S* on /m },
  { name: 'webgpu', header: /^reference webgpu, float32, .*, WebGPU on \S.*\)$/m },
];

describe.each(runs)('--reference $name', ({ name, header }) => {
  it('judges a backend on another engine, and says what computed', async (test) => {
    const args = [
      'fuzz',
      '--backend',
      'tfjs-wasm',
      '--property',
      'numerics/agrees-with-reference',
      '--runs',
      '4',
      '--seed',
      '3',
    ];
    const { code, stdout, stderr } = await maskproof([...args, '--reference', name], { env });
    const [reason] = /^(?:MissingPackageError|NoDeviceError): .*/m.exec(stderr) ?? [];
    if (reason !== undefined) test.skip(reason);
    expect(stdout).toMatch(header);
    expect(stdout).toContain('✔ numerics: 1 held, 4 cases');
    expect(code).toBe(0);
  });
});
