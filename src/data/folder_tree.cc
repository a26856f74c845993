#include "data/folder_tree.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "data/naming.h"
#include "data/prepare/keys.h"
#include "data/store/palette.h"
#include "media/codec.h"

namespace fsfm {
namespace {

constexpr std::string_view kMapSuffix = ".seg.png";  // class map of NAME.jpg: NAME.seg.png

bool is_picture(const fs::path& path) { return is_image_path(path) && !path.filename().string().ends_with(kMapSuffix); }

fs::path map_path(const fs::path& picture) {
  return picture.parent_path() / (picture.stem().string() + std::string(kMapSuffix));
}

// Does the folder hold a class: by its name, or because the manifest says so? Identities ("n000001") and albums do not.
bool is_class_folder(const fs::path& folder, const std::optional<Manifest>& manifest) {
  const std::string name = folder.filename().string();
  return is_genuine_class(name) || is_plainly_attack_class(name) ||
         (manifest && std::any_of(manifest->classes.begin(), manifest->classes.end(),
                                  [&](const std::string& c) { return KeyMaker().make(c) == name; }));
}

struct Entry {
  fs::path path;
  bool has_map = false;
};

class FolderTree final : public Dataset {
 public:
  FolderTree(const fs::path& dir, const std::optional<Manifest>& manifest) {
    std::error_code code;
    if (!fs::exists(dir, code)) throw Error(dir.string() + " does not exist", "check the path");
    if (!fs::is_directory(dir, code))
      throw Error(dir.string() + " is not a folder", "name a folder of pictures or a prepared dataset");
    info_.name = manifest ? manifest->name : dataset_name(dir);
    if (manifest && manifest->sums.pixels > 0) info_.normalization = manifest->sums.normalization();
    std::vector<std::pair<fs::path, std::string>> parts;  // folder of a split, and which
    for (const auto& folder : subfolders(dir))
      if (const auto split = canonical_split(folder.filename().string())) parts.emplace_back(folder, *split);
    if (parts.empty())
      parts.emplace_back(dir, canonical_split(fs::weakly_canonical(dir, code).filename().string()).value_or(""));
    // One plain class name in any split tells what the folders of all splits are: test/ may hold FaceSwap alone.
    const bool has_classes = std::any_of(parts.begin(), parts.end(), [&](const auto& part) {
      const auto folders = subfolders(part.first);
      return std::any_of(folders.begin(), folders.end(), [&](const auto& f) { return is_class_folder(f, manifest); });
    });
    for (const auto& [folder, split] : parts) scan_split(folder, split, has_classes);
    if (found_.empty()) throw Error(dir.string() + " holds no picture (jpg, png, webp, bmp, tiff)", "check the path");
    finish();
  }

  const DatasetInfo& info() const override { return info_; }
  const std::vector<SampleRef>& samples() const override { return samples_; }

  Sample load(size_t index) const override {
    Sample sample{read_image(entries_.at(index).path), std::nullopt};
    if (const auto map = load_parsing(index)) sample.region_map = make_region_map(*map, kParsingSide, kParsingSide);
    return sample;
  }

  std::optional<std::vector<uint8_t>> load_parsing(size_t index) const override {
    const Entry& entry = entries_.at(index);
    if (!entry.has_map) return std::nullopt;
    const fs::path path = map_path(entry.path);
    return decode_parsing_png(MappedFile(path).bytes(), path.string());
  }

  std::vector<std::byte> load_encoded(size_t index) const override {
    const MappedFile file(entries_.at(index).path);
    return {file.bytes().begin(), file.bytes().end()};
  }

  std::string location(size_t index) const override { return entries_.at(index).path.string(); }

 private:
  struct Found {
    Entry entry;
    std::string class_name, split, relative;  // relative to the class folder
  };

  void scan_split(const fs::path& folder, const std::string& split, bool has_classes) {
    const auto folders = subfolders(folder);
    if (!has_classes || folders.empty()) return scan_class(folder, "", split);
    for (const auto& class_folder : folders) scan_class(class_folder, class_folder.filename().string(), split);
  }

  void scan_class(const fs::path& folder, const std::string& class_name, const std::string& split) {
    const std::vector<fs::path> files = list_files(folder, is_image_path);
    std::set<fs::path> maps;
    std::copy_if(files.begin(), files.end(), std::inserter(maps, maps.end()),
                 [](const fs::path& path) { return !is_picture(path); });
    for (const auto& path : files)
      if (is_picture(path))
        found_.push_back({{path, maps.contains(map_path(path))},
                          class_name,
                          split,
                          path.lexically_relative(folder).generic_string()});
  }

  void finish() {
    std::set<std::string> names;
    for (auto& found : found_) {
      found.class_name = to_utf8(found.class_name);
      if (found.class_name.empty()) found.class_name = "real";  // unlabelled pictures are taken for genuine faces
      names.insert(found.class_name);
    }
    info_.classes.assign(names.begin(), names.end());
    info_.attack_classes = infer_attack_classes(info_.classes);
    std::set<std::string> keys;
    for (auto& found : found_) {
      SampleRef ref;
      ref.label = static_cast<int>(std::distance(names.begin(), names.find(found.class_name)));
      ref.split = found.split;
      const FrameName name = parse_frame_name(found.relative);
      ref.video = info_.name + "/" + found.class_name + "/" + to_utf8(name.video);
      ref.frame = name.frame;
      // Two pictures that differ by their extension only (a.jpg, a.png) are two samples: the later keeps its extension.
      const std::string whole =
          (found.split.empty() ? "" : found.split + "/") + found.class_name + "/" + to_utf8(found.relative);
      ref.key = fs::path(whole).replace_extension().generic_string();
      if (!keys.insert(ref.key).second) keys.insert(ref.key = whole);
      samples_.push_back(std::move(ref));
      entries_.push_back(std::move(found.entry));
    }
    found_.clear();
    found_.shrink_to_fit();
  }

  DatasetInfo info_;
  std::vector<Found> found_;
  std::vector<SampleRef> samples_;
  std::vector<Entry> entries_;
};

}  // namespace

std::unique_ptr<Dataset> open_folder_tree(const std::filesystem::path& dir, const std::optional<Manifest>& manifest) {
  return std::make_unique<FolderTree>(dir, manifest);
}

std::string dataset_name(const std::filesystem::path& dir) {
  std::error_code ignored;
  fs::path whole = fs::weakly_canonical(dir, ignored);
  if (ignored) whole = dir.lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // a trailing slash
  if (canonical_split(whole.filename().string()) && whole.parent_path().has_filename()) whole = whole.parent_path();
  const std::string name = to_utf8(whole.filename().string());
  return name.empty() ? "dataset" : name;
}

}  // namespace fsfm
