/** A counterexample as a file for vitest that needs nothing else: TypeScript and JavaScript alike. */
import type { AttentionCase, Tensor } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { contractOf } from '../../reference/masks';
import type { SavedAttention } from '../corpus/load';
import type { RowIndex } from '../property';
import { inputs, parts, type Claims, type RowClaim } from './claims';
import { alignmentOf, headingOf, listed, namesOf, usesOf, type NamedCall, type Names, type Uses } from './naming';

const MAX_LINE = 110;

/** The text of the file; `adapter` is how it imports the backend that it calls, where that is a file. */
export function vitestFile(saved: SavedAttention, claims: Claims, adapter?: string): string {
  const uses = usesOf(claims);
  const names = namesOf(claims);
  const { property } = claims;
  const lines = [
    '/*',
    ...headingOf(saved, claims).map((line) => ` * ${line.replaceAll('*/', '* /')}`),
    ' *',
    ' * Run it with `npx vitest run FILE`; it needs nothing else.',
    ...(adapter === undefined
      ? [' * `attend` is the slot for the implementation in question: as it stands it is the definition, and passes.']
      : []),
    ' */',
    "import { expect, test } from 'vitest';",
    ...(adapter === undefined ? [] : [`import backend from ${quoted(adapter)};`]),
    '',
    ...(adapter === undefined ? slot(claims, uses) : adapterSlot),
    '',
    `test(${quoted(`${property.id}: ${property.statement}`)}, async () => {`,
    ...indented([
      ...lowestLines(names),
      ...names.tensors.flatMap(({ name, tensor }) => tensorLines(name, tensor)),
      '',
      `${claims.calls.some(({ session }) => session !== claims.calls[0].session) ? 'let' : 'const'} attend = await open();`,
      ...names.after.flatMap((one, n) => [
        '',
        `// ${n + 1} of ${names.after.length} calls that come before.`,
        ...called(`await attend(`, one, ');'),
      ]),
      ...names.calls.flatMap((one, n) => callLines(one, n, names.calls, claims)),
    ]),
    '});',
    '',
    ...helpers(claims),
  ];
  return `${lines.join('\n').replaceAll(/[ \t]+$/gm, '')}\n`;
}

const indented = (lines: readonly string[]) => lines.map((line) => (line === '' ? '' : `  ${line}`));
const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;

/** A number as JavaScript writes it. */
const number = (x: number): string => (Object.is(x, -0) ? '-0' : String(x));

/** snake_case to camelCase: the names of arguments. */
const local = (name: string) =>
  name.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()).replace(/_(\d)/, '$1');

/** finfo.min of a type. */
const lowestOf = (dtype: Tensor['dtype']) => `${dtype}Min`;

function lowestLines({ tensors }: Names): string[] {
  const types = tensors.flatMap(({ tensor: { dtype, data } }) =>
    dtype !== 'bool' && dtype !== 'int64' && data.includes(finfo[dtype].lowest) ? [dtype] : [],
  );
  return [...new Set(types)].map((dtype) => `const ${lowestOf(dtype)} = ${finfo[dtype].lowest};`);
}

function tensorLines(name: string, { dtype, shape, data }: Tensor): string[] {
  const lowest = dtype === 'bool' || dtype === 'int64' ? undefined : finfo[dtype].lowest;
  const isFlat = data.length > 8 && data.every((x: number) => Object.is(x, data[0]));
  const cell = (x: number) => (x === lowest ? lowestOf(dtype) : number(x));
  const array = dtype === 'bool' ? 'Uint8Array' : 'Float64Array';
  const type = `dtype: '${dtype}' as const, shape: [${shape.join(', ')}]`;
  if (isFlat) return [`const ${local(name)} = { ${type}, data: new ${array}(${data.length}).fill(${cell(data[0])}) };`];
  const width = shape[shape.length - 1];
  const rows = Array.from({ length: data.length / width }, (_, n) =>
    Array.from(data.slice(n * width, (n + 1) * width), cell).join(', '),
  );
  const flat = `const ${local(name)} = { ${type}, data: ${array}.from([${rows.join(', ')}]) };`;
  if (flat.length <= MAX_LINE) return [flat];
  return [
    `const ${local(name)} = {`,
    `  ${type},`,
    `  data: ${array}.from([`,
    ...rows.map((row) => `    ${row},`),
    '  ]),',
    '};',
  ];
}

