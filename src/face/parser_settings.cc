#include "face/parser_settings.h"

#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "face/parsing_dataset.h"
#include "tensorio/json.h"

namespace fsfm {
namespace {

fs::path settings_file(const fs::path& parser) { return parser.string() + ".json"; }

}  // namespace

ParserSettings read_parser_settings(const fs::path& parser, ParserSettings settings) {
  const fs::path file = settings_file(parser);
  if (!path_exists(file)) return settings;
  try {
    const auto json = parse_json(read_file(file, 1 << 20), file.string(), "see docs/face-parsers.md");
    for (const auto& [key, value] : json.items()) {
      if (key == "input_size")
        settings.input_size = value.get<int>();
      else if (key == "mean")
        settings.norm.mean = value.get<std::array<float, 3>>();
      else if (key == "std")
        settings.norm.std = value.get<std::array<float, 3>>();
      else if (key == "layout")
        settings.layout = value.get<std::string>();
      else
        throw Error(file.string() + ": unknown key \"" + key + "\"", "known are input_size, mean, std and layout");
    }
  } catch (const nlohmann::json::exception& error) {
    throw Error(file.string() + ": " + error.what());
  }
  if (settings.input_size < 16 || settings.input_size > 4096)
    throw Error(file.string() + ": input_size must lie between 16 and 4096");
  for (const float s : settings.norm.std) {
    if (!(s > 0)) throw Error(file.string() + ": std must be positive");
  }
  return settings;
}

std::vector<uint8_t> class_mapping(const fs::path& parser, const ParserSettings& settings, int classes) {
  std::string layout = settings.layout;
  if (layout.empty() && classes == 19) layout = "bisenet-19";
  if (layout.empty() && classes == 11) layout = "lapa-11";
  const std::string name = parser.string(), json = settings_file(parser).string();
  if (layout.empty())
    throw Error(name + ": " + std::to_string(classes) + " classes of unknown meaning", "say the layout in " + json);
  std::vector<uint8_t> mapping;
  try {
    mapping = label_mapping(layout);
  } catch (const Error& error) {
    throw error.in(json);
  }
  if (mapping.size() != static_cast<size_t>(classes)) {
    throw Error(name + ": " + std::to_string(classes) + " classes do not fit the layout " + layout,
                "correct the layout in " + json);
  }
  return mapping;
}

}  // namespace fsfm
