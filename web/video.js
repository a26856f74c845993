// A video with its curve of scores: scrub it, see who is who, jump to the worst moments.
import {h, word, percent, plural, save, say} from './dom.js';
import {boxes, sentence} from './picture.js';

const line = (person) => (person >= 0 && person <= 3 ? `p${person}` : 'pn');
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}.${Math.floor((seconds % 1) * 10)}`;

export function videoResult(file, entry, document) {
  const source = URL.createObjectURL(file);
  const film = h('video', {src: source, controls: true, muted: true, playsinline: true, preload: 'auto', 'aria-label': 'The video that was judged'});
  const stage = h('div', {class: 'stage'}, film);
  let shown = -1;
  film.addEventListener('loadedmetadata', () => { stage.style.aspectRatio = `${film.videoWidth} / ${film.videoHeight}`; stage.classList.add('shaped'); draw(); });
  film.addEventListener('error', () => stage.replaceChildren(h('p', {class: 'soft', style: {padding: '32px'}}, 'The server judged this video; this browser cannot play its format.')));
  film.addEventListener('timeupdate', draw);
  film.addEventListener('seeked', draw);

  const frames = entry.frames;
  const end = Math.max(frames.at(-1)?.seconds ?? 0, 0.001);
  const moment = h('p', {class: 'small', role: 'status'});
  const now = h('line', {class: 'now', x1: 0, x2: 0, y1: 0, y2: 100});
  const curve = h('svg', {class: 'curve', viewBox: '0 0 1000 100', preserveAspectRatio: 'none', role: 'slider', tabindex: 0, 'aria-label': 'Time in the video', 'aria-valuemin': 0, 'aria-valuemax': end.toFixed(1), 'aria-valuenow': 0,
    onpointerdown: (event) => { curve.setPointerCapture(event.pointerId); scrub(event); }, onpointermove: (event) => { if (event.buttons) scrub(event); }, onkeydown: keys},
  h('title', {}, 'P(attack) over time'), h('line', {class: 'axis', x1: 0, x2: 1000, y1: 50, y2: 50}), h('line', {class: 'limit', x1: 0, x2: 1000, y1: 100 - 100 * document.threshold, y2: 100 - 100 * document.threshold}), lines(), now);

  function lines() {
    const people = new Map();
    for (const frame of frames) for (const face of frame.faces) {
      const points = people.get(face.person ?? 0) ?? [];
      points.push([1000 * frame.seconds / end, 97 - 94 * face.score]);
      people.set(face.person ?? 0, points);
    }
    return [...people].map(([person, points]) => h('path', {class: line(person), d: points.map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('') + (points.length === 1 ? 'h6' : '')}));
  }

  const nearest = (seconds) => frames.reduce((best, frame, i) => (Math.abs(frame.seconds - seconds) < Math.abs(frames[best].seconds - seconds) ? i : best), 0);
  function go(seconds) {
    const time = Math.min(Math.max(seconds, 0), end);
    if (film.readyState) film.currentTime = time;
    draw(undefined, time);
  }
  function scrub(event) { const area = curve.getBoundingClientRect(); go(end * (event.clientX - area.left) / area.width); }
  function keys(event) {
    const at = shown < 0 ? 0 : shown;
    const to = {ArrowRight: at + 1, ArrowUp: at + 1, ArrowLeft: at - 1, ArrowDown: at - 1, Home: 0, End: frames.length - 1}[event.key];
    if (to === undefined) return;
    event.preventDefault();
    go(frames[Math.min(Math.max(to, 0), frames.length - 1)].seconds);
  }
  function draw(_, time = film.currentTime) {
    if (!frames.length) return;
    shown = nearest(time);
    const frame = frames[shown];
    stage.querySelector('svg')?.remove();
    if (film.videoWidth) stage.append(boxes(film.videoWidth, film.videoHeight, frame.faces));
    const x = 1000 * Math.min(time, end) / end;
    now.setAttribute('x1', x); now.setAttribute('x2', x);
    curve.setAttribute('aria-valuenow', time.toFixed(1));
    const text = frame.faces.length ? frame.faces.map((face) => `person ${(face.person ?? 0) + 1} ${percent(face.score)}`).join(', ') : 'no face';
    curve.setAttribute('aria-valuetext', `${clock(time)}: ${text}`);
    moment.textContent = `At ${clock(frame.seconds)}: ${text}`;
  }

  const overall = entry.frames_with_face ? entry : {...entry, verdict: 'no_face'};
  const result = h('section', {class: 'stack', style: {gap: '24px'}, 'aria-label': 'Result'},
    h('div', {class: 'spread'}, h('div', {class: 'row'}, h('h2', {}, 'This video'), word(overall.verdict), h('span', {class: 'score'}, percent(entry.score))), h('button', {onclick: () => save('verdict.json', 'application/json', JSON.stringify(document, null, 2))}, 'Save as JSON')),
    h('p', {}, entry.frames_with_face ? (entry.verdict === 'attack' && entry.score < document.threshold ? `${entry.why}.` : sentence(entry, document.threshold)) : 'No face was found in the frames that were looked at.', ' ', h('span', {class: 'soft'}, `${plural(entry.frames_looked_at, 'frame')} looked at, ${entry.frames_with_face} with a face.`)),
    entry.notes?.length ? h('p', {class: 'notice small'}, entry.notes.join(' ')) : null,
    h('div', {class: 'result'}, h('div', {class: 'stack'}, stage, curve, h('p', {class: 'soft small'}, 'Probability of an attack over time; the dashed line is the threshold. Drag, or use the arrow keys.'), moment),
      h('div', {class: 'stack'}, people(), worst())));
  draw(undefined, 0);
  return result;

  function people() {
    return h('ol', {class: 'faces'}, (entry.persons ?? []).map((person) => h('li', {class: 'face'}, h('div', {class: 'spread'}, h('h3', {class: 'row', style: {gap: '8px'}}, h('i', {class: `key ${line(person.person)}`}), `Person ${person.person + 1}`), word(person.verdict)),
      h('p', {class: 'small'}, `${percent(person.score)} in ${plural(person.frames_with_face, 'frame')}; ${person.why}`))));
  }

  // Thumbnails are drawn by this browser from the file it still has, one after the other.
  function worst() {
    const moments = entry.worst_moments ?? [];
    if (!moments.length) return null;
    const pictures = moments.map(() => h('div', {class: 'blank'}));
    const list = h('ol', {class: 'moments'}, moments.map((m, i) => h('li', {}, h('button', {'aria-label': `Go to ${clock(m.seconds)}, ${percent(m.score)}`, onclick: () => { go(m.seconds); say(`At ${clock(m.seconds)}`); }}, pictures[i], h('span', {}, `${clock(m.seconds)} · ${percent(m.score)}`)))));
    const copy = h('video', {src: source, muted: true, preload: 'auto', playsinline: true});
    copy.addEventListener('loadeddata', async () => {
      for (let i = 0; i < moments.length; ++i) {
        await new Promise((resolve) => { copy.addEventListener('seeked', resolve, {once: true}); copy.currentTime = Math.max(moments[i].seconds, 0.001); });
        const canvas = h('canvas', {width: 320, height: 240});
        const scale = Math.max(320 / copy.videoWidth, 240 / copy.videoHeight);
        canvas.getContext('2d').drawImage(copy, (320 - copy.videoWidth * scale) / 2, (240 - copy.videoHeight * scale) / 2, copy.videoWidth * scale, copy.videoHeight * scale);
        pictures[i].replaceWith(h('img', {src: canvas.toDataURL('image/jpeg', 0.8), alt: ''}));
      }
    }, {once: true});
    return h('div', {class: 'stack'}, h('h3', {}, 'Highest scores'), list);
  }
}