/** A case as an adapter takes it. */
function called(before: string, { case: c, tensors }: NamedCall, after: string): string[] {
  const { mask, rotary, slidingWindow: window } = c;
  const name = (role: keyof NamedCall['tensors']) => local(tensors[role]?.name ?? '');
  const field = (role: 'query' | 'key' | 'value') => (name(role) === role ? role : `${role}: ${name(role)}`);
  const { left, right } = window ?? {};
  const sides = [...(left === undefined ? [] : [`left: ${left}`]), ...(right === undefined ? [] : [`right: ${right}`])];
  const wanted = Object.entries(c.want).filter(([, yes]) => yes === true);
  const fields = [
    `bridge: '${c.bridge}'`,
    ...(['query', 'key', 'value'] as const).map(field),
    ...(mask ? [`mask: { rank: ${mask.rank}, form: '${mask.form}', tensor: ${name('mask')} }`] : []),
    `isCausal: ${c.isCausal}`,
    `scale: ${number(c.scale)}`,
    ...(rotary
      ? [
          `rotary: { rotaryDim: ${rotary.rotaryDim}, base: ${number(rotary.base)}, layout: '${rotary.layout}', positionIds: ${name('position_ids')} }`,
        ]
      : []),
    ...(window ? [`slidingWindow: { ${sides.join(', ')} }`.replace('{  }', '{}')] : []),
    ...(c.softcap === undefined ? [] : [`softcap: ${number(c.softcap)}`]),
    ...(c.segments ? [`segments: ${name('segments')}`] : []),
    ...(c.maskLayout ? [`maskLayout: '${c.maskLayout}'`] : []),
    ...(c.gradOutput ? [`gradOutput: ${name('grad_output')}`] : []),
    wanted.length === 0 ? 'want: {}' : `want: { ${wanted.map(([what]) => `${what}: true`).join(', ')} }`,
  ];
  const flat = `${before}{ ${fields.join(', ')} }${after}`;
  return flat.length <= MAX_LINE ? [flat] : [`${before}{`, ...fields.map((text) => `  ${text},`), `}${after}`];
}

function callLines(one: NamedCall, n: number, all: readonly NamedCall[], { unchanged }: Claims): string[] {
  const { call } = one;
  if (call === undefined) return [];
  const name = `answer${n === 0 ? '' : n + 1}`;
  const comment = one.apart.length === 0 ? 'the case itself' : `with ${listed(one.apart.map(local))}`;
  const isFresh = n > 0 && call.session !== all[n - 1].call?.session;
  const head = [
    '',
    `// Call ${n + 1} of ${all.length}: ${comment}${isFresh ? ', in a fresh session' : ''}.`,
    ...(isFresh ? ['attend = await open();'] : []),
  ];
  if (call.refused) return [...head, ...called('await refused(attend(', one, '));')];
  const tensors = Object.values(one.tensors).map((named) => local(named.name));
  const of = all.length > 1 ? ` of call ${n + 1}` : '';
  return [
    ...head,
    ...(unchanged ? [`const before${n + 1} = structuredClone([${tensors.join(', ')}]);`] : []),
    ...called(`const ${name} = await attend(`, one, ');'),
    ...(unchanged
      ? [`expect([${tensors.join(', ')}], LAW + '\\n  The call wrote into its inputs.').toEqual(before${n + 1});`]
      : []),
    ...parts.flatMap((part) => {
      const rows = call.rows[part] ?? [];
      if (rows.length === 0) return [];
      return [
        `check('${part}${of}', ${name}.${part}, ${call.case.query.shape[1]}, ${call.case.query.shape[2]}, [`,
        ...rows.map(rowLine),
        ']);',
      ];
    }),
    ...inputs.flatMap((input) => {
      const rows = call.gradients?.[input] ?? [];
      if (rows.length === 0) return [];
      const [, heads, length] = call.case[input].shape;
      return [
        `check('gradient of ${input}${of}', ${name}.gradients.${input}, ${heads}, ${length}, [`,
        ...rows.map(rowLine),
        input === 'query' ? ']);' : "], 'k');",
      ];
    }),
    ...(call.same
      ? [
          `same('output of call ${n + 1}', ${name}.output, answer${call.same.as === 0 ? '' : call.same.as + 1}.output, [${call.same.rows.map((at) => place(call.case, at)).join(', ')}], ${call.case.value.shape[3]});`,
        ]
      : []),
  ];
}

const rowLine = ({ at: { b, h, i }, expected, allowed }: RowClaim) =>
  `  { at: [${b}, ${h}, ${i}], expected: [${expected.map((x) => (x === undefined ? 'undefined' : number(x))).join(', ')}], allowed: [${allowed.map(number).join(', ')}] },`;

