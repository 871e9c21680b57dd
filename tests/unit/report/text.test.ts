import { describe, expect, it } from 'vitest';
import type { Outcome, RunEvent } from '../../../src/engine/events';
import { textReporter, type TextOptions } from '../../../src/report/text';
import { packageVersion } from '../../../src/version';
import { backendInfo, leak, noRows, outcomeOf, reportOf } from './cases';

function written(outcomes: readonly Outcome[], options: Partial<TextOptions> = {}): string {
  let text = '';
  const listen = textReporter({ style: { ascii: false, color: false }, write: (more) => (text += more), ...options });
  const report = reportOf(outcomes);
  const events: RunEvent[] = [
    {
      type: 'run_started',
      seed: 7,
      reference: report.reference,
      backends: report.backends,
      properties: outcomes.length,
      budget: { runs: 100 },
    },
    ...outcomes.flatMap((outcome, index): RunEvent[] => [
      { type: 'outcome_started', backend: outcome.backend, property: outcome.property, index, total: outcomes.length },
      {
        type: 'progress',
        backend: outcome.backend,
        property: outcome.property,
        stage: 'searching',
        cases: 1,
        calls: 4,
      },
      { type: 'outcome', outcome },
    ]),
    { type: 'run_finished', report },
  ];
  events.forEach(listen);
  return `\n${text.replace(packageVersion(), 'VERSION')}`;
}

describe('the text report', () => {
  it('says what was claimed, what happened, and how to see it again', () => {
    const outcomes = [
      outcomeOf({
        property: 'forms/boolean-equals-additive',
        status: 'held',
        rows: { ...noRows, compared: 90, blind: 10 },
      }),
      outcomeOf({ status: 'violated', cases: 6, counterexample: leak() }),
      outcomeOf({
        property: 'padding/same-shape',
        status: 'violated',
        cases: 9,
        counterexample: { ...leak(), path: '8' },
      }),
      outcomeOf({
        property: 'rotary/agrees-with-base',
        status: 'skipped',
        cases: 0,
        reason: 'does not declare the rotary bridge',
      }),
    ];
    expect(written(outcomes)).toMatchInlineSnapshot(`
      "
      maskproof VERSION  seed 7
      reference oracle, float64
      backend broadcast-bug (kernel 1.2.3)
      4 properties, 100 cases each

      broadcast-bug
        ✔ forms: 1 held, 100 cases
        ✖ padding/no-influence: violated after 6 cases
        ✖ padding/same-shape: violated after 9 cases

      ✖ padding/no-influence  on broadcast-bug
        A padded key has no influence: changing its key and value leaves every output as it was.

        1 of the pairs that the mask drops changed the output.
        Smallest case: batch 2, num_heads 1, q_len 2, kv_len 2, head_dim 1; boolean mask of rank 4, bool[2,1,2,2]

          batch 0
               k0 k1
            q0  ■  ■
            q1  ■  ■
          batch 1
               k0 k1
            q0  ■  ◉
            q1  ■  ·
          ■ kept   · dropped   ◉ dropped by the mask, yet used

          output[b=1, h=0, q=0]      d=0
                         actual   1.5000
                       expected   0.2500
                      allowed ±  1.2e-06
                      failed ->       xx

        k1 for q0 (batch 1): dropped by the 4D mask

        Found after 6 cases, shrunk 12 times (40 calls).
        The contents do not matter: it fails for 20 of 20 others.
        Again: npx maskproof replay --backend ./broadcast-bug.ts --property padding/no-influence --seed 20261123 --path 5:0:1:1
        Also violated by a case of this shape: padding/same-shape (npx maskproof replay --backend ./broadcast-bug.ts --property padding/same-shape --seed 20261123 --path 8)

      Not checked:
        broadcast-bug
          rotary/agrees-with-base: does not declare the rotary bridge
          not declared: bridge rotary; dtype float64, float16, bfloat16; mask rank 3; mask form integer; grouped heads; q_len < kv_len; q_len > kv_len; v_head_dim other than head_dim; a scale of its own; a sliding window; segments; a softcap; masks given as views; answer weights, scores, gradients
          10 of 100 rows: the radius is wider than their values (forms/boolean-equals-additive)

      1 held, 2 violated, 1 skipped; 115 cases in 1.3 s.
      "
    `);
  });

  it('tells a backend that errs apart, once', () => {
    const failure = {
      stage: 'answer' as const,
      type: 'BackendThrewError',
      message: 'It threw:\n  \u001b[2Jboom',
      seed: 3,
      path: '1',
    };
    const outcomes = [
      outcomeOf({ status: 'failed', failure }),
      outcomeOf({ property: 'forms/boolean-equals-additive', status: 'failed', failure }),
    ];
    const text = written(outcomes);
    expect(text).toMatchInlineSnapshot(`
      "
      maskproof VERSION  seed 7
      reference oracle, float64
      backend broadcast-bug (kernel 1.2.3)
      2 properties, 100 cases each

      broadcast-bug
        ! padding/no-influence: failed at stage answer
        ! forms/boolean-equals-additive: failed at stage answer

      ! broadcast-bug failed at stage answer
        BackendThrewError: It threw:
          \\u001b[2Jboom
        Met by padding/no-influence, forms/boolean-equals-additive.
        Again: npx maskproof replay --backend ./broadcast-bug.ts --property padding/no-influence --seed 3 --path 1

      Not checked:
        broadcast-bug
          not declared: bridge rotary; dtype float64, float16, bfloat16; mask rank 3; mask form integer; grouped heads; q_len < kv_len; q_len > kv_len; v_head_dim other than head_dim; a scale of its own; a sliding window; segments; a softcap; masks given as views; answer weights, scores, gradients

      0 held, 0 violated, 2 failed, 0 skipped; 200 cases in 1.3 s.
      "
    `);
    expect(text).not.toContain('\u001b');
  });

  it('names a known failure and one that holds now', () => {
    const known = {
      property: 'padding/no-influence',
      backend: backendInfo.name,
      reason: 'reported',
      link: 'https://example.org/1',
    };
    const text = written([
      outcomeOf({ status: 'violated', known, counterexample: leak() }),
      outcomeOf({ property: 'padding/other', status: 'held', fixed: { ...known, property: 'padding/other' } }),
    ]);
    expect(text).toContain('✖ padding/no-influence: violated after 100 cases, known\n');
    expect(text).toContain('Known: reported (https://example.org/1)');
    expect(text).toContain('✔ padding/other on broadcast-bug is listed as a known failure and holds now: reported');
  });

  it('replays by the file where one was saved', () => {
    const text = written([outcomeOf({ status: 'violated', counterexample: leak() })], {
      fileOf: () => 'my corpus/x.json',
    });
    expect(text).toContain("Again: npx maskproof replay 'my corpus/x.json' --backend ./broadcast-bug.ts\n");
  });

  it('shows progress on a terminal and wipes it', () => {
    const text = written([outcomeOf({ status: 'held' })], { terminal: { columns: 60 } });
    expect(text).toContain('\r\u001b[K1/1 padding/no-influence on broadcast-bug');
    expect(text.endsWith('1.3 s.\n')).toBe(true);
    expect(written([outcomeOf({ status: 'held' })])).not.toContain('\r');
  });

  it('lists built-in backends that do not load here', () => {
    const text = written([outcomeOf({ status: 'held' })], {
      leftOut: [{ name: 'tfjs-wasm', reason: 'It is not installed.' }],
    });
    expect(text).toContain('  tfjs-wasm\n    does not load here: It is not installed.');
  });
});
