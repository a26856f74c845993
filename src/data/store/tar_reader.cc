#include "data/store/tar_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/error.h"

namespace fsfm {
namespace {

constexpr uint64_t kBlock = 512, kLongestName = 4096, kLongestPax = 1 << 20;

struct Reader {
  std::istream& tar;
  uint64_t bytes;  // of the archive
  const std::string& archive;

  [[noreturn]] void fail(uint64_t offset, const std::string& what) const {
    throw Error(archive + " is damaged at byte " + std::to_string(offset) + ": " + what, "fetch or prepare it again");
  }

  // A header field up to its first NUL.
  static std::string_view text(std::string_view field) { return field.substr(0, field.find('\0')); }

  // A number field: octal text, or (GNU, for large files) eight bytes big-endian behind a byte 0x80.
  static std::optional<uint64_t> number(std::string_view field) {
    if (!field.empty() && static_cast<unsigned char>(field[0]) == 0x80) {
      uint64_t value = 0;
      for (const char c : field.substr(1)) {
        if (value >> 56) return std::nullopt;
        value = value << 8 | static_cast<unsigned char>(c);
      }
      return value;
    }
    field = text(field);
    while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
    while (!field.empty() && field.back() == ' ') field.remove_suffix(1);
    uint64_t value = 0;
    const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), value, 8);
    if (field.empty() || code != std::errc() || end != field.data() + field.size()) return std::nullopt;
    return value;
  }

  // Some old programs summed signed bytes.
  static bool checksum_holds(std::string_view header) {
    const auto stored = number(header.substr(148, 8));
    uint64_t sum = 8 * ' ';
    int64_t signed_sum = 8 * ' ';
    for (size_t i = 0; i < kBlock; ++i) {
      if (i >= 148 && i < 156) continue;
      sum += static_cast<unsigned char>(header[i]);
      signed_sum += static_cast<signed char>(header[i]);
    }
    return stored && (*stored == sum || static_cast<int64_t>(*stored) == signed_sum);
  }

  // What a pax record list ("27 path=some/name\n...") says of the next member.
  struct Pax {
    std::optional<std::string> path;
    std::optional<uint64_t> size;
    bool sparse = false;
  };
  Pax parse_pax(std::string_view records, uint64_t offset) const {
    Pax pax;
    while (!records.empty() && records.front() != '\0') {
      size_t length = 0;
      const auto [end, code] = std::from_chars(records.data(), records.data() + records.size(), length);
      const size_t digits = static_cast<size_t>(end - records.data());
      if (code != std::errc() || length <= digits + 1 || length > records.size() || records[digits] != ' ' ||
          records[length - 1] != '\n')
        fail(offset, "a pax record has a wrong length");
      const std::string_view record = records.substr(digits + 1, length - digits - 2);
      if (record.starts_with("path=")) pax.path = std::string(record.substr(5));
      if (record.starts_with("GNU.sparse.")) pax.sparse = true;
      if (record.starts_with("size=")) {
        uint64_t size = 0;
        const char* last = record.data() + record.size();
        const auto parsed = std::from_chars(record.data() + 5, last, size);
        if (parsed.ec != std::errc() || parsed.ptr != last) fail(offset, "a pax record holds no size");
        pax.size = size;
      }
      records.remove_prefix(length);
    }
    return pax;
  }

  void check_name(const std::string& name, uint64_t offset) const {
    const std::string padded = "/" + name + "/";
    if (name.empty() || name.front() == '/' || padded.find("/../") != std::string::npos ||
        name.find('\0') != std::string::npos)
      fail(offset, "a member has an unsafe name");
  }

  static std::string plain_name(std::string_view header) {
    std::string name(text(header.substr(0, 100)));
    if (header.substr(257, 5) == "ustar" && header[262] == '\0')
      if (const auto prefix = text(header.substr(345, 155)); !prefix.empty()) name = std::string(prefix) + "/" + name;
    return name;
  }

  static std::string without_dot(std::string name) {
    while (name.starts_with("./")) name.erase(0, std::min(name.find_first_not_of('/', 1), name.size()));
    return name;
  }

