// Runs an exported network in ONNX Runtime and compares it with the engine's answers: node run.mjs FOLDER BATCH SIDE CLASSES
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
const [folder, batch, side, classes] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const ort = createRequire(`${folder}/`)('onnxruntime-node');
const floats = name => { const bytes = readFileSync(`${folder}/${name}`); return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4); };
const images = floats('images.f32'), expected = floats('logits.f32');
const session = await ort.InferenceSession.create(`${folder}/m.onnx`);
let worst = 0;
for (const size of [1, batch]) {
  const values = images.slice(0, size * 3 * side * side);
  const out = await session.run({ images: new ort.Tensor('float32', values, [size, 3, side, side]) });
  if (out.logits.dims.join() !== `${size},${classes}`) throw new Error(`logits have the form ${out.logits.dims}`);
  out.logits.data.forEach((value, i) => { worst = Math.max(worst, Math.abs(value - expected[i])); });
  for (let b = 0; b < size; ++b) {
    const sum = out.probabilities.data.slice(b * classes, (b + 1) * classes).reduce((a, c) => a + c, 0);
    if (Math.abs(sum - 1) > 1e-5) throw new Error(`probabilities of picture ${b} add up to ${sum}`);
  }
}
console.log(`largest difference of a logit: ${worst.toExponential(2)}`);
if (!(worst < 1e-4)) process.exit(1);