/** The place of a row in [batch, num_heads, q_len]. */
const place = ({ query: { shape } }: AttentionCase, { b, h, i }: RowIndex) => (b * shape[1] + h) * shape[2] + i;

const adapterSlot = [
  '/** One session of the backend, one case a call. */',
  'async function open() {',
  '  const session = await backend.open();',
  '  return async (c: any): Promise<any> => {',
  '    const [answer] = await session.attend([c]);',
  "    if ('error' in answer) throw new Error(`${answer.error.type}: ${answer.error.message}`);",
  '    return answer;',
  '  };',
  '}',
];

/** The definition in plain JavaScript, as much of it as the calls use. */
function slot({ supports, calls: [first] }: Claims, uses: Uses): string[] {
  const row = { error: 'i', first: 'i', last: 'i + rows - qLen', position: 'i + kvLen - qLen' }[supports.overlongRows];
  const ruled = uses.causal || uses.window || uses.segments;
  const empty = { zeros: '0', unspecified: '0', uniform: '1 / kvLen', nan: 'NaN' }[contractOf(first.case, supports)];
  const sentinel = supports.scoreSentinel === '-inf' ? '-Infinity' : String(finfo[first.case.query.dtype].lowest);
  return [
    '/** The implementation in question: put your own in the place of `attention`. A case in, its numbers out, row-major. */',
    'async function open() {',
    '  return async (c: any): Promise<any> => attention(c);',
    '}',
    '',
    `/** query [batch, num_heads, q_len, head_dim], key and value [batch, num_kv_heads, kv_len, head_dim]; query i stands at ${alignmentOf(supports)}. */`,
    'function attention(c: any) {',
    '  const [batch, numHeads, qLen, headDim] = c.query.shape;',
    '  const [, numKvHeads, kvLen] = c.key.shape;',
    '  const vHeadDim = c.value.shape[3];',
    ...(uses.refused
      ? [
          `  if (c.mask && c.mask.tensor.shape.at(-1) ${supports.overlongKeys === 'trimmed' ? '<' : '!=='} kvLen) throw new RangeError('The mask does not fit the keys.');`,
          ...(supports.overlongRows === 'error' && uses.ranks.some((rank) => rank > 2)
            ? [
                "  if (c.mask && c.mask.rank > 2 && ![1, qLen].includes(c.mask.tensor.shape.at(-2))) throw new RangeError('The mask does not fit the queries.');",
              ]
            : []),
        ]
      : []),
    ...(uses.rotary
      ? ['  if (c.rotary) c = { ...c, query: turned(c.query, c.rotary, kvLen), key: turned(c.key, c.rotary, kvLen) };']
      : []),
    '  const output: number[] = [];',
    '  const weights: number[] = [];',
    '  const scores: number[] = [];',
    ...(uses.gradients
      ? [
          '  const [query, key, value] = [c.query, c.key, c.value].map((x) => ({ ...x, data: new Float64Array(x.data.length) }));',
        ]
      : []),
    '  for (let b = 0; b < batch; b++)',
    '    for (let h = 0; h < numHeads; h++)',
    '      for (let i = 0; i < qLen; i++) {',
    '        const kvRow = (j: number) => (b * numKvHeads + Math.floor((h * numKvHeads) / numHeads)) * kvLen + j;',
    '        const row = Array.from({ length: kvLen }, (_, j) => {',
    '          const bias = biasAt(c, b, h, i, j);',
    '          if (bias === undefined) return undefined;',
    '          let dot = 0;',
    '          for (let d = 0; d < headDim; d++)',
    '            dot += c.query.data[((b * numHeads + h) * qLen + i) * headDim + d] * c.key.data[kvRow(j) * headDim + d];',
    `          return ${uses.softcap ? '(c.softcap ? c.softcap * Math.tanh((dot * c.scale) / c.softcap) : dot * c.scale)' : 'dot * c.scale'} + bias;`,
    '        });',
    '        const kept = row.filter((score) => score !== undefined);',
    '        const top = Math.max(...kept);',
    '        const sum = kept.reduce((total, score) => total + Math.exp(score - top), 0);',
    `        const shares = row.map((score) => (kept.length === 0 ? ${empty} : score === undefined ? 0 : Math.exp(score - top) / sum));`,
    '        weights.push(...shares);',
    `        scores.push(...row.map((score) => score ?? ${sentinel}));`,
    '        for (let d = 0; d < vHeadDim; d++)',
    '          output.push(shares.reduce((total, share, j) => (share === 0 ? total : total + share * c.value.data[kvRow(j) * vHeadDim + d]), 0));',
    ...(uses.gradients ? gradientLines(uses) : []),
    '      }',
    ...(uses.gradients ? gradientsReturned(uses) : ['  return { output, weights, scores };']),
    '}',
    '',
    '/** What is added to the score of a kept pair; undefined where it is dropped. */',
    'function biasAt(c: any, b: number, h: number, i: number, j: number): number | undefined {',
    ...(uses.mask || ruled ? ['  const [qLen, kvLen] = [c.query.shape[2], c.key.shape[2]];'] : []),
    ...(ruled
      ? [
          '  if (c.mask?.rank !== 4) {',
          `    const position = ${supports.causal === 'top_left' ? 'i' : 'i + kvLen - qLen'};`,
          ...(uses.causal ? ['    if (c.isCausal && j > position) return undefined;'] : []),
          ...(uses.window
            ? [
                '    const { left = Infinity, right = Infinity } = c.slidingWindow ?? {};',
                '    if (j < position - left || j > position + right) return undefined;',
              ]
            : []),
          ...(uses.segments
            ? [
                '    if (c.segments && c.segments.data[b * kvLen + j] !== c.segments.data[b * kvLen + position]) return undefined;',
              ]
            : []),
          '  }',
        ]
      : []),
    ...(uses.mask
      ? [
          '  if (!c.mask) return 0;',
          '  const { rank, form, tensor: { shape, data, dtype } } = c.mask;',
          '  const columns = shape.at(-1);',
          ...(uses.ranks.some((rank) => rank > 2)
            ? [
                '  const rows = shape.at(-2);',
                uses.overlongRows
                  ? `  const at = rows === 1 ? 0 : rows === qLen ? i : ${row};`
                  : '  const at = rows === 1 ? 0 : i;',
              ]
            : []),
          `  const start = ${startOf(uses)};`,
          '  const cell = data[start * columns + j];',
          "  if (form !== 'additive') return cell === 1 ? 0 : undefined;",
          `  const lowest = { ${Object.entries(finfo)
            .map(([name, { lowest }]) => `${name}: ${lowest}`)
            .join(', ')} }[dtype as string];`,
          '  return cell === lowest || cell === -Infinity ? undefined : cell;',
        ]
      : ['  return 0;']),
    '}',
    ...(uses.rotary ? ['', ...rotate(uses)] : []),
  ];
}

