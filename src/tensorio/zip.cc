#include "tensorio/zip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace fsfm {
namespace {

constexpr uint32_t kLocalHeader = 0x04034b50, kDirectoryEntry = 0x02014b50, kEndOfDirectory = 0x06054b50;
constexpr uint32_t kZip64End = 0x06064b50, kZip64Locator = 0x07064b50;
constexpr uint16_t kStored = 0, kDeflated = 8, kZip64Extra = 1;
constexpr uint64_t kMaxDeflateRatio = 1032;  // deflate cannot do better, so a larger claim is a lie
constexpr size_t kEndSize = 22, kMaxComment = 65535;
constexpr uint64_t kMaxEntries = 200'000;  // a large checkpoint has some thousands

template <class T>
T load(std::span<const std::byte> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

// The zip64 extra field holds, in this order, only those values whose 32-bit place is all ones.
void apply_zip64(std::span<const std::byte> extra, ZipReader::Entry& entry) {
  while (extra.size() >= 4) {
    const auto id = load<uint16_t>(extra, 0);
    const size_t size = std::min<size_t>(load<uint16_t>(extra, 2), extra.size() - 4);
    std::span<const std::byte> field = extra.subspan(4, size);
    if (id == kZip64Extra)
      for (uint64_t* value : {&entry.size, &entry.compressed_size, &entry.header_offset})
        if (*value == UINT32_MAX && field.size() >= 8) {
          *value = load<uint64_t>(field, 0);
          field = field.subspan(8);
        }
    extra = extra.subspan(4 + size);
  }
}

uint32_t checksum(std::span<const std::byte> bytes) {
  return static_cast<uint32_t>(::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

}  // namespace

void ZipReader::fail(const std::string& what) const {
  throw Error(ErrorCode::damaged, name_ + ": " + what, "the file is damaged or incomplete: copy or download it again");
}

std::span<const std::byte> ZipReader::part(uint64_t offset, uint64_t size) const {
  if (offset > archive_.size() || size > archive_.size() - offset) fail("the zip archive is cut short");
  return archive_.subspan(offset, size);
}

bool ZipReader::is_zip(std::span<const std::byte> bytes) {
  return bytes.size() >= 4 && (load<uint32_t>(bytes, 0) == kLocalHeader || load<uint32_t>(bytes, 0) == kEndOfDirectory);
}

ZipReader::ZipReader(std::span<const std::byte> archive, std::string name) : archive_(archive), name_(std::move(name)) {
  if (archive_.size() < kEndSize) fail("too short for a zip archive");
  // The end record sits before a comment of at most 64 KiB: search backwards.
  size_t end = archive_.size() - kEndSize;
  const size_t lowest = end > kMaxComment ? end - kMaxComment : 0;
  while (load<uint32_t>(archive_, end) != kEndOfDirectory) {
    if (end == lowest) fail("the zip archive has no directory (cut short?)");
    --end;
  }
  uint64_t count = load<uint16_t>(archive_, end + 10), size = load<uint32_t>(archive_, end + 12);
  uint64_t offset = load<uint32_t>(archive_, end + 16);
  if (end >= 20 && load<uint32_t>(archive_, end - 20) == kZip64Locator) {
    const auto record = part(load<uint64_t>(archive_, end - 20 + 8), 56);
    if (load<uint32_t>(record, 0) != kZip64End) fail("the zip64 directory is not where it should be");
    count = load<uint64_t>(record, 32);
    size = load<uint64_t>(record, 40);
    offset = load<uint64_t>(record, 48);
  }
  if (count > kMaxEntries) fail("the zip archive claims " + std::to_string(count) + " entries");
  std::span<const std::byte> directory = part(offset, size);
  for (uint64_t i = 0; i < count; ++i) {
    if (directory.size() < 46 || load<uint32_t>(directory, 0) != kDirectoryEntry) fail("the zip directory is damaged");
    const size_t name_size = load<uint16_t>(directory, 28), extra_size = load<uint16_t>(directory, 30);
    const size_t whole = 46 + name_size + extra_size + load<uint16_t>(directory, 32);
    if (directory.size() < whole) fail("the zip directory is damaged");
    Entry entry{.header_offset = load<uint32_t>(directory, 42),
                .compressed_size = load<uint32_t>(directory, 20),
                .size = load<uint32_t>(directory, 24),
                .crc = load<uint32_t>(directory, 16),
                .method = load<uint16_t>(directory, 10)};
    apply_zip64(directory.subspan(46 + name_size, extra_size), entry);
    const std::string entry_name(reinterpret_cast<const char*>(directory.data()) + 46, name_size);
    if (load<uint16_t>(directory, 8) & 1) fail("entry '" + entry_name + "' is encrypted");
    if (!entries_.emplace(entry_name, entry).second) fail("entry '" + entry_name + "' occurs twice");
    directory = directory.subspan(whole);
  }
}

const ZipReader::Entry& ZipReader::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) fail("entry '" + name + "' is missing");
  return found->second;
}

bool ZipReader::compressed(const std::string& name) const {
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second.method == kDeflated;
}

std::span<const std::byte> ZipReader::stored(const std::string& name, const Entry& entry) const {
  const auto header = part(entry.header_offset, 30);
  if (load<uint32_t>(header, 0) != kLocalHeader) fail("entry '" + name + "' is not where the directory says");
  const uint64_t skip = 30u + load<uint16_t>(header, 26) + load<uint16_t>(header, 28);
  return part(entry.header_offset, skip + entry.compressed_size < skip ? UINT64_MAX : skip + entry.compressed_size)
      .subspan(skip);
}

std::span<const std::byte> ZipReader::read(const std::string& name, std::vector<std::byte>& buffer,
                                           uint64_t max_bytes) const {
  const Entry& found = entry(name);
  if (found.size > max_bytes)
    fail("entry '" + name + "' claims " + std::to_string(found.size) + " bytes, more than is allowed");
  if (found.method == kDeflated) return read_start(name, buffer, found.size);
  if (found.method != kStored) fail("entry '" + name + "' uses an unknown compression");
  if (found.size != found.compressed_size) fail("entry '" + name + "' lies about its size");
  const auto contents = stored(name, found);
  if (checksum(contents) != found.crc) fail("entry '" + name + "' has a wrong checksum");
  return contents;
}

std::span<const std::byte> ZipReader::read_start(const std::string& name, std::vector<std::byte>& buffer,
                                                 uint64_t bytes) const {
  const Entry& found = entry(name);
  if (bytes > found.size || found.size / kMaxDeflateRatio > found.compressed_size)
    fail("entry '" + name + "' lies about its size");
  const auto packed = stored(name, found);
  const bool whole = bytes == found.size;
  buffer.resize(std::max<uint64_t>(bytes, 1));  // zlib refuses a null pointer, even for nothing
  z_stream stream{};
  if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) fail("entry '" + name + "' cannot be inflated");
  // zlib counts in 32 bits: feed and drain in pieces.
  constexpr uint64_t kPiece = 1u << 30;
  uint64_t in = 0, out = 0;
  int code = Z_OK;
  while (code == Z_OK && (whole || out < bytes)) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data() + in));
    stream.avail_in = static_cast<uInt>(std::min(kPiece, packed.size() - in));
    stream.next_out = reinterpret_cast<Bytef*>(buffer.data() + out);
    stream.avail_out = static_cast<uInt>(std::min(kPiece, bytes - out));
    const uInt fed = stream.avail_in, room = stream.avail_out;
    code = ::inflate(&stream, Z_NO_FLUSH);
    in += fed - stream.avail_in;
    out += room - stream.avail_out;
  }
  ::inflateEnd(&stream);
  if (out != bytes || (whole && code != Z_STREAM_END)) fail("entry '" + name + "' does not inflate to its size");
  const auto contents = std::span<const std::byte>(buffer).first(bytes);
  if (whole && checksum(contents) != found.crc) fail("entry '" + name + "' has a wrong checksum");
  return contents;
}

}  // namespace fsfm
