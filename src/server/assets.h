// The page's files, put into the program by cmake/EmbedFiles.cmake.
#pragma once

#include <span>
#include <string_view>

namespace fsfm::server {

struct Asset {
  std::string_view path;  // "/app.js"
  std::string_view type;  // "text/javascript"
  std::string_view bytes;
};

std::span<const Asset> assets();

}  // namespace fsfm::server
