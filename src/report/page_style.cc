#include "report/html_page.h"

namespace fsfm::report {

// Hues: blue and vermilion carry real and attack; all pairs differ in lightness too, for readers who see colours
// otherwise.
std::string_view page_style() {
  return R"css(
:root{--page:#fbfbf9;--panel:#fff;--text:#1d2126;--soft:#4a525b;--muted:#78818b;--rule:#e3e3dd;--grid:#ecece7;--axis:#b4b7b4;
--c0:#1f6fb2;--c1:#c8501e;--c2:#1b8a5f;--c3:#8353a8;--c4:#a57a00;--c5:#0f8b99;--c6:#bf4277;--c7:#5f6b76;--c8:#8a4b2d;--code:#f3f3ee}
@media(prefers-color-scheme:dark){:root{--page:#14171a;--panel:#1b1f23;--text:#e7e9ea;--soft:#b9c0c6;--muted:#8b949d;--rule:#2c3238;
--grid:#282d32;--axis:#56606a;--c0:#6fb1ec;--c1:#f28a5b;--c2:#5fc79b;--c3:#bf97e0;--c4:#d9b24a;--c5:#57c4d0;--c6:#ee8db4;--c7:#a3adb7;--c8:#cf9d83;--code:#20252a}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:56px 28px 40px;max-width:1136px;background:var(--page);color:var(--text);
font:16px/1.55 Inter,"Source Sans 3","Noto Sans",system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;font-kerning:normal}
header h1{margin:0;font-size:34px;line-height:1.15;font-weight:650;letter-spacing:-.02em;overflow-wrap:anywhere}
header>p{margin:10px 0 0;color:var(--soft);font-size:18px;max-width:70ch;overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:4px 22px;margin-top:24px;padding-top:14px;border-top:1px solid var(--rule);font-size:14px}
nav a{color:var(--soft);text-decoration:none}
nav a:hover{color:var(--text);text-decoration:underline;text-underline-offset:3px}
main{margin-top:32px}
section{margin-top:56px}
h2{margin:0 0 6px;font-size:22px;line-height:1.25;font-weight:640;letter-spacing:-.012em}
h3{margin:28px 0 8px;font-size:15px;line-height:1.35;font-weight:620}
p{margin:10px 0;max-width:70ch}
.lead{margin-top:0;color:var(--soft)}
.note{margin:18px 0;padding:2px 0 2px 16px;border-left:3px solid var(--c4);color:var(--soft)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));margin:24px 0;background:var(--panel);
border:1px solid var(--rule);border-radius:8px;overflow:hidden}
.cards div{box-shadow:0 0 0 .5px var(--rule);display:flex;flex-direction:column;padding:16px 18px 14px;background:var(--panel)}
.cards dt{order:1;margin-top:3px;color:var(--soft);font-size:13.5px;line-height:1.4}
.cards dd{margin:0;font-size:28px;line-height:1.25;font-weight:600;letter-spacing:-.015em;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.cards .sub{order:2;margin-top:1px;color:var(--muted);font-size:13px;line-height:1.4;font-weight:400;letter-spacing:0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:32px 40px;margin:22px 0}
.charts.single{grid-template-columns:minmax(0,720px)}
.charts.single:has(.wide){grid-template-columns:1fr}
.charts .wide{grid-column:1/-1}
figure{margin:0}
.chart h3{margin:0 0 12px}
.chart svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font-family:inherit;font-variant-numeric:tabular-nums}
svg .tick{font-size:11.5px;fill:var(--muted)}
svg .label{font-size:12px;fill:var(--soft)}
svg .mark{font-size:12px}
svg .strong{font-weight:620}
svg .halo{paint-order:stroke;stroke:var(--page);stroke-width:4px;stroke-linejoin:round}
figcaption{margin-top:8px;color:var(--muted);font-size:13.5px;line-height:1.45;max-width:62ch;overflow-wrap:anywhere}
.table{margin:20px 0;overflow-x:auto}
table{border-collapse:collapse;min-width:min(100%,420px);font-size:14.5px;font-variant-numeric:tabular-nums}
caption{padding-bottom:8px;text-align:left;color:var(--soft);font-size:14px}
th,td{padding:8px 0 8px 28px;text-align:right;vertical-align:baseline;font-weight:400;white-space:nowrap}
th:first-child{min-width:8em;padding-left:0;text-align:left;white-space:normal;overflow-wrap:break-word}
.words th,.words td{text-align:left;white-space:normal;overflow-wrap:break-word}
thead th{border-bottom:1px solid var(--axis);color:var(--muted);font-size:13px}
tbody tr+tr>*{border-top:1px solid var(--rule)}
td small,th small{display:block;font-weight:400;color:var(--muted);font-size:12.5px}
.strong{font-weight:650}
.images{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,var(--tile)),1fr));gap:16px 12px;margin:20px 0}
.images img{display:block;width:100%;height:auto;border-radius:4px}
.images figcaption{margin-top:5px;font-size:12.5px}
.picture{margin:20px 0}
.picture img{display:block;max-width:100%;height:auto;border-radius:4px}
.pairs{display:grid;grid-template-columns:max-content 1fr;gap:6px 28px;margin:18px 0;font-size:14.5px}
.pairs dt{color:var(--muted)}
.pairs dd{margin:0;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
pre{margin:14px 0;padding:14px 16px;overflow-x:auto;background:var(--code);border-radius:6px;font:13px/1.5 ui-monospace,"Cascadia Mono","DejaVu Sans Mono",Menlo,Consolas,monospace}
details{margin:14px 0}
summary{cursor:pointer;color:var(--soft);font-size:14.5px}
footer{margin-top:72px;padding-top:14px;border-top:1px solid var(--rule);color:var(--muted);font-size:13px}
@media(max-width:600px){body{padding:32px 16px}header h1{font-size:27px}.pairs{grid-template-columns:1fr;gap:0}.pairs dd{margin-bottom:8px}th,td{padding-left:18px}}
@media print{body{padding:0;max-width:none;background:#fff}section{break-inside:avoid-page}nav{display:none}}
)css";
}

}  // namespace fsfm::report
