#include "data/store/tar_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace fsfm {
namespace {

constexpr uint64_t kBlock = 512, kLongestName = 4096;

struct Reader {
  std::istream& tar;
  uint64_t bytes;  // of the archive
  const std::string& archive;

  [[noreturn]] void fail(uint64_t offset, const std::string& what) const {
    throw Error(archive + " is damaged at byte " + std::to_string(offset) + ": " + what, "fetch or prepare it again");
  }

  // A header field up to its first NUL.
  static std::string_view text(std::string_view field) { return field.substr(0, field.find('\0')); }

  static std::optional<uint64_t> octal(std::string_view field) {
    field = text(field);
    while (!field.empty() && field.front() == ' ') field.remove_prefix(1);
    while (!field.empty() && field.back() == ' ') field.remove_suffix(1);
    uint64_t value = 0;
    const auto [end, code] = std::from_chars(field.data(), field.data() + field.size(), value, 8);
    if (field.empty() || code != std::errc() || end != field.data() + field.size()) return std::nullopt;
    return value;
  }

  static bool checksum_holds(std::string_view header) {
    const auto stored = octal(header.substr(148, 8));
    uint64_t sum = 8 * ' ';
    for (size_t i = 0; i < kBlock; ++i)
      if (i < 148 || i >= 156) sum += static_cast<unsigned char>(header[i]);
    return stored && *stored == sum;
  }

  // The value of `path` in a pax record list ("27 path=some/name\n..."), if there is one.
  std::optional<std::string> pax_path(std::string_view records, uint64_t offset) const {
    std::optional<std::string> path;
    while (!records.empty() && records.front() != '\0') {
      size_t length = 0;
      const auto [end, code] = std::from_chars(records.data(), records.data() + records.size(), length);
      const size_t digits = static_cast<size_t>(end - records.data());
      if (code != std::errc() || length <= digits + 1 || length > records.size() || records[digits] != ' ' ||
          records[length - 1] != '\n')
        fail(offset, "a pax record has a wrong length");
      const std::string_view record = records.substr(digits + 1, length - digits - 2);
      if (record.starts_with("path=")) path = std::string(record.substr(5));
      records.remove_prefix(length);
    }
    return path;
  }

  void check_name(const std::string& name, uint64_t offset) const {
    const std::string padded = "/" + name + "/";
    if (name.empty() || name.front() == '/' || padded.find("/../") != std::string::npos ||
        name.find('\0') != std::string::npos)
      fail(offset, "a member has an unsafe name");
  }

  std::vector<TarMember> list() const {
    std::vector<TarMember> members;
    std::optional<std::string> long_name;
    uint64_t at = 0;
    while (at + kBlock <= bytes) {
      const std::string block = read_tar(tar, at, kBlock, archive);
      const std::string_view header = block;
      if (std::all_of(header.begin(), header.end(), [](char c) { return c == '\0'; })) return members;
      if (!checksum_holds(header)) fail(at, "no tar header (wrong checksum)");
      const auto size = octal(header.substr(124, 12));
      const uint64_t content = at + kBlock;
      if (!size || *size > bytes - content) fail(at, "a member is larger than the archive");
      const char type = header[156];
      if (type == 'x' || type == 'L') {
        if (*size > kLongestName) fail(at, "a member name is too long");
        const std::string value = read_tar(tar, content, *size, archive);
        if (type == 'L')
          long_name = std::string(text(value));
        else if (auto path = pax_path(value, at))
          long_name = std::move(path);
      } else {
        std::string name(text(header.substr(0, 100)));
        if (header.substr(257, 5) == "ustar" && header[262] == '\0')
          if (const auto prefix = text(header.substr(345, 155)); !prefix.empty())
            name = std::string(prefix) + "/" + name;
        if (long_name) name = *std::exchange(long_name, std::nullopt);
        if (name.starts_with("./")) name.erase(0, 2);
        if (type == '0' || type == '\0') {
          check_name(name, at);
          members.push_back({std::move(name), content, *size});
        }
      }
      const uint64_t padded = (*size + kBlock - 1) / kBlock * kBlock;  // cannot overflow: size <= bytes
      if (padded > bytes - content) break;                             // last member without its padding
      at = content + padded;
    }
    fail(at, "the end is missing");
  }
};

}  // namespace

std::vector<TarMember> list_tar(std::istream& tar, const std::string& archive) {
  tar.clear();
  tar.seekg(0, std::ios::end);
  const auto bytes = static_cast<int64_t>(tar.tellg());
  if (bytes < 0) throw Error("cannot read " + archive, "check the file and its permissions");
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
