// What a command line of photos, videos and folders stands for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fsfm {

struct DetectInput {
  std::filesystem::path path;
  bool video = false;
  std::string
      problem{};        // why there is nothing to judge here, a fault of the input: a folder that cannot be listed ...
  std::string shown{};  // its name for people where that is not the path: "standard input"
  std::string skipped{};  // why it is left out, no fault: a picture that fsfm detect drew, a form that is not read
  bool judged() const { return problem.empty() && skipped.empty(); }
};

struct DetectInputs {
  std::vector<DetectInput> list;
  size_t repeated = 0;  // named twice, or named and lying in a folder that is named too; each is there once
  std::vector<std::filesystem::path>
      unread{};  // files of folders in forms that nothing here reads; listed as `skipped`
};

// "-" is standard input, a name with * ? [ ] that does not exist the files that match it. Folders stand for the
// pictures and videos below them, in the order of their names; a file is listed once, at the place of its first
// mention. `out` is where annotated pictures go ("" = nowhere): when it lies below a folder that is named, what was
// drawn there earlier is passed over; elsewhere such pictures are known by their name and their mark and listed as
// `skipped`. Never throws for one of the names: its problem is listed.
DetectInputs list_inputs(const std::vector<std::filesystem::path>& named, const std::filesystem::path& out);

// True for names that VerdictFiles gives: "photo_verdict.png", "photo_verdict_2.png".
bool is_verdict_name(const std::filesystem::path& file);

}  // namespace fsfm
