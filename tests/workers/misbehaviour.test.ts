import { afterEach, describe, expect, it } from 'vitest';
import { properties } from '../../properties';
import type { AttentionCase } from '../../reference/case';
import { checkBackend } from '../../src/check-backend';
import { BackendError } from '../../src/errors';
import { openReference } from '../../src/engine/reference';
import { runSuite } from '../../src/engine/run-suite';
import { soloCrew } from '../../src/engine/solo-crew';
import { reportText } from '../../src/report/json';
import { timeless } from '../support/repeats';
import { closeWorkers, workerBackend } from '../../src/backends/worker';
import { fake, smallCase } from './support';

afterEach(closeWorkers);

/** What a promise is rejected with. */
async function failure(promise: Promise<unknown>): Promise<BackendError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof BackendError)) throw new Error('No BackendError was thrown.', { cause: error });
  return error;
}

/** The first line: who, what happened. */
const sentence = (error: BackendError): string => error.message.split('\n')[0];

describe('a worker that does not come up', () => {
  it.each([
    ['exits_at_once', 'ended_at_start', /exited with code 4 before it said what it supports\.$/],
    ['ends_without_a_word', 'ended_at_start', /exited with code 0 before it said what it supports\.$/],
    ['prints_first', 'no_frame', /wrote something that is no frame: "hello, world\\n/],
    ['other_protocol', 'other_protocol', /^The worker fake speaks protocol 7, and this maskproof speaks 1\.$/],
    [
      'declares_nonsense',
      'not_a_backend',
      /^The worker fake declares what cannot be read: supports\.maskRanks holds 5; it is a list of 2, 3, 4\.$/,
    ],
    ['no_name', 'no_message', /sent a frame that is no message: its hello has no name\.$/],
  ])('%s', async (what, code, text) => {
    const error = await failure(workerBackend(fake(what)));
    expect(sentence(error)).toMatch(text);
    expect(error).toMatchObject({ code, stage: 'load' });
  });

  it('says what it wrote to its standard error', async () => {
    const error = await failure(workerBackend(fake('exits_at_once')));
    expect(error.message).toContain('Last lines of its stderr:\n    cannot find my configuration');
  });

  it('is given up when it says nothing', async () => {
    const error = await failure(workerBackend(fake('says_nothing'), { startTimeoutMs: 300 }));
    expect(sentence(error)).toMatch(/did not say what it supports within 0\.3 s\.$/);
    expect(error.code).toBe('no_hello');
  });

  it('is a command that the shell does not find', async () => {
    const error = await failure(workerBackend('exec:no-such-worker'));
    expect(sentence(error)).toBe(
      'The worker exec:no-such-worker exited with code 127 before it said what it supports.',
    );
    expect(error.message).toContain('The shell did not find the command after exec:.');
  });

  it('is a file that is not there', async () => {
    const error = await failure(workerBackend('python:nowhere.py'));
    expect(error).toMatchObject({ code: 'file_missing', stage: 'load' });
    expect(sentence(error)).toBe('There is no file nowhere.py.');
  });

  it('is an interpreter that is not there', async () => {
    const error = await failure(
      workerBackend(`python:${__dirname}/fakes/misbehave.py`, { python: 'python-of-nobody' }),
    );
    expect(error.code).toBe('did_not_start');
    expect(sentence(error)).toMatch(/did not start: there is no such program\.$/);
    expect(error.message).toContain('Interpreter: python-of-nobody (given with --python)');
  });

  it('raises in open', async () => {
    const backend = await workerBackend(fake('cannot_open'));
    const error = await failure(Promise.resolve(backend.open()));
    expect(error).toMatchObject({ code: 'open_failed', stage: 'open' });
    expect(sentence(error)).toBe('The worker fake raised RuntimeError in open: no device');
  });
});

describe('a worker that fails while answering', () => {
  it.each([
    ['prints', 'no_frame', /wrote something that is no frame: "Loading weights: 100%\\n/],
    ['exits', 'exited', /^The worker fake exited with code 3 while answering request 2 \(2 cases\)\.$/],
    ['is_killed', 'killed', /^The worker fake was killed by SIGKILL while answering request 2 \(2 cases\)\.$/],
    ['crashes', 'killed', /^The worker fake was killed by SIGSEGV while answering request 2 \(2 cases\)\.$/],
    ['answers_short', 'wrong_length', /^The worker fake gave 1 answers to request 2 \(2 cases\)\.$/],
    ['answers_another', 'wrong_id', /^The worker fake answered request 102, where 2 is due\.$/],
    [
      'announces_too_much',
      'frame_too_long',
      /^The worker fake announced a frame of 2415919104 bytes; the longest has 134217728\.$/,
    ],
    ['writes_rubbish', 'no_frame', /wrote something that is no frame: the bytes c8000000010203/],
    [
      'stops_within_a_frame',
      'cut_frame',
      /^The worker fake exited with code 0 in the middle of a frame while answering request 2/,
    ],
    [
      'names_a_missing_tensor',
      'no_message',
      /sent a frame that is no message: an answer names the tensor "0\.output", which is not in the frame\.$/,
    ],
    [
      'says_opened',
      'wrong_reply',
      /^The worker fake replied "opened" to request 2 \(2 cases\), where "answer" or "error" is due\.$/,
    ],
    ['says_no_json', 'no_message', /sent a frame that is no message: the text under "maskproof" is no JSON/],
    ['allocates', 'threw', /^The worker fake raised MemoryError while answering request 2 \(2 cases\):/],
    ['raises', 'threw', /^The worker fake raised ValueError while answering request 2 \(2 cases\): no such mask$/],
  ])('%s', async (what, code, text) => {
    const backend = await workerBackend(fake(what));
    const session = await backend.open();
    const error = await failure(Promise.resolve(session.attend([smallCase(), smallCase(3)])));
    expect(sentence(error)).toMatch(text);
    expect(error).toMatchObject({ code, stage: 'answer', backend: 'fake' });
  });

  it('tells the last lines of its standard error', async () => {
    const session = await (await workerBackend(fake('exits'))).open();
    const error = await failure(Promise.resolve(session.attend([smallCase()])));
    expect(error.message).toContain('Last lines of its stderr:\n    about to give up');
  });

  it('leaves the other sessions alone: the next one gets a new process', async () => {
    const backend = await workerBackend(fake('only_on_two'));
    const first = await backend.open();
    await failure(Promise.resolve(first.attend([smallCase(1), smallCase(2)])));
    const gone = await failure(Promise.resolve(first.attend([smallCase(1)])));
    expect(sentence(gone)).toBe(
      'The worker fake was not there any more for request 3 (1 case): it was killed by SIGSEGV before.',
    );
    const second = await backend.open();
    expect(await second.attend([smallCase(1)])).toHaveLength(1);
    await first.close?.();
    await second.close?.();
  });

  it('answers one case with an error and the others all the same', async () => {
    const session = await (await workerBackend(fake('refuses'))).open();
    expect(await session.attend([smallCase()])).toEqual([{ error: { type: 'ValueError', message: 'no' } }]);
  });
});

describe('a worker that hangs', () => {
  it.each(['hangs', 'spins', 'leaves_a_child'])(
    '%s: the next session has a process of its own, and closing ends the stuck one',
    async (what) => {
      const backend = await workerBackend(fake(what));
      const stuck = await backend.open();
      const never = failure(Promise.resolve(stuck.attend([smallCase()])));
      const next = await backend.open();
      await stuck.close?.();
      expect(sentence(await never)).toBe('The worker fake was stopped while answering request 2 (1 case).');
      await next.close?.();
    },
  );
});

describe('a run with a worker that dies', () => {
  const two = properties.filter(({ id }) => id === 'forms/broadcast' || id === 'equivariance/heads');

  it('goes on, and keeps the case that killed it, made small', async () => {
    const backend = await workerBackend(fake('only_on_two'));
    const report = await checkBackend(backend, { properties: two, runs: 60, seed: 1, reference: 'oracle' });
    expect(report.outcomes).toHaveLength(2);
    for (const { status, failure } of report.outcomes.filter((outcome) => outcome.failure !== undefined)) {
      expect(status).toBe('failed');
      expect(failure?.message).toContain('The worker fake was killed by SIGSEGV while answering request');
      expect((failure?.case as AttentionCase | undefined)?.key.shape.slice(2)).toEqual([2, 1]);
    }
    expect(report.outcomes.some(({ status }) => status === 'failed')).toBe(true);
  });

  it('reports what it would, had it asked for one thing at a time', async () => {
    const backend = await workerBackend(fake('only_on_two'));
    const reference = await openReference('oracle');
    const chosen = properties.filter(({ id }) => id === 'forms/broadcast' || id === 'equivariance/keys');
    const options = { backends: [backend], properties: chosen, seed: 3, runs: 15, reference };
    const crew = soloCrew(options.backends, chosen, reference, 60_000, undefined);
    const one = timeless(reportText(await runSuite({ ...options, crew: { ...crew, size: 1 } })));
    expect(one).toContain('"status": "failed"');
    expect(timeless(reportText(await runSuite(options)))).toBe(one);
  });

  it('goes on after one that hangs, within its time limit', async () => {
    const backend = await workerBackend(fake('hangs'));
    const report = await checkBackend(backend, {
      properties: two,
      runs: 2,
      seed: 1,
      reference: 'oracle',
      timeoutMs: 1000,
    });
    expect(report.outcomes.map(({ status, failure }) => [status, failure?.type])).toEqual([
      ['failed', 'BackendTimeoutError'],
      ['failed', 'BackendTimeoutError'],
    ]);
  });
});
