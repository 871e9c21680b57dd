/** How the page looks: one sheet, light and dark, on paper, in forced colours. No colour says anything that a mark or a word does not say too. */
export const stylesheet = `
:root {
  color-scheme: light dark;
  --paper: #fcfcfa; --raised: #ffffff; --ink: #1c1f26; --soft: #575c66; --line: #e0e0da; --faint: #f1f1ec;
  --held: #0d6b4f; --violated: #b0261a; --failed: #8a4b00; --known: #5b45a5; --link: #1f4fa8;
  --kept: #34415b; --dropped: #ecece6; --dropped-mark: #6d717a; --leaked: #c2341f; --leaked-mark: #ffffff; --ignored: #fff4df; --ignored-mark: #8a4b00;
  --bar: #9aa6bf;
  --sans: ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
  --mono: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14161a; --raised: #1a1d22; --ink: #e6e6e1; --soft: #a3a8b2; --line: #30343c; --faint: #21252b;
    --held: #58c79c; --violated: #ff8a76; --failed: #f0b05a; --known: #b6a5f5; --link: #9dbcff;
    --kept: #a9b7d4; --dropped: #262a31; --dropped-mark: #8b919c; --leaked: #ff7a62; --leaked-mark: #1b0b07; --ignored: #3a2c12; --ignored-mark: #f6bd6a;
    --bar: #56627c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; scroll-padding-top: 1rem; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 var(--sans); font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.page { max-width: 68rem; margin: 0 auto; padding: 2.5rem 1.5rem 4rem; }
code, pre, .mono { font-family: var(--mono); font-size: .875em; }
bdi { unicode-bidi: isolate; }
a { color: var(--link); text-decoration-thickness: 1px; text-underline-offset: .2em; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -100vw; background: var(--raised); padding: .5rem 1rem; }
.skip:focus { left: 1rem; top: 1rem; z-index: 1; }
.hidden { position: absolute; width: 1px; height: 1px; margin: -1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
h1, h2, h3, p, dl, dd, ul, figure, table { margin: 0; padding: 0; }
ul { list-style: none; }
table { border-collapse: collapse; }
th { font-weight: inherit; text-align: left; }

.brand { color: var(--soft); font-size: .875rem; letter-spacing: .01em; }
.brand b { color: var(--ink); font-weight: 650; }
h1 { font-size: clamp(1.7rem, 1.2rem + 2vw, 2.5rem); line-height: 1.15; font-weight: 650; letter-spacing: -.02em; margin: .35rem 0 .6rem; text-wrap: balance; }
.lede { color: var(--soft); max-width: 46rem; }
.tally { display: flex; flex-wrap: wrap; gap: .5rem 2.25rem; margin: 1.75rem 0 .9rem; }
.tally div { display: flex; flex-direction: column-reverse; }
.tally dt { font-size: .8125rem; color: var(--soft); }
.tally dd { font-size: 1.75rem; line-height: 1.2; font-weight: 600; letter-spacing: -.02em; }
.tally .none dd { color: var(--soft); font-weight: 400; }
.share { display: block; width: 100%; height: .5rem; border-radius: 3px; }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.5rem; margin-top: 1.25rem; font-size: .9375rem; }
section { margin-top: 3.5rem; }
h2 { font-size: 1.25rem; font-weight: 650; letter-spacing: -.01em; padding-bottom: .4rem; border-bottom: 1px solid var(--line); margin-bottom: 1.25rem; }
.note { color: var(--soft); font-size: .9375rem; max-width: 46rem; }

.held { color: var(--held); } .violated { color: var(--violated); } .failed { color: var(--failed); } .known, .fixed { color: var(--known); } .skipped { color: var(--soft); }
.fill-held { fill: var(--held); } .fill-violated { fill: var(--violated); } .fill-failed { fill: var(--failed); } .fill-known { fill: var(--known); } .fill-skipped { fill: var(--line); } .fill-bar { fill: var(--bar); } .fill-drawn { fill: var(--line); }

h3.name { font-size: 1rem; font-weight: 600; }
.name small { font-weight: 400; color: var(--soft); font-size: .875rem; margin-left: .5rem; }
.glance { display: flex; flex-wrap: wrap; gap: 1.5rem 3rem; align-items: flex-start; }
.beside { flex: 1 1 18rem; min-width: 0; }
.beside .key { margin: 0 0 1rem; }
.versions li { font-size: .875rem; padding: .2rem 0; }
.versions small { display: block; color: var(--soft); font-size: .8125rem; }
.matrix { font-size: .875rem; }
.matrix thead th { vertical-align: bottom; padding: 0 .15rem .4rem; color: var(--soft); }
.matrix thead th span { writing-mode: vertical-rl; transform: rotate(180deg); max-height: 12rem; overflow: hidden; white-space: nowrap; line-height: 1.5rem; }
.matrix tbody th { padding: 0 1.5rem 0 0; white-space: nowrap; color: var(--soft); }
.matrix tbody td { padding: 1px .15rem; }
.matrix tbody tr:hover th { color: var(--ink); }
.matrix tr.first:not(:first-child) > * { padding-top: .75rem; }
.areas { display: flex; flex-wrap: wrap; gap: .7rem 1.4rem; margin-top: .5rem; }
.areas h4 { margin: 0 0 .2rem; font-size: .8125rem; font-weight: 400; color: var(--soft); }
.chips { display: flex; flex-wrap: wrap; gap: .2rem; }
.chips li { display: flex; }
.chip { width: 1.5rem; height: 1.5rem; display: grid; place-items: center; border-radius: 4px; background: var(--faint); font-size: .8125rem; line-height: 1; text-decoration: none; }
a.chip { outline: 1.5px solid currentColor; outline-offset: -1.5px; font-weight: 700; }
a.chip:hover { background: var(--dropped); }
a.chip:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.key { display: flex; flex-wrap: wrap; gap: .2rem 1.25rem; margin-top: 1.25rem; font-size: .8125rem; color: var(--soft); }

article { background: var(--raised); border: 1px solid var(--line); border-radius: 8px; padding: 1.5rem 1.75rem 1.6rem; }
article + article { margin-top: 1.25rem; }
article > header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .1rem .7rem; }
article h3 { font-size: 1.0625rem; font-weight: 650; }
article h3 code { font-size: .9375em; }
article header small { color: var(--soft); font-size: .9375rem; }
.tag { font-size: .75rem; border: 1px solid currentColor; border-radius: 99px; padding: 0 .55rem; }
.statement { color: var(--soft); margin-top: .25rem; max-width: 46rem; }
.summary { margin-top: .8rem; max-width: 46rem; font-weight: 500; white-space: pre-line; max-height: 24rem; overflow-y: auto; }
.story { display: flex; flex-wrap: wrap; gap: 1.5rem 2.5rem; margin-top: 1.35rem; align-items: flex-start; }
.story > .shown { min-width: 0; max-width: 100%; flex: 0 1 auto; }
.story > dl { flex: 1 1 24rem; min-width: 0; }
.facts > div { display: grid; grid-template-columns: 7.5rem 1fr; gap: 0 1rem; padding: .35rem 0; border-top: 1px solid var(--line); font-size: .9375rem; }
.facts > div:first-child { border-top: 0; padding-top: 0; }
.facts dt { color: var(--soft); }
.facts dd { text-wrap: pretty; }
.facts dd + dd { grid-column: 2; }

.scroll { position: relative; overflow-x: auto; max-width: 100%; }
.panel + .panel { margin-top: 1rem; }
.panel .of { font-size: .8125rem; color: var(--soft); text-align: left; caption-side: top; padding-bottom: .15rem; }
.map { border-collapse: separate; border-spacing: 2px; }
.map th { font: .75rem/1 var(--mono); color: var(--soft); font-weight: 400; text-align: center; padding: .1rem .15rem; white-space: nowrap; }
.map tbody th { text-align: right; padding-right: .4rem; }
.map .wide { text-align: left; padding-left: .5rem; }
.cell { width: 1.75rem; min-width: 1.75rem; height: 1.75rem; text-align: center; vertical-align: middle; font-size: 1rem; line-height: 1; border-radius: 3px; padding: 0; }
.cell.kept { background: var(--kept); color: var(--kept); }
.cell.dropped { background: var(--dropped); color: var(--dropped-mark); font-weight: 700; }
.cell.leaked { background: var(--leaked); color: var(--leaked-mark); font-weight: 700; }
.cell.ignored { background: var(--ignored); color: var(--ignored-mark); box-shadow: inset 0 0 0 2px currentColor; font-weight: 700; }
.remark { font-size: .8125rem; color: var(--soft); padding-left: .5rem; white-space: nowrap; }
figcaption ul { max-width: 24rem; display: flex; flex-wrap: wrap; gap: .3rem 1rem; margin-top: .6rem; font-size: .8125rem; color: var(--soft); }
figcaption li { display: flex; align-items: center; gap: .4rem; }
figcaption .cell { width: 1.15rem; min-width: 1.15rem; height: 1.15rem; font-size: .75rem; display: inline-grid; place-items: center; }

.numbers { margin-top: 1.2rem; }
.numbers table { font-family: var(--mono); font-size: .8125rem; }
.numbers caption { text-align: left; color: var(--soft); padding-bottom: .3rem; white-space: nowrap; }
.numbers th, .numbers td { padding: .15rem .9rem .15rem 0; text-align: right; white-space: nowrap; }
.numbers tbody th { text-align: left; color: var(--soft); }
.numbers thead th { color: var(--soft); border-bottom: 1px solid var(--line); }
.numbers .off { color: var(--violated); font-weight: 700; }
.again { margin-top: 1.35rem; }
.again p { font-size: .8125rem; color: var(--soft); margin-bottom: .3rem; }
.command { display: flex; gap: .5rem; align-items: stretch; }
.command pre { flex: 1 1 auto; min-width: 0; margin: 0; padding: .55rem .8rem; background: var(--faint); border-radius: 5px; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-size: .8125rem; }
.flag { white-space: nowrap; }
.copy { flex: none; font: .8125rem var(--sans); color: var(--ink); background: transparent; border: 1px solid var(--line); border-radius: 5px; padding: 0 .8rem; min-width: 5.25rem; cursor: pointer; }
.copy:hover { background: var(--faint); }
.message { margin: .8rem 0 0; padding: .75rem .9rem; background: var(--faint); border-radius: 5px; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 24rem; overflow-y: auto; font-size: .8125rem; }

details > summary { cursor: pointer; padding: .3rem 0; }
details > summary:hover { color: var(--link); }
details.more { border-bottom: 1px solid var(--line); padding: .35rem 0; }
h2 + details.more { margin-top: -.85rem; }
details.more > summary b { font-weight: 600; }
details.more > :not(summary) { margin: .6rem 0 1rem; }
details.more > article { margin-top: 1rem; }
.laws { width: 100%; font-size: .875rem; }
.laws th, .laws td { padding: .45rem .9rem .45rem 0; border-top: 1px solid var(--line); vertical-align: top; text-align: left; }
.laws thead th { color: var(--soft); font-size: .8125rem; border-top: 0; white-space: nowrap; }
.laws .number { text-align: right; white-space: nowrap; }
.laws th:last-child, .laws td:last-child { padding-right: 0; }
.laws tbody th { min-width: 14rem; }
.laws tbody th p { color: var(--soft); font-size: .8125rem; max-width: 34rem; }
.laws .verdict { white-space: nowrap; }
.circumstances { font-size: .75rem; border-collapse: separate; border-spacing: 1px; margin-bottom: 2rem; }
.circumstances caption { text-align: left; font-weight: 600; font-size: .875rem; padding-bottom: .4rem; }
.circumstances th { color: var(--soft); white-space: nowrap; font-size: .8125rem; padding-right: .6rem; }
.circumstances thead th { padding: 0 .15rem .2rem; vertical-align: bottom; }
.circumstances thead tr:last-child th { padding-top: .35rem; }
.circumstances thead tr:last-child th span { writing-mode: vertical-rl; transform: rotate(180deg); line-height: 1.6rem; }
.circumstances .edge { border-left: .45rem solid transparent; background-clip: padding-box; }
.heat { width: 2.1rem; min-width: 2.1rem; height: 1.5rem; text-align: center; border-radius: 2px; background-clip: padding-box; color: var(--ink); }
${Array.from({ length: 9 }, (_, n) => `.h${n} { background-color: color-mix(in srgb, var(--bar) ${n * 11}%, var(--faint)); }`).join('\n')}
.facets { columns: 3 16rem; column-gap: 2.5rem; }
.facets table { width: 100%; font-size: .875rem; break-inside: avoid; margin-bottom: 1.5rem; }
.facets caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
.facets th { width: 38%; padding: .1rem .5rem .1rem 0; color: var(--soft); }
.facets td { padding: .1rem 0; }
.facets td:last-child { text-align: right; width: 1%; white-space: nowrap; padding-left: .6rem; }
.facets svg { display: block; width: 100%; height: .55rem; }
h3.name { font-size: 1rem; font-weight: 600; margin-top: 1rem; }
.left { font-size: .9375rem; }
.left li { padding: .3rem 0; }
.left li span { color: var(--soft); }
footer { margin-top: 4rem; color: var(--soft); font-size: .875rem; border-top: 1px solid var(--line); padding-top: 1rem; }

@media (max-width: 40rem) {
  .page { padding: 1.5rem 1rem 3rem; }
  section { margin-top: 2.5rem; }
  article { padding: 1.1rem 1rem 1.2rem; }
  .facts > div { grid-template-columns: 1fr; }
  .facts dd + dd { grid-column: 1; }
  .command { flex-direction: column; }
  .copy { align-self: flex-start; padding: .3rem .8rem; }
}
@media print {
  .page { max-width: none; padding: 0; }
  nav, .copy, .skip { display: none; }
  article { break-inside: avoid; }
  .cell, .chip, .share { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
@media (forced-colors: active) {
  .cell, .chip { border: 1px solid CanvasText; color: CanvasText; }
}
`;
