// Which part of the page is shown: the address after '#'.
import {check} from './check.js';
import {playground} from './playground.js';
import {history} from './history.js';
import {model} from './model.js';

const kParts = {check, playground, history, model};
const kept = {};  // a part keeps what it shows while another is looked at

async function show() {
  const name = /^#\/(\w+)/.exec(location.hash)?.[1];
  const part = kParts[name] ? name : 'check';
  for (const link of document.querySelectorAll('nav a'))
    link.toggleAttribute('aria-current', link.getAttribute('href') === `#/${part}`);
  for (const link of document.querySelectorAll('nav a[aria-current]')) link.setAttribute('aria-current', 'page');
  const main = document.getElementById('main');
  if (!kept[part] || part === 'history') {
    kept[part] = document.createElement('div');
    kept[part].className = 'stack';
    kept[part].style.gap = '32px';
    kParts[part](kept[part]);
  }
  main.replaceChildren(kept[part]);
  document.title = `${kept[part].querySelector('h1')?.textContent ?? 'fsfm'} · fsfm`;
}

addEventListener('hashchange', () => { show(); document.getElementById('main').focus(); });
show();
