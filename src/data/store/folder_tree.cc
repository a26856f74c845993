#include "data/store/folder_tree.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/media_kind.h"
#include "base/text.h"
#include "data/keys.h"
#include "data/label_tree.h"
#include "data/naming.h"
#include "data/store/palette.h"
#include "media/codec.h"

namespace fsfm {
namespace {

constexpr std::string_view kMapSuffix = ".seg.png";  // class map of NAME.jpg: NAME.seg.png

bool is_map(const fs::path& path) { return path.filename().string().ends_with(kMapSuffix); }

fs::path map_path(const fs::path& picture) {
  return picture.parent_path() / (picture.stem().string() + std::string(kMapSuffix));
}

struct Entry {
  fs::path path;
  bool has_map = false;
};

class FolderTree final : public Dataset {
 public:
  FolderTree(const fs::path& dir, const std::optional<Manifest>& manifest, const ClassStatement& stated) {
    std::error_code code;
    if (!fs::exists(dir, code)) throw Error(dir.string() + " does not exist", "check the path");
    if (!fs::is_directory(dir, code))
      throw Error(dir.string() + " is not a folder", "name a folder of pictures or a prepared dataset");
    info_.name = manifest ? manifest->name : dataset_name(dir);
    if (manifest && manifest->sums.pixels > 0) info_.normalization = manifest->sums.normalization();
    std::vector<fs::path> pictures, relative;
    std::set<fs::path> maps;
    std::vector<fs::path> left_out;
    const std::vector<fs::path> files = list_files(dir, [&](const fs::path& path) {
      const MediaKind kind = media_kind_by_name_first(path);
      if (kind == MediaKind::video || kind == MediaKind::unread) left_out.push_back(path);
      return kind == MediaKind::picture;
    });
    std::partition_copy(files.begin(), files.end(), std::inserter(maps, maps.end()), std::back_inserter(pictures),
                        is_map);
    info_.left_out = count_extensions(left_out);
    if (pictures.empty())
      throw Error(dir.string() + " holds no picture (jpg, png, webp, bmp, tiff, ...)" +
                      (left_out.empty() ? "" : " but " + info_.left_out),
                  "check the path");
    for (const auto& path : pictures) relative.push_back(path.lexically_relative(dir));
    const TreeLabels labels =
        manifest ? labels_of_manifest(relative, *manifest) : read_tree_labels(dir, relative, stated);
    info_.classes = labels.classes;
    info_.attack_classes = labels.attack_classes;
    info_.folders = labels.folders;
    info_.notes = labels.notes;
    for (size_t i = 0; i < pictures.size(); ++i)
      if (!labels.files[i].class_name.empty())
        add(labels.files[i], {pictures[i], maps.contains(map_path(pictures[i]))}, relative[i]);
    keys_.clear();
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
  // [split/]class/NAME.png, as fsfm prepare writes it.
  static TreeLabels labels_of_manifest(const std::vector<fs::path>& files, const Manifest& manifest) {
    std::map<std::string, std::string> class_of_folder;
    for (const auto& name : manifest.classes) class_of_folder[KeyMaker().make(name)] = name;
    TreeLabels labels;
    labels.classes = manifest.classes;
    labels.attack_classes = manifest.attack_classes;
    size_t left_out = 0;
    for (const auto& file : files) {
      auto part = file.begin();
      FileLabel label;
      const auto is_class = [&](const fs::path& p) { return class_of_folder.contains(p.string()); };
      if (!is_class(*part) && std::next(part) != file.end()) label.split = canonical_split(part->string()).value_or("");
      if (!label.split.empty()) ++part;
      if (std::next(part) != file.end() && is_class(*part))
        label.class_name = class_of_folder.at((part++)->string());
      else if (manifest.classes.size() == 1)
        label.class_name = manifest.classes.front();
      fs::path rest;
      for (; part != file.end(); ++part) rest /= *part;
      label.rest = rest.generic_string();
      left_out += label.class_name.empty();
      labels.files.push_back(std::move(label));
    }
    if (left_out > 0)
      labels.notes.push_back({"left-out",
                              std::to_string(left_out) + " pictures lie in no folder of the manifest's classes",
                              "prepare the dataset again with them"});
    return labels;
  }

  void add(const FileLabel& label, Entry entry, const fs::path& relative) {
    SampleRef ref;
    ref.label = static_cast<int>(std::find(info_.classes.begin(), info_.classes.end(), label.class_name) -
                                 info_.classes.begin());
    ref.split = label.split;
    const FrameName name = parse_frame_name(label.rest);
    ref.video = info_.name + "/" + label.class_name + "/" + to_utf8(name.video);
    ref.frame = name.frame;
    // Pictures that differ by their extension only (a.jpg, a.png) or by the order of folders (real/train, train/real)
    // are two samples: the later keeps its extension, or its whole path.
    const std::string whole =
        (label.split.empty() ? "" : label.split + "/") + label.class_name + "/" + to_utf8(label.rest);
    ref.key = fs::path(whole).replace_extension().generic_string();
    if (!keys_.insert(ref.key).second && !keys_.insert(ref.key = whole).second)
      keys_.insert(ref.key = to_utf8(relative.generic_string()));
    samples_.push_back(std::move(ref));
    entries_.push_back(std::move(entry));
  }

  DatasetInfo info_;
  std::vector<SampleRef> samples_;
  std::vector<Entry> entries_;
  std::set<std::string> keys_;
};

}  // namespace

std::unique_ptr<Dataset> open_folder_tree(const std::filesystem::path& dir, const std::optional<Manifest>& manifest,
                                          const ClassStatement& stated) {
  return std::make_unique<FolderTree>(dir, manifest, stated);
}

std::string dataset_name(const std::filesystem::path& dir) {
  std::error_code code;
  fs::path whole = fs::weakly_canonical(dir, code);
  if (code) whole = dir.lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // a trailing slash
  if (canonical_split(whole.filename().string()) && whole.parent_path().has_filename()) whole = whole.parent_path();
  const std::string name = to_utf8(whole.filename().string());
  return name.empty() ? "dataset" : name;
}

}  // namespace fsfm
