#include "model/parse_net_config.h"

#include "base/error.h"

namespace fsfm {
namespace {

template <size_t N>
void read_sizes(const nlohmann::json& json, const char* key, int low, std::array<int, N>& out) {
  const auto it = json.find(key);
  const bool is_list = it != json.end() && it->is_array() && it->size() == N;
  for (size_t i = 0; i < N; ++i) {
    const auto* value = is_list ? &(*it)[i] : nullptr;
    if (!value || !value->is_number_integer() || *value < low || *value > 1024) {
      throw Error(std::string("parser config: \"") + key + "\" must hold " + std::to_string(N) + " integers from " +
                  std::to_string(low) + " to 1024");
    }
    out[i] = value->get<int>();
  }
}

int read_size(const nlohmann::json& json, const char* key, int low, int high) {
  const auto it = json.find(key);
  if (it == json.end() || !it->is_number_integer() || *it < low || *it > high) {
    throw Error(std::string("parser config: \"") + key + "\" must be an integer from " + std::to_string(low) + " to " +
                std::to_string(high));
  }
  return it->get<int>();
}

std::string numbered(const char* name, int i) { return name + std::to_string(i); }

}  // namespace

nlohmann::json ParseNetConfig::to_json() const {
  return {{"img_size", img_size},
          {"num_classes", num_classes},
          {"widths", widths},
          {"blocks", blocks},
          {"decoder", decoder}};
}

ParseNetConfig ParseNetConfig::from_json(const nlohmann::json& json) {
  if (!json.is_object()) throw Error("parser config: not a JSON object");
  ParseNetConfig config;
  config.img_size = read_size(json, "img_size", 32, 1024);
  if (config.img_size % 32 != 0) throw Error("parser config: \"img_size\" must be a multiple of 32");
  config.num_classes = read_size(json, "num_classes", 2, 256);
  read_sizes(json, "widths", 1, config.widths);
  read_sizes(json, "blocks", 0, config.blocks);
  read_sizes(json, "decoder", 1, config.decoder);
  for (const int count : config.blocks) {
    if (count > 64) throw Error("parser config: \"blocks\" asks for more than 64 at one level");
  }
  return config;
}

std::vector<ConvShape> parse_net_layers(const ParseNetConfig& config) {
  std::vector<ConvShape> layers;
  for (int i = 0; i < kParseNetLevels; ++i) {
    const int width = config.widths[i];
    layers.push_back({i == 0 ? "stem" : numbered("down", i), i == 0 ? 3 : config.widths[i - 1], width, 3, 2, true});
    for (int j = 0; j < config.blocks[i]; ++j) {
      const std::string block = numbered("block", i) + "_" + std::to_string(j);
      layers.push_back({block + "_a", width, width, 3, 1, true});
      layers.push_back({block + "_b", width, width, 3, 1, false});
    }
  }
  int below = config.widths.back();
  for (int i = kParseNetLevels - 2; i >= 0; --i) {
    const int width = config.decoder[i];
    layers.push_back({numbered("lateral", i), below, width, 1, 1, false});
    layers.push_back({numbered("skip", i), config.widths[i], width, 1, 1, false});
    layers.push_back({numbered("fuse", i), width, width, 3, 1, true});
    below = width;
  }
  layers.push_back({"head", below, config.num_classes, 1, 1, false});
  return layers;
}

}  // namespace fsfm
