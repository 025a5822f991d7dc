/// The report's style: paper and ink, teal for what is right, coral for what is wrong, nothing else.
let reportStyle = """
  :root {
    --page: #f6f5f1; --card: #ffffff; --ink: #1d2322; --soft: #5f6966; --faint: #98a09d; --rule: #e5e4de;
    --right: #0f766e; --on-right: #ffffff; --wrong: #d2542f; --on-wrong: #ffffff; --quiet: #9aa3a0;
    --shadow: 0 1px 2px rgb(30 35 33 / .05), 0 8px 24px -16px rgb(30 35 33 / .18);
    --mono: ui-monospace, "SF Mono", "Cascadia Code", "DejaVu Sans Mono", Menlo, monospace;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --page: #131716; --card: #1b201f; --ink: #e8ecea; --soft: #a3adaa; --faint: #6d7774; --rule: #2c3331;
      --right: #45c4b4; --on-right: #06211d; --wrong: #f0805c; --on-wrong: #2a0d04; --quiet: #77827e; --shadow: none;
    }
  }
  * { box-sizing: border-box; }
  body {
    margin: 0; background: var(--page); color: var(--ink);
    font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", sans-serif;
    -webkit-font-smoothing: antialiased;
  }
  main { max-width: 1160px; margin: 0 auto; padding: 56px 24px 80px; display: grid; gap: 20px; grid-template-columns: minmax(0, 1fr); }
  header { margin-bottom: 12px; }
  .eyebrow { margin: 0 0 6px; color: var(--faint); font-size: 13px; letter-spacing: .02em; }
  h1 { margin: 0; font-size: 40px; line-height: 1.12; letter-spacing: -.022em; font-weight: 650; overflow-wrap: anywhere; }
  h2 { margin: 0 0 14px; font-size: 16px; font-weight: 620; letter-spacing: -.005em; }
  .lead { margin: 8px 0 0; font-size: 18px; color: var(--soft); }
  .command {
    margin: 22px 0 0; padding: 13px 18px; border-radius: 10px; background: color-mix(in oklab, var(--ink) 5%, transparent);
    font: 13px/1.6 var(--mono); white-space: pre-wrap; overflow-wrap: anywhere;
  }
  .command code { font: inherit; }
  .command code::before { content: "$ "; color: var(--faint); }
  .tiles { display: grid; gap: 20px; grid-template-columns: repeat(auto-fit, minmax(210px, 1fr)); }
  .tile, .card { background: var(--card); border-radius: 14px; box-shadow: var(--shadow); }
  .tile { padding: 20px 24px 18px; display: grid; gap: 2px; }
  .tile span { color: var(--soft); font-size: 14px; }
  .tile strong { font-size: 42px; line-height: 1.15; font-weight: 600; letter-spacing: -.03em; white-space: nowrap; }
  .tile i { font-style: normal; font-size: .5em; font-weight: 500; letter-spacing: 0; color: var(--soft); }
  .tile small { color: var(--faint); font-size: 13px; min-height: 1.5em; }
  .tile.right strong, .tile.right i { color: var(--right); }
  .grid { display: grid; gap: 20px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
  .stack { display: grid; gap: 20px; grid-template-columns: minmax(0, 1fr); }
  .pair { display: flex; flex-wrap: wrap; gap: 20px; }
  .pair > :first-child { flex: 1 1 auto; }
  .pair > :last-child { flex: 100 1 480px; }
  .card { padding: 22px 24px 20px; min-width: 0; }
  .note { margin: -12px 0 16px; color: var(--faint); font-size: 13px; }
  .calm { margin: 0; color: var(--soft); }
  svg { display: block; width: 100%; height: auto; overflow: visible; font-size: 12px; }
  svg text { fill: var(--soft); font-variant-numeric: tabular-nums; }
  svg .tick { fill: var(--faint); }
  svg .rule { stroke: var(--rule); stroke-width: 1; }
  svg .line { fill: none; stroke-width: 2.25; stroke-linejoin: round; stroke-linecap: round; }
  svg .line.strong { stroke: var(--right); }
  svg .line.quiet { stroke: var(--quiet); }
  svg .dot { stroke: var(--card); stroke-width: 2; }
  svg .dot.strong { fill: var(--right); }
  svg .dot.quiet { fill: var(--quiet); }
  svg .ring { fill: none; stroke: var(--right); stroke-width: 1.5; }
  svg .end { font-size: 14px; font-weight: 620; }
  svg .end.strong { fill: var(--right); }
  svg .end .name { font-size: 12px; font-weight: 400; fill: var(--soft); }
  svg .at rect { fill: transparent; }
  svg .at > g { opacity: 0; pointer-events: none; transition: opacity .12s; }
  svg .at:hover > g { opacity: 1; }
  svg .guide { stroke: var(--faint); stroke-width: 1; stroke-dasharray: 2 3; }
  .grid > :last-child:nth-child(odd) { grid-column: 1 / -1; }
  dl { margin: 0; display: grid; grid-template-columns: max-content minmax(0, 1fr); }
  dt, dd { margin: 0; padding: 6px 0; border-top: 1px solid var(--rule); }
  dl > :nth-child(-n + 2) { border-top: 0; }
  dt { color: var(--soft); padding-right: 24px; }
  dd { text-align: right; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
  table { border-collapse: separate; border-spacing: 0; font-variant-numeric: tabular-nums; }
  .matrix { overflow: auto; max-height: 85vh; overscroll-behavior: contain; }
  .matrix table { border-spacing: 2px; --size: 30px; font-size: 13px; }
  .matrix.large table { --size: 54px; font-size: 16px; }
  .matrix.small table { --size: 21px; font-size: 10px; border-spacing: 1px; }
  .matrix tbody td {
    width: var(--size); min-width: var(--size); height: var(--size); padding: 0; text-align: center; border-radius: 4px;
    background: color-mix(in oklab, var(--ink) 3.5%, transparent); color: var(--ink);
  }
  .matrix.small tbody td { border-radius: 2px; }
  .matrix tbody td.d { color: var(--faint); }
  .matrix tbody td.r { background: color-mix(in oklab, var(--right) var(--p), transparent); }
  .matrix tbody td.w { background: color-mix(in oklab, var(--wrong) var(--p), transparent); }
  .matrix tbody td.r.s { color: var(--on-right); }
  .matrix tbody td.w.s { color: var(--on-wrong); }
  .matrix th { font-weight: 400; color: var(--soft); background: var(--card); font-size: 13px; }
  .matrix.small th { font-size: 12px; }
  .matrix tbody th {
    position: sticky; left: 0; z-index: 1; padding: 0 10px 0 0; text-align: right; white-space: nowrap; line-height: 1.2;
    max-width: 190px; overflow: hidden; text-overflow: ellipsis;
  }
  .matrix thead th, .matrix thead td { position: sticky; top: 0; z-index: 2; background: var(--card); }
  .matrix thead td { left: 0; z-index: 3; }
  .matrix thead th { vertical-align: bottom; padding: 0 0 8px; }
  .matrix thead span {
    display: inline-block; writing-mode: vertical-rl; transform: rotate(180deg); max-height: 150px; overflow: hidden;
    text-overflow: ellipsis; white-space: nowrap; line-height: 1.2;
  }
  .classes { overflow: auto; }
  .classes.long { max-height: 560px; }
  .classes table { width: 100%; }
  .classes th, .classes td { padding: 7px 10px; text-align: right; border-top: 1px solid var(--rule); white-space: nowrap; }
  .classes thead th { position: sticky; top: 0; z-index: 1; background: var(--card); border-top: 0; color: var(--faint); font-weight: 400; font-size: 13px; }
  .classes th:first-child { text-align: left; padding-left: 0; font-weight: 500; }
  .classes .text, .classes th:last-child { text-align: left; color: var(--soft); padding-left: 28px; }
  .classes .bar { width: 19%; min-width: 120px; }
  .classes .bar span { display: flex; align-items: center; justify-content: flex-end; gap: 10px; }
  .classes .bar span::before {
    content: ""; flex: 1; height: 5px; border-radius: 3px;
    background: linear-gradient(var(--right) 0 0) 0 / var(--p) 100% no-repeat, color-mix(in oklab, var(--ink) 7%, transparent);
  }
  .pair .classes .bar { width: auto; min-width: 0; }
  .pair .classes .bar span::before { display: none; }
  .pair .classes th, .pair .classes td { padding-top: 10px; padding-bottom: 10px; }
  .amounts th small { font-weight: 400; color: var(--faint); font-size: inherit; }
  .amounts tr:first-child > * { border-top: 0; }
  .amounts td:last-child { padding-right: 0; }
  .amounts td small { color: var(--faint); }
  .calm + .classes { margin-top: 12px; }
  .amounts .meter { width: 40%; padding-left: 10px; }
  .amounts td:last-child { width: 1px; }
  .calm b { color: var(--ink); font-weight: 600; }
  .meter::before {
    content: ""; display: block; height: 5px; border-radius: 3px;
    background: linear-gradient(var(--right) 0 0) 0 / var(--p) 100% no-repeat, color-mix(in oklab, var(--ink) 7%, transparent);
  }
  .meter.wrong::before { background-image: linear-gradient(var(--wrong) 0 0); }
  .photos { display: grid; gap: 22px 18px; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); }
  .photos.wide { grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); }
  .seen { display: grid; gap: 4px; grid-template-columns: 1fr 1fr; }
  figure { margin: 0; min-width: 0; }
  figure img, .blank { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 10px; background: var(--rule); }
  figcaption { margin-top: 9px; font-size: 14px; line-height: 1.4; color: var(--soft); overflow-wrap: anywhere; }
  figcaption b { font-weight: 600; color: var(--ink); }
  figcaption .wrong { color: var(--wrong); font-variant-numeric: tabular-nums; white-space: nowrap; }
  figcaption small { display: block; font-size: 12px; color: var(--faint); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
  @media (min-width: 980px) {
    .grid > :last-child:nth-child(odd) dl { grid-template-columns: repeat(2, max-content minmax(0, 1fr)); }
    .grid > :last-child:nth-child(odd) dl > :nth-child(-n + 4) { border-top: 0; }
    .grid > :last-child:nth-child(odd) dl > :nth-child(4n + 3) { padding-left: 48px; }
  }
  @media (max-width: 800px) { .classes .bar { width: auto; min-width: 0; } .classes .bar span::before { display: none; } }
  @media (max-width: 560px) { main { padding-top: 32px; } h1 { font-size: 30px; } .tile strong { font-size: 34px; } }
  @media print { body { background: none; } .card, .tile { break-inside: avoid; box-shadow: none; } .matrix, .classes.long { max-height: none; } }
  """
