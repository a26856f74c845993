// Small helpers that the layouts share.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "prepare/layouts/layout.h"

namespace fsfm {

// Pictures and videos below `folder` (recursive, sorted; hidden and `._*` files skipped) as entries of one class, told
// by name and content (base/media_kind.h); files of forms that nothing reads go to listing.left_out. The identity of a
// picture's video comes from its path below `folder`, behind `prefix`.
void append_media(Listing& listing, const std::filesystem::path& folder, const std::string& class_name,
                  const std::string& split, const std::string& prefix = "");
// --out may lie below ROOT: what was written there is no input of the next run. Throws Error when no input stays; does
// nothing when `out` is empty.
void leave_out_own_output(Listing& listing, const std::filesystem::path& out);
// A video by its name or, whatever it is called, by its content. Pictures by their names are not looked into.
bool is_video_input(const std::filesystem::path& path);
// A video entry of known identity.
PrepareEntry video_entry(const std::filesystem::path& path, const std::string& class_name, const std::string& split,
                         const std::string& video);

// Throws Error for a stated name that is none of `classes`: a misspelt name would change labels.
void require_stated(std::vector<std::string> classes, const ClassStatement& stated);

// A whole number without sign ("0042"), else nullopt.
std::optional<int64_t> parse_index(const std::string& text);
// Lines of a text file in any usual encoding, trimmed, without blank ones. Throws Error naming the file.
std::vector<std::string> read_lines(const std::filesystem::path& file);
// Throws Error naming the file and what is wrong.
nlohmann::json read_json(const std::filesystem::path& file);
// Throws Error ("ROOT is no LAYOUT tree: SUB is missing; expected ...") unless ROOT/SUB exists.
void require(const std::filesystem::path& root, const std::filesystem::path& sub, const std::string& layout,
             const std::string& expected);

}  // namespace fsfm
