// Small helpers that the layouts share.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "data/layouts/layout.h"

namespace fsfm {

// Pictures and videos below `folder` (recursive, sorted; hidden and `._*` files left out) as entries of one class;
// pictures of unsupported types are counted. The identity of a picture's video comes from its path below `folder`,
// behind `prefix`.
void append_media(Listing& listing, const std::filesystem::path& folder, const std::string& class_name,
                  const std::string& split, const std::string& prefix = "");
// A video entry of known identity.
PrepareEntry video_entry(const std::filesystem::path& path, const std::string& class_name, const std::string& split,
                         const std::string& video);

// A whole number without sign ("0042"), else nullopt.
std::optional<int64_t> parse_index(const std::string& text);
// Is there such a file or folder; is it a folder? Throws Error when that cannot be found out (permissions, a link that
// leads to itself).
bool on_disk(const std::filesystem::path& path);
bool is_folder(const std::filesystem::path& path);
// Lines of a text file in any usual encoding, trimmed, without blank ones. Throws Error naming the file.
std::vector<std::string> read_lines(const std::filesystem::path& file);
// Throws Error naming the file and what is wrong.
nlohmann::json read_json(const std::filesystem::path& file);
// Throws Error ("ROOT is no LAYOUT tree: SUB is missing; expected ...") unless ROOT/SUB exists.
void require(const std::filesystem::path& root, const std::filesystem::path& sub, const std::string& layout,
             const std::string& expected);

}  // namespace fsfm
