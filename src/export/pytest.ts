/** A counterexample as a file for pytest that needs PyTorch and nothing else: for the bug report that its maintainers will run. */
import type { AttentionCase, Tensor } from '../../reference/case';
import { finfo } from '../../reference/dtype';
import { contractOf } from '../../reference/masks';
import type { SavedAttention } from '../corpus/load';
import type { RowIndex } from '../property';
import { inputs, parts, type Claims, type Part, type RowClaim } from './claims';
import {
  alignmentOf,
  headingOf,
  isDefaultScale,
  listed,
  namesOf,
  slug,
  usesOf,
  type Named,
  type NamedCall,
  type Names,
  type Uses,
} from './naming';

const MAX_LINE = 110;

/** The text of the file. */
export function pytestFile(saved: SavedAttention, claims: Claims): string {
  const uses = usesOf(claims);
  const all = namesOf(claims);
  const names = uses.gradients ? all : withoutGradients(all);
  const test = `test_${slug(claims.property.id, '_')}`;
  const lines = [
    '"""',
    ...headingOf(saved, claims).map(inDocstring),
    '',
    'Run it with `pytest FILE` or `python FILE`; it needs PyTorch. `attention` is the slot for the implementation in question: as it',
    'stands it is PyTorch itself, and passes.',
    '"""',
    ...imports(names.tensors, claims),
    'import torch',
    '',
    '',
    ...slot(claims, uses),
    '',
    '',
    `def ${test}():`,
    ...indented([
      ...names.tensors.flatMap(tensorLines),
      ...names.after.flatMap((one, n) => [
        '',
        `# ${n + 1} of ${names.after.length} calls that come before.`,
        `attention(${argumentsOf(one, uses)})`,
      ]),
      ...names.calls.flatMap((one, n) => callLines(one, n, names.calls, uses, claims)),
    ]),
    '',
    '',
    ...helpers(claims),
    '',
    '',
    'if __name__ == "__main__":',
    `    ${test}()`,
    `    print("${claims.property.id} holds.")`,
  ];
  return `${lines.join('\n').replaceAll(/[ \t]+$/gm, '')}\n`;
}

/** The same, where no gradient is asked for. */
function withoutGradients({ tensors, after, calls }: Names): Names {
  const asked = (one: NamedCall): NamedCall => ({
    ...one,
    tensors: Object.fromEntries(Object.entries(one.tensors).filter(([role]) => role !== 'grad_output')),
  });
  const [before, own] = [after.map(asked), calls.map(asked)];
  const given = new Set([...before, ...own].flatMap((one) => Object.values(one.tensors)));
  return { tensors: tensors.filter((named) => given.has(named)), after: before, calls: own };
}

const inDocstring = (line: string) => line.replaceAll('\\', '\\\\').replaceAll('"""', '\\"\\"\\"');
const indented = (lines: readonly string[], by = '    ') => lines.map((line) => (line === '' ? '' : by + line));

/** inf and nan, where numbers are written with them. */
function imports(tensors: readonly Named[], { calls }: Claims): string[] {
  const due = calls.flatMap(({ rows, gradients }) => [
    ...parts.flatMap((part) => rows[part] ?? []),
    ...inputs.flatMap((input) => gradients?.[input] ?? []),
  ]);
  const numbers = [
    ...tensors.map(({ tensor }) => tensor.data),
    ...due.flatMap(({ expected, allowed }) => [expected, allowed]),
  ];
  const any = (test: (x: number | undefined) => boolean) =>
    numbers.some((some) => Array.from<number | undefined>(some).some(test));
  const used = [
    ...(any((x) => x === Infinity || x === -Infinity) ? ['inf'] : []),
    ...(any(Number.isNaN) ? ['nan'] : []),
  ];
  return used.length === 0 ? [] : [`from math import ${used.join(', ')}`, ''];
}

