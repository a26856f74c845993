// The pictures of a run as they were when it began, remembered in its folder: --resume goes on with the same list,
// whatever was removed or added since.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "train/run_settings.h"

namespace fsfm {

// Order, splits and draws of a run depend on its list of pictures. A resumed run therefore keeps the list: a picture
// that was removed cannot be read (data/unreadable.h), one that was added is left out. Pictures are told by their keys,
// not by their content. Thread-compatible.
class RunSamples {
 public:
  // Nothing remembered: folders as they are.
  RunSamples() = default;
  explicit RunSamples(const RunSettings& settings);

  // open_all (train/data_split.h); of a resumed run, the pictures of `role` ("data", "val-data") that it began with.
  // Throws Error when more than max_bad_share of them are gone.
  std::shared_ptr<const Dataset> open(const std::string& role, const std::vector<std::filesystem::path>& folders,
                                      const std::string& split = "", const ClassStatement& stated = {});
  // Computed when the run began; nullopt in a new run.
  const std::optional<Normalization>& normalization() const { return normalization_; }
  // What is not as it was, for the user.
  const std::vector<std::string>& notes() const { return notes_; }

  // Remembers what was opened, in a new run's folder.
  void write(const Normalization& normalization) const;

 private:
  std::filesystem::path file_of(const std::string& role) const;

  std::filesystem::path folder_;  // "" = remembers nothing
  double max_missing_share_ = 0;
  bool resumed_ = false;
  std::map<std::string, std::shared_ptr<const Dataset>> opened_;
  std::optional<Normalization> normalization_;
  std::vector<std::string> notes_;
};

}  // namespace fsfm
