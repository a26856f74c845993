// node run.mjs FSFM FOLDER GOLDEN MODEL...: exports networks of every head and the models, lets ONNX Runtime compute them, and
// prints by how much it differs from the authors' logits and from the scores of `fsfm evaluate` (which have six digits), with
// inputs made as docs/export.md says. Exit code 1 where that is too much.
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [fsfm, packages, golden, ...models] = process.argv.slice(2);
const ort = createRequire(`${packages}/`)("onnxruntime-node");
const folder = join(packages, "try");
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
let random = 1;
const fsfmRun = (...args) => execFileSync(fsfm, args, { stdio: ["ignore", "ignore", "inherit"] });
const uniform = () => ((random = (random * 48271) % 2147483647) / 2147483647);

function readSafetensors(path) {
  const bytes = readFileSync(path);
  const begin = 8 + Number(bytes.readBigUInt64LE(0));
  const { __metadata__: metadata = {}, ...header } = JSON.parse(bytes.toString("utf8", 8, begin));
  const tensors = {};
  for (const [name, { dtype, shape, data_offsets: [from, to] }] of Object.entries(header))
    if (dtype === "F32")
      tensors[name] = { shape, values: new Float32Array(Uint8Array.from(bytes.subarray(begin + from, begin + to)).buffer) };
  return { metadata, tensors };
}

function writeModel(path, card, tensors) {
  const header = { __metadata__: { "fsfm.card": JSON.stringify(card) } };
  const data = [];
  let at = 0;
  for (const [name, { shape, values }] of Object.entries(tensors)) {
    const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
    header[name] = { dtype: "F32", shape, data_offsets: [at, (at += bytes.length)] };
    data.push(bytes);
  }
  let text = Buffer.from(JSON.stringify(header));
  text = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, 32)]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([size, text, ...data]));
}

const weights = (tensors, prefix) =>
  Object.fromEntries(Object.entries(tensors).filter(([n]) => n.startsWith(prefix)).map(([n, t]) => [n.slice(prefix.length), t]));
const card = {
  format: 1, kind: "detector", architecture: "vit", config: { num_heads: 3 }, classes: ["fake", "real"],
  attack_classes: ["fake"], resize: "pillow-bicubic-64", temperature: 1.7, threshold: 0.5,
};

async function run(session, images, count, side) {
  return session.run({ images: new ort.Tensor("float32", images, [count, 3, side, side]) });
}
const largest = (a, b) => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i])), 0);
let failed = false;
function report(what, difference, limit) {
  const bad = !(difference <= limit);
  failed ||= bad;
  console.log(`${what.padEnd(58)} ${difference.toExponential(1).padStart(8)}${bad ? `  more than ${limit}` : ""}`);
}

// The network's input from a picture of the size that the transform shrinks to, as docs/export.md says: the middle, / 255,
// less the mean, over the deviation, channels first.
function input(rgb, from, to, { mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225] }) {
  const out = new Float32Array(3 * to * to), edge = (from - to) / 2;
  for (let c = 0; c < 3; ++c)
    for (let y = 0; y < to; ++y)
      for (let x = 0; x < to; ++x)
        out[(c * to + y) * to + x] = (rgb[((y + edge) * from + x + edge) * 3 + c] / 255 - mean[c]) / std[c];
  return out;
}

// Smooth pictures, each of its own colours.
function picture(side) {
  const rgb = new Uint8Array(side * side * 3), waves = Array.from({ length: 9 }, uniform);
  for (let y = 0; y < side; ++y)
    for (let x = 0; x < side; ++x)
      for (let c = 0; c < 3; ++c)
        rgb[(y * side + x) * 3 + c] = 127 * (1 + Math.sin(waves[c] * 6 + (waves[3 + c] * x + waves[6 + c] * y) * 9 / side));
  return rgb;
}

