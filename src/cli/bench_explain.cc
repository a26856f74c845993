// fsfm bench explain --data DIR: whether the reasons that `detect --explain` gives are true.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "base/interrupt.h"
#include "base/options.h"
#include "base/progress.h"
#include "cli/bench.h"
#include "cli/commands.h"
#include "cli/default_model.h"
#include "data/store/open_dataset.h"
#include "detect/explanation_judge.h"
#include "face/parser.h"

namespace fsfm::cli {
namespace {

nlohmann::json to_json(const ExplanationJudgement& judgement) {
  nlohmann::json hiding = nlohmann::json::array(), planted = nlohmann::json::array();
  for (const auto& f : judgement.hiding)
    hiding.push_back({{"map", f.map}, {"deletion", f.deletion}, {"insertion", f.insertion}});
  for (const auto& f : judgement.planted)
    planted.push_back({{"fault", f.fault},
                       {"planted", f.planted},
                       {"seen", f.seen},
                       {"share", f.share},
                       {"hits", f.hits},
                       {"hits_random_head", f.hits_random_head},
                       {"region_hits", f.region_hits},
                       {"region_chance", f.region_chance}});
  return {{"attacks", judgement.attacks}, {"hiding", hiding}, {"planted", planted}};
}

void print(const ExplanationJudgement& judgement) {
  std::printf("%d attacks that the detector calls attacks; P(attack) while patches are hidden\n", judgement.attacks);
  std::printf("%-22s  %22s  %22s\n", "order of the patches", "deletion (lower)", "insertion (higher)");
  for (const auto& f : judgement.hiding) std::printf("%-22s  %22.3f  %22.3f\n", f.map.c_str(), f.deletion, f.insertion);
  std::printf("\nfaults planted in real faces, where the detector's odds rose by them; hits of the place\n");
  std::printf("%-18s  %12s  %8s  %8s  %12s  %8s  %8s\n", "fault", "seen/planted", "map", "chance", "random head",
              "region", "chance");
  for (const auto& f : judgement.planted)
    std::printf("%-18s  %5d / %-4d  %6.0f %%  %6.0f %%  %10.0f %%  %6.0f %%  %6.0f %%\n", f.fault.c_str(), f.seen,
                f.planted, 100 * f.hits, 100 * f.share, 100 * f.hits_random_head, 100 * f.region_hits,
                100 * f.region_chance);
}

}  // namespace

int run_bench_explain(int argc, char** argv) {
  std::string what, model, split;
  std::filesystem::path data;
  ExplanationJudgeOptions judging;
  bool json = false;
  Options options("bench",
                  "Judge the reasons of detect --explain: by hiding what they point at and by faults planted in real "
                  "faces, beside a random map and a random head");
  options.positional("what", what, "explain").required();
  options.add("data", data, "real and attack faces (prepared dataset or tree of class folders)").required();
  options.add("model", model, "detector (default: the one that comes with fsfm)");
  options.add("split", split, "split of the data (default: everything)");
  options.add("faces", judging.faces, "attacks to hide in, and real faces to plant in").range(1, 100000);
  options.add("window", judging.window, "side of the hidden window, in patches").range(1, 64);
  options.add("foundation", judging.foundation,
              "pretrained network that paints what is hidden (default: the mirrored place)");
  options.add("seed", judging.seed, "of the draws");
  options.add("threads", judging.threads, "0 = all cores").range(0, 4096);
  options.add("json", json, "print JSON, one line");
  options.enable_quiet();
  if (!options.parse(argc, argv)) return 0;

  const auto detector = DetectorModel::open(model_or_default(model));
  const auto dataset = open_dataset(data, split);
  require_labels(*dataset);
  const auto parser = make_parser();
  Progress bar("explain", 2 * static_cast<uint64_t>(judging.faces), "face", progress_visible());
  judging.progress = [&](size_t done, size_t) { bar.update(done); };
  judging.stop = interrupt_token();
  const ExplanationJudgement judgement = judge_explanations(*detector, *dataset, *parser, judging);
  bar.finish();
  if (judging.stop.stop_requested()) return interrupted_exit("nothing was printed");
  if (json) {
    std::printf("%s\n", to_json(judgement).dump().c_str());
  } else {
    print(judgement);
  }
  return 0;
}

}  // namespace fsfm::cli
