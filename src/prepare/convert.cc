#include "prepare/convert.h"

#include "base/error.h"
#include "base/file.h"
#include "data/keys.h"
#include "data/store/authors_folder.h"
#include "data/store/sample_writer.h"
#include "media/codec.h"
#include "media/jpeg_quality.h"

namespace fsfm {
namespace {

std::string extension_of(std::span<const std::byte> picture) {
  const auto is = [&](size_t i, int value) { return picture.size() > i && std::to_integer<int>(picture[i]) == value; };
  if (is(0, 0xFF) && is(1, 0xD8)) return "jpg";
  if (is(0, 0x89) && is(1, 'P')) return "png";
  return "";
}

// The record that its preparation left, or what the listing and the picture tell.
FaceRecord record_of(const Dataset& dataset, size_t index, const Image& image, std::span<const std::byte> picture) {
  if (auto record = dataset.load_record(index)) return *std::move(record);
  const SampleRef& ref = dataset.samples()[index];
  FaceRecord record;
  record.key = ref.key;
  record.class_name = dataset.info().classes.at(static_cast<size_t>(ref.label));
  record.split = ref.split;
  record.video =
      ref.video.starts_with(dataset.info().name + "/") ? ref.video.substr(dataset.info().name.size() + 1) : ref.video;
  record.frame = ref.frame;
  record.source = fs::path(dataset.location(index)).filename().string();
  record.source_width = image.width;
  record.source_height = image.height;
  record.source_jpeg_quality = estimate_jpeg_quality(picture);
  return record;
}

// A folder that is removed unless it is told to stay.
struct Unfinished {
  fs::path folder;
  bool stays = false;
  ~Unfinished() {
    std::error_code ignored;
    if (!stays) fs::remove_all(folder, ignored);
  }
};

}  // namespace

bool is_prepared(const std::filesystem::path& dir) {
  std::error_code code;
  return fs::exists(dir / "manifest.json", code) || is_authors_folder(dir);
}

std::optional<Manifest> convert_dataset(const Dataset& dataset, const std::filesystem::path& target,
                                        const std::string& format, const nlohmann::json& made,
                                        const std::function<bool(uint64_t, uint64_t)>& progress) {
  std::error_code code;
  if (is_prepared(target)) throw Error(target.string() + " already holds a dataset", "choose another --out");
  if (fs::exists(target, code) && (!fs::is_directory(target, code) || !fs::is_empty(target, code)))
    throw Error(target.string() + " is not an empty folder", "choose another --out");
  // Written aside and renamed: a copy that was interrupted is never taken for a whole one.
  const fs::path out = fs::path(target.has_filename() ? target : target.parent_path()) += ".partial";
  if (fs::exists(out, code))
    throw Error(out.string() + " is in the way: it was left by a copy that was cut off, or is yours",
                "remove it or choose another --out");
  if (out.has_parent_path()) fs::create_directories(out.parent_path(), code);
  if (code || !fs::create_directory(out, code))
    throw Error("cannot make " + out.string() + ": " + code.message(), "choose another --out", code.value());
  Unfinished unfinished{out};
  const auto& info = dataset.info();
  const auto splits = splits_of(dataset);
  const bool unlabelled = info.classes == std::vector<std::string>{"real"} && info.attack_classes.empty() &&
                          splits.size() == 1 && splits.front().empty();
  auto writer =
      format == "shards" ? make_shard_writer({.dir = out}, nullptr) : make_folder_writer(out, unlabelled, nullptr);
  KeyMaker keys;
  const size_t total = dataset.samples().size();
  for (size_t i = 0; i < total; ++i) {
    PreparedFace face;
    face.picture = dataset.load_encoded(i);
    face.extension = extension_of(face.picture);
    const Image image = decode_image(face.picture, dataset.location(i));
    if (face.extension.empty()) {  // WebP, TIFF, ...: the same pixels in a form that every reader knows
      face.picture = encode_png(image);
      face.extension = "png";
    }
    face.record = record_of(dataset, i, image, face.picture);
    face.record.key = keys.make(face.record.key);
    face.record.sums = sums_at_network_size(image);
    if (auto map = dataset.load_parsing(i)) {
      face.parsing = *std::move(map);
      face.record.regions = make_region_map(face.parsing, kParsingSide, kParsingSide);
    }
    writer->add(face);
    if (progress && !progress(i + 1, total)) return std::nullopt;
  }
  Manifest manifest;
  manifest.name = info.name;
  manifest.form = format;
  manifest.made = made;
  manifest.outcomes["kept"] = total;
  writer->finish(manifest);
  manifest.classes = info.classes;
  manifest.attack_classes = info.attack_classes;
  manifest.write(out / "manifest.json");
  if (is_authors_folder(out)) write_authors_mean_std(out / kAuthorsMeanStdFile, manifest.sums.normalization());
  unfinished.stays = true;
  fs::rename(out, target, code);
  if (code) throw Error("cannot rename " + out.string() + ": " + code.message(), "move it to " + target.string());
  return manifest;
}

}  // namespace fsfm
