// Learns the face-segmentation network from labelled faces.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "face/parser_eval.h"
#include "nn/parse_net.h"

namespace fsfm {

struct TrainParserOptions {
  std::vector<std::filesystem::path> data;   // folders with images/ and labels/
  std::string layout = "celebamask-19";      // label layout of `data`
  std::vector<std::filesystem::path> extra;  // more folders, layout "lapa-11" (such as pseudo-labels)
  double extra_share = 0.5;                  // part of every batch that comes from `extra`
  std::filesystem::path val;                 // folder to score the averaged weights on; may be empty
  std::filesystem::path out;                 // folder for checkpoints/ and, at every score, parser.safetensors
  std::filesystem::path init;                // checkpoint to start from with fresh optimiser and schedule; may be empty
  int epochs = 120, batch_size = 16, eval_every = 10, threads = 0;
  int img_size = 256;        // input of the network
  int small_size = 160;      // view size of the first part of training: cheaper, nearly as instructive
  double small_share = 0.6;  // that part
  double plain_share = 0;    // part of the views that are nearly as they are, for the end of training
  double lr = 2e-3, weight_decay = 0.02, warmup_epochs = 2, ema = 0.998;
  bool overwrite = false;      // an earlier run in `out` is not gone on with
  double max_bad_share = 0.1;  // a larger share of faces that cannot be read is an Error
  uint64_t seed = 0;
  std::string data_note;                 // for the card: what the data are
  std::string licence = "research use";  // for the card: what the weights may be used for
  std::stop_token stop{};                // saves a checkpoint and ends
};

struct TrainParserProgress {
  int64_t step = 0, steps = 0;
  double loss = 0, lr = 0;
};

struct TrainParserResult {
  ParsingScore score;        // of the averaged weights on `val`; empty without one
  bool interrupted = false;  // before the last step: a checkpoint was saved
};

// Trains until done or stopped. Resumes from OUT/checkpoints when there are any, made with the same
// settings (else an Error); the result is the same however
// often the run was interrupted. `out` is locked meanwhile. Faces that cannot be read are left out, with a warning.
TrainParserResult train_parser(const TrainParserOptions& options,
                               const std::function<void(const TrainParserProgress&)>& report,
                               const std::function<void(int epoch, const ParsingScore&)>& scored);

}  // namespace fsfm
