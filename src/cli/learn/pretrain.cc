// fsfm pretrain --data DIR... --out M.safetensors
#include "train/pretrain.h"

#include <cstdio>

#include "base/options.h"
#include "cli/commands.h"

namespace fsfm::cli {

int run_pretrain(int argc, char** argv) {
  PretrainRecipe recipe;
  Options options(
      "pretrain",
      "Learn from unlabelled real faces (FSFM: masked regions, region consistency, local-to-global agreement)");
  recipe.declare(options);
  options.enable_recipe();
  options.footer(
      "Examples:\n"
      "  fsfm pretrain --data faces/ --recipe recipes/fsfm_vitb.toml --out fsfm-b.safetensors\n"
      "  fsfm pretrain --data faces/ --model tiny --epochs 20 --warmup-epochs 2 --batch-size 32 --out "
      "tiny.safetensors\n"
      "Beside M.safetensors the folder M.run keeps checkpoints, log.jsonl, TensorBoard events and reconstructions.");
  if (!options.parse(argc, argv)) return 0;

  Communicator alone;
  const PretrainResult result = pretrain(recipe, options.to_toml(), progress_visible(), alone);
  if (result.interrupted) {
    std::printf("stopped after step %lld; the checkpoint is in %s; add --resume to go on\n",
                static_cast<long long>(result.steps), result.run_folder.c_str());
    return 0;
  }
  std::printf("%lld steps, training loss %.4f -> %.4f", static_cast<long long>(result.steps), result.first_loss,
              result.last_loss);
  if (result.skipped > 0) std::printf(", %lld steps skipped (not finite)", static_cast<long long>(result.skipped));
  std::printf("\n");
  if (const auto& held_out = result.held_out)
    std::printf(
        "%lld held-out faces: error of hidden patches %.4f of the mean-colour baseline (pixels), %.4f (per-patch "
        "normalised)\n",
        static_cast<long long>(held_out->faces), held_out->pixel_ratio(), held_out->patch_ratio());
  std::printf("model  %s\nrun    %s (log.jsonl, TensorBoard events, reconstructions, checkpoints)\n",
              result.model.c_str(), result.run_folder.c_str());
  return 0;
}

}  // namespace fsfm::cli
