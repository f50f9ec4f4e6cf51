"""The page's style sheet. Its hash is in the page's policy, so nothing else can style it."""

STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5a6675;
--line:#dfe4ea;
--ok:#1a7f4b;--bad:#b3261e;--warn:#8a5a00;--bar:#9fb0c3;--accent:#2f6fde;
--l0:#edf0f4;--l1:#cfe3fb;--l2:#93c1f5;--l3:#4a90e2;--l4:#1c5fb8;--t0:#7b8694;--t1:#1f3f66;
--t2:#12365f;--t3:#fff;--t4:#fff}
@media(prefers-color-scheme:dark){:root{--page:#10151c;--card:#19212b;--ink:#e6ebf1;
--soft:#9aa7b6;
--line:#2b3643;--ok:#4cc38a;--bad:#ff8a80;--warn:#f0b955;--bar:#51637a;--accent:#6ea8ff;
--l0:#222c38;--l1:#1d3f66;--l2:#235c99;--l3:#3a83d6;--l4:#86bbff;--t0:#77859a;--t1:#bcd8f7;
--t2:#dbeafc;--t3:#fff;--t4:#0b2340}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:62rem;margin:0 auto;padding:1rem}
h1,h2,p,dl,dd,figure,ul{margin:0;padding:0}
h1{font-size:1.5rem;line-height:1.25}
h2{font-size:1.05rem;margin-bottom:.75rem}
section,header{background:var(--card);border:1px solid var(--line);border-radius:12px;
padding:1rem 1.125rem;margin-bottom:1rem}
header{border-left:6px solid var(--state)}
header.fresh{--state:var(--ok)}header.stale,header.never{--state:var(--warn)}
header.failing{--state:var(--bad)}
header h1::before{content:"";display:inline-block;width:.7em;height:.7em;border-radius:50%;
background:var(--state);margin-right:.45em}
header p{color:var(--soft);margin-top:.35rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(12.5rem,1fr));gap:.9rem 1.5rem;
margin-top:1rem}
dt,.soft{color:var(--soft);font-size:.875rem}
dd{font-weight:600;overflow-wrap:anywhere}
dd .soft{font-weight:400;display:block}
.bad{color:var(--bad)}.warn{color:var(--warn)}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{color:var(--soft);font-size:.875rem;font-weight:400;text-align:left}
th,td{padding:.5rem .75rem .5rem 0;vertical-align:top;border-bottom:1px solid var(--line)}
tr:last-child td{border-bottom:0}
td:first-child{overflow-wrap:anywhere;min-width:8rem}
th:last-child,td:last-child{padding-right:0}
.number{text-align:right;white-space:nowrap;padding-right:1.75rem}
.when{white-space:nowrap}
.list .when{flex:0 0 9.5rem;line-height:1.75}
.list .when+span{flex:1 1 18rem}
svg{display:block;width:100%;height:auto}
.runs{height:4.5rem}
.runs line{stroke:var(--line)}
.runs .ok rect{fill:var(--bar)}.runs .changed rect{fill:var(--accent)}
.runs .bad rect{fill:var(--bad)}
.key{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;margin:.5rem 0 1rem;
color:var(--soft);font-size:.875rem}
.key li::before{content:"";display:inline-block;width:.7em;height:.7em;border-radius:2px;
margin-right:.4em;background:var(--bar)}
.key .changed::before{background:var(--accent)}.key .bad{color:inherit}
.key .bad::before{background:var(--bad)}
.year{display:grid;grid-template-columns:repeat(auto-fill,minmax(8.5rem,1fr));gap:1rem 1.25rem}
figcaption{color:var(--soft);font-size:.875rem;margin-bottom:.25rem}
.year text{font-size:9px;text-anchor:middle}
.l0 rect{fill:var(--l0)}.l1 rect{fill:var(--l1)}.l2 rect{fill:var(--l2)}.l3 rect{fill:var(--l3)}
.l4 rect{fill:var(--l4)}
.l0 text{fill:var(--t0)}.l1 text{fill:var(--t1)}.l2 text{fill:var(--t2)}.l3 text{fill:var(--t3)}
.l4 text{fill:var(--t4)}
.today rect{stroke:var(--ink);stroke-width:2}
.today text{font-weight:700}
.legend{display:flex;flex-wrap:wrap;gap:.25rem 1rem;list-style:none;margin-top:1rem;
color:var(--soft);font-size:.875rem}
.legend li::before{content:"";display:inline-block;width:.8em;height:.8em;border-radius:3px;
margin-right:.4em;vertical-align:-.05em;background:var(--l0)}
.legend .l1::before{background:var(--l1)}.legend .l2::before{background:var(--l2)}
.legend .l3::before{background:var(--l3)}.legend .l4::before{background:var(--l4)}
.list{list-style:none}
.list li{display:flex;flex-wrap:wrap;gap:0 1rem}
.list li{padding:.5rem 0;border-bottom:1px solid var(--line);overflow-wrap:anywhere}
.list li:last-child{border-bottom:0;padding-bottom:0}
footer{color:var(--soft);font-size:.875rem;padding:0 .25rem 1rem}
@media(min-width:48rem){main{padding:1.5rem}.year{grid-template-columns:repeat(6,1fr)}}
"""
