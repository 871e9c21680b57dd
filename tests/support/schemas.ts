/** What is wrong with a report, by the schema of its format; an empty list where nothing is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';
import { validateXML } from 'xmllint-wasm';
import reportSchema from '../../src/report/schema/report.schema.json';

const fixture = (name: string) => readFileSync(join(__dirname, '../fixtures/schemas', name), 'utf8');

const junitSchema = fixture('junit.xsd');
export async function junitErrors(contents: string): Promise<string[]> {
  const { errors } = await validateXML({ xml: { fileName: 'junit.xml', contents }, schema: junitSchema });
  return errors.map(({ rawMessage }) => rawMessage);
}

/** Draft 4 by name, and in nothing that it uses any different from draft 7. */
export const { $schema, id, ...sarifSchema } = JSON.parse(fixture('sarif-2.1.0.json')) as Record<string, unknown>;
const sarif = addFormats(new Ajv({ allErrors: true, strict: false, unicodeRegExp: false })).compile(sarifSchema);
export function sarifErrors(text: string): unknown[] {
  sarif(JSON.parse(text));
  return sarif.errors ?? [];
}

/** The schema with every list of fields closed: what a report holds and the schema does not tell is an error here. */
function closed(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(closed);
  if (typeof part !== 'object' || part === null) return part;
  const fields = Object.entries(part).map(([name, value]) => [name, closed(value)]);
  const isList = 'type' in part && part.type === 'object' && 'properties' in part;
  return { ...(Object.fromEntries(fields) as object), ...(isList && { additionalProperties: false }) };
}

const report = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, strictTypes: false }).compile(
  closed(reportSchema) as object,
);
export function reportErrors(text: string): unknown[] {
  report(JSON.parse(text));
  return report.errors ?? [];
}
