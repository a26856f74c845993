// fsfm quantize MODEL --data VAL --out FILE: a detector's matrices in eight bits, and what that costs.
#include <spdlog/fmt/fmt.h>

#include <cmath>
#include <cstdio>

#include "base/class_options.h"
#include "base/error.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/sources.h"
#include "detect/quantization.h"
#include "engine/vit.h"
#include "kernels/packed_linear.h"
#include "model/quantized.h"

namespace fsfm::cli {
namespace {

struct Flags {
  std::filesystem::path model, out;
  std::filesystem::path data;
  ClassStatement stated;
  std::string split;
  double max_auc_loss = 0.005, max_flips = 0.02;
  int batch_size = 16, threads = 0;
  bool anyway = false;
};

ScoredDataset score(const Source& source, const ModelFile& model, EnginePrecision precision, const Flags& flags) {
  VitEngine engine(model, flags.threads, precision);
  return score_dataset(*source.dataset, model.card(),
                       [&](std::span<const float> images, int batch) { return engine.logits(images, batch); },
                       {.batch_size = flags.batch_size,
                        .threads = flags.threads,
                        .progress_label = precision == EnginePrecision::int8 ? "int8" : "fp32",
                        .show_progress = progress_visible(),
                        .stop = interrupt_token()});
}

}  // namespace

int run_quantize(int argc, char** argv) {
  Flags flags;
  Options options("quantize", "Keep a detector's matrices in eight bits, and measure what that costs");
  options.positional("model", flags.model, "detector (.safetensors)").required();
  options.add("data", flags.data, "validation faces on which the cost is measured").required();
  options.add("split", flags.split, "train, val or test (default: val where there is one, else everything)");
  add_class_options(options, flags.stated);
  options.add("out", flags.out, "model file to write").required();
  options.add("max-auc-loss", flags.max_auc_loss, "nothing is written when the AUC falls by more").range(0, 1);
  options.add("max-flips", flags.max_flips, "nor when more than this share of the verdicts changes sides").range(0, 1);
  options.add("anyway", flags.anyway, "write it whatever it costs");
  options.add("batch-size", flags.batch_size, "faces a forward pass").range(1, 1024);
  options.add("threads", flags.threads, "0 = all cores").range(0, 4096);
  options.enable_quiet();
  options.footer(
      "Inputs of a product are rounded token by token, so nothing has to be calibrated. Norms, attention, activations "
      "and\n"
      "the head stay float. Example:\n"
      "  fsfm quantize detector.safetensors --data faces --out detector-int8.safetensors");
  if (!options.parse(argc, argv)) return 0;

  const ModelFile model = ModelFile::open(flags.model);
  (void)attack_mask(model.card());
  if (is_quantized(model.tensors()))
    throw Error(flags.model.string() + " is in eight bits already", "quantise the model it was made from");
  const Source source = open_source(flags.data, flags.split, "val", flags.stated);
  require_labels(*source.dataset);
  const ScoredDataset before = score(source, model, EnginePrecision::fp32, flags);
  if (!before.complete) return interrupted_exit("nothing was written");
  const ScoredDataset after = score(source, model, EnginePrecision::int8, flags);
  if (!after.complete) return interrupted_exit("nothing was written");
  warn_unreadable(before);

  const QuantizationCost cost = quantization_cost(before, after, model.card());
  std::printf(
      "%s on %s: AUC %.4f in fp32, %.4f in int8; %zu of %zu verdicts changed sides at the stored threshold "
      "(%.2f %%); the largest change of a score is %.3f\n",
      flags.model.filename().c_str(), source.name.c_str(), cost.auc_before, cost.auc_after, cost.flips, cost.faces,
      100 * cost.flip_share(), cost.largest_change);
  if (!flags.anyway && cost.auc_loss() > flags.max_auc_loss)
    throw Error(
        fmt::format("the AUC falls by {:.4f}, more than {}: nothing was written", cost.auc_loss(), flags.max_auc_loss),
        "allow it with --max-auc-loss, or write it with --anyway");
  if (!flags.anyway && cost.flip_share() > flags.max_flips)
    throw Error(fmt::format("{:.2f} % of the verdicts change, more than {} %: nothing was written",
                            100 * cost.flip_share(), 100 * flags.max_flips),
                "allow it with --max-flips, or write it with --anyway");
  if (std::isnan(cost.auc_before)) log::warn("{} holds one kind of faces only: no AUC could be compared", source.name);
  write_quantized(flags.out, model, cost, source.name);
  if (!has_fast_int8())
    log::warn("this processor does not multiply bytes faster than floats: it will compute {} as fp32",
              flags.out.string());
  std::printf("wrote %s\n", flags.out.c_str());
  return 0;
}

}  // namespace fsfm::cli
