// Picture, video or neither: the one place that decides what a file is to this program.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fsfm {

enum class MediaKind {
  picture,
  video,
  unread,  // holds pictures in a form that nothing here reads (raw camera files, PDF, archives, ...)
  other,   // annotations and the like: no input
};

// By content: a JPEG called .HEIC is a picture, a video called .jpg a video, and so is a picture without an extension.
// Where the content says nothing (an empty or damaged file, a text called .jpg) the name decides: reading the file will
// tell what is wrong with it. Opens the file, unless its extension is one of texts, tables or models.
MediaKind media_kind(const std::filesystem::path& path);

// The same question for lists of many files: a picture's extension is believed (whoever opens the file finds out what
// it holds), other files are looked into.
MediaKind media_kind_by_name_first(const std::filesystem::path& path);

// Why a file of kind `unread` is left out, with the way out: "a Photoshop document; export it as JPEG or PNG".
std::string unread_reason(const std::filesystem::path& path);

// Counts of what a folder holds and nothing reads, for people: "1 .psd, 2 .jxl"; "(no extension)" for such. "" of none.
std::string count_extensions(const std::vector<std::filesystem::path>& files);

}  // namespace fsfm
