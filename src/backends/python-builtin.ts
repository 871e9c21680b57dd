/** The backends in Python that come with the suite: a file of python/maskproof_worker each, and the name of a backend in it. */
import { join } from 'node:path';
import type { Backend } from '../backend';
import { packageRoot } from '../version';
import { oldTransformerLens, withReleaseBeside } from './python-environment';
import { workerBackend, type WorkerOptions } from './worker';

export interface PythonBuiltin {
  /** One line for `maskproof list`. */
  readonly description: string;
  readonly file: string;
  /** What `serve_one_of` calls it, where the file has several. */
  readonly variant?: string;
  /** A folder beside the Python environment whose packages come before its own, where `npm run setup:python` has made it. */
  readonly beside?: string;
}

export const pythonBuiltins: Readonly<Record<string, PythonBuiltin>> = {
  'numpy-attention': {
    description: 'Attention written with numpy: the smallest worker that takes every mask.',
    file: 'numpy_attention.py',
  },
  'torch-sdpa': {
    description: "PyTorch's scaled_dot_product_attention, the math kernel on the CPU.",
    file: 'torch_sdpa.py',
    variant: 'math',
  },
  'torch-sdpa-flash': {
    description: "PyTorch's scaled_dot_product_attention, the flash kernel on the CPU.",
    file: 'torch_sdpa.py',
    variant: 'flash',
  },
  'torch-sdpa-cuda': {
    description: "PyTorch's scaled_dot_product_attention on CUDA, whichever kernel it takes.",
    file: 'torch_sdpa_cuda.py',
    variant: 'any',
  },
  'torch-sdpa-cuda-math': {
    description: "PyTorch's scaled_dot_product_attention, the math kernel on CUDA.",
    file: 'torch_sdpa_cuda.py',
    variant: 'math',
  },
  'torch-mha': {
    description: "PyTorch's nn.MultiheadAttention with need_weights: matrix products, softmax and weights.",
    file: 'torch_mha.py',
    variant: 'weights',
  },
  'torch-mha-sdpa': {
    description: "PyTorch's nn.MultiheadAttention without weights: scaled_dot_product_attention.",
    file: 'torch_mha.py',
    variant: 'sdpa',
  },
  'torch-mha-fast': {
    description: "PyTorch's nn.MultiheadAttention in eval mode: the fast path of self-attention.",
    file: 'torch_mha.py',
    variant: 'fast',
  },
  'torch-flex': {
    description: "PyTorch's flex_attention, not compiled.",
    file: 'torch_flex.py',
  },
  'hf-gpt2-eager': {
    description: "HuggingFace's eager attention of GPT-2.",
    file: 'huggingface_attention.py',
    variant: 'gpt2-eager',
  },
  'hf-gpt-neox-eager': {
    description: "HuggingFace's eager attention of GPT-NeoX, base and rotary.",
    file: 'huggingface_attention.py',
    variant: 'gpt-neox-eager',
  },
  'hf-llama-eager': {
    description: "HuggingFace's eager attention of Llama, base and rotary.",
    file: 'huggingface_attention.py',
    variant: 'llama-eager',
  },
  'hf-sdpa': {
    description: "HuggingFace's sdpa attention, base and rotary.",
    file: 'huggingface_attention.py',
    variant: 'sdpa',
  },
  'transformer-lens': {
    description: "TransformerLens' joint-QKV attention bridges, base and rotary.",
    file: 'transformer_lens_bridge.py',
    variant: 'default',
  },
  'transformer-lens-compat': {
    description: "TransformerLens' joint-QKV attention bridges in compatibility mode.",
    file: 'transformer_lens_bridge.py',
    variant: 'compat',
  },
  'hooked-attention': {
    description: "HookedTransformer's attention, of TransformerLens 3.9.",
    file: 'hooked_transformer.py',
    beside: oldTransformerLens,
  },
};

export const pythonBuiltinNames: readonly string[] = Object.keys(pythonBuiltins);

/** What one would write to get it without its name: python:FILE.py[:NAME]. */
export function pythonBuiltinSpec(name: string): string {
  const { file, variant } = pythonBuiltins[name];
  return `python:${join(packageRoot(), 'python', 'maskproof_worker', file)}${variant === undefined ? '' : `:${variant}`}`;
}

/** The backend of that name, one of `pythonBuiltinNames`. Rejects with a BackendError where the interpreter lacks what it needs. */
export function pythonBuiltin(name: string, options: WorkerOptions = {}): Promise<Backend> {
  return workerBackend(pythonBuiltinSpec(name), { ...options, env: pythonBuiltinEnv(name, options.env) });
}

/** What its process finds in its environment. */
export function pythonBuiltinEnv(name: string, env?: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return withReleaseBeside(env, pythonBuiltins[name].beside);
}