// Scores of `fsfm evaluate` on drawn pictures beside those of the exported network.
async function beside(model, what) {
  const own = JSON.parse(readSafetensors(model).metadata["fsfm.card"]);
  const [, from, , crop] = /^pillow-bicubic-(\d+)(-crop-(\d+))?$/.exec(own.resize), side = Number(crop ?? from);
  const data = join(folder, "data"), names = [], images = [];
  rmSync(data, { recursive: true, force: true });
  for (const kind of ["real", "fake"]) {
    mkdirSync(join(data, "test", kind), { recursive: true });
    for (let i = 0; i < 4; ++i) {
      const rgb = picture(Number(from)), name = join("test", kind, `${i}.ppm`);
      writeFileSync(join(data, name), Buffer.concat([Buffer.from(`P6 ${from} ${from} 255\n`), rgb]));
      names.push(name);
      images.push(input(rgb, Number(from), side, own));
    }
  }
  const out = join(folder, "out");
  fsfmRun("evaluate", "--model", model, "--data", data, "--precision", "fp32", "--resamples", "100", "--out", out, "--quiet");
  const lines = readFileSync(join(out, "scores.csv"), "utf8").trim().split("\n").slice(1).map((line) => line.split(","));
  const expected = names.map((name) => {
    const line = lines.find(([, key]) => name.includes(key.replace(/\.ppm$/, "")));
    if (!line) throw Error(`scores.csv has no line for ${name}: ${lines.map((l) => l[1])}`);
    return Number(line[5]);
  });
  for (const batch of [0, 1, images.length]) {
    const file = join(folder, "m.onnx");
    fsfmRun("export", model, "--onnx", file, "--batch", String(batch));
    const session = await ort.InferenceSession.create(file), scores = [];
    const together = batch === 0 ? 3 : batch;
    for (let i = 0; i < images.length; i += together) {
      const some = images.slice(i, i + together), all = new Float32Array(some.length * 3 * side * side);
      some.forEach((image, k) => all.set(image, k * image.length));
      const { probabilities } = await run(session, all, some.length, side), n = own.classes.length;
      for (let k = 0; k < some.length; ++k)
        scores.push(own.attack_classes.reduce((sum, c) => sum + probabilities.data[k * n + own.classes.indexOf(c)], 0));
    }
    report(`${what}, batch ${batch || "free"}: P(attack) beside fsfm evaluate`, largest(scores, expected), 2e-5);
    if (new Set(expected).size < 2) report(`${what}: scores that differ`, 1, 0);
  }
}

for (const [what, file, prefix, reference] of [
  ["mean of the patches", "tiny-vit", "avg.weights.", "avg.logits"],
  ["class token", "tiny-vit", "cls.weights.", "cls.logits"],
  ["FS-Adapter", "fs-adapter", "weights.", "logits"],
]) {
  const { tensors } = readSafetensors(join(golden, `${file}.safetensors`));
  const model = join(folder, "m.safetensors"), onnx = join(folder, "m.onnx");
  writeModel(model, card, weights(tensors, prefix));
  fsfmRun("export", model, "--onnx", onnx);
  const { shape: [count, , side], values } = tensors.images;
  const { logits } = await run(await ort.InferenceSession.create(onnx), values, count, side);
  report(`${what}: logits beside the authors' code`, largest(logits.data, tensors[reference].values), 1e-4);
  await beside(model, what);
  if (what === "mean of the patches") {
    const { "head.weight": _, "head.bias": __, ...body } = weights(tensors, prefix);
    const drawn = (length) => Float32Array.from({ length }, () => uniform() * 2 - 1);
    const tensor = (...shape) => ({ shape, values: drawn(shape.reduce((a, b) => a * b)) });
    writeModel(model, card, {
      ...body, "head.bottleneck.weight": tensor(40, 48), "head.bottleneck.bias": tensor(40),
      "head.classifier.weight": tensor(2, 40), "head.classifier.bias": tensor(2),
    });
    await beside(model, "anti-spoofing head");
  }
}
for (const model of models) await beside(model, model.split("/").pop());
process.exit(failed ? 1 : 0);
