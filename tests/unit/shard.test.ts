import { describe, expect, it } from 'vitest';
import { detectShard, parseShard, seedOfRun, unnumbered } from '../../src/shard';

describe('parseShard', () => {
  it('reads I/N', () => {
    expect(parseShard('2/5')).toEqual({ index: 2, count: 5 });
    expect(parseShard('1/1')).toEqual({ index: 1, count: 1 });
    expect(parseShard('none')).toBeUndefined();
  });

  it.each(['0/3', '4/3', '2', '', '1/0', 'a/b', '1/3/5', '-1/3', '1/1000000'])('refuses %j', (text) => {
    expect(() => parseShard(text)).toThrow(`--shard ${JSON.stringify(text)} is no shard.`);
  });
});

describe('detectShard', () => {
  it.each<[string, Record<string, string>, [number, number, string] | undefined]>([
    ['GitLab, or GitHub with two lines', { CI_NODE_INDEX: '2', CI_NODE_TOTAL: '4' }, [2, 4, 'CI_NODE_INDEX']],
    ['CircleCI', { CIRCLE_NODE_INDEX: '0', CIRCLE_NODE_TOTAL: '4' }, [1, 4, 'CIRCLE_NODE_INDEX']],
    ['Buildkite', { BUILDKITE_PARALLEL_JOB: '3', BUILDKITE_PARALLEL_JOB_COUNT: '4' }, [4, 4, 'BUILDKITE_PARALLEL_JOB']],
    [
      'Azure Pipelines',
      { SYSTEM_JOBPOSITIONINPHASE: '1', SYSTEM_TOTALJOBSINPHASE: '2' },
      [1, 2, 'SYSTEM_JOBPOSITIONINPHASE'],
    ],
    ['a matrix of one', { CI_NODE_INDEX: '1', CI_NODE_TOTAL: '1' }, undefined],
    ['an indexed Job', { JOB_COMPLETION_INDEX: '0', JOB_COMPLETIONS: '3' }, [1, 3, 'JOB_COMPLETION_INDEX']],
    ['an indexed Job without a total', { JOB_COMPLETION_INDEX: '0' }, undefined],
    [
      'an array from 0',
      { SLURM_ARRAY_TASK_ID: '3', SLURM_ARRAY_TASK_COUNT: '4', SLURM_ARRAY_TASK_MIN: '0' },
      [4, 4, 'SLURM_ARRAY_TASK_ID'],
    ],
    [
      'an array with steps',
      {
        SLURM_ARRAY_TASK_ID: '14',
        SLURM_ARRAY_TASK_COUNT: '3',
        SLURM_ARRAY_TASK_MIN: '10',
        SLURM_ARRAY_TASK_STEP: '2',
      },
      [3, 3, 'SLURM_ARRAY_TASK_ID'],
    ],
    [
      'its own variable before all others',
      { MASKPROOF_SHARD: '2/2', CI_NODE_INDEX: '1', CI_NODE_TOTAL: '4' },
      [2, 2, 'MASKPROOF_SHARD'],
    ],
    ['a variable that says none', { MASKPROOF_SHARD: 'none', CI_NODE_INDEX: '1', CI_NODE_TOTAL: '4' }, undefined],
    ['nothing', {}, undefined],
  ])('%s', (_, env, found) => {
    expect(detectShard(env)).toEqual(found && { shard: { index: found[0], count: found[1] }, from: found[2] });
  });

  it.each<Record<string, string>>([
    { CI_NODE_INDEX: '0', CI_NODE_TOTAL: '4' },
    { CI_NODE_INDEX: '5', CI_NODE_TOTAL: '4' },
    { CI_NODE_INDEX: 'x', CI_NODE_TOTAL: '4' },
    { JOB_COMPLETION_INDEX: '3', JOB_COMPLETIONS: '3' },
    { SLURM_ARRAY_TASK_ID: '7', SLURM_ARRAY_TASK_COUNT: '3', SLURM_ARRAY_TASK_MIN: '1', SLURM_ARRAY_TASK_STEP: '4' },
    { SLURM_ARRAY_TASK_ID: '7', SLURM_ARRAY_TASK_COUNT: '9' },
  ])('refuses %j rather than leave cases out', (env) => {
    expect(() => detectShard(env)).toThrow('is no shard');
  });
});

describe('unnumbered', () => {
  it('tells of a job that knows its number and not of how many', () => {
    expect(unnumbered({ JOB_COMPLETION_INDEX: '2' })).toBe(
      'JOB_COMPLETION_INDEX=2 tells no shard without JOB_COMPLETIONS: this job does the whole run. Set JOB_COMPLETIONS, or --shard none.',
    );
    expect(unnumbered({ JOB_COMPLETION_INDEX: '2', JOB_COMPLETIONS: '3' })).toBeUndefined();
    expect(unnumbered({})).toBeUndefined();
  });
});

describe('seedOfRun', () => {
  it('is the same in all jobs of a run, and another in the next', () => {
    const run = { GITHUB_RUN_ID: '1', GITHUB_RUN_ATTEMPT: '1' };
    expect(seedOfRun({ ...run, CI_NODE_INDEX: '1' })).toBe(seedOfRun({ ...run, CI_NODE_INDEX: '2' }));
    expect(seedOfRun({ ...run, GITHUB_RUN_ATTEMPT: '2' })).not.toBe(seedOfRun(run));
    for (const name of ['CI_PIPELINE_ID', 'CIRCLE_WORKFLOW_ID', 'BUILDKITE_BUILD_ID', 'BUILD_BUILDID', 'BUILD_TAG'])
      expect(seedOfRun({ [name]: '7' })).not.toBe(seedOfRun({ [name]: '8' }));
    expect(seedOfRun({})).toBeUndefined();
  });
});
