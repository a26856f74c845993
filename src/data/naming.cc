#include "data/naming.h"

#include <charconv>

namespace fsfm {
namespace {

constexpr std::string_view kPersonMark = "_person_";

std::optional<int64_t> parse_number(std::string_view digits) {
  int64_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || code != std::errc() || end != digits.data() + digits.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

FrameName parse_frame_name(const std::filesystem::path& relative) {
  const std::string stem = relative.stem().string();
  const std::string folder = relative.parent_path().generic_string();
  const auto in_folder = [&](const std::string& name) { return folder.empty() ? name : folder + "/" + name; };
  constexpr std::string_view kMark = "_frame_";
  if (const size_t at = stem.rfind(kMark); at != std::string::npos && at > 0)
    if (const auto frame = parse_number(std::string_view(stem).substr(at + kMark.size())))
      return {in_folder(stem.substr(0, at)), *frame};
  if (!folder.empty()) {
    std::string_view digits = stem;
    if (digits.starts_with("frame")) digits.remove_prefix(5);
    if (digits.starts_with('_')) digits.remove_prefix(1);
    if (const auto frame = parse_number(digits)) return {folder, *frame};
  }
  return {in_folder(stem), -1};
}

std::string person_name(const std::string& video, int person) {
  return person > 1 ? video + std::string(kPersonMark) + std::to_string(person) : video;
}

std::string video_of_person(const std::string& name) {
  const size_t at = name.rfind(kPersonMark);
  if (at == std::string::npos || at == 0) return name;
  return parse_number(std::string_view(name).substr(at + kPersonMark.size())) ? name.substr(0, at) : name;
}

}  // namespace fsfm
