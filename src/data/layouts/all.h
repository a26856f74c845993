// The layouts' enumerate functions, one file each.
#pragma once

#include "data/layouts/layout.h"

namespace fsfm {

std::vector<PrepareEntry> enumerate_folder(const LayoutRequest& request);
std::vector<PrepareEntry> enumerate_classes(const LayoutRequest& request);
std::vector<PrepareEntry> enumerate_list(const LayoutRequest& request);
std::vector<PrepareEntry> enumerate_csv(const LayoutRequest& request);

}  // namespace fsfm
