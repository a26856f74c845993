#include "detect/input_list.h"

#include <glob.h>

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/media_kind.h"
#include "media/picture_mark.h"

namespace fsfm {
namespace {

// The same for every spelling of a place; links are followed. As it stands where it cannot be found.
fs::path canonical_path(const fs::path& path) {
  std::error_code code;
  fs::path whole = fs::weakly_canonical(path, code);
  if (code) return path.lexically_normal();
  return whole.has_filename() ? whole : whole.parent_path();
}

bool lies_below(const fs::path& path, const fs::path& folder) {
  const auto [end, rest] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return end == folder.end() && rest != path.end();
}

// What a quoted pattern like "a/*.jpg" stands for; nullopt for a plain name, also one that holds such characters and
// exists. Throws Error when nothing matches.
std::optional<std::vector<fs::path>> expand_pattern(const fs::path& path) {
  if (path.string().find_first_of("*?[") == std::string::npos || path_exists(path)) return std::nullopt;
  glob_t found{};
  const int code = ::glob(path.c_str(), 0, nullptr, &found);
  std::vector<fs::path> matches;
  if (code == 0) matches.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (matches.empty()) throw Error(path.string() + " matches no file", "check the pattern");
  return matches;
}

class InputLister {
 public:
  explicit InputLister(const fs::path& out) : out_(out.empty() ? out : canonical_path(out)) {}

  void add(const fs::path& path) {
    try {
      if (path == "-") {  // standard input
        if (is_new(path)) inputs_.list.push_back({.path = path, .shown = "standard input"});
        return;
      }
      if (const auto matches = expand_pattern(path)) {
        for (const auto& match : *matches) is_folder(match) ? add_folder(match) : add_file(match);
        return;
      }
      if (is_folder(path))
        add_folder(path);
      else
        add_file(path);
    } catch (const Error& error) {
      add_problem(path, error.what());
    }
  }

  DetectInputs take() { return std::move(inputs_); }

 private:
  void add_folder(const fs::path& folder) {
    const bool holds_out = !out_.empty() && lies_below(out_, canonical_path(folder));
    bool anything = false;
    std::set<fs::path> unread;
    const auto keep = [&](const fs::path& file) {
      const MediaKind kind = media_kind_by_name_first(file);
      if (kind == MediaKind::unread) unread.insert(file);
      return kind != MediaKind::other;
    };
    const auto on_problem = [&](const fs::path& path, const Error& error) {
      anything = true;
      add_problem(path, error.what());
    };
    for (const auto& file : list_files(folder, keep, on_problem)) {
      if (holds_out && is_verdict_name(file) && lies_below(canonical_path(file), out_)) continue;
      if (unread.contains(file)) {
        add_unread(file);
        continue;
      }
      anything = true;
      add_file(file);
    }
    if (!anything)
      add_problem(folder,
                  folder.string() + " holds no pictures or videos; name a folder with some, or the files themselves");
  }

  // True the first time. Two names in one folder stay two inputs, even when one is a link to the other.
  bool is_new(const fs::path& path) {
    const fs::path whole = path.has_filename() ? path : path.parent_path();
    const fs::path folder = whole.has_parent_path() ? whole.parent_path() : fs::path(".");
    if (seen_.insert(canonical_path(folder) / whole.filename()).second) return true;
    ++inputs_.repeated;
    return false;
  }

  void add_file(const fs::path& file) {
    DetectInput input{.path = file};
    try {
      input.video = media_kind(file) == MediaKind::video;
      if (is_verdict_name(file) && has_verdict_mark(file)) input.skipped = "drawn by fsfm detect";
    } catch (const Error& error) {
      input.problem = error.what();
    }
    if (is_new(file)) inputs_.list.push_back(std::move(input));
  }

  void add_unread(const fs::path& file) {
    if (!is_new(file)) return;
    inputs_.unread.push_back(file);
    inputs_.list.push_back({.path = file, .skipped = unread_reason(file)});
  }

  void add_problem(const fs::path& path, const std::string& problem) {
    if (is_new(path)) inputs_.list.push_back({.path = path, .problem = problem});
  }

  fs::path out_;
  DetectInputs inputs_;
  std::set<fs::path> seen_;
};

}  // namespace

DetectInputs list_inputs(const std::vector<fs::path>& named, const fs::path& out) {
  InputLister lister(out);
  for (const auto& path : named) lister.add(path);
  return lister.take();
}

bool is_verdict_name(const fs::path& file) {
  std::string stem = file.stem().string();
  const size_t digits = stem.find_last_not_of("0123456789");
  if (digits != std::string::npos && digits + 1 < stem.size() && stem[digits] == '_') stem.resize(digits);
  return stem.ends_with("_verdict");
}

}  // namespace fsfm
