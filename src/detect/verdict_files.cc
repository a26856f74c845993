#include "detect/verdict_files.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "media/codec.h"
#include "media/picture_mark.h"

namespace fsfm {
namespace {

// The start of a name that leaves room for what is added to it; never half a character.
std::string shortened(const std::string& name) {
  constexpr size_t kLongest = 220;  // of the 255 bytes that file systems allow
  if (name.size() <= kLongest) return name;
  size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return name.substr(0, end);
}

// File systems of other systems take "A" and "a" for one name.
std::string key(const std::string& name) { return to_lower(name); }

// True when writing there loses nothing of somebody else's: nothing is there, an empty file, or a picture of ours.
bool is_free(const fs::path& file) {
  std::error_code code;
  if (!path_exists(file)) return true;
  return has_verdict_mark(file) || (is_plain_file(file) && fs::file_size(file, code) == 0 && !code);
}

}  // namespace

VerdictFiles::VerdictFiles(const fs::path& out, const std::vector<DetectInput>& inputs) : out_(out) {
  if (out.empty()) return;
  single_ = is_image_path(out) && !is_folder(out);
  if (single_) {
    const auto count = std::count_if(inputs.begin(), inputs.end(), [](const auto& input) { return input.judged(); });
    if (count > 1)
      throw Error("--out " + out.string() + " is one picture, but there are several inputs", "name a folder");
    std::error_code code;
    for (const auto& input : inputs)
      if (fs::equivalent(out, input.path, code))
        throw Error("--out " + out.string() + " would overwrite its input", "choose another name");
    if (!is_free(out))
      throw Error("--out " + out.string() + " is there already and fsfm detect did not draw it",
                  "choose another name, or remove it first");
    // A form or a place in which nothing can be written is refused now, not after the work.
    encode_image(out, Image(1, 1));
    AtomicFile{out};
    return;
  }
  make_folders(out);
  std::map<std::string, std::set<std::string>> endings;  // of each stem
  const auto stem_of = [](const DetectInput& input) {
    return input.path == "-" ? "stdin" : shortened(input.path.stem().string());
  };
  const auto ending_of = [](const DetectInput& input) { return input.path.extension().string(); };
  for (const auto& input : inputs)
    if (input.judged()) endings[key(stem_of(input))].insert(ending_of(input));
  std::map<std::string, int> used;
  for (const auto& input : inputs) {
    Name name{stem_of(input), input.video ? ".jpg" : ".png"};
    const std::string ending = ending_of(input);
    if (input.judged()) {
      if (ending.size() > 1 && endings[key(name.stem)].size() > 1) name.stem += "_" + ending.substr(1);
      name.stem += "_verdict";
      if (const int repeats = used[key(name.stem)]++; repeats > 0) name.stem += "_" + std::to_string(repeats + 1);
    }
    names_.push_back(std::move(name));
  }
  for (const auto& name : names_) taken_.insert(key(name.stem + name.ending));
}

fs::path VerdictFiles::name_for(size_t input) {
  if (single_) return out_;
  const auto& [stem, ending] = names_.at(input);
  if (fs::path file = out_ / (stem + ending); is_free(file)) return file;
  for (int number = 2;; ++number) {
    const std::string name = stem + "_" + std::to_string(number) + ending;
    if (taken_.contains(key(name)) || !is_free(out_ / name)) continue;
    taken_.insert(key(name));
    return out_ / name;
  }
}

fs::path VerdictFiles::write(size_t input, const Image& picture) {
  const fs::path file = name_for(input);
  write_file_atomic(file, with_verdict_mark(encode_image(file, picture)));
  return file;
}

}  // namespace fsfm
