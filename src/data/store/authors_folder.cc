#include "data/store/authors_folder.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/media_kind.h"
#include "base/text.h"
#include "data/label_tree.h"
#include "data/naming.h"
#include "data/store/folder_tree.h"
#include "media/codec.h"
#include "tensorio/json.h"
#include "tensorio/npy.h"

namespace fsfm {
namespace {

Normalization read_mean_std(const fs::path& file) {
  try {
    const auto json = parse_json(read_file(file, 1 << 16), file.string(), "compute it again");
    Normalization norm;
    norm.mean = json.at("mean").get<std::array<float, 3>>();
    norm.std = json.at("std").get<std::array<float, 3>>();
    if (!std::all_of(norm.std.begin(), norm.std.end(), [](float s) { return s > 0; }))
      throw Error(file.string() + ": a standard deviation is not positive", "compute it again");
    return norm;
  } catch (const nlohmann::json::exception& error) {
    throw Error(file.string() + " is not {\"mean\":[3],\"std\":[3]}: " + error.what(), "compute it again");
  }
}

std::vector<uint8_t> read_authors_map(const fs::path& file) {
  const HostTensor tensor = read_npy(file);
  constexpr size_t kCells = static_cast<size_t>(kParsingSide) * kParsingSide;
  if ((tensor.dtype != DType::i8 && tensor.dtype != DType::u8) || tensor.data.size() != kCells)
    throw Error(file.string() + " is no parsing map: int8 of 1 x 224 x 224 is expected", "parse the face again");
  std::vector<uint8_t> map(kCells);
  std::transform(tensor.data.begin(), tensor.data.end(), map.begin(),
                 [](std::byte b) { return std::to_integer<uint8_t>(b); });
  if (!std::all_of(map.begin(), map.end(), [](uint8_t c) { return c < kFaceClasses; }))
    throw Error(file.string() + " holds a class outside 0..10", "parse the face again");
  return map;
}

class AuthorsFolder final : public Dataset {
 public:
  AuthorsFolder(const fs::path& dir, const std::optional<Manifest>& manifest, const ClassStatement& stated) {
    info_.name = manifest ? manifest->name : dataset_name(dir);
    for (const auto& side_car : {dir / kAuthorsMeanStdFile, dir.parent_path() / kAuthorsMeanStdFile}) {
      std::error_code code;
      if (info_.normalization || !fs::exists(side_car, code)) continue;
      info_.normalization = read_mean_std(side_car);
    }
    const fs::path images = dir / "images", maps = dir / "parsing_maps";
    std::vector<fs::path> left_out, relative;
    const std::vector<fs::path> pictures = list_files(images, [&](const fs::path& path) {
      const MediaKind kind = media_kind_by_name_first(path);
      if (kind == MediaKind::video || kind == MediaKind::unread) left_out.push_back(path);
      return kind == MediaKind::picture;
    });
    info_.left_out = count_extensions(left_out);
    if (pictures.empty()) throw Error(images.string() + " holds no picture", "check the path");
    for (const auto& path : pictures) relative.push_back(path.lexically_relative(images));
    // Whoever prepared the set has said what it is; else folders of images/, or the set's own, may say it.
    const TreeLabels labels = manifest ? TreeLabels() : labels_of(dir, relative, stated);
    const bool labelled = !manifest && labels.labelled();
    info_.classes = labelled ? labels.classes : std::vector<std::string>{"real"};
    info_.attack_classes = labels.attack_classes;
    info_.notes = labels.notes;
    std::set<std::string> keys;
    for (size_t i = 0; i < pictures.size(); ++i) {
      const FileLabel label = labelled ? labels.files[i] : FileLabel{"real", "", relative[i].generic_string()};
      if (label.class_name.empty()) continue;
      const FrameName name = parse_frame_name(label.rest);
      SampleRef ref;
      ref.label = static_cast<int>(std::find(info_.classes.begin(), info_.classes.end(), label.class_name) -
                                   info_.classes.begin());
      ref.split = label.split;
      // Two pictures that differ by their extension only are two samples: the later keeps its extension.
      const std::string folder =
          labelled ? (label.split.empty() ? "" : label.split + "/") + label.class_name + "/" : "";
      const std::string whole = folder + label.rest;
      ref.key = to_utf8(fs::path(whole).replace_extension().generic_string());
      if (!keys.insert(ref.key).second) keys.insert(ref.key = to_utf8(whole));
      ref.video = info_.name + "/" + label.class_name + "/" + to_utf8(name.video);
      ref.frame = name.frame;
      samples_.push_back(std::move(ref));
      fs::path map = maps / fs::path(relative[i]).replace_extension(".npy");
      std::error_code code;
      files_.push_back({pictures[i], fs::exists(map, code) ? std::move(map) : fs::path()});
    }
  }

  const DatasetInfo& info() const override { return info_; }
  const std::vector<SampleRef>& samples() const override { return samples_; }
  Sample load(size_t index) const override {
    Sample sample{read_image(files_.at(index).picture), std::nullopt};
    if (const auto map = load_parsing(index)) sample.region_map = make_region_map(*map, kParsingSide, kParsingSide);
    return sample;
  }
  std::optional<std::vector<uint8_t>> load_parsing(size_t index) const override {
    const fs::path& map = files_.at(index).map;
    if (map.empty()) return std::nullopt;
    return read_authors_map(map);
  }
  std::vector<std::byte> load_encoded(size_t index) const override {
    const MappedFile file(files_.at(index).picture);
    return {file.bytes().begin(), file.bytes().end()};
  }
  std::string location(size_t index) const override { return files_.at(index).picture.string(); }

 private:
  static TreeLabels labels_of(const fs::path& dir, const std::vector<fs::path>& relative,
                              const ClassStatement& stated) {
    const bool has_folders =
        std::any_of(relative.begin(), relative.end(), [](const fs::path& p) { return p.has_parent_path(); });
    // Flat pictures have one class, about which restate() asks the user's statement.
    return has_folders ? read_tree_labels(dir / "images", relative, stated) : read_tree_labels(dir, relative);
  }

  struct Files {
    fs::path picture, map;  // map: "" when there is none
  };
  DatasetInfo info_;
  std::vector<SampleRef> samples_;
  std::vector<Files> files_;
};

}  // namespace

bool is_authors_folder(const std::filesystem::path& dir) {
  std::error_code code;
  return fs::is_directory(dir / "images", code) &&
         (fs::is_directory(dir / "parsing_maps", code) || fs::exists(dir / kAuthorsMeanStdFile, code));
}

std::unique_ptr<Dataset> open_authors_folder(const std::filesystem::path& dir, const std::optional<Manifest>& manifest,
                                             const ClassStatement& stated) {
  return std::make_unique<AuthorsFolder>(dir, manifest, stated);
}

void write_authors_map(const std::filesystem::path& file, std::span<const uint8_t> map) {
  write_npy(file, {DType::i8, {1, kParsingSide, kParsingSide}, std::as_bytes(map)});
}

void write_authors_mean_std(const std::filesystem::path& file, const Normalization& norm) {
  write_file_atomic(file, nlohmann::json({{"mean", norm.mean}, {"std", norm.std}}).dump() + "\n");
}

}  // namespace fsfm
