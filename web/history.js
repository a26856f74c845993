// What this server judged, from its audit trail.
import {get} from './api.js';
import {h, problem, word, percent} from './dom.js';

export function history(page) {
  let last = 0, timer = 0;
  const search = h('input', {type: 'search', id: 'search', autocomplete: 'off', placeholder: 'file name, hash, verdict, time…', oninput: () => { clearTimeout(timer); timer = setTimeout(() => load(true), 250); }});
  const rows = h('tbody');
  const more = h('button', {onclick: () => load(false)}, 'Show older');
  const note = h('div', {'aria-live': 'polite'});
  const table = h('div', {class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Judged files'}, h('table', {}, h('thead', {}, h('tr', {}, ['When', 'File', 'Verdict', 'P(attack)', 'SHA-256'].map((text) => h('th', {scope: 'col'}, text)))), rows));
  page.append(h('div', {}, h('h1', {}, 'History'), h('p', {class: 'lead'}, 'Verdicts this server gave. Pictures are never kept, only their fingerprints.')),
    h('div', {style: {maxWidth: '420px'}}, h('label', {for: 'search'}, 'Search'), search), note, table, h('p', {class: 'row'}, more));
  load(true);

  async function load(fresh) {
    const asked = search.value;
    try {
      const found = (await get(`/v1/history?${new URLSearchParams({search: asked, limit: 50, before: fresh ? 0 : last})}`)).rows;
      if (asked !== search.value) return;
      if (fresh) rows.replaceChildren();
      last = found.at(-1)?.id ?? last;
      rows.append(...found.map((row) => h('tr', {}, h('td', {}, h('time', {datetime: row.time}, new Date(row.time).toLocaleString())), h('td', {class: 'name'}, row.file || '–'), h('td', {}, word(row.verdict)), h('td', {}, percent(row.score)), h('td', {}, h('code', {title: row.content_sha256}, row.content_sha256.slice(0, 12))))));
      more.hidden = found.length < 50;
      table.hidden = !rows.childNodes.length;
      note.replaceChildren(rows.childNodes.length ? '' : h('p', {class: 'notice'}, asked ? 'Nothing fits this search.' : 'Nothing was judged yet. Verdicts appear here as they are made.'));
    } catch (error) {
      table.hidden = more.hidden = true;
      note.replaceChildren(problem(error, () => load(true)));
    }
  }
}
