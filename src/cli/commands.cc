#include "cli/commands.h"

namespace fsfm::cli {

// clang-format off
int run_bench(int, char**);
int run_evaluate(int, char**);
int run_convert(int, char**);
int run_detect(int, char**);
int run_doctor(int, char**);
int run_info(int, char**);
int run_prepare(int, char**);
#ifdef FSFM_HAS_TRAIN
int run_selfcheck(int, char**);
int run_pretrain(int, char**);
int run_train_parser(int, char**);
#endif
// clang-format on

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = {
      {"prepare", "Find, crop and parse faces: photos and videos become a dataset", run_prepare},
      {"doctor", "Find what is wrong with a dataset: leaks, shortcuts, broken files", run_doctor},
#ifdef FSFM_HAS_TRAIN
      {"pretrain", "Learn from unlabelled real faces", run_pretrain},
#endif
      {"detect", "Judge every face of photos and videos: real, attack or inconclusive", run_detect},
      {"convert", "Turn a checkpoint into a model file, and back", run_convert},
      {"info", "Show what a model file holds, or what is wrong with it", run_info},
      {"evaluate", "Judge a detector on face crops it never saw, or a face parser", run_evaluate},
      {"bench", "Time one part of the program", run_bench},
#ifdef FSFM_HAS_TRAIN
      {"selfcheck", "Compare this build with a folder of reference numbers", run_selfcheck},
      {"train-parser", "Learn the face-segmentation network from labelled faces", run_train_parser},
#endif
  };
  return kCommands;
}

bool progress_visible() { return true; }

}  // namespace fsfm::cli