/** What one query adds to the gradients, after its weights are known. */
function gradientLines({ softcap }: Uses): string[] {
  const slope = softcap ? ' * (c.softcap ? 1 - Math.tanh((dot * c.scale) / c.softcap) ** 2 : 1)' : '';
  return [
    '        const at = (b * numHeads + h) * qLen + i;',
    '        const ofWeights = shares.map((share, j) => {',
    '          let sum = 0;',
    '          for (let d = 0; d < vHeadDim && share !== 0; d++) sum += c.gradOutput.data[at * vHeadDim + d] * c.value.data[kvRow(j) * vHeadDim + d];',
    '          return sum;',
    '        });',
    '        const mean = ofWeights.reduce((total, x, j) => (shares[j] === 0 ? total : total + shares[j] * x), 0);',
    '        shares.forEach((share, j) => {',
    '          if (share === 0) return;',
    '          for (let d = 0; d < vHeadDim; d++) value.data[kvRow(j) * vHeadDim + d] += share * c.gradOutput.data[at * vHeadDim + d];',
    '          // The weights of a row without a key depend on nothing.',
    '          if (kept.length === 0) return;',
    ...(softcap
      ? [
          '          let dot = 0;',
          '          for (let d = 0; d < headDim; d++) dot += c.query.data[at * headDim + d] * c.key.data[kvRow(j) * headDim + d];',
        ]
      : []),
    `          const ofDot = share * (ofWeights[j] - mean)${slope} * c.scale;`,
    '          for (let d = 0; d < headDim; d++) {',
    '            query.data[at * headDim + d] += ofDot * c.key.data[kvRow(j) * headDim + d];',
    '            key.data[kvRow(j) * headDim + d] += ofDot * c.query.data[at * headDim + d];',
    '          }',
    '        });',
  ];
}

function gradientsReturned({ rotary }: Uses): string[] {
  if (!rotary) return ['  return { output, weights, scores, gradients: { query, key, value } };'];
  return [
    '  const back = (x: any) => (c.rotary ? turned(x, c.rotary, kvLen, -1) : x);',
    '  return { output, weights, scores, gradients: { query: back(query), key: back(key), value } };',
  ];
}

