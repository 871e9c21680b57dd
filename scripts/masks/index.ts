/** Regenerates what docs/masks.md says of each library: `npm run masks`. Libraries that are not installed keep what stands there. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BackendError } from '../../src/errors';
import { closeWorkers, workerBackend } from '../../src/backends/worker';
import type { Backend } from '../../src/backend';
import { rawAttention, rawMultiHeadAttention } from './onnxruntime';
import { rows, survey, type Column } from './survey';

const root = join(__dirname, '..', '..');
export const page = join(root, 'docs', 'masks.md');

const worker = (file: string, name: string) => () =>
  workerBackend(`python:${join(root, 'python', 'survey', file)}:${name}`);

/** The sections of the page and the ways of calling each library, a column each. */
export const libraries: Readonly<Record<string, readonly (() => Backend | Promise<Backend>)[]>> = {
  torch: ['sdpa-math', 'sdpa-flash', 'mha-attn_mask', 'mha-key_padding_mask'].map((name) =>
    worker('raw_torch.py', name),
  ),
  huggingface: ['gpt2-eager', 'gpt_neox-eager', 'llama-eager', 'sdpa'].map((name) =>
    worker('raw_huggingface.py', name),
  ),
  'transformer-lens': ['base', 'base-compatible', 'rotary'].map((name) => worker('raw_transformer_lens.py', name)),
  onnxruntime: [
    rawAttention,
    () => rawMultiHeadAttention('key_padding_mask'),
    () => rawMultiHeadAttention('attention_bias'),
  ],
};

/** The section of one library, or undefined where it is not installed. */
export async function sectionOf(library: string): Promise<string | undefined> {
  const columns: Column[] = [];
  for (const load of libraries[library]) {
    try {
      columns.push(await survey(await load()));
    } catch (error) {
      if (!(error instanceof BackendError)) throw error;
      return undefined;
    }
  }
  return table(columns);
}

function table(columns: readonly Column[]): string {
  const measured = Object.entries(columns[0].versions)
    .filter(([name]) => name !== 'python' && name !== 'numpy')
    .map(([name, version]) => `${name} ${version}`);
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [
    `Measured with ${measured.join(', ')}.`,
    '',
    line(['handed over', ...columns.map(({ name }) => name)]),
    line(['---', ...columns.map(() => '---')]),
    ...rows.map((row) => line([row, ...columns.map(({ cells }) => cells.get(row) ?? '')])),
  ].join('\n');
}

/** The page with the sections of the installed libraries made anew, and the names of those that were left. */
export async function regenerated(text: string): Promise<{ readonly text: string; readonly left: readonly string[] }> {
  const left: string[] = [];
  for (const library of Object.keys(libraries)) {
    const section = await sectionOf(library);
    if (section === undefined) left.push(library);
    else
      text = text.replace(
        new RegExp(`<!-- generated: ${library} -->\\n[^]*?<!-- end -->`),
        () => `<!-- generated: ${library} -->\n${section}\n<!-- end -->`,
      );
  }
  return { text, left };
}

async function main(): Promise<void> {
  const { text, left } = await regenerated(readFileSync(page, 'utf8'));
  writeFileSync(page, text);
  for (const library of left) process.stdout.write(`${library}: not installed here, left as it was.\n`);
  closeWorkers();
}

if (require.main === module) void main();
