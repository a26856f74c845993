// The one door to every form of dataset on the disk.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "data/dataset.h"

namespace fsfm {

// Opens a prepared dataset (manifest.json), the authors' folders (images/ + parsing_maps/), or a plain tree of ready
// face crops: folders of classes and splits (data/label_tree.h), or pictures without classes at any depth. A class map
// `NAME.seg.png` beside `NAME.jpg` is used. A folder that is itself named like a split (dfdc/train) is that split of
// its parent. `split` keeps one split ("" = all). `stated`: what the user says of the classes, above every name and
// manifest. Throws Error for an empty or missing folder, for a split that has no pictures, and for classes of which
// nothing can be said.
std::unique_ptr<Dataset> open_dataset(const std::filesystem::path& dir, const std::string& split = "",
                                      const ClassStatement& stated = {});

}  // namespace fsfm