function startOf({ ranks }: Uses): string {
  const starts: Readonly<Record<number, string>> = {
    2: 'b',
    3: 'b * rows + at',
    4: '((shape[0] === 1 ? 0 : b) * shape[1] + (shape[1] === 1 ? 0 : h)) * rows + at',
  };
  const [first, ...others] = ranks.toSorted();
  return others.reduce((text, rank) => `rank === ${rank} ? ${starts[rank]} : ${text}`, starts[first]);
}

const rotate = ({ gradients }: Uses): string[] => [
  '/** The first rotaryDim features turned by position; a query has the position of the key that it stands at. */',
  `function turned(x: any, { rotaryDim, base, layout, positionIds }: any, kvLen: number${gradients ? ', direction = 1' : ''}) {`,
  '  const [batch, heads, length, headDim] = x.shape;',
  '  const data = x.data.slice();',
  '  for (let row = 0; row < batch * heads * length; row++) {',
  '    const position = positionIds.data[Math.floor(row / (heads * length)) * kvLen + (row % length) + kvLen - length];',
  '    for (let n = 0; n < rotaryDim / 2; n++) {',
  `      const angle = ${gradients ? 'direction * ' : ''}position * base ** ((-2 * n) / rotaryDim);`,
  "      const [p, q] = layout === 'half' ? [n, n + rotaryDim / 2] : [2 * n, 2 * n + 1];",
  '      const [u, v] = [x.data[row * headDim + p], x.data[row * headDim + q]];',
  '      data[row * headDim + p] = u * Math.cos(angle) - v * Math.sin(angle);',
  '      data[row * headDim + q] = v * Math.cos(angle) + u * Math.sin(angle);',
  '    }',
  '  }',
  '  return { ...x, data };',
  '}',
];

function helpers({ property, calls }: Claims): string[] {
  const ofGradients = calls.some(({ gradients }) => gradients !== undefined);
  const hasRows = ofGradients || calls.some(({ rows }) => parts.some((part) => (rows[part] ?? []).length > 0));
  return [
    `const LAW = ${quoted(`${property.id}: ${property.statement}`)};`,
    '',
    ...(hasRows || calls.some(({ same }) => same !== undefined)
      ? [
          '/** The numbers of a tensor, or of a plain list. */',
          'const numbersOf = (given: any): number[] => Array.from(given?.data ?? given ?? []);',
        ]
      : []),
    ...(hasRows
      ? [
          '',
          '/** Each row as expected, every number as far off as is allowed at the most: 0 is exactly that, undefined anything. */',
          `function check(what: string, given: any, numHeads: number, qLen: number, rows: { at: number[]; expected: (number | undefined)[]; allowed: number[] }[]${ofGradients ? ", axis = 'q'" : ''}) {`,
          '  for (const { at: [b, h, i], expected, allowed } of rows) {',
          '    const start = ((b * numHeads + h) * qLen + i) * expected.length;',
          '    const actual = numbersOf(given).slice(start, start + expected.length);',
          '    const wrong = expected.flatMap((due, d) => (within(actual[d], due, allowed[d]) ? [] : [d]));',
          `    const told = \`\${LAW}\\n  \${what}, b=\${b} h=\${h} ${ofGradients ? '${axis}' : 'q'}=\${i}, is [\${actual}]\\n  where [\${expected}] is due\\n  +- [\${allowed}]; wrong at\`;`,
          '    expect(wrong, told).toEqual([]);',
          '  }',
          '}',
          '',
          'const within = (x: number, due: number | undefined, allowed: number) =>',
          '  due === undefined || x === due || Math.abs(x - due) <= allowed || (Number.isNaN(x) && Number.isNaN(due));',
        ]
      : []),
    ...(calls.some(({ refused }) => refused)
      ? [
          '',
          '/** An error is due. */',
          'const refused = (answer: Promise<unknown>) =>',
          '  answer.then(',
          '    () => expect.fail(`${LAW}\\n  An error is due, and this was answered.`),',
          '    () => undefined,',
          '  );',
        ]
      : []),
    ...(calls.some(({ same }) => same !== undefined)
      ? [
          '',
          '/** Each row bit for bit as in the earlier call. */',
          'function same(what: string, given: any, earlier: any, rows: number[], width: number) {',
          '  for (const row of rows) {',
          '    const [now, before] = [given, earlier].map((answer) => numbersOf(answer).slice(row * width, (row + 1) * width).map((x) => x + 0));',
          '    expect(now, `${LAW}\\n  ${what}, row ${row}, is not what it was before, and not one bit may change.`).toEqual(before);',
          '  }',
          '}',
        ]
      : []),
  ];
}
