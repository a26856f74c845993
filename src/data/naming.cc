#include "data/naming.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "base/text.h"

namespace fsfm {
namespace {

// `name` begins with `word`, and the word ends there: "real_youtube" and "live2" do, "reality" does not.
bool begins_with_word(std::string_view name, std::string_view word) {
  return name.starts_with(word) &&
         (name.size() == word.size() || !std::isalpha(static_cast<unsigned char>(name[word.size()])));
}

constexpr std::string_view kPersonMark = "_person_";

template <size_t N>
bool begins_with_any(std::string_view name, const std::array<std::string_view, N>& words) {
  const std::string lower = to_lower(name);
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return begins_with_word(lower, word); });
}

std::optional<int64_t> parse_number(std::string_view digits) {
  int64_t value = 0;
  const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || code != std::errc() || end != digits.data() + digits.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

bool is_genuine_class(std::string_view name) {
  static constexpr std::array<std::string_view, 13> kGenuine = {
      "real",      "reals",     "live",     "genuine", "bonafide", "bona",  "original",
      "originals", "authentic", "pristine", "youtube", "actors",   "client"};
  return begins_with_any(name, kGenuine);
}

bool is_plainly_attack_class(std::string_view name) {
  static constexpr std::array<std::string_view, 16> kAttack = {
      "fake",  "fakes", "spoof",  "attack", "attacks",  "forged",   "manipulated", "synthetic",
      "print", "photo", "replay", "video",  "imposter", "impostor", "deepfakes",   "deepfake"};
  return begins_with_any(name, kAttack);
}

std::vector<std::string> infer_attack_classes(const std::vector<std::string>& classes) {
  std::vector<std::string> attacks;
  for (const auto& name : classes)
    if (!is_genuine_class(name)) attacks.push_back(name);
  return attacks;
}

std::optional<std::string> canonical_split(std::string_view folder_name) {
  const std::string name = to_lower(folder_name);
  if (name == "train" || name == "training") return "train";
  if (name == "val" || name == "valid" || name == "validation" || name == "dev" || name == "devel" ||
      name == "development")
    return "val";
  if (name == "test" || name == "testing") return "test";
  return std::nullopt;
}

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
