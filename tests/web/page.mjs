// page.mjs ADDRESS CHROMIUM: what people do with the page, at two widths, light and dark, with the keyboard alone, and what axe finds.
import {chromium} from 'playwright-core';
import {readFileSync} from 'node:fs';
import assert from 'node:assert/strict';

const [address, executablePath] = process.argv.slice(2);
const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
const browser = await chromium.launch({executablePath, args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']});
const kViews = [['desktop', 1280, 860], ['phone', 390, 844]];
let checks = 0;

async function accessible(page, where) {
  await page.evaluate(axe);
  const {violations} = await page.evaluate(() => globalThis.axe.run());
  const serious = violations.filter(({impact}) => impact === 'serious' || impact === 'critical');
  assert.deepEqual(serious.map(({id, nodes}) => `${id}: ${nodes[0].html} ${nodes[0].failureSummary}`), [], where);
  ++checks;
}
// Playwright's own waitForFunction evaluates a string, which the page's policy forbids.
async function until(page, condition, argument) {
  for (let i = 0; i < 200; ++i) {
    if (await page.evaluate(condition, argument)) return;
    await page.waitForTimeout(50);
  }
  assert.fail(`in vain: ${condition}`);
}
async function noSidewaysScroll(page, where) {
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${where} scrolls sideways`);
}

for (const [name, width, height] of kViews) for (const colorScheme of ['light', 'dark']) {
  const context = await browser.newContext({viewport: {width, height}, colorScheme, bypassCSP: false});
  const page = await context.newPage();
  const complaints = [], foreign = [];
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('request', (request) => { if (!/^(blob:|data:)/.test(request.url()) && !request.url().startsWith(address)) foreign.push(request.url()); });
  const label = `${name} ${colorScheme}`;
  const look = async (part) => {
    await noSidewaysScroll(page, `${label} ${part}`);
    await page.screenshot({path: `shots/${part}-${name}-${colorScheme}.png`, fullPage: true});
    await accessible(page, `${label} ${part}`);
  };

  await page.goto(`${address}/`);
  await page.getByRole('heading', {name: 'Is this face real?'}).waitFor();
  await look('start');

  // A photo: a verdict a face, boxes that lie on the picture, regions on demand.
  await page.locator('#files').setInputFiles('media/group.jpg');
  await page.locator('.face').nth(2).waitFor();
  assert.equal(await page.locator('.face').count(), 3, label);
  assert.equal(await page.locator('.stage svg .box').count(), 3, label);
  for (const text of await page.locator('.face .word').allTextContents()) assert.match(text, /^(Attack|Real|Cannot tell)$/);
  await page.getByRole('button', {name: 'Show the regions'}).click();
  await page.getByRole('img', {name: 'each of its regions'}).waitFor();
  await look('photo');

  // Why: the sentence, the map over the face, the patches of a region where it is pointed at.
  await page.getByRole('button', {name: 'Why this score? Face 2'}).click();
  await page.locator('.face').nth(1).getByText(/speaks? most (for|against) a forgery\.|No single part/).waitFor();
  const [why, crop] = await Promise.all([page.locator('.why').boundingBox(), page.locator('.stage .box').nth(1).boundingBox()]);
  const middle = (area) => [area.x + area.width / 2, area.y + area.height / 2];
  middle(why).forEach((at, axis) => assert.ok(Math.abs(at - middle(crop)[axis]) < crop.width / 8, `${label}: the map lies beside the face`));
  await page.getByRole('button', {name: /mouth .* show where/}).hover();
  assert.ok(await page.locator('.why rect').count() > 0, label);
  await look('why');
  await page.getByRole('button', {name: 'Why this score? Face 2'}).click();
  assert.equal(await page.locator('.why').count(), 0, label);

  // A picture without a face says so.
  await page.locator('#files').setInputFiles('media/meadow.jpg');
  await page.getByText('Nothing to judge').waitFor();

  // A file that is none gets the server's own words.
  await page.locator('#files').setInputFiles({name: 'broken.jpg', mimeType: 'image/jpeg', buffer: readFileSync('media/group.jpg').subarray(0, 4000)});
  await page.getByRole('alert').waitFor();
  assert.match(await page.getByRole('alert').textContent(), /broken\.jpg/);
  await look('error');

  // A video: progress, a curve to scrub, persons, moments.
  await page.locator('#files').setInputFiles('media/clip.webm');
  const curve = page.getByRole('slider', {name: 'Time in the video'});
  await curve.waitFor({timeout: 60000});
  assert.ok(await page.locator('.face').count() >= 1, label);
  const before = await curve.getAttribute('aria-valuetext');
  await curve.press('End');
  await until(page, (text) => document.querySelector('.curve').getAttribute('aria-valuetext') !== text, before);
  const area = await curve.boundingBox();
  await page.mouse.click(area.x + area.width / 2, area.y + 20);
  await until(page, () => Math.abs(document.querySelector('.stage video').currentTime - 1.95) < 0.5);
  await page.locator('.moments img').first().waitFor({timeout: 20000});
  await look('video');

  // Several files: a table, a filter, a table for spreadsheets.
  await page.locator('#files').setInputFiles(['media/portrait.jpg', 'media/group.jpg', 'media/meadow.jpg']);
  await page.getByRole('heading', {name: '3 files judged'}).waitFor();
  await page.locator('#filter').selectOption('no_face');
  assert.equal(await page.locator('tbody tr').count(), 1, label);
  await page.locator('#filter').selectOption('all');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'Save as CSV'}).click()]);
  const csv = readFileSync(await download.path(), 'utf8').split('\r\n');
  assert.equal(csv.length, 4, csv.join('\n'));
  assert.match(csv[3], /"meadow.jpg",no_face/);
  await page.getByRole('button', {name: 'Details of group.jpg'}).click();
  await page.locator('.face').nth(2).waitFor();
  await look('batch');

  // The playground.
  await page.goto(`${address}/#/playground`);
  await look('playground-empty');
  await page.locator('#mask-file').setInputFiles('media/portrait.jpg');
  await page.getByText('147 of 196 patches are hidden').first().waitFor();
  await page.locator('#region').selectOption('mouth');
  await page.getByText('that show the mouth').first().waitFor();
  await page.locator('#strategy').selectOption('random');
  await page.getByText('no region is covered whole').first().waitFor();
  await look('playground');

  await page.goto(`${address}/#/history`);
  await page.locator('tbody tr').first().waitFor();
  await page.locator('#search').fill('clip.webm');
  await until(page, () => [...document.querySelectorAll('tbody td:nth-child(2)')].every((cell) => cell.textContent === 'clip.webm'));
  await look('history');
  await page.locator('#search').fill('no such thing');
  await page.getByText('Nothing fits this search').waitFor();

  await page.goto(`${address}/#/model`);
  await page.getByRole('heading', {name: 'It tells apart'}).waitFor();
  await look('model');

  assert.deepEqual(complaints.filter((text) => !/422|404/.test(text)), [], label);
  assert.deepEqual(foreign, [], label);
  await context.close();
}

// The keyboard alone: skip link, parts of the page, choosing a file, leaving and coming back.
{
  const page = await (await browser.newContext({viewport: {width: 1280, height: 860}})).newPage();
  // Asked for before the page is there: the browser may take a key press before it takes the wish to be told of its dialog.
  const chooser = page.waitForEvent('filechooser', {timeout: 120000});
  await page.goto(`${address}/`);
  await page.getByRole('button', {name: 'Choose files'}).waitFor();
  const focused = () => page.evaluate(() => document.activeElement.textContent.trim());
  await page.keyboard.press('Tab');
  assert.equal(await focused(), 'Skip to content');
  const reach = async (text) => { for (let i = 0; i < 20 && await focused() !== text; ++i) await page.keyboard.press('Tab'); assert.equal(await focused(), text); };
  await reach('Choose files');
  await page.keyboard.press('Enter');
  await (await chooser).setFiles('media/portrait.jpg');
  await page.locator('.face').first().waitFor();
  await reach('Show the regions of the largest face');
  await page.keyboard.press('Space');
  await page.getByRole('img', {name: 'each of its regions'}).waitFor();
  await page.keyboard.press('Shift+Tab');
  await page.evaluate(() => document.querySelector('.mark').focus());
  await reach('Playground');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', {name: 'Masking playground'}).waitFor();
  ++checks;
}
// Nothing jumps while a verdict comes.
{
  const page = await (await browser.newContext({viewport: {width: 1280, height: 860}})).newPage();
  await page.goto(`${address}/`);
  await page.getByRole('button', {name: 'Choose files'}).waitFor();
  const shift = await page.evaluate(() => new Promise((resolve) => {
    let sum = 0;
    new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; }).observe({type: 'layout-shift', buffered: true});
    setTimeout(() => resolve(sum), 500);
  }));
  assert.ok(shift < 0.02, `the start page shifts by ${shift}`);
  ++checks;
}
await browser.close();
console.log(`page: ${checks} checks, ${kViews.length * 2} views`);
