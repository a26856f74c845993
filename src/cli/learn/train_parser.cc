// fsfm train-parser: learns the face-segmentation network.
#include "train/parser/train_parser.h"

#include <spdlog/fmt/fmt.h>

#include <cstdio>

#include "base/error.h"
#include "base/interrupt.h"
#include "base/options.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/commands.h"

namespace fsfm::cli {

int run_train_parser(int argc, char** argv) {
  TrainParserOptions train;
  Options options("train-parser",
                  "Learn the face-segmentation network (photo crop -> 11 LaPa classes) from labelled faces");
  options.add("data", train.data, "folders with images/NAME.jpg and labels/NAME.png").required();
  options.add("layout", train.layout, "what the indices of the labels mean")
      .choices({"celebamask-19", "bisenet-19", "lapa-11"});
  options.add("extra", train.extra,
              "more folders, labelled in the layout lapa-11 (255 = unknown), such as pseudo-labels");
  options.add("extra-share", train.extra_share, "part of every batch taken from --extra").range(0, 1);
  options.add("val", train.val, "labelled folder to score on, never trained on");
  options
      .add("out", train.out, "folder for checkpoints/ (an interrupted run goes on from there) and parser.safetensors")
      .required();
  options.add("init", train.init, "checkpoint to start from, with a fresh schedule");
  options.add("overwrite", train.overwrite, "start anew where an earlier run left checkpoints").command_line_only();
  options.add("epochs", train.epochs, "passes over the labelled faces").range(1, 100000);
  options.add("batch-size", train.batch_size, "faces a step").range(2, 4096);
  options.add("img-size", train.img_size, "input of the network, pixels").range(64, 1024);
  options.add("small-size", train.small_size, "view size, in pixels, of the first part of training").range(64, 1024);
  options.add("small-share", train.small_share, "that part").range(0, 1);
  options.add("plain-share", train.plain_share, "part of the views shown nearly as they are: 0 to learn, 0.5 to finish")
      .range(0, 1);
  options.add("lr", train.lr, "learning rate after the warm-up; falls to 0 along a half cosine").range(0, 1);
  options.add("weight-decay", train.weight_decay, "AdamW weight decay of the convolutions").range(0, 1);
  options.add("warmup-epochs", train.warmup_epochs, "epochs of linear warm-up").range(0, 1000);
  options.add("ema", train.ema, "decay of the averaged weights").range(0, 1);
  options.add("eval-every", train.eval_every, "epochs between two scores on --val").range(1, 100000);
  options
      .add("max-bad-share", train.max_bad_share,
           "faces that cannot be read are left out; a larger share of them is an error")
      .range(0, 1);
  options.add("seed", train.seed, "seed of every random choice");
  options.add("data-note", train.data_note, "what the model card says of the data");
  options.add("licence", train.licence, "what the model card says the weights may be used for");
  options.add("threads", train.threads, "threads; 0 = all cores").range(0, 1024);
  options.enable_recipe();
  options.enable_quiet();
  if (!options.parse(argc, argv)) return 0;
  if (train.small_size % 32 != 0 || train.img_size % 32 != 0)
    throw Error("--img-size and --small-size must be multiples of 32");

  train.stop = interrupt_token();
  std::unique_ptr<Progress> bar;
  double smooth = 0;
  const auto report = [&](const TrainParserProgress& p) {
    if (!bar) bar = std::make_unique<Progress>("train-parser", p.steps, "step", progress_visible());
    smooth = smooth == 0 ? p.loss : 0.98 * smooth + 0.02 * p.loss;
    bar->update(p.step, fmt::format("loss {:.4f} lr {:.2e}", smooth, p.lr));
  };
  const auto scored = [](int epoch, const ParsingScore& score) {
    fmt::print("epoch {}\n{}", epoch, score.to_text());
    std::fflush(stdout);
  };
  const TrainParserResult result = [&] {
    try {
      return train_parser(train, report, scored);
    } catch (const c10::Error& error) {
      throw Error("libtorch: " + split(error.what_without_backtrace(), '\n').front(),
                  "for less memory use a smaller --batch-size");
    }
  }();
  if (bar) bar->finish();
  return result.interrupted ? interrupted_exit("run the same command again to go on") : 0;
}

}  // namespace fsfm::cli
