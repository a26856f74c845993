// Small helpers that build the page. Text is always set as text, never as markup.
const kSvg = 'http://www.w3.org/2000/svg';
const kSvgTags = new Set(['svg', 'rect', 'path', 'line', 'g', 'title']);

// h('p', {class: 'soft', onclick: f}, 'text', node, [nodes])
export function h(tag, attributes = {}, ...children) {
  const node = kSvgTags.has(tag) ? document.createElementNS(kSvg, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'style') Object.assign(node.style, value);
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export const kWords = {attack: 'Attack', real: 'Real', inconclusive: 'Cannot tell', no_face: 'No face', error: 'Not judged'};
export const word = (verdict) => h('span', {class: `word ${verdict}`}, kWords[verdict] ?? verdict);
export const percent = (score) => (score === null || score === undefined ? '–' : `${(score * 100).toFixed(1)} %`);
export const plural = (n, one) => `${n} ${one}${n === 1 ? '' : 's'}`;

export function meter(score, verdict, threshold) {
  return h('div', {class: 'meter', role: 'img', 'aria-label': `P(attack) ${percent(score)}, threshold ${percent(threshold)}`},
    h('i', {class: verdict, style: {width: `${score * 100}%`}}), h('b', {style: {left: `calc(${threshold * 100}% - 1px)`}}));
}

export function say(text) { document.getElementById('live').textContent = text; }

export function problem(error, retry) {
  return h('div', {class: 'notice bad', role: 'alert'}, h('h3', {}, error.title ?? 'That did not work'), h('p', {}, error.message),
    retry ? h('p', {class: 'row', style: {marginTop: '12px'}}, h('button', {onclick: retry}, 'Try again')) : null);
}

export function save(name, type, text) {
  const link = h('a', {href: URL.createObjectURL(new Blob([text], {type})), download: name});
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}
