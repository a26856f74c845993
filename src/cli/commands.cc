#include "cli/commands.h"

namespace fsfm::cli {

int run_bench(int, char**);
int run_blend(int, char**);
int run_convert(int, char**);
int run_detect(int, char**);
int run_doctor(int, char**);
int run_evaluate(int, char**);
int run_info(int, char**);
int run_masks(int, char**);
int run_prepare(int, char**);
int run_probe(int, char**);
int run_report(int, char**);
#ifdef FSFM_HAS_TRAIN
int run_finetune(int, char**);
int run_pretrain(int, char**);
int run_selfcheck(int, char**);
int run_train_parser(int, char**);
#endif

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = {
      {"prepare", "Find, crop and parse faces: photos and videos become a dataset", run_prepare},
      {"doctor", "Find what is wrong with a dataset: leaks, shortcuts, broken files", run_doctor},
      {"blend", "Make attacks from real faces alone: blended, or filmed off a screen", run_blend},
      {"masks", "Show what every masking strategy hides of a face", run_masks},
#ifdef FSFM_HAS_TRAIN
      {"pretrain", "Learn from unlabelled real faces", run_pretrain},
      {"finetune", "Turn a pretrained model into a detector", run_finetune},
#endif
      {"probe", "Score faces with frozen weights, before any label was seen", run_probe},
      {"evaluate", "Judge a detector on face crops it never saw, or a face parser", run_evaluate},
      {"detect", "Judge every face of photos and videos: real, attack or inconclusive", run_detect},
      {"report", "One page about what the other commands left in a folder", run_report},
      {"info", "Show what a model file holds, or what is wrong with it", run_info},
      {"convert", "Turn a checkpoint into a model file, and back", run_convert},
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
