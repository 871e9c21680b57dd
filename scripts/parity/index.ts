/** Regenerates docs/parity.md: `npm run parity`. It needs what `npm run setup:python` installs. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setupFolder } from '../../src/backends/python-environment';
import { closeWorkers } from '../../src/backends/worker';
import { answersOf, answersTable } from './answers';

const root = join(__dirname, '..', '..');
const page = join(root, 'docs', 'parity.md');

/** The release of TransformerLens that npm run setup:python puts beside the environment, for a worker. */
export const withRelease = (version: string): NodeJS.ProcessEnv => ({
  ...process.env,
  PYTHONPATH: join(dirname(setupFolder()), 'transformer-lens-releases', version),
});

async function answers(): Promise<string> {
  return answersTable([
    await answersOf('hf-model-eager:gpt2', 'HuggingFace'),
    await answersOf('nnsight:gpt2', 'NNsight'),
    await answersOf('transformer-bridge:gpt2', 'TransformerBridge'),
    await answersOf('transformer-bridge:gpt2', 'TransformerBridge 3.0.0b2', withRelease('3.0.0b2')),
  ]);
}

/** What the command prints, from its table to the first picture. */
function fourWay(): string {
  const specs = ['hf-model-eager:gpt2', 'transformer-bridge:gpt2', 'nnsight:gpt2', 'hooked-transformer:gpt2'];
  const args = ['compare', ...specs.flatMap((spec) => ['--backend', spec]), '--runs', '200', '--seed', '1'];
  const { stdout } = spawnSync(process.execPath, [join(root, 'bin', 'maskproof.js'), ...args], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, LANG: 'C.UTF-8', NO_COLOR: '1' },
  });
  return ['```', `$ npx maskproof ${args.join(' ')}`, '', stdout.trimEnd(), '```'].join('\n');
}

async function main(): Promise<void> {
  const sections: Readonly<Record<string, string>> = { answers: await answers(), 'four-way': fourWay() };
  const text = readFileSync(page, 'utf8').replaceAll(
    /<!-- generated: ([\w-]+) -->\n[^]*?<!-- end -->/g,
    (_, name: string) => `<!-- generated: ${name} -->\n${sections[name]}\n<!-- end -->`,
  );
  writeFileSync(page, text);
  closeWorkers();
}

if (require.main === module) void main();
