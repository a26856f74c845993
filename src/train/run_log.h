// What a training run leaves behind to be read: `log.jsonl` (one JSON object a line) and TensorBoard event files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "media/image.h"
#include "train/tensorboard.h"

namespace fsfm {

// Thread-compatible. Every line is on disk when the call returns.
class RunLog {
 public:
  // `resumed_step`: nullopt starts a new log; otherwise what the old log says about later steps is dropped (a killed
  // run has written lines for steps that will be done again), so the log reads as if the run had never stopped.
  RunLog(const std::filesystem::path& folder, std::optional<int64_t> resumed_step);

  // {"kind": kind, "step": step, "epoch": epoch, NAME: value, ...}; the same values become curves "kind/NAME".
  void scalars(const std::string& kind, int64_t step, double epoch, const std::map<std::string, double>& values);
  // Like scalars, with `facts` of any kind (an object) and no curve.
  void event(const std::string& kind, int64_t step, double epoch, const nlohmann::json& facts);
  void image(const std::string& tag, int64_t step, const Image& image);

  // The lines of a log, in order; broken lines (a machine that lost power) are left out.
  static std::vector<nlohmann::json> read(const std::filesystem::path& folder);

 private:
  void append(const nlohmann::json& line);
  std::filesystem::path path_;
  TensorBoardWriter board_;
};

}  // namespace fsfm
