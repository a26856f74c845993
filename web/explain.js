// Where in a face its score comes from: asked for on demand, drawn over the picture, said in words.
import {post} from './api.js';
import {h, problem, say} from './dom.js';

const kFit = ['below_threshold', 'above_threshold', 'doubt_band'];  // other faces got no verdict, so none to explain
const kLeastScale = 0.25;  // log odds: a map that says little is not blown up to a loud one
const signed = (value) => { const size = Math.abs(value).toFixed(1); return `${Number(size) === 0 ? '' : value < 0 ? '−' : '+'}${size}`; };

// A pixel a patch, which the browser blows up smoothly: red speaks for an attack, blue against.
function heat({grid, map}) {
  const canvas = h('canvas', {width: grid, height: grid});
  const context = canvas.getContext('2d');
  const pixels = context.createImageData(grid, grid);
  const scale = Math.max(kLeastScale, ...map.map(Math.abs));
  map.forEach((value, i) => pixels.data.set([...(value > 0 ? [220, 30, 30] : [40, 90, 220]), 150 * Math.abs(value) / scale], 4 * i));
  context.putImageData(pixels, 0, 0);
  return canvas;
}

// The map over its place in a picture of width x height pixels, and room for the outline of a region.
function layer({grid, map, place: [left, top, across, down]}, width, height) {
  const marks = h('svg', {viewBox: `0 0 ${grid} ${grid}`, preserveAspectRatio: 'none'});
  const over = h('div', {class: 'why', 'aria-hidden': 'true', style: {left: `${100 * left / width}%`, top: `${100 * top / height}%`, width: `${100 * across / width}%`, height: `${100 * down / height}%`}}, heat({grid, map}), marks);
  const mark = (patches) => marks.replaceChildren(...patches.map((p) => h('rect', {x: p % grid, y: Math.floor(p / grid), width: 1, height: 1})));
  return {over, mark};
}

function regionList(regions, mark) {
  const scale = Math.max(kLeastScale, ...regions.map(({effect}) => Math.abs(effect)));
  return h('ul', {class: 'effects', onpointerleave: () => mark([])}, regions.map(({region, effect, patches}) =>
    h('li', {}, h('button', {'aria-label': `${region} ${signed(effect)}, show where`, onclick: () => mark(patches), onpointerenter: () => mark(patches), onfocus: () => mark(patches), onblur: () => mark([])},
      h('span', {}, region), h('i', {class: effect > 0 ? 'for' : 'against', style: {width: `${Math.max(2, 100 * Math.abs(effect) / scale)}%`}}), h('span', {}, signed(effect))))));
}

// A button for the face at `index` of the picture in `stage`, and what it shows.
export function reasons(file, face, index, stage) {
  if (!kFit.includes(face.reason)) return null;
  const out = h('div', {class: 'stack', style: {gap: '12px'}});
  let shown = null;
  const close = () => { shown?.remove(); shown = null; out.replaceChildren(); };
  const open = async () => {
    const {explanation} = (await post('/v1/explain', file, {face: index})).results[0].faces[index];
    const picture = stage.querySelector('img');  // none where the browser cannot show the format
    const {over, mark} = picture?.naturalWidth ? layer(explanation, picture.naturalWidth, picture.naturalHeight) : {mark: () => {}};
    if (over) { shown = over; stage.append(over); }
    const text = `${explanation.sentence[0].toUpperCase()}${explanation.sentence.slice(1)}.`;
    out.replaceChildren(h('p', {}, text), regionList(explanation.regions, mark),
      h('p', {class: 'soft small'}, 'How far the log odds of an attack fall when that part is hidden: red speaks for a forgery, blue against. It shows what this model looks at, not what was done to the face.'));
    say(text);
  };
  const button = h('button', {'aria-expanded': 'false', 'aria-label': `Why this score? Face ${index + 1}`, onclick: async () => {
    if (out.childNodes.length) { close(); button.textContent = 'Why this score?'; button.setAttribute('aria-expanded', 'false'); return; }
    button.disabled = true;
    button.textContent = 'Looking…';
    try { await open(); button.setAttribute('aria-expanded', 'true'); } catch (error) { out.replaceChildren(problem(error)); }
    button.textContent = out.childNodes.length ? 'Hide the reasons' : 'Why this score?';
    button.disabled = false;
  }}, 'Why this score?');
  return h('div', {class: 'stack', style: {gap: '12px'}}, h('p', {class: 'row'}, button), out);
}
