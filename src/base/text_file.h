// Text files as other programs save them: byte order marks, UTF-16, three kinds of line ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace fsfm {

// The text with '\n' at the end of its lines and without a mark at its beginning. UTF-16 (with a mark, or plainly so
// without) becomes UTF-8; other bytes stay as they are, for they may be file names of an older system. Throws Error
// naming `name` and what it is when it is no text: a workbook, an archive, a picture, a web page, ...
std::string decode_text(std::string bytes, const std::string& name);

// The whole file, decoded. Throws Error when it is missing, unreadable, larger than `max_bytes` or no text.
std::string read_text(const std::filesystem::path& file, uint64_t max_bytes = uint64_t{1} << 30);

// Its lines, trimmed, without blank ones.
std::vector<std::string> read_text_lines(const std::filesystem::path& file);

// The file that a list means by `written`: absolute, or relative to one of `folders` (the first where it exists);
// backslashes of Windows are slashes where no such file exists, and a list in Latin-1 may name files in UTF-8 or the
// other way round. `written` with slashes, below the first folder, when no such file exists. Never throws.
struct ListedPath {
  std::filesystem::path file;      // where it is, or would be
  std::filesystem::path spelling;  // as written, with the slashes and letters that the disk knows
  bool exists = false;
};
ListedPath find_listed(const std::string& written, const std::vector<std::filesystem::path>& folders);

}  // namespace fsfm
