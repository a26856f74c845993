#include "train/run_settings.h"

#include "base/error.h"

namespace fsfm {

void RunSettings::declare_run(Options& options) {
  constexpr const char *kMachine = "Machine", *kOutput = "Output";
  options
      .add("max-bad-share", max_bad_share,
           "pictures that cannot be read are left out and counted; a larger share of them ends the run")
      .range(0, 1)
      .group("Data");
  options.add("precision", precision, "number format of the networks")
      .choices({"fp32", "bf16", "fp16"})
      .group(kMachine);
  options
      .add("checkpoint-blocks", checkpoint_blocks,
           "gradient checkpointing: run blocks again on the way back instead of keeping what they computed (large "
           "models: much less memory for a third more time, the same numbers)")
      .group(kMachine);
  options.add("device", device, "where to compute").choices({"auto", "cpu", "cuda"}).group(kMachine);
  options.add("threads", threads, "threads of the networks (0 = all cores)").range(0, 4096).group(kMachine);
  options.add("workers", workers, "threads that load pictures").range(0, 1024).group(kMachine);
  options.add("seed", seed, "decides first weights, order and everything else that is drawn").group(kMachine);

  options.add("out", out, "the model file to write; its run folder lies beside it").required().group(kOutput);
  options.add("resume", resume, "go on from the run folder's last checkpoint, if there is one")
      .command_line_only()
      .group(kOutput);
  options.add("overwrite", overwrite, "start anew although the run folder has checkpoints")
      .command_line_only()
      .group(kOutput);
  options.add("save-every", save_every, "steps between checkpoints (0 = by epoch and by time)")
      .range(0, 1e9)
      .group(kOutput);
  options.add("save-minutes", save_minutes, "minutes between checkpoints").range(0, 1e6).group(kOutput);
  options.add("keep", keep, "checkpoints kept").range(1, 1000).group(kOutput);
  options.add("log-every", log_every, "steps between log lines").range(1, 1e9).group(kOutput);
  options.add("eval-every", eval_every, "epochs between evaluations; the last epoch always has one")
      .range(1, 1e9)
      .group(kOutput);
}

void RunSettings::check_run() const {
  if (resume && overwrite) throw Error("--resume and --overwrite contradict each other", "give one of them");
  if (out.extension() != ".safetensors")
    throw Error("--out " + out.string() + " does not end in .safetensors", "name a .safetensors file");
}

std::filesystem::path RunSettings::run_folder() const { return std::filesystem::path(out).replace_extension(".run"); }

}  // namespace fsfm
