/** The report as JUnit XML: a suite per backend, a test case per property. */
import XMLBuilder from 'fast-xml-builder';
import type { BackendInfo, Outcome, Report } from '../engine/events';
import { packageVersion } from '../version';
import { tamed } from './foreign';
import { plainFinding, titleOf, type FileOf } from './plain-finding';
import { starvedLine } from './starved';
import { describeReference } from './text';

/** Attributes begin with '@'; '#text' is the text. */
type Element = Readonly<Record<string, unknown>>;

/** XML that Jenkins, GitLab and others read. What is known to fail is a skipped test case, as it does not fail the run; what holds again is a failure, as it does. */
export function junitText(report: Report, fileOf?: FileOf): string {
  const { backends, outcomes, starved, seed, reference, seconds } = tamed(report);
  const suites = backends.map((backend, n) => {
    // By place and not by name: two long names may have been cut to the same one.
    const originals = report.outcomes.flatMap((outcome, at) =>
      outcome.backend === report.backends[n].name ? [{ outcome: outcomes[at], file: fileOf?.(outcome) }] : [],
    );
    return suiteOf(backend, originals, { seed: String(seed), reference: describeReference(reference) });
  });
  const builder = new XMLBuilder({
    attributeNamePrefix: '@',
    ignoreAttributes: false,
    suppressBooleanAttributes: false,
    suppressEmptyNode: true,
    format: true,
  });
  return builder.build({
    '?xml': { '@version': '1.0', '@encoding': 'UTF-8' },
    testsuites: {
      '@name': 'maskproof',
      ...countsOf(outcomes, starved),
      '@time': time(seconds),
      testsuite: [...suites, ...rareSuite(starved)],
    },
  });
}

/** Kinds of case that were checked too rarely fail the run: a failed test case each, in a suite of their own. */
function rareSuite(starved: Report['starved']): Element[] {
  if (starved.length === 0) return [];
  const testcase = starved.map((cell) => ({
    '@name': oneLine(Object.values(cell.facets).join(', ')),
    '@classname': `${cell.backend.replaceAll('.', '_')}.coverage`,
    failure: { '@message': oneLine(starvedLine(cell)), '@type': 'starved' },
  }));
  return [{ '@name': 'coverage', ...countsOf([], starved), '@time': time(0), testcase }];
}

interface Found {
  readonly outcome: Outcome;
  readonly file?: string;
}

function suiteOf(backend: BackendInfo, found: readonly Found[], run: Readonly<Record<string, string>>): Element {
  const outcomes = found.map(({ outcome }) => outcome);
  const facts = {
    maskproof: packageVersion(),
    ...run,
    spec: backend.spec,
    ...Object.fromEntries(Object.entries(backend.versions).map(([name, version]) => [`version of ${name}`, version])),
  };
  return {
    '@name': backend.name,
    ...countsOf(outcomes),
    '@time': time(outcomes.reduce((total, outcome) => total + outcome.seconds, 0)),
    properties: {
      property: Object.entries(facts).map(([name, value]) => ({ '@name': name, '@value': value })),
    },
    testcase: found.map((one) => testCaseOf(one, backend)),
  };
}

function testCaseOf({ outcome, file }: Found, backend: BackendInfo): Element {
  const { property, seconds } = outcome;
  const area = property.split('/')[0];
  // A dot would begin another package where class names are read as Java's.
  const className = `${backend.name.replaceAll('.', '_')}.${area}`;
  return { '@name': property, '@classname': className, '@time': time(seconds), ...verdictOf(outcome, backend, file) };
}

function verdictOf(outcome: Outcome, backend: BackendInfo, file: string | undefined): Element {
  const { status, known, fixed, reason, failure } = outcome;
  if (fixed !== undefined)
    return {
      failure: { '@message': oneLine(titleOf(outcome)), '@type': 'known_failure_holds', '#text': fixed.reason },
    };
  if (known !== undefined) return { skipped: { '@message': oneLine(`known to fail: ${known.reason}`) } };
  switch (status) {
    case 'held':
      return {};
    case 'skipped':
      return { skipped: { '@message': oneLine(reason ?? 'skipped') } };
    case 'violated':
      return {
        failure: {
          '@message': oneLine(titleOf(outcome)),
          '@type': 'violated',
          '#text': plainFinding(outcome, backend, file),
        },
      };
    case 'failed':
      return {
        error: {
          '@message': oneLine(titleOf(outcome)),
          '@type': failure?.type ?? 'Error',
          '#text': plainFinding(outcome, backend, file),
        },
      };
  }
}

function countsOf(outcomes: readonly Outcome[], starved: Report['starved'] = []): Element {
  const counted = (of: (outcome: Outcome) => boolean) => outcomes.filter(of).length;
  return {
    '@tests': outcomes.length + starved.length,
    '@failures':
      starved.length + counted(({ status, known, fixed }) => fixed !== undefined || (status === 'violated' && !known)),
    '@errors': counted(({ status, known }) => status === 'failed' && !known),
    '@skipped': counted(({ status, known }) => status === 'skipped' || known !== undefined),
  };
}

const time = (seconds: number) => seconds.toFixed(3);

/** Attributes lose their line breaks in every parser: they are spaces from the start. */
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').trim();