  std::vector<TarMember> list() const {
    std::vector<TarMember> members;
    std::unordered_map<std::string, size_t> by_name;  // filled when the first hard link asks
    size_t named = 0;
    std::optional<std::string> long_name, long_link;
    Pax pax;
    uint64_t at = 0;
    while (at + kBlock <= bytes) {
      const std::string block = read_tar(tar, at, kBlock, archive);
      const std::string_view header = block;
      if (std::all_of(header.begin(), header.end(), [](char c) { return c == '\0'; })) return members;
      if (!checksum_holds(header)) fail(at, "no tar header (wrong checksum)");
      const char type = header[156];
      const bool speaks_of_next = type == 'x' || type == 'L' || type == 'K' || type == 'g';
      auto size = number(header.substr(124, 12));
      if (!speaks_of_next && pax.size) size = pax.size;
      const bool is_link = type == '1' || type == '2';
      if (is_link) size = 0;  // some programs note the size of what they point to
      const uint64_t content = at + kBlock;
      if (!size || *size > bytes - content) fail(at, "a member is larger than the archive");
      if (type == 'x') {
        if (*size > kLongestPax) fail(at, "a pax header is too long");
        pax = parse_pax(read_tar(tar, content, *size, archive), at);
      } else if (type == 'L' || type == 'K') {
        if (*size > kLongestName) fail(at, "a member name is too long");
        (type == 'L' ? long_name : long_link) = std::string(text(read_tar(tar, content, *size, archive)));
      } else if (type != 'g') {
        std::string name = plain_name(header);
        if (long_name) name = *long_name;
        if (pax.path) name = *pax.path;
        name = without_dot(std::move(name));
        if (type == 'S' || (pax.sparse && type == '0'))
          throw Error(archive + " holds '" + name + "' with its zeros left out (a sparse file)",
                      "pack it again without --sparse");
        if (type == '0' || type == '\0' || type == '7') {
          if (name.size() > kLongestName) fail(at, "a member name is too long");
          check_name(name, at);
          members.push_back({std::move(name), content, *size});
        } else if (type == '1') {  // a second name of an earlier member
          for (; named < members.size(); ++named) by_name[members[named].name] = named;
          const auto target =
              by_name.find(without_dot(long_link ? *long_link : std::string(text(header.substr(157, 100)))));
          if (target != by_name.end()) {
            check_name(name, at);
            members.push_back({std::move(name), members[target->second].offset, members[target->second].size});
          }
        }
        long_name.reset();
        long_link.reset();
        pax = {};
      }
      const uint64_t padded = (*size + kBlock - 1) / kBlock * kBlock;  // cannot overflow: size <= bytes
      if (padded > bytes - content) break;                             // last member without its padding
      at = content + padded;
    }
    fail(at, "the end is missing");
  }
};

// Packed archives are known by their first bytes, whatever their name.
const char* compression_of(std::string_view start) {
  if (start.starts_with("\x1F\x8B")) return "gzip";
  if (start.starts_with("\x28\xB5\x2F\xFD")) return "zstd";
  if (start.starts_with("\xFD\x37zXZ")) return "xz";
  if (start.starts_with("BZh")) return "bzip2";
  if (start.starts_with("PK\x03\x04")) return "zip";
  return nullptr;
}

}  // namespace

std::vector<TarMember> list_tar(std::istream& tar, const std::string& archive) {
  tar.clear();
  tar.seekg(0, std::ios::end);
  const auto bytes = static_cast<int64_t>(tar.tellg());
  if (bytes < 0) throw Error("cannot read " + archive, "check the file and its permissions");
  if (bytes >= 4)
    if (const char* packed = compression_of(read_tar(tar, 0, 4, archive)))
      throw Error(archive + " is a packed archive (" + packed + "), whose members cannot be reached one by one",
                  std::string("unpack it into a plain .tar: ") + packed + " -d");
  return Reader{tar, static_cast<uint64_t>(bytes), archive}.list();
}

std::string read_tar(std::istream& tar, uint64_t offset, uint64_t size, const std::string& archive) {
  std::string content(size, '\0');
  tar.seekg(static_cast<std::streamoff>(offset));
  if (!tar.read(content.data(), static_cast<std::streamsize>(size)))
    throw Error("cannot read " + archive + " at byte " + std::to_string(offset), "check the file and its disk");
  return content;
}

}  // namespace fsfm
