/** maskproof list: the properties, the built-in backends, and which property can be asked of which backend. */
import { properties } from '../../properties/index';
import type { Backend } from '../backend';
import { kindOfProperty } from '../cases';
import { jsonText } from '../corpus/save';
import { escapeControls, marksOf } from '../report/style';
import { resolveSupports, undeclared } from '../supports';
import type { Property } from '../property';
import { toSnakeCase } from '../protocol/codec';
import { builtins } from '../backends/builtin';
import { loadBackends, loadBuiltins, type Unloaded } from './backends';
import { exitCode } from './exit-code';
import { styleFor, type Io } from './io';

export interface ListOptions {
  readonly backend: readonly string[];
  readonly json?: boolean;
  readonly ascii?: boolean;
  readonly check: boolean;
}

export async function list(options: ListOptions, io: Io): Promise<number> {
  const asked = options.backend.length > 0;
  const { loaded, unloaded } = asked ? await loadBackends(options.backend, options.check) : await loadBuiltins();
  const backends = loaded.map(({ backend }) => backend);
  if (options.json) io.out(jsonText(asJson(backends, unloaded, asked)));
  else io.out(`${(asked ? perBackend(backends, unloaded, options, io) : overview(backends, unloaded)).join('\n')}\n`);
  return exitCode({ failed: asked && unloaded.length > 0, checked: true });
}

/** Why this backend cannot be asked this property; undefined where it can. */
function reasonAgainst(backend: Backend, property: Property): string | undefined {
  return kindOfProperty(property).unmet(property, resolveSupports(backend.supports));
}

function overview(backends: readonly Backend[], unloaded: readonly Unloaded[]): string[] {
  return [
    'Properties:',
    ...properties.flatMap(({ id, statement }) => [`  ${id}`, `    ${statement}`]),
    '',
    'Built-in backends:',
    ...backends.map(({ name, versions = {} }) => {
      const known = Object.entries(versions).map(([library, version]) => `${library} ${version}`);
      return `  ${name}${known.length > 0 ? ` (${known.join(', ')})` : ''}: ${builtins[name]?.description ?? ''}`;
    }),
    ...unloaded.map(({ spec, error }) => `  ${spec}: does not load here: ${error.message.split('\n')[0]}`),
    '',
    'maskproof list --backend SPEC says which properties a backend can take, and why not the others.',
  ];
}

function perBackend(
  backends: readonly Backend[],
  unloaded: readonly Unloaded[],
  options: ListOptions,
  io: Io,
): string[] {
  const marks = marksOf(styleFor(io, options.ascii ?? false));
  const sections = backends.map((backend) => [
    escapeControls(backend.name),
    ...properties.flatMap((property) => {
      const { id, statement } = property;
      const reason = reasonAgainst(backend, property);
      return reason === undefined
        ? [`  ${marks.held} ${id}`, `      ${statement}`]
        : [`  ${marks.skipped} ${id}`, `      ${statement}`, `      Cannot be asked: ${escapeControls(reason)}`];
    }),
    `  Not declared: ${undeclared(resolveSupports(backend.supports)).join('; ') || 'nothing is left out'}`,
  ]);
  const failures = unloaded.map(({ error }) => [`${error.name}: ${escapeControls(error.message)}`]);
  return [...sections, ...failures].flatMap((lines, n) => (n === 0 ? lines : ['', ...lines]));
}

function asJson(backends: readonly Backend[], unloaded: readonly Unloaded[], asked: boolean) {
  return {
    schema: 'maskproof/list@1',
    properties: properties.map(({ id, statement, compares }) => ({ id, statement, compares })),
    backends: [
      ...backends.map((backend) => ({
        name: backend.name,
        versions: backend.versions ?? {},
        supports: toSnakeCase(resolveSupports(backend.supports)),
        properties: properties.map((property) => {
          const reason = reasonAgainst(backend, property);
          return { id: property.id, can: reason === undefined, ...(reason !== undefined && { reason }) };
        }),
      })),
      ...unloaded.map(({ spec, error }) => ({ name: spec, built_in: !asked, error: error.message })),
    ],
  };
}
