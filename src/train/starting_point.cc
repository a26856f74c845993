#include "train/starting_point.h"

#include <spdlog/fmt/fmt.h>

namespace fsfm {

void note_positions(const VitConfig& file, int img_size, int patch_size, bool fixed, std::vector<std::string>& notes) {
  const int from = file.img_size / file.patch_size, to = img_size / patch_size;
  if (from != to)
    notes.push_back(fmt::format("positions: resized from {0} x {0} to {1} x {1} (bicubic)", from, to));
  else if (fixed)
    notes.push_back("positions: those of the file, which pretraining keeps fixed like its own");
}

}  // namespace fsfm
