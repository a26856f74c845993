// The datasets that a command line names, each with the split it means.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "detect/score_dataset.h"

namespace fsfm::cli {

struct Source {
  std::unique_ptr<Dataset> dataset;
  std::string name;  // "dfdc/test"; told apart by "#2" when two are alike
};

// The split asked for, or `preferred` where the folder has one, or everything.
// `stated`: what the user says of the classes. Warns of what was odd about the folder, and of one that is named twice.
Source open_source(const std::filesystem::path& dir, const std::string& asked, const std::string& preferred,
                   const ClassStatement& stated = {});
std::vector<Source> open_sources(const std::vector<std::filesystem::path>& dirs, const std::string& asked,
                                 const std::string& preferred, const ClassStatement& stated = {});

// What is odd about a folder: files that nothing reads, pictures beside the classes, empty classes, ...
void warn_of_notes(const std::filesystem::path& dir, const DatasetInfo& info);

// Throws Error for a stated name that none of them has.
void require_stated_classes(const std::vector<Source>& sources, const ClassStatement& stated);

// One dataset that a command takes whole, or one split of it. Throws Error for a stated name that it does not have.
std::unique_ptr<Dataset> open_only_source(const std::filesystem::path& dir, const std::string& split,
                                          const ClassStatement& stated);

// "real: live; attack: print, replay", or that the faces are unlabelled.
std::string classes_text(const DatasetInfo& info);

// Says which pictures were left out, if any.
void warn_unreadable(const ScoredDataset& scored);

// Makes the folder that --out names. Throws Error when it cannot be made.
void make_out_folder(const std::filesystem::path& out);

}  // namespace fsfm::cli
