import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { htmlText } from '../../../src/report/html';
import { markup } from '../../../src/report/markup';
import { leak, outcomeOf, reportOf } from './cases';
import { hostileReport, wholeReport } from './sample';

const between = (text: string, from: string, to: string) => text.split(from)[1].split(to)[0];

describe('markup', () => {
  it('escapes text and numbers, and leaves markup and lists of it', () => {
    const item = (text: string) => markup`<li>${text}</li>`;
    expect(markup`<ul title="${'"&\''}">${['<a>', 'b'].map(item)}${undefined}${3}</ul>`.text).toBe(
      '<ul title="&quot;&amp;&#39;"><li>&lt;a&gt;</li><li>b</li>3</ul>',
    );
  });
});

describe('the HTML report', () => {
  const text = htmlText(wholeReport());

  it('is the same for the same report', () => {
    expect(htmlText(wholeReport())).toBe(text);
  });

  it('allows itself its own sheet and script, by their hashes, and nothing else', () => {
    const policy = between(text, 'Content-Security-Policy" content="', '">');
    const hash = (part: string) => `'sha256-${createHash('sha256').update(part).digest('base64')}'`;
    expect(policy).toContain(`style-src ${hash(between(text, '<style>', '</style>'))}`);
    expect(policy).toContain(`script-src ${hash(between(text, '<script>', '</script>'))}`);
    expect(policy).toContain("default-src 'none'");
    expect(text).not.toMatch(/ (style|on\w+)="/);
    expect(text).not.toMatch(/<(link|img|iframe|script src)/);
  });

  it('says what happened in its first line', () => {
    const headline = (outcomes: Parameters<typeof reportOf>[0]) =>
      between(htmlText(reportOf(outcomes)), '<h1>', '</h1>');
    expect(headline([outcomeOf({ status: 'held' })])).toBe('Everything held');
    expect(headline([outcomeOf({ status: 'violated', counterexample: leak() })])).toBe('1 violation on broadcast-bug');
    expect(headline([])).toBe('Nothing was checked');
  });

  it('has the picture, the numbers, the shrink story and the command of a finding', () => {
    const article = between(text, '<article id="outcome-2">', '</article>');
    expect(article).toContain('A padded key has no influence');
    expect(article).toContain('<td class="cell leaked" title="dropped by the mask, yet used">');
    expect(article).toContain('<td class="off">1.5000</td>');
    expect(article).toContain('Found after 6 cases, shrunk 12 times (40 calls).');
    expect(article).toContain('It was found with batch 3, num_heads 2, q_len 7, kv_len 19, head_dim 4.');
    expect(article).toContain('Seed 20261123, path 5:0:1:1');
    expect(article.replaceAll(/<[^>]+>/g, '')).toContain(
      'npx maskproof replay --backend ./broadcast-bug.ts --property padding/no-influence --seed 20261123 --path 5:0:1:1',
    );
  });

  it('draws the region round what is wrong of a mask that is too wide', () => {
    const article = between(text, '<article id="outcome-3">', '</article>');
    expect(article).toContain('more keys');
    expect(article).toContain('<th scope="col">k23</th>');
    expect(article).toContain('Only after 1 other case');
  });

  it('tells failures of one fault once', () => {
    const failures = between(text, '<section id="failures"', '</section>');
    expect(failures.split('<article').length - 1).toBe(1);
    expect(failures).toContain('<code>forms/broadcast</code>, <code>padding/no-influence</code>');
  });

  it('tells how much was drawn, what was too rare and what was not checked', () => {
    expect(text).toContain('1,100 of 1,200');
    expect(text).toContain('mask rank 4, dtype float16: checked in 3 of 1,200 cases, where 12 are required');
    expect(between(text, '<section id="not-checked"', '</section>')).toContain('does not declare views');
  });

  it('has a row a law and a column a backend where there are several', () => {
    const rows = between(text, '<table class="matrix">', '</table>').split('<tr').slice(1);
    expect(rows[0]).toContain('<bdi>broadcast-bug</bdi>');
    expect(rows[0]).toContain('<bdi>second</bdi>');
    const of = (law: string) => (rows.find((row) => row.includes(`<code>${law}</code>`)) ?? '').split('<td>').slice(1);
    expect(of('padding/no-influence')[0]).toContain(
      'href="#outcome-2" title="padding/no-influence on broadcast-bug: violated"',
    );
    expect(of('padding/no-influence')[1]).toContain('padding/no-influence on second: failed');
    expect(of('rows/support')[0]).toBe('</td>');
  });

  it('tells how often each kind of mask was checked in which circumstances', () => {
    const table = between(text, '<table class="circumstances">', '</table>');
    expect(table).toContain('title="right padding, heads grouped: 1,100 checked">1.1k<');
    expect(table).toContain('title="random, mask form boolean: 1 checked">1<');
    expect(table).toMatch(/class="heat h0[^"]*" title="left padding, mask rank 2: 0 checked"></);
  });

  it('gives the command of the whole run, and says which part of a run it is', () => {
    const shard = htmlText({ ...wholeReport(), shard: { index: 2, count: 3 } });
    expect(shard).toContain('Shard 2 of 3. Seed 7.');
    expect(between(shard, '<section id="again"', '</section>').replaceAll(/<[^>]+>/g, '')).toContain(
      'npx maskproof fuzz --backend ./broadcast-bug.ts --backend second --runs 100 --seed 7 --shard 2/3',
    );
  });

  it('links to nothing but pages', () => {
    expect(text).toContain('<a href="https://example.org/issues/1" rel="noreferrer">');
    expect(htmlText(hostileReport(10_000))).not.toMatch(/href="(?!#)/);
  });

  it('is whole and short whatever a backend says', () => {
    const hostile = htmlText(hostileReport());
    expect(hostile.length).toBeLessThan(200_000);
    expect(hostile.match(/<script>/g)).toHaveLength(1);
    expect(hostile).not.toMatch(
      /<img|<svg\/|[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\ufffe\uffff]|\p{Surrogate}/u,
    );
  });
});
