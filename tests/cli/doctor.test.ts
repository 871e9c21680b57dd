import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Survey } from '../../src/survey/survey';
import { maskproof } from './run';

const nowhere = mkdtempSync(join(tmpdir(), 'maskproof-'));
/** Without interpreters, drivers and stores: nothing here but what npm installs. */
const bare = { PATH: nowhere, VK_DRIVER_FILES: join(nowhere, 'none.json'), MASKPROOF_TENSORFLOW: nowhere };
const python = join(nowhere, 'python');

describe('maskproof doctor', () => {
  it('says what runs here and why the rest does not, whatever is missing', async () => {
    const { code, stdout, stderr } = await maskproof(['doctor', '--python', python], { env: bare });
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^maskproof \d\S*, Node \d\S* on /);
    expect(stdout).toContain(`Vulkan driver ${join(nowhere, 'none.json')}: there is no such file`);
    expect(stdout).toMatch(/✔ wasm: TensorFlow\.js .*\n {6}float32, exp off by [\d.]+ roundoffs/);
    expect(stdout).toMatch(/– tensorflow: The package @tensorflow\/tfjs-node is not installed|✔ tensorflow: /);
    expect(stdout).toMatch(/\n {2}--reference auto takes \w+: /);
    expect(stdout).toContain(`– ${python} (given with --python): ${python} is not installed`);
    expect(stdout).toContain('✔ oracle (maskproof ');
    expect(stdout).toMatch(/– torch-sdpa: The worker /);
  });

  it('says it as JSON', async () => {
    const { code, stdout } = await maskproof(['doctor', '--json', '--python', python], { env: bare });
    const survey = JSON.parse(stdout) as Survey;
    expect(code).toBe(0);
    expect(survey.engines.map(({ name }) => name)).toEqual(['tensorflow', 'webgpu', 'wasm', 'cpu']);
    expect(survey.engines.find(({ name }) => name === 'wasm')).toMatchObject({
      device: { kind: 'cpu' },
      check: { cases: 50 },
    });
    expect(survey.pythons[0]).toMatchObject({ command: [python], problem: expect.any(String) as string });
    expect(survey.backends.find(({ name }) => name === 'onnxruntime')).toHaveProperty('versions.onnxruntime-node');
  });
});
