#include "data/keys.h"

#include <string_view>

#include "base/hash.h"
#include "base/text.h"

namespace fsfm {
namespace {

// tar holds 100 bytes of name behind the last '/' and 155 before it; frames and faces are appended later
// ("_frame_123456").
constexpr size_t kLongestPart = 60, kLongestFolders = 140;

// A part too long keeps its beginning and gets the hash of the whole.
std::string shortened(const std::string& text, size_t longest) {
  if (text.size() <= longest) return text;
  size_t keep = longest - 9;
  while (keep > 0 && (static_cast<unsigned char>(text[keep]) & 0xC0) == 0x80) --keep;  // not inside a UTF-8 character
  return text.substr(0, keep) + "-" + sha256(text).substr(0, 8);
}

}  // namespace

std::string KeyMaker::make(const std::string& wanted) {
  std::string folders, name;
  for (const std::string& raw : split(to_utf8(wanted), '/')) {
    if (raw.empty() || raw == "." || raw == "..") continue;
    std::string part;
    for (const char c : raw) part += c == '.' || c == '\\' || static_cast<unsigned char>(c) < 32 || c == 127 ? '_' : c;
    if (!name.empty()) folders += name + "/";
    name = shortened(part, kLongestPart);
  }
  if (name.empty()) name = "unnamed";
  if (folders.size() > kLongestFolders) folders = sha256(folders).substr(0, 16) + "/";
  std::string key = folders + name;
  // Names that differ in capitals only are one on some disks (exFAT, those of a Mac).
  for (int n = 2; !taken_.insert(to_lower(key)).second; ++n) key = folders + name + "-" + std::to_string(n);
  return key;
}

}  // namespace fsfm
