// fsfm pretrain --data DIR... --out M.safetensors
#include "train/pretrain/pretrain.h"

#include <spdlog/fmt/fmt.h>

#include <cstdio>

#include "base/interrupt.h"
#include "cli/commands.h"
#include "cli/learn/run_in_processes.h"

namespace fsfm::cli {
namespace {

int run(const PretrainRecipe& recipe, const std::string& text, Communicator& others) {
  const PretrainResult result = pretrain(recipe, text, progress_visible(), others);
  if (!others.is_main()) return result.interrupted ? interrupted_exit_code() : 0;
  if (result.interrupted)
    return interrupted_exit(fmt::format("stopped after step {}; the checkpoint is in {}; add --resume to go on",
                                        result.steps, result.run_folder.string()));
  std::printf("%lld steps, training loss %.4f -> %.4f", static_cast<long long>(result.steps), result.first_loss,
              result.last_loss);
  if (result.skipped > 0) std::printf(", %lld steps skipped (not finite)", static_cast<long long>(result.skipped));
  if (result.unreadable > 0) std::printf(", %zu pictures left out (cannot be read)", result.unreadable);
  std::printf("\n");
  if (const auto& held_out = result.held_out)
    std::printf(
        "%lld held-out faces: error of hidden patches %.4f of the mean-colour baseline (pixels), %.4f (per-patch "
        "normalised)\n",
        static_cast<long long>(held_out->faces), held_out->pixel_ratio(), held_out->patch_ratio());
  if (result.held_out && result.held_out->unreadable > 0)
    std::printf("%lld held-out faces could not be read and are left out\n",
                static_cast<long long>(result.held_out->unreadable));
  std::printf("model  %s\nrun    %s (report.html, log.jsonl, TensorBoard events, reconstructions, checkpoints)\n",
              result.model.c_str(), result.run_folder.c_str());
  return 0;
}

}  // namespace

int run_pretrain(int argc, char** argv) {
  PretrainRecipe recipe;
  Options options(
      "pretrain",
      "Learn from unlabelled real faces (FSFM: masked regions, region consistency, local-to-global agreement)");
  recipe.declare(options);
  options.enable_recipe();
  options.enable_quiet();
  options.footer(
      "Examples:\n"
      "  fsfm pretrain --data faces/ --recipe recipes/fsfm_vitb.toml --out fsfm-b.safetensors\n"
      "  fsfm pretrain --data faces/ --model tiny --epochs 20 --warmup-epochs 2 --batch-size 32 --out "
      "tiny.safetensors\n"
      "Beside M.safetensors the folder M.run keeps report.html, checkpoints, log.jsonl, TensorBoard events, "
      "reconstructions.");
  return run_in_processes(options, recipe, argc, argv, run);
}

}  // namespace fsfm::cli
