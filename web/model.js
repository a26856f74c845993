// What this model can and cannot tell, from its card.
import {get} from './api.js';
import {h, problem, percent} from './dom.js';

export async function model(page) {
  page.append(h('div', {}, h('h1', {}, 'What this model can and cannot tell'), h('p', {class: 'lead'}, 'Everything here comes from the card inside the model file.')));
  const out = h('div', {class: 'stack', style: {gap: '24px'}}, h('p', {class: 'soft'}, 'Reading the card…'));
  page.append(out);
  try {
    const [{header, card, sha256}] = (await get('/v1/models')).models;
    const abstain = card.abstain ? `Scores between ${percent(card.abstain[0])} and ${percent(card.abstain[1])} give no verdict: there the model is wrong too often.` : 'The card names no range of doubt: every score is decided by the threshold.';
    out.replaceChildren(h('div', {class: 'two'},
      h('section', {class: 'card prose'}, h('h2', {}, 'It tells apart'), h('ul', {}, header.classes.map((name) => h('li', {}, h('strong', {}, name), header.attack_classes.includes(name) ? ', an attack' : ', no attack'))),
        h('p', {}, `A face is called an attack from ${percent(header.threshold)} on. `, abstain), card.threshold_source ? h('p', {class: 'soft small'}, `How the threshold was chosen: ${card.threshold_source}`) : null),
      h('section', {class: 'card prose'}, h('h2', {}, 'It cannot'), h('ul', {}, ['prove anything: a score is a probability, and false alarms happen', 'judge faces that are small, blurred, dark, covered or turned far away: it then says so', 'know forgeries made by methods unlike those it learned from', 'see anything but faces: text, scenes, voices and context are not looked at', 'tell who somebody is'].map((text) => h('li', {}, text))))),
    h('section', {class: 'card stack'}, h('h2', {}, 'The card'), facts({Name: card.name, Licence: card.licence, Network: card.architecture, 'Face detector': card.face_detector, 'SHA-256 of the file': sha256 || 'several files'})),
    ...[table('Measured', card.metrics), table('Learned from', card.training)].filter(Boolean));
  } catch (error) { out.replaceChildren(problem(error)); }
}

const facts = (values) => h('dl', {class: 'facts'}, Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== '').map(([name, value]) => [h('dt', {}, name), h('dd', {}, String(value))]));

// Whatever the card's writer put there, flattened to names and values.
function table(title, value) {
  const rows = {};
  const walk = (node, path) => {
    if (node !== null && typeof node === 'object') for (const [name, inner] of Object.entries(node)) walk(inner, Array.isArray(node) && typeof inner !== 'object' ? path : [...path, name]);
    else { const name = path.join(' · ').replaceAll('_', ' '); rows[name] = rows[name] === undefined ? node : `${rows[name]}, ${node}`; }
  };
  walk(value ?? {}, []);
  return Object.keys(rows).length ? h('section', {class: 'card stack'}, h('h2', {}, title), facts(rows)) : null;
}
