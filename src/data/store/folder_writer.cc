#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "data/naming.h"
#include "data/store/authors_folder.h"
#include "data/store/palette.h"
#include "data/store/sample_writer.h"
#include "media/codec.h"

namespace fsfm {
namespace {

class FolderWriter final : public SampleWriter {
 public:
  FolderWriter(const fs::path& dir, bool authors) : dir_(dir), authors_(authors) {
    make(dir_);
    if (!authors_) return;
    make(dir_ / "images");
    make(dir_ / "parsing_maps");
  }

  void add(const PreparedFace& face) override {
    fs::path picture;
    if (authors_) {
      // images/ is flat: folders become part of the name.
      std::string name = face.record.key;
      for (size_t at; (at = name.find('/')) != std::string::npos;) name.replace(at, 1, "__");
      picture = dir_ / "images" / (name + ".png");
      if (!face.parsing.empty()) write_authors_map(dir_ / "parsing_maps" / (name + ".npy"), face.parsing);
    } else {
      picture = dir_ / (face.record.key + ".png");
      make(picture.parent_path());
      if (!face.parsing.empty())
        write_file_atomic(dir_ / (face.record.key + ".seg.png"), encode_parsing_png(face.parsing));
    }
    // The picture comes last: where it is, its map is.
    if (face.extension == "png")
      write_file_atomic(picture, face.picture);
    else
      write_file_atomic(picture, encode_png(decode_image(face.picture, face.record.key)));
    written_.count(face.record.split, face.record.class_name);
    written_.sums.add(face.record.sums);
  }

  nlohmann::json position() const override {
    return {{"counts", written_.counts}, {"rgb", {written_.sums.pixels, written_.sums.sum, written_.sums.squares}}};
  }

  void resume(const nlohmann::json& position) {
    if (position.is_null()) return;
    written_.counts = position.at("counts").get<decltype(written_.counts)>();
    const auto& rgb = position.at("rgb");
    written_.sums = {rgb.at(0).get<uint64_t>(), rgb.at(1).get<std::array<uint64_t, 3>>(),
                     rgb.at(2).get<std::array<uint64_t, 3>>()};
  }

  void finish(Manifest& manifest) override {
    for (const auto& [split, classes] : written_.counts)
      for (const auto& [name, n] : classes) written_.classes.push_back(name);
    std::sort(written_.classes.begin(), written_.classes.end());
    written_.classes.erase(std::unique(written_.classes.begin(), written_.classes.end()), written_.classes.end());
    written_.attack_classes = known_attack_classes(written_.classes);  // who prepares knows better
    manifest.merge(written_);
  }

 private:
  static void make(const fs::path& dir) {
    std::error_code code;
    fs::create_directories(dir, code);
    if (code) throw Error("cannot make " + dir.string() + ": " + code.message(), "check the folder and free space");
  }
  fs::path dir_;
  bool authors_;
  Manifest written_;
};

}  // namespace

std::unique_ptr<SampleWriter> make_folder_writer(const std::filesystem::path& dir, bool authors,
                                                 const nlohmann::json& resume) {
  auto writer = std::make_unique<FolderWriter>(dir, authors);
  writer->resume(resume);
  return writer;
}

}  // namespace fsfm
