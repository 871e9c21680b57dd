/** ONNX Runtime as its backends use it: loaded when asked for, and a session for every variant of a model. */
import type * as ort from 'onnxruntime-node';
import type { AttentionCase } from '../../reference/case';
import type { BackendAnswer } from '../backend';
import { encodeModel, type OnnxModel } from './onnx-model';
import { loadOptional, optionalVersion } from './optional';

export type OnnxRuntime = typeof ort;
export type Feeds = Record<string, ort.Tensor>;

const packageName = 'onnxruntime-node';

/** Of the installed package; a BackendError where there is none. */
export function onnxVersions(backend: string): Readonly<Record<string, string>> {
  return { [packageName]: optionalVersion(packageName, backend) };
}

/** Enough for the variants that a property meets most: dtype, mask, causality, scale, softcap and rotary each make others. */
const sessionLimit = 256;

/** What computes. */
export type Provider = 'cpu' | 'webgpu';

/** Sessions by variant of the model: the least recently used ones are released. */
export class OnnxSessions {
  private readonly backend: string;
  private readonly sessions = new Map<string, Promise<ort.InferenceSession>>();
  readonly provider: Provider;
  private runtime: OnnxRuntime | undefined;

  constructor(backend: string, provider: Provider = 'cpu') {
    this.backend = backend;
    this.provider = provider;
  }

  /** Case after case, so that each is a call of its own shape; a case that the runtime rejects is an error of that case. */
  async answer(
    cases: readonly AttentionCase[],
    answer: (runtime: OnnxRuntime, sessions: OnnxSessions, c: AttentionCase) => Promise<BackendAnswer>,
  ): Promise<readonly BackendAnswer[]> {
    const runtime = this.load();
    const answers: BackendAnswer[] = [];
    for (const c of cases) {
      try {
        answers.push(await answer(runtime, this, c));
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        answers.push({ error: { type: 'OnnxRuntimeError', message } });
      }
    }
    return answers;
  }

  /** Runs the model of a variant, made when it is first met. */
  async run(variant: object, model: () => OnnxModel, feeds: Feeds): Promise<ort.InferenceSession.OnnxValueMapType> {
    const key = JSON.stringify(variant);
    const session = this.sessions.get(key) ?? this.create(model());
    // Last in the map is most recently used.
    this.sessions.delete(key);
    this.sessions.set(key, session);
    if (this.sessions.size > sessionLimit) await this.releaseOldest();
    return (await session).run(feeds);
  }

  async close(): Promise<void> {
    while (this.sessions.size > 0) await this.releaseOldest();
  }

  private async create(model: OnnxModel): Promise<ort.InferenceSession> {
    return this.load().InferenceSession.create(await encodeModel(model), {
      executionProviders: [this.provider],
      // What a GPU has no kernel for would otherwise run on the CPU, and nobody would know.
      ...(this.provider === 'cpu' ? {} : { extra: { session: { disable_cpu_ep_fallback: '1' } } }),
      intraOpNumThreads: 1,
      interOpNumThreads: 1,
      // What goes wrong is in the error; the log would go to standard output.
      logSeverityLevel: 4,
    });
  }

  private async releaseOldest(): Promise<void> {
    const [[key, session]] = this.sessions;
    this.sessions.delete(key);
    // A session that was never made has nothing to release; its error was the answer.
    const made = await session.catch(() => undefined);
    await made?.release();
  }

  load(): OnnxRuntime {
    // It writes telemetry files under the user's cache otherwise.
    process.env.ORT_DISABLE_TELEMETRY = '1';
    return (this.runtime ??= loadOptional<OnnxRuntime>(packageName, this.backend));
  }
}
