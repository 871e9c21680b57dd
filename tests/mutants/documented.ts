/** Mistakes with masks that real projects have written down in public, and the mutants that make them again. */

/** One of them. */
export interface Documented {
  readonly link: string;
  readonly what: string;
  /** The mutants with this mistake. */
  readonly shownBy?: readonly string[];
  /** Why no attention call can show it. */
  readonly notHere?: string;
}

export const documented: readonly Documented[] = [
  {
    link: 'https://github.com/TransformerLensOrg/TransformerLens/pull/1198',
    what: 'Boolean 4D mask added as 0/1 in joint-QKV bridge',
    shownBy: ['boolean-4d-added-under-causal', 'causal-forced-on-4d', 'rotary-bridge-adds-booleans'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/38094',
    what: 'Llama4 sdpa: additive float mask cast to bool',
    shownBy: ['additive-truthy-keeps'],
  },
  {
    link: 'https://github.com/lucidrains/x-transformers/issues/160',
    what: 'flash path passes True=masked to SDPA (True=keep)',
    shownBy: ['boolean-inverted'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/107084',
    what: 'MHA eval fast path turns float bias into bool',
    shownBy: ['additive-truthy-drops'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/118628',
    what: 'TransformerEncoderLayer fast path NaN for attention bias',
    shownBy: ['additive-truthy-drops', 'finite-bias-dropped'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/92554',
    what: 'float key_padding_mask mis-merged into attn_mask',
    shownBy: ['additive-padding-ignored'],
  },
  {
    link: 'https://github.com/mlverse/torch/issues/1205',
    what: 'R torch: float key_padding_mask treated as bool',
    shownBy: ['additive-padding-ignored'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/86120',
    what: 'long-typed src_key_padding_mask differs train vs eval',
    shownBy: ['integer-inverted'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/132136',
    what: 'float kpm [0,-inf] gives another result under no_grad',
    shownBy: ['additive-padding-ignored'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/106630',
    what: 'no_grad changes TransformerDecoder output',
    shownBy: ['mask-lost-on-the-weights-path'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/pull/191612',
    what: 'cuDNN SDPA reads fp32 mask as fp16/bf16',
    shownBy: ['mask-bits-of-another-type'],
  },
  {
    link: 'https://github.com/nishide-dev/unturtle/pull/56',
    what: 'additive 4D mask treated as bool keep mask',
    shownBy: ['additive-truthy-keeps'],
  },
  {
    link: 'https://github.com/rasbt/LLMs-from-scratch/issues/1061',
    what: 'triu(1) passed to SDPA as keep mask',
    shownBy: ['triangle-upside-down'],
  },
  {
    link: 'https://github.com/tensorflow/text/pull/894',
    what: 'tutorial look-ahead mask (1=masked) + Keras MHA (1=attend)',
    shownBy: ['triangle-upside-down'],
  },
  {
    link: 'https://github.com/mindspore-lab/mindone/pull/541',
    what: 'MindSpore FA wants 0=keep,1=discard; code filled -inf',
    shownBy: ['additive-truthy-drops'],
  },
  {
    link: 'https://github.com/HKUSTDial/flash-sparse-attention/issues/146',
    what: 'score_mod adds (1,0) mask instead of (0,-inf)',
    shownBy: ['boolean-added'],
  },
  {
    link: 'https://github.com/InseeFrLab/torchTextClassifiers/pull/92',
    what: 'LabelAttention mask inverted for SDPA',
    shownBy: ['boolean-inverted'],
  },
  {
    link: 'https://github.com/Ascend/pytorch/issues/88',
    what: 'NPU SDPA bool mask ≠ equivalent additive mask',
    shownBy: ['boolean-added', 'empty-boolean-row-nan'],
  },
  {
    link: 'https://github.com/keras-team/keras/issues/23038',
    what: 'use_causal_mask silently ignored off the fused path',
    shownBy: ['causal-dropped-when-weights-are-asked'],
  },
  {
    link: 'https://github.com/keras-team/keras/pull/23040',
    what: 'causal lost when attention_mask is also given',
    shownBy: ['causal-dropped-with-a-mask'],
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/48748',
    what: 'Doge not causal under sdpa (ppl 5 vs 16)',
    shownBy: ['causal-dropped-with-a-mask'],
  },
  {
    link: 'https://github.com/facebookresearch/xformers/issues/103',
    what: 'causal mask skipped when att_mask is None',
    shownBy: ['causal-only-with-a-mask'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/96941',
    what: 'is_causal ignored by TransformerEncoderLayer',
    shownBy: ['causal-only-with-a-mask'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/99282',
    what: 'is_causal ignored if need_weights=True',
    shownBy: ['causal-dropped-when-weights-are-asked'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/131254',
    what: 'is_causal=True discards src_mask (even wrong shapes accepted)',
    shownBy: ['mask-ignored-when-causal'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/pull/187966',
    what: 'CPU flash accepts attn_mask+is_causal, MATH raises',
    shownBy: ['mask-with-causality-refused'],
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/48172',
    what: 'cross-attention silently causal under sdpa',
    shownBy: ['causal-without-a-mask'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/42820',
    what: 'bidirectional encoder becomes causal when all-true mask is dropped',
    shownBy: ['full-mask-means-causal'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/41966',
    what: 'GPT-2 FA2 not causal when a padding mask exists',
    shownBy: ['causal-dropped-with-a-mask', 'future-visible-under-a-padding-mask'],
  },
  {
    link: 'https://github.com/NVIDIA/TransformerEngine/issues/629',
    what: 'cross-attention becomes causal',
    shownBy: ['cross-attention-made-causal'],
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/36150',
    what: 'is_causal=False has no effect once a mask has a False',
    shownBy: ['always-causal'],
  },
  {
    link: 'https://github.com/osaurus-ai/vmlx-swift/pull/185',
    what: 'FalconH1 prefill bidirectional',
    shownBy: ['causal-never'],
  },
  {
    link: 'https://github.com/Mikyx-1/TinyLLM/issues/17',
    what: 'causal mask only if cache is None',
    shownBy: ['prefill-unmasked'],
  },
  {
    link: 'https://github.com/sonos/torch-to-nnef/pull/217',
    what: 'exported LLM non-causal: mask size read from batch dim',
    shownBy: ['triangle-of-the-batch-size'],
  },
  {
    link: 'https://github.com/facebookresearch/fairseq/issues/1682',
    what: 'attn_mask argument never forwarded',
    shownBy: ['mask-ignored'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/30918',
    what: 'PaliGemma 4D mask of ones pre-empts causal → label leak in finetuning',
    notHere: 'The model hands a mask of ones to its attention, which rightly obeys it.',
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/31312',
    what: 'PaliGemma 4D causal mask not inverted',
    shownBy: ['boolean-added'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/108108',
    what: 'SDPA is_causal is top-left (contract, still default)',
    shownBy: ['causal-from-the-top-left'],
  },
  {
    link: 'https://github.com/Dao-AILab/flash-attention/pull/436',
    what: 'FA2 <2.1 top-left, ≥2.1 bottom-right',
    shownBy: ['causal-from-the-top-left'],
  },
  {
    link: 'https://github.com/lucidrains/x-transformers/issues/187',
    what: 'cached decode with causal=True masks the cache',
    shownBy: ['decode-sees-the-first-key'],
  },
  {
    link: 'https://github.com/google/flax/issues/5591',
    what: 'nnx MHA decode + is_causal attends only key 0',
    shownBy: ['decode-sees-the-first-key'],
  },
  {
    link: 'https://github.com/microsoft/onnxruntime/issues/29020',
    what: 'Attention op: CPU bottom-right, CUDA upper-left',
    shownBy: ['causal-from-the-top-left'],
  },
  {
    link: 'https://github.com/onnx/onnx/issues/8054',
    what: 'causal offset ignores nonpad_kv_seqlen',
    shownBy: ['causal-from-the-top-left'],
  },
  {
    link: 'https://github.com/onnx/onnx/pull/7297',
    what: 'reference Attention masked the past',
    shownBy: ['causal-from-the-top-left'],
  },
  {
    link: 'https://github.com/thu-ml/SageAttention/pull/372',
    what: 'Sage2 causal top-left for qo_len<kv_len',
    shownBy: ['causal-from-the-top-left'],
  },
  {
    link: 'https://github.com/gittensor-ai-lab/sparkinfer/issues/3',
    what: 'kv_end = min(kv, qpos+1)',
    shownBy: ['causal-from-the-top-left'],
  },
  {
    link: 'https://github.com/pytorch/executorch/pull/21749',
    what: 'the reference (oracle) used upper-left, runtime was right',
    shownBy: ['causal-from-the-top-left'],
  },
  {
    link: 'https://github.com/ml-explore/mlx/pull/2967',
    what: 'MLX "causal" lower-right when q≤kv, upper-left when q>kv',
    notHere: 'is_causal with more queries than keys has no meaning here, and is not asked.',
  },
  {
    link: 'https://github.com/NVIDIA/cutlass/issues/2336',
    what: 'Blackwell FMHA causal for q≠kv; verifier shares the mask code',
    shownBy: ['causal-from-the-top-left'],
  },
  {
    link: 'https://github.com/huggingface/candle/pull/3743',
    what: 'chunked prefill: mask ignores cache (phi) or dtype cat error',
    shownBy: ['causal-from-the-top-left'],
  },
  {
    link: 'https://github.com/rasbt/LLMs-from-scratch/pull/697',
    what: 'mask[:n,:n] with KV cache',
    shownBy: ['chunk-unmasked'],
  },
  {
    link: 'https://github.com/ml-explore/mlx-examples/pull/715',
    what: 'square mask with cache (speculative decoding)',
    shownBy: ['chunk-unmasked'],
  },
  {
    link: 'https://github.com/jax-ml/jax/issues/24491',
    what: 'Pallas attention wrong when q_len≠kv_len',
    shownBy: ['causal-from-the-top-left'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/103749',
    what: 'SDPA bool row all False → NaN (also #103963)',
    shownBy: ['empty-row-nan'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/110213',
    what: 'GPU NaN when a row is all finfo.min (2.1)',
    shownBy: ['empty-finfo-row-nan'],
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/38690',
    what: 'NaN logits after mask refactor',
    shownBy: ['empty-boolean-row-nan', 'empty-row-spreads', 'empty-row-poisons-the-batch'],
  },
  {
    link: 'https://github.com/unslothai/unsloth/pull/9848',
    what: 'gemma-4 left-padded rows NaN (HF dropped allow_torch_fix)',
    shownBy: ['empty-row-nan-past-a-tile'],
  },
  {
    link: 'https://github.com/ml-explore/mlx/issues/2395',
    what: 'fully masked row returns arbitrary values',
    shownBy: ['empty-row-unmasked'],
  },
  {
    link: 'https://github.com/ml-explore/mlx/issues/2626',
    what: 'padded square block mask ≠ truncated run',
    shownBy: ['boolean-added'],
  },
  {
    link: 'https://github.com/tracel-ai/burn/pull/4697',
    what: 'fallback NaN when bool ∧ causal empty a row',
    shownBy: ['empty-row-nan', 'maximum-clamped'],
  },
  {
    link: 'https://github.com/robertknight/rten/pull/1321',
    what: 'MHA/GQA ops NaN on masked rows',
    shownBy: ['empty-row-nan'],
  },
  {
    link: 'https://github.com/microsoft/onnxscript/pull/2479',
    what: 'exported SDPA NaN where aten gives 0',
    shownBy: ['empty-boolean-row-nan'],
  },
  {
    link: 'https://github.com/openvinotoolkit/openvino/pull/36016',
    what: 'SDPA decomposition NaN for bool masked rows',
    shownBy: ['empty-boolean-row-nan'],
  },
  {
    link: 'https://github.com/microsoft/onnxruntime/pull/28958',
    what: 'empty row returned mean-of-V, spec now 0',
    shownBy: ['empty-row-uniform'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/pull/190486',
    what: 'native fast path NaN, SDPA fallback 0',
    shownBy: ['empty-row-nan'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/41508',
    what: 'one empty row poisons all gradients',
    shownBy: ['gradient-nan-from-empty-row', 'gradient-nan-at-empty-queries'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/100318',
    what: 'all-false mask NaN after inductor fusion',
    shownBy: ['empty-row-nan'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/178677',
    what: 'all-masked kpm: eager raises, compile returns',
    shownBy: ['all-padding-refused'],
  },
  {
    link: 'https://github.com/TransformerLensOrg/TransformerLens/pull/1608',
    what: 'native bridge left pad NaN poisons later layers',
    shownBy: ['empty-row-nan', 'empty-row-spreads'],
  },
  {
    link: 'https://github.com/NVIDIA-NeMo/Speech/pull/9590',
    what: 'all-False pad rows NaN with SDPA',
    shownBy: ['empty-row-sees-the-first-key'],
  },
  {
    link: 'https://github.com/HabanaAI/vllm-fork/pull/318',
    what: 'seq_len=0 padding samples → 0/0 → NaN into KV cache',
    shownBy: ['empty-row-nan'],
  },
  {
    link: 'https://github.com/patrick-kidger/equinox/pull/274',
    what: 'MHA NaN for all-zero mask row',
    shownBy: ['empty-row-nan'],
  },
  {
    link: 'https://github.com/TransformerLensOrg/TransformerLens/pull/366',
    what: 'IGNORE=-1e5 larger than real scores (#318,#385)',
    shownBy: ['sentinel-of-1e5-filled'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/27114',
    what: 'finfo.min + finfo.min = -inf in AttentionMaskConverter',
    shownBy: ['two-sentinels-summed', 'empty-row-means-the-past'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/17306',
    what: 'fp16: finfo.min + score < -16 → -inf (OPT #17437, XGLM #18057)',
    notHere:
      'Below -16 a float16 score plus finfo.min is -inf: no contract can be kept there, and such rows are left out as out of range.',
  },
  {
    link: 'https://github.com/NVIDIA-NeMo/Automodel/pull/2658',
    what: 'DeepSeek-V4 bf16 min+min=-inf, NaN grad at step 0',
    shownBy: ['two-sentinels-summed'],
  },
  {
    link: 'https://github.com/keras-team/keras/pull/17571',
    what: 'Softmax mask overflow in mixed fp16',
    notHere:
      'Below -16 a float16 score plus finfo.min is -inf: no contract can be kept there, and such rows are left out as out of range.',
  },
  {
    link: 'https://github.com/google/flax/pull/1527',
    what: '-1e10 in fp16 → -inf → NaN (#982)',
    shownBy: ['sentinel-of-float32-in-half'],
  },
  {
    link: 'https://github.com/microsoft/onnxruntime/pull/8549',
    what: '-10000 added vs replaced',
    shownBy: ['sentinel-of-1e4-added'],
  },
  {
    link: 'https://github.com/microsoft/onnxruntime/issues/14363',
    what: 'mask_index + unidirectional: 10–50 % error',
    shownBy: ['padding-and-causality-with-two-fillers', 'empty-row-unmasked'],
  },
  {
    link: 'https://github.com/ahrefs/ocannl/issues/548',
    what: '-1e9 causal sentinel overflows f16',
    shownBy: ['sentinel-of-float32-in-half'],
  },
  {
    link: 'https://github.com/microsoft/onnxscript/pull/2992',
    what: 'is_causal float mask emits -inf without NaN guard',
    shownBy: ['empty-row-nan'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/26137',
    what: 'Falcon mask -inf in some precisions; no position_ids',
    shownBy: ['two-sentinels-summed'],
  },
  {
    link: 'https://github.com/facebookresearch/fairseq/issues/3575',
    what: '-1e8 fill cannot be cast to half',
    shownBy: ['sentinel-that-half-cannot-hold'],
  },
  {
    link: 'https://github.com/hyunwoongko/transformer/pull/40',
    what: 'pad mask on the query axis',
    shownBy: ['padding-on-the-query-axis'],
  },
  {
    link: 'https://github.com/OpenNMT/OpenNMT-py/pull/2532',
    what: 'mask only applied at step 0',
    shownBy: ['padding-dropped-in-decoding', 'mask-ignored-in-decoding'],
  },
  {
    link: 'https://github.com/unslothai/unsloth/issues/1066',
    what: 'decode mask becomes [1] and pads become visible',
    shownBy: ['padding-dropped-in-decoding', 'padding-of-the-past-forgotten', 'mask-ignored-in-decoding'],
  },
  {
    link: 'https://github.com/TransformerLensOrg/TransformerLens/pull/999',
    what: 'generate() never masked pads',
    shownBy: ['mask-ignored', 'padding-visible'],
  },
  {
    link: 'https://github.com/ndif-team/nnsight/pull/313',
    what: 'mask of earlier invokes written to row 0 only',
    shownBy: ['only-the-first-batch-row-masked'],
  },
  {
    link: 'https://github.com/AI-Hypercomputer/maxtext/issues/878',
    what: 'mask ignored with cudnn flash',
    shownBy: ['padding-dropped-when-causal'],
  },
  {
    link: 'https://github.com/axolotl-ai-cloud/axolotl/pull/3735',
    what: 'bidirectional mask all-ones when not packing',
    shownBy: ['padding-dropped-without-causality'],
  },
  {
    link: 'https://github.com/huggingface/diffusers/issues/12294',
    what: 'encoder_hidden_states_mask accepted but unused (cf. SD3 #8673)',
    shownBy: ['mask-ignored'],
  },
  {
    link: 'https://github.com/huggingface/diffusers/pull/14704',
    what: 'mask padded BY target_length, not TO it',
    shownBy: ['overlong-ignored'],
  },
  {
    link: 'https://github.com/jax-ml/jax/issues/23349',
    what: 'key_value_seq_lengths ignored unless query_seq_lengths given',
    shownBy: ['padding-as-a-length'],
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/35855',
    what: 'pad tokens un-masked again in training',
    shownBy: ['prefix-overrides-padding'],
  },
  {
    link: 'https://github.com/AI4Bharat/IndicBERT/issues/20',
    what: 'right-pad changes real-token states 10×',
    shownBy: ['padding-dropped-without-causality'],
  },
  {
    link: 'https://github.com/NVIDIA-NeMo/Automodel/pull/3704',
    what: 'dataset mask all ones for left pad or pad_id 0',
    shownBy: ['only-trailing-padding'],
  },
  {
    link: 'https://github.com/microsoft/onnxruntime/pull/27464',
    what: '3D mask broadcast dims swapped (CUDA)',
    shownBy: ['batch-and-head-swapped', 'first-head-for-all'],
  },
  {
    link: 'https://github.com/onnx/onnx/pull/8108',
    what: '(H,Q,K) mask re-read as (B,Q,K)',
    shownBy: ['three-d-read-as-heads'],
  },
  {
    link: 'https://github.com/tracel-ai/burn/issues/4772',
    what: 'broadcastable mask rejected',
    shownBy: ['broadcast-mask-refused'],
  },
  {
    link: 'https://github.com/jax-ml/jax/issues/28974',
    what: 'cudnn rejects mask [B,1,1,K] w/o bias',
    shownBy: ['broadcast-mask-refused'],
  },
  {
    link: 'https://github.com/tensorflow/tensorflow/issues/60626',
    what: 'auto mask wrong for rank-4 inputs',
    notHere: 'A layer makes its mask from the rank of its inputs; an attention call is given one.',
  },
  {
    link: 'https://github.com/meta-pytorch/attention-gym/issues/98',
    what: 'create_block_mask(B=None) uses batch 0 for all',
    shownBy: ['first-batch-row-for-all'],
  },
  {
    link: 'https://github.com/microsoft/onnxruntime-genai/pull/1639',
    what: 'static mask stride wrong for batch>1',
    shownBy: ['overlong-stride-of-the-keys'],
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/9643',
    what: '3D encoder mask reused for cross attention',
    notHere: 'The model hands the mask of another attention on; a mask that fits neither is refused.',
  },
  {
    link: 'https://github.com/ml-explore/mlx/pull/1980',
    what: 'mask not broadcast before the op',
    shownBy: ['one-row-for-the-first-query-only'],
  },
  {
    link: 'https://github.com/microsoft/onnxruntime/pull/25927',
    what: 'GQA local window excluded the current token',
    shownBy: ['window-counts-the-token-itself'],
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/39408',
    what: 'FA window (W,W) keeps W+1 keys',
    shownBy: ['window-one-too-wide'],
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/29623',
    what: 'Mistral eager W vs FA W+1 (vLLM #3385)',
    shownBy: ['window-one-too-wide', 'window-counts-the-token-itself'],
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/29176',
    what: 'PyTorch vs Flax sliding_window meaning',
    shownBy: ['window-counts-the-token-itself'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/30127',
    what: 'SDPA path ignored sliding_window (#28980)',
    shownBy: ['window-dropped-without-a-mask'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/40700',
    what: 'EmbeddingGemma window (W-1,W//2) not symmetric; FA (W-1,W-1)',
    shownBy: ['window-without-a-right-side'],
  },
  {
    link: 'https://github.com/unslothai/unsloth/pull/8253',
    what: 'window never reached SDPA; W=0 masks everything',
    shownBy: ['window-dropped-without-a-mask', 'window-of-zero-is-no-window'],
  },
  {
    link: 'https://github.com/pytorch/executorch/pull/21857',
    what: 'chunked prefill sees more than W (cf. #21384)',
    shownBy: ['window-of-the-last-query'],
  },
  {
    link: 'https://github.com/lablup/mlxcel/issues/885',
    what: 'mask shorter than keys is discarded',
    shownBy: [
      'short-mask-dropped',
      'overlong-rows-from-the-top',
      'window-replaces-the-mask',
      'window-dropped-with-a-mask',
      'window-from-the-top-left',
    ],
  },
  {
    link: 'https://github.com/zml/zml/pull/763',
    what: 'window_size_left off by one',
    shownBy: ['window-one-too-wide'],
  },
  {
    link: 'https://github.com/NVIDIA/TransformerEngine/pull/1281',
    what: 'get_swa_mask wrong for padding masks',
    shownBy: ['window-skips-padding', 'window-counts-padding'],
  },
  {
    link: 'https://github.com/openvinotoolkit/openvino/pull/30714',
    what: 'paged vs SDPA window off by one row',
    shownBy: ['window-one-too-wide'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/46850',
    what: 'Gemma3/4 image block crosses window',
    shownBy: ['window-overrides-causality'],
  },
  {
    link: 'https://github.com/axolotl-ai-cloud/axolotl/pull/3796',
    what: 'sdpa/eager packing leaked across documents',
    shownBy: ['segments-ignored-with-a-mask'],
  },
  {
    link: 'https://github.com/axolotl-ai-cloud/axolotl/issues/1375',
    what: 'bs>1 packing ignores cu_seqlens',
    shownBy: ['segments-of-the-first-batch-row'],
  },
  {
    link: 'https://github.com/areal-project/AReaL/issues/1442',
    what: 'sdpa + packed → wrong logp',
    shownBy: ['segments-ignored'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/37429',
    what: 'chunk mask clobbers document ids',
    shownBy: ['segments-replace-the-mask'],
  },
  {
    link: 'https://github.com/hiyouga/EasyR1/pull/494',
    what: '3D position ids discard text ids → cross-sample attention',
    shownBy: ['segments-ignored'],
  },
  {
    link: 'https://github.com/hiyouga/LlamaFactory/pull/7318',
    what: '4D block mask but positions not reset',
    notHere:
      'Positions that go on from document to document change nothing in one attention: rotary angles are relative, and learned positions belong to whole models.',
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/39389',
    what: 'Gemma3 image bidirectional mask not reaching attention',
    shownBy: ['causal-forced-on-4d'],
  },
  {
    link: 'https://github.com/TransformerLensOrg/TransformerLens/issues/1609',
    what: 'bridge ignores mask when deriving position_ids',
    shownBy: ['rotary-positions-counted', 'positions-count-padding'],
  },
  {
    link: 'https://github.com/TransformerLensOrg/TransformerLens/pull/1610',
    what: 'first fix broke cached step, interior gaps, mRoPE',
    shownBy: ['causality-by-position-ids'],
  },
  {
    link: 'https://github.com/ndif-team/nnsight/issues/672',
    what: 'batched trace mispredicts every shorter prompt',
    shownBy: ['rotary-positions-counted', 'positions-count-padding'],
  },
  {
    link: 'https://github.com/unslothai/unsloth/issues/3699',
    what: 'batched left-padded generation garbage',
    shownBy: ['rotary-queries-from-zero', 'rotary-positions-of-the-first-batch-row', 'cache-offset-ignored'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/29583',
    what: 'forward() with left pad wrong for learned-PE models',
    shownBy: ['rotary-positions-counted', 'positions-count-padding'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/17866',
    what: 'ALiBi with padding needed shift by cumsum',
    notHere: 'ALiBi is made by the model from its mask; an attention call is given the finished bias.',
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/29525',
    what: 'custom 4D masks overwritten in 4.38',
    shownBy: ['four-d-rebuilt'],
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/35681',
    what: 'HybridCache mask slice wrong when L>window',
    shownBy: ['overlong-read-from-the-end', 'mask-out-of-step-with-the-cache'],
  },
  {
    link: 'https://github.com/huggingface/transformers/issues/39365',
    what: 'eager lacks the key-length slice SDPA has',
    shownBy: ['overlong-mask-refused'],
  },
  {
    link: 'https://github.com/unslothai/unsloth-zoo/pull/691',
    what: 'keys longer than mask (161 vs 128)',
    shownBy: ['short-mask-stretched'],
  },
  {
    link: 'https://github.com/facebookresearch/xformers/pull/66',
    what: 'saved causal mask larger than sequence',
    shownBy: ['overlong-mask-refused'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/136232',
    what: 'Flex backward NaN if BlockMask longer than seq',
    notHere: 'A mask of blocks is longer than the sequence: blocks are below what a case can say.',
  },
  {
    link: 'https://github.com/huggingface/transformers/pull/46802',
    what: 'q_offset 1-element tensor → 5D block mask',
    notHere: 'The mask function of FlexAttention is given an offset of another shape: a mask is a tensor here.',
  },
  {
    link: 'https://github.com/intel/sycl-tla/pull/813',
    what: 'remainder mask reduced on rows instead of columns',
    shownBy: ['last-tile-unmasked'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/pull/169222',
    what: 'MPS vector SDPA reads past N',
    shownBy: ['last-tile-unmasked', 'last-tile-padded-with-zero-scores'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/196678',
    what: 'cuDNN backward NaN grad_q, len%128==64 with any mask',
    shownBy: ['gradient-of-the-last-tile-overflows', 'last-tile-padded-with-zero-scores'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/191937',
    what: 'mem-efficient wrong for stride-0 k/v, kv%32==1',
    shownBy: ['expanded-stride-of-one'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/112577',
    what: 'non-contiguous inputs + mask → garbage (2.1)',
    shownBy: ['strides-ignored', 'last-stride-taken-for-one'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/124877',
    what: 'mem-efficient NaN for q≠k length with mask (cf. #109517)',
    shownBy: ['online-softmax-forgets-an-empty-tile'],
  },
  {
    link: 'https://github.com/torch-spyre/torch-spyre/issues/4331',
    what: 'SDPA wrong on non-contiguous views',
    shownBy: ['offset-ignored', 'strides-ignored'],
  },
  {
    link: 'https://github.com/ml-explore/mlx/issues/2894',
    what: 'bool mask >2^31 elements wrong',
    notHere: 'Needs a mask of more than 2^31 cells.',
  },
  {
    link: 'https://github.com/ggml-org/llama.cpp/issues/24912',
    what: 'mask stride overflows int',
    notHere: 'Needs a mask of more than 2^31 bytes.',
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/162588',
    what: 'SDPA wrong with attn_mask at large L',
    notHere: 'Needs a mask of more than 2^31 cells.',
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/153799',
    what: 'Flex backward NaN: block_mask+score_mod, L%128≠0',
    shownBy: ['gradient-of-the-last-tile-is-nan'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/97111',
    what: 'encoder output truncated when a column is padded for all',
    shownBy: ['common-padding-cut-off'],
  },
  {
    link: 'https://github.com/pytorch/executorch/pull/9105',
    what: 'flash block boundary mask wrong with start_pos',
    shownBy: ['last-tile-skipped'],
  },
  {
    link: 'https://github.com/ekzhang/jax-js/pull/180',
    what: 'GQA tiled instead of repeated (TypeScript)',
    shownBy: ['heads-tiled'],
  },
  {
    link: 'https://github.com/onnx/onnx/pull/7274',
    what: 'Attention function body uses Tile',
    shownBy: ['heads-tiled'],
  },
  {
    link: 'https://github.com/apple/axlearn/pull/842',
    what: 'regression repeat→tile',
    shownBy: ['heads-tiled', 'first-key-head-only'],
  },
  {
    link: 'https://github.com/onnx/onnx/issues/7865',
    what: 'softcap after mask: -inf → -cap',
    shownBy: ['softcap-after-the-mask', 'softcap-over-the-bias'],
  },
  {
    link: 'https://github.com/openxla/xla/pull/11444',
    what: 'cuDNN mask multiplies logits',
    shownBy: ['padding-keys-as-zeros'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/101967',
    what: 'NaN in masked K/V leaks',
    shownBy: ['poisoned-values-spread', 'poisoned-keys-spread'],
  },
  {
    link: 'https://github.com/Shujun-He/RibonanzaNet/issues/7',
    what: 'mask modified in place, differs after layer 1',
    shownBy: ['mask-changed-in-place', 'query-scaled-in-place'],
  },
  {
    link: 'https://github.com/opendilab/DI-engine/issues/333',
    what: 'masked_fill result discarded',
    shownBy: ['boolean-mask-ignored'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/39639',
    what: 'masked_fill_ on an expanded tensor writes all aliases',
    shownBy: ['padded-values-zeroed-in-place'],
  },
  {
    link: 'https://github.com/pytorch/pytorch/issues/109072',
    what: 'reference snippet filled the caller’s attn_mask',
    shownBy: ['mask-changed-in-place', 'mask-inverted-in-place'],
  },
  {
    link: 'https://github.com/unslothai/unsloth/issues/3283',
    what: 'generate() flips tokenizer.padding_side',
    shownBy: ['mask-cached-by-shape', 'keys-kept-between-calls'],
  },
];
