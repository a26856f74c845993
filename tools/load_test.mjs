// load_test.mjs ADDRESS PICTURE [REQUESTS] [PID]: latency alone and with 4 clients, shedding, and REQUESTS requests of which 5 % are malformed.
import {readFileSync, readdirSync} from 'node:fs';
import http from 'node:http';

const [address, picture, requests = '400', pid] = process.argv.slice(2);
const good = readFileSync(picture), bad = good.subarray(0, good.length / 2);
const agent = new http.Agent({keepAlive: true, maxSockets: 128});
const post = (body) => new Promise((resolve, reject) => {
  const start = performance.now();
  const request = http.request(`${address}/v1/detect`, {method: 'POST', agent, headers: {'Content-Type': 'application/octet-stream', 'Content-Length': body.length}}, (response) => {
    const parts = [];
    response.on('data', (part) => parts.push(part)).on('end', () => resolve({status: response.statusCode, ms: performance.now() - start, text: Buffer.concat(parts).toString()}));
  });
  request.on('error', reject).end(body);
});
async function load(clients, n, body) {
  const answers = [];
  let next = 0;
  await Promise.all(Array.from({length: clients}, async () => { while (next < n) { const i = next++; answers.push(await post(body(i))); } }));
  return answers;
}
const quantile = (answers, q) => answers.map(({ms}) => ms).sort((a, b) => a - b)[Math.min(answers.length - 1, Math.floor(q * answers.length))];
// Of the server and its workers.
const rss = () => {
  if (!pid) return 0;
  const of = (id) => { try { return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, 'utf8'))[1]) / 1024; } catch { return 0; } };
  const children = readdirSync(`/proc/${pid}/task`).flatMap((task) => { try { return readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean); } catch { return []; } });
  return Math.round([pid, ...children].reduce((sum, id) => sum + of(id), 0));
};

await load(1, 10, () => good);
const alone = await load(1, 40, () => good);
const four = await load(4, 160, () => good);
console.log(`alone: median ${quantile(alone, 0.5).toFixed(0)} ms, p95 ${quantile(alone, 0.95).toFixed(0)} ms`);
console.log(`4 clients: median ${quantile(four, 0.5).toFixed(0)} ms, p95 ${quantile(four, 0.95).toFixed(0)} ms = ${(quantile(four, 0.95) / quantile(alone, 0.5)).toFixed(2)} x a single request`);
const flood = await load(100, 300, () => good);
const count = (answers, status) => answers.filter((answer) => answer.status === status).length;
console.log(`100 clients: ${count(flood, 200)} judged, ${count(flood, 429)} shed with 429, ${flood.length - count(flood, 200) - count(flood, 429)} other`);

const truth = JSON.stringify(JSON.parse(alone[0].text).results[0].faces);
const before = rss(), start = performance.now();
const soak = await load(8, Number(requests), (i) => (i % 20 === 7 ? bad : good));
const seconds = (performance.now() - start) / 1000;
const wrong = soak.filter(({status, text}) => status === 200 && JSON.stringify(JSON.parse(text).results[0].faces) !== truth).length;
console.log(`${soak.length} requests in ${seconds.toFixed(0)} s, ${(soak.length / seconds).toFixed(1)} a second: ${count(soak, 200)} judged, ${count(soak, 422)} refused as malformed, ${wrong} wrong${pid ? `; resident ${before} -> ${rss()} MB` : ''}`);
agent.destroy();
process.exit(wrong ? 1 : 0);
