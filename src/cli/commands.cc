#include "cli/commands.h"

#include "base/interrupt.h"
#include "base/log.h"

namespace fsfm::cli {

// Those that need libtorch are defined in learn/ for fsfm-learn and handed over to it by handover/ in fsfm.
int run_bench(int, char**);
int run_blend(int, char**);
int run_convert(int, char**);
int run_detect(int, char**);
int run_doctor(int, char**);
int run_evaluate(int, char**);
int run_export(int, char**);
int run_info(int, char**);
int run_masks(int, char**);
int run_prepare(int, char**);
int run_probe(int, char**);
int run_quantize(int, char**);
int run_report(int, char**);
int run_serve(int, char**);
int run_finetune(int, char**);
int run_pretrain(int, char**);
int run_selfcheck(int, char**);
int run_train_parser(int, char**);

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = {
      {"prepare", "Find, crop and parse faces: photos and videos become a dataset", run_prepare, true},
      {"doctor", "Find what is wrong with a dataset: leaks, shortcuts, broken files", run_doctor},
      {"blend", "Make attacks from real faces alone: blended, or filmed off a screen", run_blend, true},
      {"masks", "Show what every masking strategy hides of a face", run_masks},
      {"pretrain", "Learn from unlabelled real faces", run_pretrain, true},
      {"finetune", "Turn a pretrained model into a detector", run_finetune, true},
      {"probe", "Score faces with frozen weights, before any label was seen", run_probe, true},
      {"evaluate", "Judge a detector on face crops it never saw, or a face parser", run_evaluate, true},
      {"detect", "Judge every face of photos and videos: real, attack or inconclusive", run_detect, true},
      {"serve", "Judge faces over HTTP, with a page for people", run_serve, true},
      {"report", "One page about what the other commands left in a folder", run_report},
      {"info", "Show what a model file holds, or what is wrong with it", run_info},
      {"quantize", "Keep a detector's matrices in eight bits, and measure the cost", run_quantize, true},
      {"convert", "Turn a checkpoint into a model file, and back", run_convert},
      {"export", "Write a detector as an ONNX file for other runtimes", run_export},
      {"bench", "Time one part of the program", run_bench},
      {"selfcheck", "Compare this build with a folder of reference numbers", run_selfcheck},
      {"train-parser", "Learn the face-segmentation network from labelled faces", run_train_parser, true},
  };
  return kCommands;
}

bool progress_visible() { return spdlog::should_log(spdlog::level::info); }

int interrupted_exit(const std::string& what) {
  log::warn("interrupted: {}", what);
  return interrupted_exit_code();
}

}  // namespace fsfm::cli
