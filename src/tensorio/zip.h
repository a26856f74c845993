// Reads zip archives, the container of PyTorch checkpoints: stored and deflated entries, zip64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace fsfm {

// A view: the archive's bytes must outlive it. Nothing is ever written to disk, so entry names are only labels.
// All members throw Error (archive, what is wrong, way out) for damaged, encrypted or lying archives. Thread-safe.
class ZipReader {
 public:
  struct Entry {
    uint64_t header_offset = 0, compressed_size = 0, size = 0;
    uint32_t crc = 0;
    uint16_t method = 0;
  };

  // Reads the directory at the end of the archive.
  ZipReader(std::span<const std::byte> archive, std::string name_for_errors);
  static bool is_zip(std::span<const std::byte> bytes);

  const std::map<std::string, Entry>& entries() const { return entries_; }
  // The contents, checksum verified: a part of the archive when stored, else inflated into `buffer`. An entry may not
  // be larger than `max_bytes`.
  std::span<const std::byte> read(const std::string& name, std::vector<std::byte>& buffer, uint64_t max_bytes) const;
  bool compressed(const std::string& name) const;  // deflated; false also for an entry that is not there
  // The first `bytes` of a deflated entry, whatever size it claims, inflated into `buffer`. The checksum covers the
  // whole and is verified when that is what was asked for.
  std::span<const std::byte> read_start(const std::string& name, std::vector<std::byte>& buffer, uint64_t bytes) const;

 private:
  const Entry& entry(const std::string& name) const;
  std::span<const std::byte> stored(const std::string& name, const Entry& entry) const;
  std::span<const std::byte> part(uint64_t offset, uint64_t size) const;
  [[noreturn]] void fail(const std::string& what) const;

  std::span<const std::byte> archive_;
  std::string name_;
  std::map<std::string, Entry> entries_;
};

}  // namespace fsfm
