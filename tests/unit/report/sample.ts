/** A report with everything in it that a report can hold, and one whose backend means harm. */
import type { AttentionCase } from '../../../reference/case';
import type { BackendInfo, Counterexample, Outcome, Report } from '../../../src/engine/events';
import { backendInfo, leak, maskCase, noRows, outcomeOf, reportOf } from './cases';

const second: BackendInfo = { ...backendInfo, name: 'second', spec: 'second', versions: {} };

/** Long rows with a bias, in two heads: more keys than are drawn. */
function biased(): Counterexample {
  const keep = Array.from({ length: 6 }, (_, i) => Array.from({ length: 40 }, (_, j) => (j <= i + 20 ? 1 : 0)));
  const c = maskCase({ keep, numHeads: 2, headDim: 12 });
  const data = Float64Array.from({ length: 2 * 6 * 40 }, (_, n) => {
    const j = n % 40;
    const i = Math.floor(n / 40) % 6;
    return j <= i + 20 ? (j % 5 === 0 ? -0.5 : 0) : -Infinity;
  });
  const mask: AttentionCase['mask'] = {
    rank: 4,
    form: 'additive',
    tensor: { dtype: 'float32', shape: [1, 2, 6, 40], data },
  };
  const numbers = Array.from({ length: 12 }, (_, d) => d / 8);
  return {
    ...leak(),
    case: { ...c, mask },
    after: [maskCase({ keep: [[1]] })],
    violation: {
      summary: 'Head 1 follows a bias of the key after it',
      rows: [{ b: 0, h: 1, i: 2 }],
      cells: [
        { b: 0, h: 1, i: 2, j: 23 },
        { b: 0, h: 1, i: 2, j: 20 },
      ],
      numbers: {
        of: 'output',
        at: { b: 0, h: 1, i: 2 },
        actual: numbers.map((x, d) => (d === 10 ? NaN : x)),
        expected: numbers,
        allowed: numbers.map(() => 1e-6),
      },
    },
    leaked: [{ b: 0, h: 1, i: 2, j: 23 }],
    ignored: [{ b: 0, h: 1, i: 2, j: 20 }],
    contents: { failed: 3, tried: 20 },
    stopped: 'the time for shrinking ran out',
  };
}

const known = {
  property: 'rows/fully-masked',
  backend: 'second',
  reason: 'A row without a key gives NaN.',
  link: 'https://example.org/issues/1',
};

export function wholeReport(): Report {
  const failure = {
    stage: 'answer',
    type: 'BackendTimeoutError',
    message: 'second did not answer in 10 s.\n  Its last lines: none.',
    case: maskCase({ keep: [[1, 0]] }),
    seed: 5,
    path: '3',
  } as const;
  const outcomes = [
    outcomeOf({ property: 'forms/broadcast', status: 'held', rows: { ...noRows, compared: 90, blind: 10 } }),
    outcomeOf({ status: 'violated', cases: 6, counterexample: leak() }),
    outcomeOf({ property: 'forms/finite-bias', status: 'violated', cases: 80, counterexample: biased() }),
    outcomeOf({ property: 'forms/layout', status: 'skipped', cases: 0, calls: 0, reason: 'does not declare views' }),
    outcomeOf({ backend: 'second', property: 'forms/broadcast', status: 'failed', failure }),
    outcomeOf({ backend: 'second', status: 'failed', failure: { ...failure, path: '4' } }),
    outcomeOf({ backend: 'second', property: known.property, status: 'violated', known, counterexample: leak() }),
    outcomeOf({
      backend: 'second',
      property: 'rows/support',
      status: 'held',
      fixed: { ...known, property: 'rows/support' },
    }),
  ];
  return {
    ...reportOf(outcomes),
    backends: [backendInfo, second],
    coverage: [
      { facet: 'mask_rank', value: '4', cases: 1200, checked: 1100 },
      { facet: 'mask_rank', value: 'none', cases: 300, checked: 300 },
      { facet: 'kind', value: 'left_padding', cases: 4, checked: 0 },
    ],
    combinations: [
      { cell: '2 boolean left_padding float32 base mha some_empty', cases: 4, checked: 0 },
      { cell: '2 integer right_padding float16 rotary grouped none_empty', cases: 1200, checked: 1100 },
      { cell: '4 additive random float32 base single none_empty', cases: 300, checked: 299 },
      { cell: '4 boolean random float32 base single some_empty', cases: 1, checked: 1 },
      { cell: 'none none none bfloat16 base mha none_empty', cases: 7, checked: 7 },
    ],
    starved: [
      { backend: 'second', facets: { mask_rank: '4', dtype: 'float16' }, cases: 1200, checked: 3, required: 0.01 },
    ],
  };
}

/** What a backend might say to harm whoever reads a report. */
export const hostileTexts = [
  '<script>globalThis.harmed = 1</script>',
  '<img src=x onerror="globalThis.harmed = 1">',
  '"><svg/onload=globalThis.harmed=1>',
  "' onmouseover='globalThis.harmed=1",
  '</style></script></pre></title><!-- ]]> --><![CDATA[',
  'javascript:globalThis.harmed=1',
  '\u0000\u0001\u0008\u000b\u001b[2J\u001b]0;title\u0007\u007f\u009b31m\r',
  '\u202etxt.exe\u2066\u200f',
  '\ud800 half \udc00 \ufffe\uffff',
  '::error::harm\n  ::add-mask::harm\n##[error]harm\n%0A::stop-commands::x',
  '&lt;b&gt;&#0;&amp;&nbsp;',
  '{0} {{1}} [a link](https://example.org/) `code` | table | @somebody #1',
];

/** Every text of a backend's making says all of that, and one says it for ten million characters. */
export function hostileReport(length = 10_000_000): Report {
  const all = hostileTexts.join('\n');
  const endless = `${all}\n`.repeat(Math.ceil(length / (all.length + 1)));
  const name = all.slice(0, 400);
  const hostile: BackendInfo = {
    ...backendInfo,
    name,
    spec: './hostile.ts',
    versions: { [all]: all, __proto__: all },
  };
  const entry = { property: 'rows/support', backend: name, reason: all, link: 'javascript:globalThis.harmed=1' };
  const found = leak();
  const violated: Counterexample = {
    ...found,
    violation: { ...found.violation, summary: endless, numbers: { ...found.violation.numbers!, of: all } },
    stopped: all,
  };
  const outcomes: Outcome[] = [
    outcomeOf({ backend: name, status: 'violated', counterexample: violated }),
    outcomeOf({ backend: name, property: 'rows/mass', status: 'skipped', reason: endless }),
    outcomeOf({
      backend: name,
      property: 'rows/fully-masked',
      status: 'failed',
      failure: { stage: 'answer', type: all, message: endless, seed: 1, path: '0' },
    }),
    outcomeOf({ backend: name, property: 'rows/support', status: 'violated', known: entry, counterexample: violated }),
    outcomeOf({ backend: name, property: 'rows/kept-keys-matter', status: 'held', fixed: entry }),
  ];
  return { ...reportOf(outcomes), backends: [hostile] };
}
