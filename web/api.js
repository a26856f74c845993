// Calls of this server's API, with the token where one is needed.
let asking = null;

function askForToken() {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById('token');
    const field = document.getElementById('token-field');
    field.value = '';
    dialog.addEventListener('close', () => {
      asking = null;
      if (dialog.returnValue === 'ok' && field.value.trim()) {
        sessionStorage.setItem('token', field.value.trim());
        resolve(true);
      } else {
        resolve(false);
      }
    }, {once: true});
    dialog.returnValue = '';
    dialog.showModal();
  });
  return asking;
}

export async function call(path, options = {}) {
  for (;;) {
    const token = sessionStorage.getItem('token');
    let response;
    try {
      response = await fetch(path, {...options, headers: {...options.headers, ...(token ? {Authorization: `Bearer ${token}`} : {})}});
    } catch (cause) {
      if (cause.name === 'AbortError') throw cause;
      throw Object.assign(new Error('The server does not answer. Is it running, and are you connected to it?'), {title: 'No answer'});
    }
    if (response.ok) return response;
    if (response.status === 401 && await askForToken()) continue;
    let detail = {};
    try { detail = await response.json(); } catch { /* a proxy's page */ }
    throw Object.assign(new Error(detail.detail ?? `The server answered ${response.status}.`), {title: detail.title, status: response.status});
  }
}

export const get = async (path) => (await call(path)).json();

const query = (file, more) => new URLSearchParams({name: file.name ?? 'camera.jpg', ...more});
export async function post(path, file, more = {}, signal = undefined) {
  return (await call(`${path}?${query(file, more)}`, {method: 'POST', body: file, signal, headers: {'Content-Type': 'application/octet-stream'}})).json();
}

// Submits a job and follows it; `onProgress` has its status. Cancelled with `signal`.
export async function runJob(file, more, onProgress, signal) {
  const job = await post('/v1/jobs', file, more, signal);
  const cancel = () => call(`/v1/jobs/${job.id}`, {method: 'DELETE'}).catch(() => {});
  signal?.addEventListener('abort', cancel);
  try {
    const reader = (await call(`/v1/jobs/${job.id}/events`, {signal})).body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; ;) {
      const {value, done} = await reader.read();
      if (done) break;
      text += value;
      const events = text.split('\n\n');
      text = events.pop();
      for (const event of events) {
        const data = /^data: (.*)$/m.exec(event);
        if (data) onProgress(JSON.parse(data[1]));
      }
    }
    return await get(`/v1/jobs/${job.id}/result`);
  } finally {
    signal?.removeEventListener('abort', cancel);
  }
}
