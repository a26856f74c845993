// A picture with its faces: boxes, verdicts, quality; on demand what the parser sees and where a score comes from.
import {post} from './api.js';
import {reasons} from './explain.js';
import {h, word, meter, percent, plural, problem, save} from './dom.js';

export function faceCard(face, number, threshold, more = []) {
  return h('li', {class: 'face'},
    h('div', {class: 'spread'}, h('h3', {}, `Face ${number}`), word(face.verdict)),
    h('div', {class: 'stack', style: {gap: '8px'}}, h('div', {class: 'spread'}, h('span', {class: 'score'}, percent(face.score)), h('span', {class: 'soft small'}, `probability of an attack, line at ${percent(threshold)}`)), meter(face.score, face.verdict, threshold)),
    h('p', {}, sentence(face, threshold)), more,
    h('details', {}, h('summary', {}, 'Quality and classes'), facts(face)));
}

// What the verdict means, for people who do not know the threshold.
export function sentence(face, threshold) {
  const line = percent(threshold).replace(' ', '\u00a0');  // the unit stays with its number
  if (face.verdict === 'attack') return `The score reaches the line of ${line}: this face looks forged or presented.`;
  if (face.verdict === 'real') return `The score stays below the line of ${line}: nothing here looks forged to this model.`;
  return `No verdict: ${face.why}.`;
}

function facts(face) {
  const classes = Object.entries(face.per_class).sort((a, b) => b[1] - a[1]);
  const quality = [['Size', `${face.box[2]} × ${face.box[3]} pixels`], ['Sharpness', face.sharpness.toFixed(0)], ['Turned', `${Math.abs(face.yaw).toFixed(0)}° ${face.yaw > 3 ? 'right' : face.yaw < -3 ? 'left' : ''}`],
    ...(face.light !== undefined ? [['Light', `${face.light.toFixed(0)} of 255`]] : [])];
  return h('dl', {class: 'facts'}, [...quality, ...classes.map(([name, value]) => [name, percent(value)])].map(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}

// Boxes over a stage whose content is width x height pixels.
export function boxes(width, height, faces) {
  return h('svg', {viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'xMidYMid meet', 'aria-hidden': 'true'},
    faces.map((face) => h('rect', {class: `box ${face.verdict}`, x: face.box[0], y: face.box[1], width: face.box[2], height: face.box[3], rx: Math.min(width, height) / 100})));
}

function summary(faces) {
  if (!faces.length) return 'No face found';
  const count = (verdict) => faces.filter((face) => face.verdict === verdict).length;
  return `${plural(faces.length, 'face')}: ${[['attack', 'attack'], ['real', 'real'], ['inconclusive', 'undecided']].filter(([verdict]) => count(verdict)).map(([verdict, text]) => `${count(verdict)} ${text}`).join(', ')}`;
}

export function pictureResult(file, entry, document) {
  const stage = h('div', {class: 'stage'});
  const picture = h('img', {alt: `The picture that was judged, ${summary(entry.faces)}`, src: URL.createObjectURL(file)});
  picture.addEventListener('load', () => {
    stage.style.aspectRatio = `${picture.naturalWidth} / ${picture.naturalHeight}`;
    stage.classList.add('shaped');
    stage.append(boxes(picture.naturalWidth, picture.naturalHeight, entry.faces));
  });
  picture.addEventListener('error', () => stage.replaceChildren(h('p', {class: 'soft', style: {padding: '32px'}}, 'The server judged this picture; this browser cannot show its format.')));
  stage.append(picture);
  const cards = entry.faces.map((face, i) => {
    const card = faceCard(face, i + 1, document.threshold, reasons(file, face, i, stage));
    const mark = (on) => { card.classList.toggle('on', on); stage.querySelectorAll('.box')[i]?.classList.toggle('on', on); };
    card.addEventListener('pointerenter', () => mark(true));
    card.addEventListener('pointerleave', () => mark(false));
    card.addEventListener('focusin', () => mark(true));
    card.addEventListener('focusout', () => mark(false));
    return card;
  });
  return h('section', {class: 'stack', style: {gap: '24px'}, 'aria-label': 'Result'},
    h('div', {class: 'spread'}, h('h2', {}, summary(entry.faces)), h('div', {class: 'row'}, h('button', {onclick: () => save('verdict.json', 'application/json', JSON.stringify(document, null, 2))}, 'Save as JSON'))),
    h('div', {class: 'result'}, h('div', {class: 'stack'}, stage, provenance(entry), entry.faces.length ? regions(file) : null),
      entry.faces.length ? h('ol', {class: 'faces'}, cards) : h('div', {class: 'notice'}, h('h3', {}, 'Nothing to judge'), h('p', {}, 'The face detector found no face. Faces that are very small, upside down or mostly covered are missed: try a closer or sharper picture.'))));
}

function provenance(entry) {
  const credentials = entry.provenance?.c2pa_manifest;
  return h('p', {class: 'soft small'}, entry.file, credentials ? ' · carries content credentials (found, not verified)' : '', entry.sha256 ? ` · SHA-256 ${entry.sha256.slice(0, 12)}…` : '');
}

function regions(file) {
  const out = h('div', {class: 'stack'});
  const button = h('button', {'aria-expanded': 'false', onclick: async () => {
    if (out.childNodes.length) { out.replaceChildren(); button.textContent = 'Show the regions of the largest face'; button.setAttribute('aria-expanded', 'false'); return; }
    button.disabled = true;
    try {
      const mask = await post('/v1/masks', file, {ratio: 0});
      out.replaceChildren(h('div', {class: 'stage small-stage'}, h('img', {src: `data:image/png;base64,${mask.parsing_png}`, width: 224, height: 224, alt: 'The face, each of its regions in a colour of its own'})),
        h('p', {class: 'small'}, mask.plausible_face ? `The face parser sees ${mask.present.join(', ')}. It says where the parts of the face are, not which of them decided.` : 'The face parser does not recognise a whole face here: be careful with this verdict.'));
      button.textContent = 'Hide the regions';
      button.setAttribute('aria-expanded', 'true');
    } catch (error) { out.replaceChildren(problem(error)); }
    button.disabled = false;
  }}, 'Show the regions of the largest face');
  return h('div', {class: 'stack'}, h('p', {class: 'row'}, button), out);
}
