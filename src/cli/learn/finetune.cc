// fsfm finetune --task dfd|diff|fas|multi --init M --data DIR... --out D.safetensors
#include "train/finetune/finetune.h"

#include <spdlog/fmt/fmt.h>

#include <cstdio>

#include "base/interrupt.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/learn/run_in_processes.h"

namespace fsfm::cli {
namespace {

int run(const FinetuneRecipe& recipe, const std::string& text, Communicator& others) {
  const FinetuneResult result = finetune(recipe, text, progress_visible(), others);
  if (!others.is_main()) return result.interrupted ? interrupted_exit_code() : 0;
  if (result.interrupted)
    return interrupted_exit(fmt::format("stopped after step {}; the checkpoint is in {}; add --resume to go on",
                                        result.steps, result.run_folder.string()));
  std::printf("classes %s; attack: %s\n", join(result.classes, ", ").c_str(),
              join(result.attack_classes, ", ").c_str());
  std::printf("validation (best of %lld steps: step %lld): loss %.4f, AUC %.4f, video AUC %.4f, accuracy %.4f\n",
              static_cast<long long>(result.steps), static_cast<long long>(result.best_step), result.validation.loss,
              result.validation.auc, result.validation.video_auc, result.validation.accuracy);
  if (result.unreadable > 0)
    std::printf("%zu pictures to learn from could not be read and were left out\n", result.unreadable);
  if (result.validation.unreadable > 0)
    std::printf("%zu validation pictures could not be read and are left out of these figures\n",
                result.validation.unreadable);
  if (const auto& fitted = result.fitted)
    std::printf("threshold %.4f (EER %.2f %%), temperature %.3f\n", fitted->point.threshold, 100 * fitted->eer,
                fitted->point.temperature);
  std::printf("model  %s\nrun    %s (log.jsonl, TensorBoard events, checkpoints)\n", result.model.c_str(),
              result.run_folder.c_str());
  return 0;
}

}  // namespace

int run_finetune(int argc, char** argv) {
  FinetuneRecipe recipe;
  Options options("finetune", "Learn to tell real faces from forged or spoofed ones, from pretrained weights");
  recipe.declare(options);
  options.enable_recipe();
  options.enable_quiet();
  options.footer(
      "Examples:\n"
      "  fsfm finetune --task dfd --init fsfm-b.safetensors --data ffpp/ --out deepfakes.safetensors\n"
      "  fsfm finetune --task fas --init fsfm-b.safetensors --data oulu/ msu/ casia/ --out spoof.safetensors\n"
      "  fsfm finetune --task dfd --method adapter --init fsvfm-l.safetensors --data ffpp/ --out adapter.safetensors\n"
      "The kept weights are those with the lowest validation loss; threshold and temperature are fitted on the same "
      "data.");
  return run_in_processes(options, recipe, argc, argv, run);
}

}  // namespace fsfm::cli
