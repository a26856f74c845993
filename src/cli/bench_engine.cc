// fsfm bench engine: pictures a second of the CPU engine in every precision, beside its layers' products alone (without
// attention), and both as a share of what the processor can do.
#include <omp.h>

#include <cmath>

#include "cli/bench.h"
#include "cli/random_vit.h"
#include "engine/vit.h"
#include "kernels/packed_linear.h"

namespace fsfm::cli {
namespace {

using Sizes = std::vector<std::pair<int, int>>;  // of layers: inputs, outputs

// Seconds that the products of these layers take, `times` over, when nothing else is done.
Timing time_products(const Sizes& sizes, int rows, int times, ProductType type, const MeasureOptions& options) {
  OneDnn onednn;
  size_t widest = 0;
  std::vector<PackedLinear> layers;
  for (const auto& [inputs, outputs] : sizes) {
    const size_t count = static_cast<size_t>(inputs) * outputs;
    widest = std::max<size_t>({widest, static_cast<size_t>(inputs), static_cast<size_t>(outputs)});
    if (type == ProductType::int8)
      layers.emplace_back(onednn, std::vector<int8_t>(count, 1), std::vector<float>(outputs, 0.01f),
                          std::vector<float>(), inputs, outputs, Post::none, rows);
    else
      layers.emplace_back(onednn, std::vector<float>(count, 0.01f), std::vector<float>(), inputs, outputs, Post::none,
                          rows, type);
  }
  std::vector<float> x(static_cast<size_t>(rows) * widest, 0.5f), y(x.size());
  return measure(
      [&] {
        for (int i = 0; i < times; ++i)
          for (auto& layer : layers) layer.multiply_only(rows, x.data(), y.data());
      },
      options);
}

// Operations (multiplications and additions) a second of a product large enough that nothing but arithmetic counts.
double peak(ProductType type, const MeasureOptions& options) {
  constexpr int kRows = 1536, kInputs = 1024, kOutputs = 4096;
  return 2.0 * kRows * kInputs * kOutputs / time_products({{kInputs, kOutputs}}, kRows, 1, type, options).median;
}

Sizes block_layers(const VitConfig& v) {
  const int d = v.embed_dim, h = v.mlp_hidden();
  return {{d, 3 * d}, {d, d}, {d, h}, {h, d}};
}

// Operations of a picture's blocks: in the layers, and in the two products of attention.
struct Operations {
  double layers = 0, attention = 0;

  explicit Operations(const VitConfig& v) {
    const double t = v.tokens();
    for (const auto& [inputs, outputs] : block_layers(v)) layers += 2 * v.depth * t * inputs * outputs;
    attention = 4 * v.depth * t * t * v.embed_dim;
  }
};

}  // namespace

std::vector<BenchCase> bench_engine(const BenchOptions& options) {
  std::vector<BenchCase> cases;
  VitConfig config = VitConfig::named(options.model);
  config.num_classes = 2;
  const RandomVit weights(config);
  const std::pair<EnginePrecision, ProductType> kPrecisions[] = {{EnginePrecision::fp32, ProductType::fp32},
                                                                 {EnginePrecision::bf16, ProductType::bf16},
                                                                 {EnginePrecision::int8, ProductType::int8}};
  for (const auto& [precision, type] : kPrecisions) {
    if (precision == EnginePrecision::bf16 && !has_fast_bf16()) continue;
    if (precision == EnginePrecision::int8 && !has_fast_int8()) continue;
    const char* name = precision == EnginePrecision::fp32   ? "fp32"
                       : precision == EnginePrecision::bf16 ? "bf16"
                                                            : "int8";
    const double most = peak(type, options);
    VitEngine engine(weights.map(), {{"num_heads", config.num_heads}}, 0, precision);
    for (const int batch : {1, 8}) {
      std::vector<float> images(static_cast<size_t>(batch) * 3 * config.img_size * config.img_size, 0.3f);
      const std::string at = std::string(name) + " batch " + std::to_string(batch);
      const auto add = [&](const std::string& what, Timing timing, double work) {
        cases.push_back({what, timing, static_cast<double>(batch), "images", 0, batch * work / timing.median / most});
      };
      const Operations work(config);
      add(at, measure([&] { keep(engine.logits(images, batch).data()); }, options), work.layers + work.attention);
      add(at + ", products alone",
          time_products(block_layers(config), batch * config.tokens(), config.depth, type, options), work.layers);
    }
  }
  return cases;
}

}  // namespace fsfm::cli
