// A folder in which tests draw miniature look-alikes of published trees. Files are empty: layouts list, they do not
// open.
#pragma once
#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "prepare/layouts/layout.h"
#include "support/temp_dir.h"

namespace fsfm::test {

class DrawnTree : public ::testing::Test {
 protected:
  void touch(const fs::path& name, const std::string& text = "") {
    fs::create_directories((dir_ / name).parent_path());
    std::ofstream(dir_ / name) << text;
  }
  Listing list(const std::string& layout, const fs::path& sub = "") {
    request_.root = dir_ / sub;
    return enumerate_layout(find_layout(layout), request_);
  }
  // "split/class" -> number of entries.
  static std::map<std::string, int> counts(const Listing& listing) {
    std::map<std::string, int> n;
    for (const auto& e : listing.entries) ++n[e.split + "/" + e.class_name];
    return n;
  }
  static const PrepareEntry& entry(const Listing& listing, const std::string& ending) {
    for (const auto& e : listing.entries)
      if (e.path.generic_string().ends_with(ending)) return e;
    throw Error("no entry " + ending);
  }
  void draw_ffpp() {
    touch("dataset/splits/train.json", R"([["071","054"],["087","081"]])");
    touch("dataset/splits/val.json", R"([["720","672"]])");
    touch("dataset/splits/test.json", R"([["953","974"]])");
    for (const char* v : {"071", "054", "720", "953", "999"})
      touch(std::string("original_sequences/youtube/c23/videos/") + v + ".mp4");
    for (const char* m : {"DeepFakes", "Face2Face"})
      for (const char* v : {"071_054", "054_071", "720_672", "953_974"})
        touch(fs::path("manipulated_sequences") / m / "c23/videos" / (std::string(v) + ".mp4"));
    touch("original_sequences/youtube/c40/videos/071.mp4");
  }

  TempDir dir_;
  LayoutRequest request_;
};

using Counts = std::map<std::string, int>;

}  // namespace fsfm::test
