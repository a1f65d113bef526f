"""How the report looks."""

STYLE = """
:root { color-scheme: light dark; --paper: #fcfcfb; --card: #fff; --ink: #1d232b; --soft: #7b8591;
  --line: #dfe3e7; --real: #4a78a8; --made: #d9601a; --good: #2c7a4b; --fair: #9a6a00;
  --poor: #b3312c; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --card: #1b2027; --ink: #e6e9ec;
  --soft: #8d97a3; --line: #303741; --real: #7fb0e3; --made: #ff9350; --good: #62c48a;
  --fair: #e0b04a; --poor: #f0857f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1020px; margin: 0 auto; padding: 32px 20px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 44px 0 8px; }
p { margin: 4px 0 10px; max-width: 72ch; }
header p, section > p { color: var(--soft); }
header b { color: var(--ink); font-weight: 600; overflow-wrap: anywhere; }
.verdict ul { list-style: none; margin: 24px 0 0; padding: 0; }
.verdict li { display: flex; gap: 14px; padding: 10px 0; border-top: 1px solid var(--line); }
.verdict li:last-child { border-bottom: 1px solid var(--line); }
.verdict span { flex: 0 0 64px; font-weight: 600; }
.verdict p { margin: 0; }
.good span { color: var(--good); } .fair span { color: var(--fair); }
.poor span { color: var(--poor); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--line);
  vertical-align: top; }
thead th { color: var(--soft); font-weight: 500; }
tbody th { font-weight: 600; white-space: nowrap; }
.n { font-variant-numeric: tabular-nums; white-space: nowrap; }
td:last-child { color: var(--soft); min-width: 260px; }
.grid { display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); }
.three { grid-template-columns: repeat(auto-fit, minmax(290px, 1fr)); }
figure { margin: 0; padding: 10px 12px; background: var(--card); border: 1px solid var(--line);
  border-radius: 6px; min-width: 0; }
section > figure { margin-top: 12px; }
figcaption { font-weight: 600; font-size: 14px; overflow-wrap: anywhere; }
small { display: block; color: var(--soft); font-weight: 400; font-size: 12px; }
svg { display: block; width: 100%; height: auto; }
.legend { display: flex; gap: 8px; align-items: center; }
.legend span { width: 14px; height: 10px; display: inline-block; }
.legend .real { background: var(--real); opacity: .5; }
.legend .made { border: 2px solid var(--made); margin-left: 12px; }
"""
