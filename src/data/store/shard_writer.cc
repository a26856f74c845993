#include <spdlog/fmt/fmt.h>

#include "base/error.h"
#include "base/file.h"
#include "data/store/palette.h"
#include "data/store/sample_writer.h"
#include "data/store/shard_index.h"
#include "data/store/tar_writer.h"
#include "tensorio/json.h"

namespace fsfm {
namespace {

fs::path shard_path(const ShardWriterOptions& options, int64_t number) {
  return options.dir / "shards" / fmt::format("{}-{:06d}.tar", options.prefix, number);
}
fs::path partial_path(const fs::path& shard) { return shard.string() + ".partial"; }

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// A tar member's name: WebDataset ends a key at the first dot.
std::string member_key(std::string key) {
  for (char& c : key)
    if (c == '.') c = '_';
  return key;
}

class ShardWriter final : public SampleWriter {
 public:
  ShardWriter(const ShardWriterOptions& options, const nlohmann::json& resume) : options_(options) {
    fs::create_directories(options_.dir / "shards");
    uint64_t end = 0;
    if (!resume.is_null()) {
      number_ = resume.at("shard").get<int64_t>();
      end = resume.at("end").get<uint64_t>();
      in_shard_ = resume.at("samples").get<uint64_t>();
      // The shard may have been closed after this position was noted: open it again.
      const fs::path shard = shard_path(options_, number_);
      if (!fs::exists(partial_path(shard)) && fs::exists(shard)) fs::rename(shard, partial_path(shard));
    }
    drop_later_shards();
    tar_ = std::make_unique<TarWriter>(shard_path(options_, number_), end);
  }

  void add(const PreparedFace& face) override {
    if (in_shard_ > 0 && (tar_->size() >= options_.max_bytes || in_shard_ >= options_.max_samples)) next_shard();
    const std::string key = member_key(face.record.key);
    tar_->add(key + "." + face.extension, face.picture);
    tar_->add(key + ".json", as_bytes(json_text(face.record.to_json())));
    if (!face.parsing.empty()) tar_->add(key + ".seg.png", encode_parsing_png(face.parsing));
    ++in_shard_;
  }

  nlohmann::json position() const override {
    return {{"shard", number_}, {"end", tar_->size()}, {"samples", in_shard_}};
  }

  void finish(Manifest& manifest) override {
    if (in_shard_ > 0) tar_->finish();
    std::error_code ignored;
    if (in_shard_ == 0) fs::remove(partial_path(shard_path(options_, number_)), ignored);
    tar_.reset();
    for (int64_t n = 0; fs::exists(shard_path(options_, n), ignored); ++n)
      index_shard(shard_path(options_, n), options_.dir, manifest);
  }

 private:
  void next_shard() {
    tar_->finish();
    ++number_;
    in_shard_ = 0;
    tar_ = std::make_unique<TarWriter>(shard_path(options_, number_));
  }

  void drop_later_shards() const {
    for (int64_t n = number_ + 1;; ++n) {
      const fs::path shard = shard_path(options_, n);
      const bool had = fs::remove(shard) | fs::remove(partial_path(shard));
      fs::remove(index_path(shard));
      if (!had) return;
    }
  }

  ShardWriterOptions options_;
  int64_t number_ = 0;
  uint64_t in_shard_ = 0;  // samples in the open shard
  std::unique_ptr<TarWriter> tar_;
};

}  // namespace

std::unique_ptr<SampleWriter> make_shard_writer(const ShardWriterOptions& options, const nlohmann::json& resume) {
  try {
    return std::make_unique<ShardWriter>(options, resume);
  } catch (const fs::filesystem_error& error) {
    throw Error("cannot write below " + options.dir.string() + ": " + error.code().message(),
                "check the folder and free space");
  }
}

bool shard_position_exists(const ShardWriterOptions& options, const nlohmann::json& position) {
  if (!position.is_object() || !position.contains("shard") || !position.contains("end") ||
      !position.contains("samples"))
    return false;
  const fs::path shard = shard_path(options, position["shard"].get<int64_t>());
  std::error_code code;
  for (const auto& path : {partial_path(shard), shard})
    if (const auto size = fs::file_size(path, code); !code) return size >= position["end"].get<uint64_t>();
  return position["end"].get<uint64_t>() == 0;
}

}  // namespace fsfm
