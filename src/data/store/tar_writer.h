// Writes ustar archives member by member, so that an interrupted run can go on at the last whole sample.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace fsfm {

// Works on `TARGET.partial`; finish() closes the archive and gives it its name. Members carry no time and no owner, so
// that equal content gives equal bytes. Throws Error naming the file (no space, no permission). Thread-compatible.
class TarWriter {
 public:
  // `resume_size` > 0: cuts an existing partial file to that size (a size() reported earlier) and appends.
  explicit TarWriter(std::filesystem::path target, uint64_t resume_size = 0);
  ~TarWriter();
  TarWriter(const TarWriter&) = delete;
  TarWriter& operator=(const TarWriter&) = delete;

  // `name`: relative, at most 255 bytes with a '/' in a suitable place, or 100 (see fits()).
  void add(std::string_view name, std::span<const std::byte> bytes);
  // Bytes written so far: always at a member's end.
  uint64_t size() const { return size_; }
  // Pushes everything to the disk.
  void sync();
  void finish();

  static bool fits(std::string_view name);

 private:
  void write_all(std::span<const std::byte> bytes);
  std::filesystem::path target_, partial_;
  int fd_ = -1;
  uint64_t size_ = 0;
};

}  // namespace fsfm
