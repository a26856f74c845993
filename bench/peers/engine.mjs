// ONNX Runtime beside `fsfm bench engine`: the same transformer, written by `fsfm export --onnx`, in float and with its matrix
// products made as ONNX Runtime's own dynamic quantisation makes them (a scale a matrix, activations measured at each call).
// Prints the JSON that bench/compare.sh reads. Packages: bench/setup.sh.
// Usage: node engine.mjs [--seconds S] [--model tiny|small|base|large] [--threads N]      FSFM, PACKAGES: program and npm folder
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

const options = { seconds: "1", model: "small", threads: String(cpus().length) };
for (let i = 2; i < process.argv.length; i += 2) options[process.argv[i].replace(/^--/, "")] = process.argv[i + 1];
const packages = createRequire(`${process.env.PACKAGES}/`);
const ort = packages("onnxruntime-node"), { onnx } = packages("onnx-proto");
const folder = mkdtempSync(join(tmpdir(), "fsfm-peer-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

const widths = { tiny: [192, 3, 12], small: [384, 6, 12], base: [768, 12, 12], large: [1024, 16, 24] };
if (!widths[options.model]) throw new Error(`engine.mjs: no size '${options.model}'`);
const [width, heads, depth] = widths[options.model];
const side = 224, tokens = 197;

// A model file with random weights: speed does not depend on them.
function writeModel(path) {
  const shapes = {
    "patch_embed.proj.weight": [width, 3, 16, 16], "patch_embed.proj.bias": [width], cls_token: [1, 1, width],
    pos_embed: [1, tokens, width], "fc_norm.weight": [width], "fc_norm.bias": [width], "head.weight": [2, width], "head.bias": [2],
  };
  for (let block = 0; block < depth; ++block) {
    for (const [name, outputs, inputs] of [
      ["attn.qkv", 3 * width, width], ["attn.proj", width, width], ["mlp.fc1", 4 * width, width], ["mlp.fc2", width, 4 * width],
    ]) {
      shapes[`blocks.${block}.${name}.weight`] = [outputs, inputs];
      shapes[`blocks.${block}.${name}.bias`] = [outputs];
    }
    for (const norm of ["norm1", "norm2"])
      for (const part of ["weight", "bias"]) shapes[`blocks.${block}.${norm}.${part}`] = [width];
  }
  const card = {
    format: 1, kind: "detector", architecture: "vit", config: { num_heads: heads }, classes: ["fake", "real"],
    attack_classes: ["fake"],
  };
  const header = { __metadata__: { "fsfm.card": JSON.stringify(card) } }, data = [];
  let at = 0, random = 1;
  for (const [name, shape] of Object.entries(shapes)) {
    const values = new Float32Array(shape.reduce((a, b) => a * b));
    for (let i = 0; i < values.length; ++i) values[i] = ((random = (random * 48271) % 2147483647) / 2147483647 - 0.5) / 10;
    header[name] = { dtype: "F32", shape, data_offsets: [at, (at += values.byteLength)] };
    data.push(Buffer.from(values.buffer));
  }
  let text = Buffer.from(JSON.stringify(header));
  text = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, 32)]);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(text.length));
  writeFileSync(path, Buffer.concat([size, text, ...data]));
}

// MatMul(x, W) -> MatMulInteger(DynamicQuantizeLinear(x), bytes of W) times both scales.
function quantized(path) {
  const model = onnx.ModelProto.decode(readFileSync(path)), graph = model.graph;
  const weights = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
  const nodes = [], { FLOAT, INT8 } = onnx.TensorProto.DataType;
  for (const node of graph.node) {
    const weight = node.opType === "MatMul" ? weights.get(node.input[1]) : undefined;
    if (!weight) {
      nodes.push(node);
      continue;
    }
    const raw = Uint8Array.from(weight.rawData), floats = new Float32Array(raw.buffer);
    const scale = floats.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / 127;
    const [x, name] = node.input, out = node.output[0];
    weight.dataType = INT8;
    weight.rawData = Buffer.from(Int8Array.from(floats, (value) => Math.round(value / scale)).buffer);
    const constant = (label, dataType, bytes) => graph.initializer.push(onnx.TensorProto.create({ name: label, dataType, dims: [], rawData: bytes }));
    constant(`${name}.scale`, FLOAT, Buffer.from(Float32Array.of(scale).buffer));
    constant(`${name}.zero`, INT8, Buffer.from([0]));
    const add = (opType, input, output, attribute = []) => nodes.push(onnx.NodeProto.create({ opType, input, output, attribute }));
    add("DynamicQuantizeLinear", [x], [`${out}.bytes`, `${out}.scale`, `${out}.zero`]);
    add("MatMulInteger", [`${out}.bytes`, name, `${out}.zero`, `${name}.zero`], [`${out}.sums`]);
    const to = onnx.AttributeProto.create({ name: "to", i: FLOAT, type: onnx.AttributeProto.AttributeType.INT });
    add("Cast", [`${out}.sums`], [`${out}.floats`], [to]);
    add("Mul", [`${out}.scale`, `${name}.scale`], [`${out}.both`]);
    add("Mul", [`${out}.floats`, `${out}.both`], [out]);
  }
  graph.node = nodes;
  const bytes = path.replace(".onnx", ".int8.onnx");
  writeFileSync(bytes, onnx.ModelProto.encode(model).finish());
  return bytes;
}

// The rules of src/base/bench.h.
async function measure(body, seconds) {
  const now = () => performance.now() / 1e3, begin = now();
  do await body();
  while (now() - begin < 0.2);
  const samples = [], start = now();
  while (samples.length < 5 || now() - start < seconds) {
    const sample = now();
    await body();
    samples.push((now() - sample) * 1e3);
  }
  samples.sort((a, b) => a - b);
  const at = (q) => samples[Math.floor(q * (samples.length - 1) + 0.5)];
  return { median_ms: at(0.5), p10_ms: at(0.1), p90_ms: at(0.9), samples: samples.length };
}

const model = join(folder, "model.safetensors"), floats = join(folder, "model.onnx");
writeModel(model);
execFileSync(process.env.FSFM, ["export", model, "--onnx", floats], { stdio: ["ignore", "ignore", "inherit"] });
const cases = [];
for (const [precision, path] of [["fp32", floats], ["int8", quantized(floats)]]) {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: Number(options.threads), graphOptimizationLevel: "all" });
  for (const batch of [1, 8]) {
    const images = new ort.Tensor("float32", new Float32Array(batch * 3 * side * side).fill(0.3), [batch, 3, side, side]);
    cases.push({ name: `${precision} batch ${batch}`, ...(await measure(() => session.run({ images }), Number(options.seconds))) });
  }
}
console.log(JSON.stringify({ bench: "engine", peer: "ONNX Runtime", cases }));
