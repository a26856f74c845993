// What the five masking strategies hide of a face.
import {post} from './api.js';
import {h, problem, say} from './dom.js';

const kStrategies = {
  'crfr-p': 'CRFR-P: one region whole, the rest drawn region by region in proportion',
  'crfr-r': 'CRFR-R: one region whole, the rest at random',
  frp: 'FRP: every region in proportion',
  'fasking-i': 'Fasking-I: patches of the face before those around it',
  random: 'Random: patches anywhere',
};
const kRegions = ['eyebrows', 'eyes', 'nose', 'mouth', 'boundary', 'hair'];

export function playground(page) {
  let file = null, seed = 1, running = false, again = false;
  const out = h('div', {class: 'stack', 'aria-live': 'polite'});
  const field = h('input', {type: 'file', accept: 'image/*,.heic,.avif', class: 'unseen', id: 'mask-file', tabindex: -1, 'aria-label': 'A photo', onchange: () => { if (field.files[0]) { file = field.files[0]; chosen.textContent = file.name; draw(); } }});
  const chosen = h('p', {class: 'soft small'}, 'No photo yet');
  const strategy = h('select', {id: 'strategy', onchange: draw}, Object.entries(kStrategies).map(([value, text]) => h('option', {value}, text)));
  const region = h('select', {id: 'region', onchange: draw}, h('option', {value: ''}, 'drawn by chance'), kRegions.map((name) => h('option', {value: name}, name)));
  const share = h('output', {for: 'ratio'}, '75 %');
  const ratio = h('input', {type: 'range', id: 'ratio', min: 0, max: 95, step: 5, value: 75, oninput: () => { share.textContent = `${ratio.value} %`; }, onchange: draw});
  const another = h('button', {onclick: () => { seed += 1; draw(); }}, 'Draw another mask');
  page.append(h('div', {}, h('h1', {}, 'Masking playground'), h('p', {class: 'lead'}, 'The model learned from real faces by painting hidden parts anew. See what each strategy hides.')),
    h('div', {class: 'play'}, h('div', {class: 'card fields'}, h('div', {class: 'stack', style: {gap: '8px'}}, field, h('button', {class: 'primary', onclick: () => field.click()}, 'Choose a photo'), chosen),
      h('div', {}, h('label', {for: 'strategy'}, 'Strategy'), strategy), h('div', {}, h('label', {for: 'region'}, 'Region to cover whole'), region),
      h('div', {}, h('div', {class: 'spread'}, h('label', {for: 'ratio'}, 'Hidden share'), share), ratio), another), out));
  draw();

  async function draw() {
    const covers = strategy.value.startsWith('crfr');
    region.disabled = !covers;
    if (!covers) region.value = '';
    another.disabled = !file;
    if (!file) return out.replaceChildren(empty());
    if (running) { again = true; return; }
    running = true;
    try {
      const mask = await post('/v1/masks', file, {strategy: strategy.value, region: region.value, ratio: ratio.value / 100, seed});
      const picture = (data, alt, text) => h('figure', {}, h('img', {src: `data:image/png;base64,${data}`, alt, width: 224, height: 224}), h('figcaption', {}, text));
      out.replaceChildren(...[h('div', {class: 'views'}, picture(mask.face_png, 'The face as the network sees it', 'What the network sees'), picture(mask.parsing_png, 'Its regions in colours', 'Regions found by the parser'), picture(mask.masked_png, 'The face with hidden patches in grey', 'Hidden by the mask'),
        mask.reconstruction ? picture(mask.reconstruction, 'The face with its hidden patches painted by the network', 'Painted by the network') : null),
        h('p', {}, mask.sentence), mask.plausible_face ? null : h('p', {class: 'notice'}, 'The parser does not recognise a whole face here, so regions may be wrong.'),
        mask.reconstruction ? h('p', {class: 'soft'}, mask.reconstruction_note) : h('div', {class: 'notice'}, h('h3', {}, 'No reconstruction on this server'), h('p', {}, mask.reconstruction_note))].filter(Boolean));
      say(mask.sentence);
    } catch (error) { out.replaceChildren(problem(error)); }
    running = false;
    if (again) { again = false; draw(); }
  }

  function empty() {
    return h('div', {class: 'stack'}, h('div', {class: 'views', 'aria-hidden': 'true'}, h('div', {class: 'blank'}), h('div', {class: 'blank'}), h('div', {class: 'blank'})), h('p', {class: 'soft'}, 'Choose a photo with a face: its crop, its regions and the mask appear here.'));
  }
}
