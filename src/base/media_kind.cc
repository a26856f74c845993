#include "base/media_kind.h"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string_view>

#include "base/content_kind.h"
#include "base/file.h"
#include "base/text.h"

namespace fsfm {
namespace {

bool is_one_of(const std::string& extension, std::span<const std::string_view> extensions) {
  return std::find(extensions.begin(), extensions.end(), extension) != extensions.end();
}

// nullopt: the name says nothing.
std::optional<MediaKind> kind_by_name(const std::filesystem::path& path) {
  if (is_image_path(path)) return MediaKind::picture;
  if (is_video_path(path)) return MediaKind::video;
  static constexpr std::string_view kUnread[] = {
      ".jxl", ".jp2", ".j2k", ".jpf", ".jpx", ".jls", ".dng",  ".cr2", ".cr3", ".nef", ".arw", ".raf",
      ".orf", ".rw2", ".pef", ".srw", ".psd", ".svg", ".svgz", ".ico", ".exr", ".hdr", ".tga", ".pdf",
      ".zip", ".gz",  ".tgz", ".bz2", ".xz",  ".zst", ".7z",   ".rar", ".tar", ".pcx"};
  // What lies beside pictures in datasets, in numbers: not worth opening each.
  static constexpr std::string_view kOther[] = {
      ".txt",         ".json", ".jsonl", ".csv", ".tsv", ".md",    ".html",   ".htm", ".xml", ".yaml", ".yml",
      ".toml",        ".ini",  ".cfg",   ".log", ".npy", ".npz",   ".mat",    ".pkl", ".pth", ".pt",   ".onnx",
      ".safetensors", ".h5",   ".db",    ".py",  ".sh",  ".ipynb", ".lnk",    ".url", ".wav", ".mp3",  ".m4a",
      ".aac",         ".flac", ".ogg",   ".srt", ".vtt", ".md5",   ".sha256", ".bib", ".pts"};
  const std::string extension = to_lower(path.extension().string());
  if (is_one_of(extension, kUnread)) return MediaKind::unread;
  if (is_one_of(extension, kOther)) return MediaKind::other;
  return std::nullopt;
}

}  // namespace

MediaKind media_kind(const std::filesystem::path& path) {
  const std::optional<MediaKind> by_name = kind_by_name(path);
  if (by_name == MediaKind::other) return MediaKind::other;
  const ContentKind content = content_kind_of_file(path).value_or(ContentKind::unknown);
  if (is_readable_picture(content) && content != ContentKind::pnm) return MediaKind::picture;
  if (content == ContentKind::video) return MediaKind::video;
  if (by_name) return *by_name;
  if (content == ContentKind::pnm) return MediaKind::picture;
  return is_unread_input(content) ? MediaKind::unread : MediaKind::other;
}

MediaKind media_kind_by_name_first(const std::filesystem::path& path) {
  return kind_by_name(path) == MediaKind::picture ? MediaKind::picture : media_kind(path);
}

std::string unread_reason(const std::filesystem::path& path) {
  const ContentKind content = content_kind_of_file(path).value_or(ContentKind::unknown);
  if (is_unread_input(content)) return content_name(content) + "; " + content_way_out(content);
  return "a " + path.extension().string() + " file, which is not read; convert it to JPEG";
}

std::string count_extensions(const std::vector<std::filesystem::path>& files) {
  std::map<std::string, size_t> counts;
  for (const auto& file : files) ++counts[to_lower(file.extension().string())];
  std::string text;
  for (const auto& [extension, count] : counts)
    text +=
        (text.empty() ? "" : ", ") + std::to_string(count) + " " + (extension.empty() ? "(no extension)" : extension);
  return text;
}

}  // namespace fsfm
