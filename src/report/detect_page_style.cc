#include "report/detect_page_style.h"

namespace fsfm::report {

std::string_view detect_page_style() {
  return R"css(
:root{--real:#1b7f4d;--attack:#c0362c;--unsure:#9a6b00}
@media(prefers-color-scheme:dark){:root{--real:#58c08a;--attack:#f0786c;--unsure:#dcae4c}}
.input{margin:28px 0;padding:22px 24px 24px;background:var(--panel);border:1px solid var(--rule);border-radius:10px}
.input h3{display:flex;align-items:center;gap:12px;margin:0 0 14px;font-size:17px;overflow-wrap:anywhere}
.input h4{margin:20px 0 8px;font-size:13.5px;font-weight:600;color:var(--soft)}
.pill{display:inline-block;padding:2px 10px;border-radius:99px;border:1px solid currentColor;font-size:12.5px;font-weight:620;line-height:1.5;white-space:nowrap;color:var(--muted)}
.pill.real{color:var(--real)}.pill.attack{color:var(--attack)}.pill.inconclusive{color:var(--unsure)}
.photo{display:grid;grid-template-columns:minmax(0,3fr) minmax(280px,2fr);gap:26px;align-items:start}
.whole{display:block;width:100%;height:auto;border-radius:6px}
.faces,.persons,.moments{list-style:none;margin:0;padding:0}
.faces li{display:grid;grid-template-columns:72px 1fr;gap:14px;padding:14px 0}
.faces li+li{border-top:1px solid var(--rule)}
.faces li:first-child{padding-top:0}
.faces img{width:72px;height:72px;border-radius:6px;object-fit:cover}
.faces li.explained{grid-template-columns:128px 1fr}.faces li.explained img{width:128px;height:128px}
.score{display:flex;align-items:center;gap:10px;margin-top:6px;max-width:420px}
.score b{font-variant-numeric:tabular-nums;font-weight:640}
.bar{position:relative;flex:1;height:7px;border-radius:4px;background:var(--grid)}
.bar i{position:absolute;inset:0 auto 0 0;border-radius:4px;background:var(--muted)}
.bar i.real{background:var(--real)}.bar i.attack{background:var(--attack)}.bar i.inconclusive{background:var(--unsure)}
.bar u{position:absolute;top:-4px;bottom:-4px;width:2px;margin-left:-1px;background:var(--text)}
.input p{margin:6px 0 0}
.why{color:var(--soft);font-size:14px;line-height:1.45}
.explains{font-size:14px;line-height:1.45}
.faces figure{margin:0}.faces figure img+img{margin-top:8px}.faces figcaption{margin-top:4px}
.fine{color:var(--muted);font-size:12.5px;line-height:1.45}
.film{margin:16px 0 0}
.stills{position:relative;background:#000;border-radius:6px;overflow:hidden;text-align:center}
.stills img{display:none;margin:0 auto;max-width:100%;max-height:520px;height:auto}
.stills img.on{display:block}
.line{margin-top:14px}
.line svg{display:block;width:100%;height:auto;overflow:visible}
.line input{display:block;width:calc(100% - 44px);margin:4px 0 0 36px;accent-color:var(--c0)}
.film output{display:block;margin-top:4px;color:var(--soft);font-size:13.5px;font-variant-numeric:tabular-nums}
.persons{display:grid;grid-template-columns:repeat(auto-fill,minmax(280px,1fr));gap:16px 28px;margin-top:18px}
.key{display:inline-block;width:11px;height:11px;margin-right:8px;border-radius:50%}
.moments{display:grid;grid-template-columns:repeat(auto-fill,minmax(180px,1fr));gap:12px}
.moments button{display:block;width:100%;padding:0;border:0;background:none;color:var(--soft);font:inherit;font-size:13px;text-align:left;cursor:pointer}
.moments img{display:block;width:100%;height:auto;border-radius:5px}
.moments button:focus-visible img,.moments button:hover img{outline:2px solid var(--c0);outline-offset:2px}
.moments span{display:block;margin-top:4px;font-variant-numeric:tabular-nums}
@media(max-width:760px){.photo{grid-template-columns:1fr}.input{padding:16px}}
@media print{.line input{display:none}.input{break-inside:avoid-page}}
)css";
}

std::string_view detect_page_script() {
  return R"js(
document.querySelectorAll('article').forEach(function(article){
  var film=article.querySelector('.film');
  if(!film)return;
  var stills=film.querySelectorAll('.stills img'),slider=film.querySelector('input'),
      clock=film.querySelector('output'),marker=film.querySelector('.now'),chart=film.querySelector('svg');
  var from=+chart.dataset.from,to=+chart.dataset.to,left=+chart.dataset.left,width=+chart.dataset.width;
  function show(){
    stills.forEach(function(still,i){still.classList.toggle('on',i==slider.value)});
    var t=+stills[slider.value].dataset.t;
    clock.textContent=t.toFixed(1)+' s';
    var x=left+(to>from?(t-from)/(to-from):0)*width;
    marker.setAttribute('x1',x);marker.setAttribute('x2',x);
  }
  slider.addEventListener('input',show);
  chart.addEventListener('click',function(event){
    var box=chart.getBoundingClientRect(),scale=chart.viewBox.baseVal.width/box.width;
    var t=from+((event.clientX-box.left)*scale-left)/width*(to-from),best=0;
    stills.forEach(function(still,i){if(Math.abs(still.dataset.t-t)<Math.abs(stills[best].dataset.t-t))best=i});
    slider.value=best;show();
  });
  article.querySelectorAll('[data-go]').forEach(function(button){
    button.addEventListener('click',function(){slider.value=button.dataset.go;show();});
  });
  show();
});
)js";
}

}  // namespace fsfm::report
