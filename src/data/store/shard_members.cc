#include "data/store/shard_members.h"

#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace fsfm {
namespace {

struct Parts {
  std::string key;
  const TarMember *picture = nullptr, *map = nullptr, *record = nullptr;
};

bool is_junk(const std::string& name) {
  const size_t folder = name.rfind('/');
  return name.compare(folder == std::string::npos ? 0 : folder + 1, 1, ".") == 0 || name.starts_with("__MACOSX/");
}

}  // namespace

ShardMembers samples_of(const std::vector<TarMember>& members, const std::string& archive) {
  std::vector<Parts> all;
  std::unordered_map<std::string, size_t> by_key;
  for (const auto& member : members) {
    if (is_junk(member.name)) continue;
    const size_t folder = member.name.rfind('/');
    const size_t dot = member.name.find('.', folder == std::string::npos ? 0 : folder + 1);
    if (dot == std::string::npos) continue;
    const std::string extension = to_lower(member.name.substr(dot + 1));
    const bool is_record = extension == "json", is_map = extension == "seg.png";
    if (!is_record && !is_map && !is_image_path("x." + extension)) continue;
    std::string key = member.name.substr(0, dot);
    const auto [at, added] = by_key.try_emplace(key, all.size());
    if (added) all.push_back({.key = std::move(key)});
    Parts& parts = all[at->second];
    const TarMember*& role = is_record ? parts.record : is_map ? parts.map : parts.picture;
    if (role && role->name != member.name)
      throw Error(archive + ": two pictures are called " + parts.key, "pack it again without one of them");
    role = &member;
  }
  ShardMembers result;
  for (auto& parts : all) {
    if (parts.picture && parts.record) {
      result.samples.push_back(
          {std::move(parts.key), *parts.picture, *parts.record, parts.map ? std::optional(*parts.map) : std::nullopt});
    } else if (result.incomplete++ == 0) {
      result.example = parts.key + (parts.picture ? " without its .json" : " without its picture");
    }
  }
  return result;
}

}  // namespace fsfm
