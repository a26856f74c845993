// Drop photos or videos, read verdicts.
import {post, runJob} from './api.js';
import {h, say, problem, word, percent, plural, save, kWords} from './dom.js';
import {pictureResult} from './picture.js';
import {videoResult} from './video.js';
import {camera} from './camera.js';

const isVideo = (file) => file.type.startsWith('video/') || /\.(mp4|m4v|mov|webm|mkv|avi|mpe?g|3gp|ts|wmv|flv)$/i.test(file.name ?? '');
const kAtOnce = 3;

// The word for a whole entry: its worst face.
export function verdictOf(entry) {
  if (entry.error) return {verdict: 'error', score: null};
  if (entry.kind === 'video') return {verdict: entry.frames_with_face ? entry.verdict : 'no_face', score: entry.score};
  if (!entry.faces.length) return {verdict: 'no_face', score: null};
  const rank = {attack: 2, inconclusive: 1, real: 0};
  const worst = entry.faces.reduce((a, b) => (rank[b.verdict] > rank[a.verdict] ? b : a));
  return {verdict: worst.verdict, score: Math.max(...entry.faces.map((face) => face.score))};
}

export function check(page) {
  let items = [];
  let filter = 'all';
  const out = h('div', {class: 'stack', style: {gap: '24px'}});
  const field = h('input', {type: 'file', multiple: true, accept: 'image/*,video/*,.heic,.avif,.mkv', class: 'unseen', id: 'files', tabindex: -1, 'aria-label': 'Photos or videos',
    onchange: () => { add([...field.files]); field.value = ''; }});
  const choose = h('button', {class: 'primary', onclick: () => field.click()}, 'Choose files');
  const hint = h('p', {class: 'soft small'}, 'JPEG, PNG, WebP, HEIC, AVIF, MP4, WebM and more. You can also paste a picture.');
  const title = h('strong', {}, 'Drop photos or a video here');
  const drop = h('section', {class: 'drop', 'aria-label': 'Files to check',
    ondragover: (event) => { event.preventDefault(); drop.classList.add('over'); },
    ondragleave: () => drop.classList.remove('over'),
    ondrop: (event) => { event.preventDefault(); drop.classList.remove('over'); add([...event.dataTransfer.files]); }},
  title, field, h('div', {class: 'row'}, choose, h('button', {onclick: () => camera((file) => add([file]))}, 'Use the camera')), hint);
  addEventListener('paste', (event) => { if (page.isConnected && event.clipboardData.files.length) add([...event.clipboardData.files]); });

  const intro = h('div', {}, h('h1', {}, 'Is this face real?'),
    h('p', {class: 'lead'}, 'Every face of a photo or video is judged: real, attack, or an honest “cannot tell”, with the reason.'));
  page.append(intro, drop, out);

  function add(files) {
    if (!files.length) return;
    drop.classList.add('again');
    title.textContent = 'Check something else';
    hint.hidden = true;
    items = files.map((file) => ({file, state: 'waiting', progress: null, stop: new AbortController()}));
    filter = 'all';
    draw();
    say(`Judging ${plural(files.length, 'file')}`);
    let next = 0;
    const run = async (mine) => { while (next < mine.length) await judge(mine[next++]); };
    for (let i = 0; i < kAtOnce; ++i) run(items);
  }

  async function judge(item) {
    item.state = 'working';
    draw();
    try {
      item.document = isVideo(item.file)
        ? await runJob(item.file, {}, (status) => { item.progress = status.frames_of ? status.frames_done / status.frames_of : null; draw(); }, item.stop.signal)
        : await post('/v1/detect', item.file, {}, item.stop.signal);
      item.entry = item.document.results[0] ?? {error: 'The job was cancelled.'};
    } catch (error) {
      item.entry = {error: error.name === 'AbortError' ? 'Cancelled.' : error.message};
      item.failure = error;
    }
    item.state = 'done';
    if (items.length === 1) say(`${item.file.name ?? 'Picture'}: ${kWords[verdictOf(item.entry).verdict]}`);
    else if (items.every((each) => each.state === 'done')) say(`${plural(items.length, 'file')} judged`);
    draw();
  }

  function draw() {
    if (items.length === 1) return out.replaceChildren(single(items[0]));
    if (items.length) out.replaceChildren(batch());
  }

  function single(item) {
    if (item.state !== 'done') return working(item);
    if (item.entry.error) return problem(item.failure ?? new Error(item.entry.error), () => add([item.file]));
    item.view ??= item.entry.kind === 'video' ? videoResult(item.file, item.entry, item.document) : pictureResult(item.file, item.entry, item.document);
    return item.view;
  }

  function working(item) {
    const share = item.progress ?? 0;
    return h('div', {class: 'card stack', 'aria-busy': 'true'}, h('div', {class: 'spread'}, h('h2', {}, 'Judging…'), h('span', {class: 'soft'}, item.file.name ?? 'camera')),
      h('div', {class: 'progress', role: 'progressbar', 'aria-label': 'Progress', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-valuenow': Math.round(share * 100)}, h('i', {style: {width: `${Math.max(4, share * 100)}%`}})),
      h('p', {class: 'row'}, h('button', {onclick: () => item.stop.abort()}, 'Cancel')));
  }

  function batch() {
    const done = items.filter((item) => item.state === 'done');
    const counts = {};
    for (const item of done) { const {verdict} = verdictOf(item.entry); counts[verdict] = (counts[verdict] ?? 0) + 1; }
    const shown = items.filter((item) => filter === 'all' || (item.state === 'done' && verdictOf(item.entry).verdict === filter));
    const select = h('select', {id: 'filter', onchange: () => { filter = select.value; draw(); document.getElementById('filter').focus(); }},
      h('option', {value: 'all'}, `All (${items.length})`), Object.entries(kWords).map(([value, text]) => h('option', {value, selected: value === filter}, `${text} (${counts[value] ?? 0})`)));
    select.value = filter;
    const opened = items.find((item) => item.open);
    return h('div', {class: 'stack', style: {gap: '24px'}},
      h('div', {class: 'spread'}, h('h2', {}, done.length < items.length ? `${done.length} of ${items.length} judged` : `${plural(items.length, 'file')} judged`),
        h('div', {class: 'row'}, h('div', {}, h('label', {for: 'filter', class: 'unseen'}, 'Show'), select), h('button', {onclick: csv, disabled: !done.length}, 'Save as CSV'))),
      h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Verdicts'}, h('table', {}, h('thead', {}, h('tr', {}, ['File', 'Verdict', 'P(attack)', 'Why', ''].map((text) => h('th', {scope: 'col'}, text || h('span', {class: 'unseen'}, 'Details'))))),
        h('tbody', {}, shown.map((item) => tableRow(item))))),
      shown.length ? null : h('p', {class: 'soft'}, 'No file has this verdict.'),
      opened ? h('section', {'aria-label': `Details of ${opened.file.name}`}, single(opened)) : null);
  }

  function tableRow(item) {
    const {verdict, score} = item.state === 'done' ? verdictOf(item.entry) : {};
    const why = item.entry?.error ?? item.entry?.why ?? (item.entry?.faces?.length > 1 ? plural(item.entry.faces.length, 'face') : item.entry?.faces?.[0]?.why) ?? '';
    return h('tr', {}, h('td', {class: 'name'}, item.file.name), h('td', {}, verdict ? word(verdict) : h('span', {class: 'soft'}, item.state === 'working' ? 'judging…' : 'waiting')),
      h('td', {}, verdict ? percent(score) : ''), h('td', {class: 'name'}, why),
      h('td', {}, item.state === 'done' && !item.entry.error ? h('button', {'aria-label': `Details of ${item.file.name}`, onclick: () => { const was = item.open; for (const each of items) each.open = false; item.open = !was; draw(); }}, item.open ? 'Close' : 'Open') : null));
  }

  function csv() {
    const cell = (value) => { const text = String(value ?? ''); return `"${(/^[=+\-@\t\r]/.test(text) ? "'" : '') + text.replaceAll('"', '""')}"`; };
    const rows = items.filter((item) => item.state === 'done').map((item) => { const {verdict, score} = verdictOf(item.entry); return [cell(item.file.name), verdict, score ?? '', item.entry.faces?.length ?? item.entry.persons?.length ?? '', cell(item.entry.error ?? item.entry.why ?? item.entry.faces?.map((face) => face.why).join('; ')), item.entry.sha256 ?? ''].join(','); });
    save('fsfm-verdicts.csv', 'text/csv', ['file,verdict,score,faces,why,sha256', ...rows].join('\r\n'));
  }
}
