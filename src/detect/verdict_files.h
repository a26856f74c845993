// Names for annotated pictures that overwrite nothing but earlier ones of their kind.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "detect/input_list.h"
#include "media/image.h"

namespace fsfm {

// In a folder, "photo.jpg" becomes "photo_verdict.png" and "clip.mp4" the contact sheet "clip_verdict.jpg". Inputs that
// differ only in their ending keep it ("photo_jpg_verdict.png"), equal names of several folders are numbered in the
// order of the inputs, and a name that a file of somebody else has is passed over for the next number: the same inputs
// get the same names in every run.
// Thread-compatible: one thread asks for names.
class VerdictFiles {
 public:
  // `out`: a picture to write (one input), a folder, or "" for none. Makes the folder. Throws Error when `out` is one
  // of the inputs, or a picture that fsfm did not draw.
  VerdictFiles(const std::filesystem::path& out, const std::vector<DetectInput>& inputs);
  bool wanted() const { return !out_.empty(); }
  // Encodes by the name's ending, marks (media/picture_mark.h) and writes; returns where. `input` counts the inputs
  // that the constructor was given.
  std::filesystem::path write(size_t input, const Image& picture);

 private:
  std::filesystem::path name_for(size_t input);

  std::filesystem::path out_;
  bool single_ = false;
  struct Name {
    std::string stem, ending;
  };
  std::vector<Name> names_;
  std::set<std::string> taken_;
};

}  // namespace fsfm