/** A number as Python writes it. */
function number(x: number): string {
  if (Number.isNaN(x)) return 'nan';
  if (!Number.isFinite(x)) return x > 0 ? 'inf' : '-inf';
  if (Object.is(x, -0)) return '-0.0';
  const text = String(x);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function tensorLines({ name, tensor, layout }: Named): string[] {
  const { dtype, shape, data } = tensor;
  const lowest = dtype === 'bool' || dtype === 'int64' ? undefined : finfo[dtype].lowest;
  const cell = (x: number) =>
    dtype === 'bool'
      ? x === 1
        ? 'True'
        : 'False'
      : dtype === 'int64'
        ? String(x)
        : x === lowest
          ? `torch.finfo(torch.${dtype}).min`
          : number(x);
  const last = `dtype=torch.${dtype})`;
  const isFlat = data.length > 8 && data.every((x: number) => Object.is(x, data[0]));
  const made = isFlat
    ? [`${name} = torch.full((${shape.join(', ')}), ${cell(data[0])}, ${last}`]
    : literal(name, tensor, cell);
  return [...made, ...laidOut(name, layout)];
}

/** Nested lists: on one line where they fit, else an innermost list a line. */
function literal(name: string, { dtype, shape, data }: Tensor, cell: (x: number) => string): string[] {
  const width = shape[shape.length - 1];
  const outer = shape.slice(0, -1);
  const count = data.length / width;
  const rows = Array.from({ length: count }, (_, n) => {
    const row = Array.from(data.slice(n * width, (n + 1) * width), cell).join(', ');
    return `${'['.repeat(bracketsAt(n, outer))}[${row}]${']'.repeat(bracketsAt(n + 1, outer))}`;
  });
  const flat = `${name} = torch.tensor(${rows.join(', ')}, dtype=torch.${dtype})`;
  if (flat.length <= MAX_LINE) return [flat];
  return [`${name} = torch.tensor(`, ...rows.map((row) => `    ${row},`), `    dtype=torch.${dtype},`, ')'];
}

/** How many lists begin before row n, or end before it. */
function bracketsAt(n: number, outer: readonly number[]): number {
  let size = 1;
  let count = 0;
  for (const length of outer.toReversed()) {
    size *= length;
    if (n % size === 0) count++;
  }
  return count;
}

/** The same values in the strides that the case asks for. */
function laidOut(name: string, layout: AttentionCase['maskLayout']): string[] {
  switch (layout) {
    case 'transposed':
      return [`${name} = ${name}.mT.contiguous().mT  # the same values, transposed in memory`];
    case 'strided':
      return [
        `${name} = torch.stack([${name}, ${name}], -1)[..., 0]  # the same values, every other element in memory`,
      ];
    case 'offset':
      return [
        `${name} = torch.cat([${name}.new_zeros(1), ${name}.flatten()])[1:].view(${name}.shape)  # the same values, one element into memory`,
      ];
    case 'expanded':
      return [
        `for axis in range(${name}.dim()):  # the same values, repeated with a stride of 0`,
        `    first = ${name}.narrow(axis, 0, 1).expand_as(${name})`,
        `    ${name} = first if torch.equal(first, ${name}) else ${name}`,
      ];
    case 'contiguous':
    case undefined:
      return [];
  }
}

/** What a call hands to `attention`; what is the same in all calls and default is not spoken of. */
function argumentsOf({ case: c, tensors }: NamedCall, uses: Uses, given?: string): string {
  const { slidingWindow: window, rotary } = c;
  const named = (['query', 'key', 'value'] as const).map((role) => tensors[role]?.name ?? 'None');
  return (given === undefined ? named : [given])
    .concat(uses.mask ? [tensors.mask?.name ?? 'None'] : [])
    .concat(uses.flagged ? [`is_causal=${c.isCausal ? 'True' : 'False'}`] : [])
    .concat(uses.scale && !isDefaultScale(c) ? [`scale=${number(c.scale)}`] : [])
    .concat(window ? [`left_window_size=${window.left ?? -1}`, `right_window_size=${window.right ?? -1}`] : [])
    .concat(c.softcap === undefined ? [] : [`softcap=${number(c.softcap)}`])
    .concat(tensors.segments ? [`segments=${tensors.segments.name}`] : [])
    .concat(
      rotary && tensors.position_ids
        ? [
            `position_ids=${tensors.position_ids.name}`,
            `rotary_dim=${rotary.rotaryDim}`,
            `rotary_base=${number(rotary.base)}`,
            `rotary_layout="${rotary.layout}"`,
          ]
        : [],
    )
    .join(', ');
}

const returnsOf = (uses: Uses): Part[] => [
  'output',
  ...(uses.weights ? (['weights'] as const) : []),
  ...(uses.scores ? (['scores'] as const) : []),
];

/** The slot: a signature, what its arguments are, and PyTorch's own attention as its body. */
function slot({ supports, calls: [first] }: Claims, uses: Uses): string[] {
  const parameters = [
    'query, key, value',
    ...(uses.mask ? ['mask=None'] : []),
    ...(uses.flagged ? ['is_causal=False'] : []),
    ...(uses.scale ? ['scale=None'] : []),
    ...(uses.window ? ['left_window_size=-1', 'right_window_size=-1'] : []),
    ...(uses.softcap ? ['softcap=None'] : []),
    ...(uses.segments ? ['segments=None'] : []),
    ...(uses.rotary ? ['position_ids=None', 'rotary_dim=0', 'rotary_base=10000.0', 'rotary_layout="half"'] : []),
  ];
  const forms: Readonly<Record<string, string>> = {
    boolean: 'boolean: True keeps',
    additive: 'additive: finfo.min and -inf drop, other numbers are added to the scores',
    integer: 'integer: 1 keeps',
  };
  const shapes: Readonly<Record<number, string>> = {
    2: '[batch, kv_len]',
    3: '[batch, q_len, kv_len]',
    4: '[batch or 1, num_heads or 1, q_len or 1, kv_len]',
  };
  const heads = uses.groups ? 'num_kv_heads' : 'num_heads';
  const returned = returnsOf(uses);
  const means = [
    'The implementation in question: put your call in the place of the lines below.',
    '',
    'query              [batch, num_heads, q_len, head_dim]',
    `key, value         [batch, ${heads}, kv_len, head_dim]`,
    ...(uses.mask
      ? [
          `mask               ${listed(uses.ranks.map((rank) => shapes[rank]))}; ${uses.forms.map((form) => forms[form]).join('; ')}`,
        ]
      : []),
    ...(uses.flagged
      ? [
          `is_causal          query i stands at ${alignmentOf(supports)} and sees no key after it; a mask of four axes overrules it`,
        ]
      : []),
    ...(uses.scale ? ['scale              of the scores; 1 / sqrt(head_dim) where None'] : []),
    ...(uses.window ? ['*_window_size      how many neighbours are seen on each side; -1 is all'] : []),
    ...(uses.softcap ? ['softcap            c in c * tanh(score / c)'] : []),
    ...(uses.segments ? ['segments           [batch, kv_len]: a token sees its own segment only'] : []),
    ...(uses.rotary
      ? [
          'position_ids       [batch, kv_len]: query and key are turned by them here; query i has the position of key i + kv_len - q_len',
        ]
      : []),
    '',
    `Returns ${listed(returned)}${returned.length > 1 ? ', in this order' : ''}.${uses.gradients ? ' Gradients are taken through it by output.backward(grad_output).' : ''}`,
  ];
  return [
    `def attention(${parameters.join(', ')}):`,
    ...indented(['"""', ...means, '"""', ...body(uses, supports, first.case)]),
    ...(uses.rotary ? ['', '', ...rotate] : []),
  ];
}

function body(uses: Uses, supports: Claims['supports'], first: AttentionCase): string[] {
  const isExplicit = uses.softcap || uses.weights || uses.scores || uses.emptyRows || uses.gradients;
  const ruled = uses.causal || uses.window || uses.segments;
  const wide = uses.rotary || isExplicit;
  const trimmedRows = {
    error: '',
    first: 'mask[..., :q_len, :]',
    last: 'mask[..., -q_len:, :]',
    position: 'mask[..., kv_len - q_len : kv_len, :]',
  }[supports.overlongRows];
  const scale = uses.scale ? 'query.shape[-1] ** -0.5 if scale is None else scale' : 'query.shape[-1] ** -0.5';
  return [
    ...(wide ? ['dtype = query.dtype', 'query, key, value = query.double(), key.double(), value.double()'] : []),
    ...(ruled ||
    uses.refused ||
    uses.overlongKeys ||
    uses.overlongRows ||
    uses.rotary ||
    uses.emptyRows ||
    uses.gradients
      ? ['q_len, kv_len = query.shape[-2], key.shape[-2]']
      : []),
    ...(uses.refused
      ? [
          `if mask is not None and mask.shape[-1] ${supports.overlongKeys === 'trimmed' ? '<' : '!='} kv_len:`,
          '    raise ValueError(f"A mask with {mask.shape[-1]} columns does not fit {kv_len} keys.")',
          ...(uses.ranks.some((rank) => rank > 2) && supports.overlongRows === 'error'
            ? [
                'if mask is not None and mask.dim() > 2 and mask.shape[-2] not in (1, q_len):',
                '    raise ValueError(f"A mask with {mask.shape[-2]} rows does not fit {q_len} queries.")',
              ]
            : []),
        ]
      : []),
    ...(uses.overlongKeys ? ['if mask is not None:', '    mask = mask[..., :kv_len]'] : []),
    ...(uses.overlongRows
      ? ['if mask is not None and mask.dim() > 2 and mask.shape[-2] > q_len:', `    mask = ${trimmedRows}`]
      : []),
    ...(uses.forms.includes('integer')
      ? ['if mask is not None and not mask.is_floating_point():', '    mask = mask.bool()']
      : []),
    ...(ruled ? ['says_all = mask is not None and mask.dim() == 4'].slice(uses.mask ? 0 : 1) : []),
    ...(uses.ranks.includes(2)
      ? ['if mask is not None and mask.dim() == 2:', '    mask = mask[:, None, None, :]']
      : []),
    ...(uses.ranks.includes(3) ? ['if mask is not None and mask.dim() == 3:', '    mask = mask[:, None]'] : []),
    ...(ruled ? rules(uses, supports) : []),
    ...(uses.poison
      ? [
          '# PyTorch lets what is not finite spread from keys that the mask drops.',
          'key, value = key.nan_to_num(0.0, 0.0, 0.0), value.nan_to_num(0.0, 0.0, 0.0)',
        ]
      : []),
    ...(uses.rotary
      ? [
          'if position_ids is not None:',
          '    key = rotate(key, position_ids, rotary_dim, rotary_base, rotary_layout)',
          '    query = rotate(query, position_ids[:, kv_len - q_len :], rotary_dim, rotary_base, rotary_layout)',
        ]
      : []),
    ...(uses.groups
      ? [
          'groups = query.shape[1] // key.shape[1]',
          'key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)',
        ]
      : []),
    ...(isExplicit ? explicit(uses, supports, first, scale) : sdpa(uses, ruled, wide)),
  ];
}

/** The mask and the rules beside it as one mask. */
function rules(uses: Uses, { causal }: Claims['supports']): string[] {
  const lines = [
    `position = torch.arange(q_len)${causal === 'top_left' ? '' : ' + kv_len - q_len'}`,
    'at, here = torch.arange(kv_len), position[:, None]',
    'keep = torch.ones(1, 1, q_len, kv_len, dtype=torch.bool)',
    ...(uses.causal ? ['if is_causal:', '    keep = keep & (at <= here)'] : []),
    ...(uses.window
      ? [
          'if left_window_size >= 0:',
          '    keep = keep & (at >= here - left_window_size)',
          'if right_window_size >= 0:',
          '    keep = keep & (at <= here + right_window_size)',
        ]
      : []),
    ...(uses.segments
      ? ['if segments is not None:', '    keep = keep & (segments[:, position, None] == segments[:, None, :])[:, None]']
      : []),
    ...(!uses.mask
      ? ['mask = keep']
      : [
          'if mask is None:',
          '    mask = keep',
          'else:',
          '    mask = mask & keep if mask.dtype == torch.bool else mask.masked_fill(~keep, float("-inf"))',
        ]),
  ];
  return uses.mask ? ['if not says_all:', ...indented(lines)] : lines;
}

function sdpa(uses: Uses, ruled: boolean, wide: boolean): string[] {
  const hasMask = uses.mask || ruled;
  const casts = (uses.mixedTypes || wide) && uses.forms.includes('additive');
  const call = `torch.nn.functional.scaled_dot_product_attention(query, key, value${hasMask ? ', attn_mask=mask' : ''}${uses.scale ? ', scale=scale' : ''})`;
  return [
    ...(casts ? ['if mask is not None and mask.is_floating_point():', '    mask = mask.to(query.dtype)'] : []),
    `return ${call}${wide ? '.to(dtype)' : ''}`,
  ];
}

/** The definition, where PyTorch's own kernel does not return what is asked for. */
function explicit(uses: Uses, supports: Claims['supports'], first: AttentionCase, scale: string): string[] {
  const empty = { zeros: '0.0', unspecified: '0.0', uniform: '1 / kv_len', nan: 'float("nan")' }[
    contractOf(first, supports)
  ];
  const sentinel = supports.scoreSentinel === '-inf' ? 'float("-inf")' : 'torch.finfo(dtype).min';
  const hasMask = uses.mask || uses.causal || uses.window || uses.segments;
  const result = {
    output: '(weights @ value).to(dtype)',
    weights: 'weights.to(dtype)',
    scores: hasMask ? `scores.to(dtype).masked_fill(~keep, ${sentinel})` : 'scores.to(dtype)',
  };
  return [
    `scores = query @ key.mT * (${scale})`,
    ...(uses.softcap ? ['if softcap is not None:', '    scores = softcap * torch.tanh(scores / softcap)'] : []),
    ...(hasMask
      ? [
          'keep = torch.ones_like(scores, dtype=torch.bool)',
          'if mask is not None:',
          '    keep = (mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min).expand_as(scores)',
          '    scores = scores if mask.dtype == torch.bool else torch.where(keep, scores + mask.double(), scores)',
          'some = keep.any(-1, keepdim=True)',
          'weights = scores.masked_fill(~keep & some, float("-inf")).softmax(-1)',
          `weights = weights.masked_fill(~some, ${empty})`,
        ]
      : ['weights = scores.softmax(-1)']),
    `return ${returnsOf(uses)
      .map((part) => result[part])
      .join(', ')}`,
  ];
}

const rotate = [
  'def rotate(x, position_ids, rotary_dim, rotary_base, rotary_layout):',
  '    """Turns the first rotary_dim features of x [batch, heads, length, head_dim] by position_ids [batch, length]."""',
  '    half = rotary_dim // 2',
  '    angle = position_ids[:, None, :, None].double() * rotary_base ** (-2 * torch.arange(half).double() / rotary_dim)',
  '    cos, sin = angle.cos(), angle.sin()',
  '    if rotary_layout == "half":',
  '        a, b = x[..., :half], x[..., half:rotary_dim]',
  '        turned = torch.cat([a * cos - b * sin, b * cos + a * sin], -1)',
  '    else:',
  '        a, b = x[..., 0:rotary_dim:2], x[..., 1:rotary_dim:2]',
  '        turned = torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)',
  '    return torch.cat([turned, x[..., rotary_dim:]], -1)',
];

function callLines(one: NamedCall, n: number, all: readonly NamedCall[], uses: Uses, claims: Claims): string[] {
  const { call } = one;
  if (call === undefined) return [];
  const suffix = n === 0 ? '' : `_${n + 1}`;
  const comment = one.apart.length === 0 ? 'the case itself' : `with ${listed(one.apart)}`;
  const given = argumentsOf(one, uses);
  const head = ['', `# Call ${n + 1} of ${all.length}: ${comment}.`];
  if (call.refused) return [...head, `refuses(lambda: attention(${given}))`];
  const results = returnsOf(uses);
  const returned = results.map((part) => part + suffix).join(', ');
  const tensors = Object.values(one.tensors).map(({ name }) => name);
  const send = call.gradients
    ? [
        `leaves = [x.clone().requires_grad_() for x in (${inputs.map((input) => one.tensors[input]?.name).join(', ')})]`,
        `${returned} = attention(${argumentsOf(one, uses, '*leaves')})`,
        `output${suffix}.backward(${one.tensors.grad_output?.name})`,
      ]
    : [`${returned} = attention(${given})`];
  const same =
    call.same &&
    `same("output of call ${n + 1}", output${suffix}, output${call.same.as === 0 ? '' : `_${call.same.as + 1}`}, ${rowList(call.same.rows)})`;
  return [
    ...head,
    ...(claims.unchanged ? [`before = [x.clone() for x in (${tensors.join(', ')},)]`] : []),
    ...send,
    ...(claims.unchanged ? [`unchanged(before, [${tensors.join(', ')}])`] : []),
    ...results.flatMap((part) => {
      const rows = call.rows[part] ?? [];
      return rows.length === 0
        ? []
        : [
            `check("${part}${all.length > 1 ? ` of call ${n + 1}` : ''}", ${part}${suffix}, {`,
            ...rows.map(rowLine),
            '})',
          ];
    }),
    ...inputs.flatMap((input, at) => {
      const rows = call.gradients?.[input] ?? [];
      const axis = input === 'query' ? '' : ', "k"';
      return rows.length === 0
        ? []
        : [`check("gradient of ${input}", leaves[${at}].grad, {`, ...rows.map(rowLine), `}${axis})`];
    }),
    ...(same === undefined ? [] : [same]),
  ];
}

const rowList = (rows: readonly RowIndex[]) => `[${rows.map(({ b, h, i }) => `(${b}, ${h}, ${i})`).join(', ')}]`;

const rowLine = ({ at: { b, h, i }, expected, allowed }: RowClaim) =>
  `    (${b}, ${h}, ${i}): ([${expected.map((x) => (x === undefined ? 'None' : number(x))).join(', ')}], [${allowed.map(number).join(', ')}]),`;

function helpers({ property, calls, unchanged }: Claims): string[] {
  const law = JSON.stringify(`${property.id}: ${property.statement}`);
  const ofGradients = calls.some(({ gradients }) => gradients !== undefined);
  const hasRows = ofGradients || calls.some(({ rows }) => parts.some((part) => (rows[part] ?? []).length > 0));
  return [
    `LAW = ${law}`,
    ...(hasRows
      ? [
          '',
          '',
          `def check(what, actual, rows${ofGradients ? ', axis="q"' : ''}):`,
          '    """Each row (b, h, q) as expected, every number as far off as is allowed at the most: 0 is exactly that, None anything."""',
          '    for (b, h, i), (expected, allowed) in rows.items():',
          '        row = actual[b, h, i].double().tolist()',
          '        wrong = [d for d, x in enumerate(row) if not within(x, expected[d], allowed[d])]',
          '        assert not wrong and len(row) == len(expected), (',
          `            f"{LAW}\\n  {what}, b={b} h={h} ${ofGradients ? '{axis}' : 'q'}={i}, is {row}\\n  where {expected} is due\\n  +- {allowed}; wrong at {wrong}"`,
          '        )',
          '',
          '',
          'def within(x, expected, allowed):',
          '    return expected is None or x == expected or abs(x - expected) <= allowed or (x != x and expected != expected)',
        ]
      : []),
    ...(calls.some(({ same }) => same !== undefined)
      ? [
          '',
          '',
          'def same(what, actual, earlier, rows):',
          '    """Each row (b, h, q) bit for bit as in the earlier call."""',
          '    for b, h, i in rows:',
          '        now, before = actual[b, h, i].double().tolist(), earlier[b, h, i].double().tolist()',
          '        assert now == before or str(now) == str(before), (',
          '            f"{LAW}\\n  {what}, b={b} h={h} q={i}, is {now}\\n  where {before} was before, and not one bit may change"',
          '        )',
        ]
      : []),
    ...(calls.some(({ refused }) => refused)
      ? [
          '',
          '',
          'def refuses(call):',
          '    """An error is due."""',
          '    try:',
          '        answer = call()',
          '    except Exception:',
          '        return',
          '    raise AssertionError(f"{LAW}\\n  An error is due, and this was answered: {answer}")',
        ]
      : []),
    ...(unchanged
      ? [
          '',
          '',
          'def unchanged(before, after):',
          '    """The inputs are byte for byte what they were."""',
          '    for old, now in zip(before, after):',
          '        assert str(old.tolist()) == str(now.tolist()), f"{LAW}\\n  The call wrote into its input: {old} became {now}"',
        ]
      : []),
  ];
}
