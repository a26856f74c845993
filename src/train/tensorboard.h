// TensorBoard event files, written without TensorFlow: TFRecord framing around hand-encoded Event messages.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace fsfm {

// Appends to one `events.out.tfevents.*` file. Goals: scalars and pictures that `tensorboard --logdir` shows, complete
// after every call (a killed run loses nothing). Non-goals: histograms, graphs, reading. Thread-compatible.
class TensorBoardWriter {
 public:
  // Makes a new file in `folder` (made if missing). `first_step` > 0 marks a resumed run: TensorBoard then forgets what
  // older files say about that step and later ones. Throws Error when the file cannot be made.
  explicit TensorBoardWriter(const std::filesystem::path& folder, int64_t first_step = 0);

  // One point of each curve. Throws Error when the disk is full.
  void scalars(int64_t step, const std::map<std::string, double>& values);
  void image(int64_t step, const std::string& tag, std::span<const std::byte> png, int width, int height);

  const std::filesystem::path& path() const { return path_; }

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void event(int64_t step, std::string_view payload);
  std::filesystem::path path_;
  std::unique_ptr<std::FILE, Close> file_;
};

// CRC-32C (Castagnoli), the checksum of TFRecord files.
uint32_t crc32c(std::string_view bytes);

}  // namespace fsfm
