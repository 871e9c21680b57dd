/** Whole models in Python that come with the suite: `NAME:ARCHITECTURE`, a file of python/maskproof_worker for each library. */
import { join } from 'node:path';
import type { Backend } from '../backend';
import { UsageError } from '../errors';
import { didYouMean } from '../nearest';
import { packageRoot } from '../version';
import { oldTransformerLens, withReleaseBeside } from './python-environment';
import { workerBackend, type WorkerOptions } from './worker';

interface ModelBuiltin {
  /** One line for `maskproof list`. */
  readonly description: string;
  readonly file: string;
  /** What the file calls it, before the architecture. */
  readonly variant: string;
  readonly architectures: readonly string[];
  /** A folder beside the Python environment whose packages come before its own, where `npm run setup:python` has made it. */
  readonly beside?: string;
}

const all =
  'gpt2 gpt_neox llama gptj gpt_neo phi phi3 qwen2 qwen3 gemma gemma2 gemma3_text mistral starcoder2 stablelm olmo2 falcon opt gpt_bigcode biogpt bloom mpt'.split(
    ' ',
  );
/** HuggingFace has no sdpa for these. */
const eagerOnly = ['gptj', 'gpt_neo', 'gemma2', 'bloom', 'mpt'];

export const modelBuiltins: Readonly<Record<string, ModelBuiltin>> = {
  'hf-model-eager': {
    description: "HuggingFace's whole models with attn_implementation eager.",
    file: 'models_huggingface.py',
    variant: 'eager',
    architectures: all,
  },
  'hf-model-sdpa': {
    description: "HuggingFace's whole models with attn_implementation sdpa.",
    file: 'models_huggingface.py',
    variant: 'sdpa',
    architectures: all.filter((name) => !eagerOnly.includes(name)),
  },
  'transformer-bridge': {
    description: "Whole models behind TransformerLens' TransformerBridge.",
    file: 'models_bridge.py',
    variant: 'bridge',
    architectures: all.filter((name) => name !== 'biogpt'),
  },
  'hooked-transformer': {
    description: "Whole models as TransformerLens' HookedTransformer runs them (3.9.0, the last release that has it).",
    file: 'models_hooked.py',
    variant: 'hooked',
    // Not phi: 3.9.0 asks its config for a field that transformers 5 has elsewhere.
    architectures: 'gpt2 gpt_neox gptj gpt_neo llama phi3 qwen2 qwen3 mistral opt bloom'.split(' '),
    beside: oldTransformerLens,
  },
  nnsight: {
    description: 'Whole models as NNsight traces them.',
    file: 'models_nnsight.py',
    variant: 'nnsight',
    architectures: all,
  },
};

/** Whether a --backend names one: 'hf-model-eager' is 'hf-model-eager:gpt2'. */
export function isModelSpec(spec: string): boolean {
  return spec.split(':')[0] in modelBuiltins;
}

/** Throws a UsageError for an architecture that there is not, and a BackendError where the interpreter lacks what it needs. */
export function modelBuiltin(spec: string, options: WorkerOptions = {}): Promise<Backend> {
  const [name, architecture = 'gpt2'] = spec.split(':');
  const { file, variant, architectures, beside } = modelBuiltins[name];
  if (!architectures.includes(architecture))
    throw new UsageError('unknown_backend', {
      what: `There is no ${name} of ${JSON.stringify(architecture)}.${didYouMean(architecture, architectures)}`,
      mend: `Its architectures are ${architectures.join(', ')}.`,
    });
  const worker = join(packageRoot(), 'python', 'maskproof_worker', file);
  return workerBackend(`python:${worker}:${variant}/${architecture}`, {
    ...options,
    env: withReleaseBeside(options.env, beside),
  });
}
