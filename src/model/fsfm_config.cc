#include "model/fsfm_config.h"

#include "model/config_fields.h"

namespace fsfm {

void FsfmConfig::check() const {
  encoder.check();
  check_range("decoder_embed_dim", decoder_embed_dim, 4, 16384);
  check_range("decoder_depth", decoder_depth, 1, 256);
  check_range("rep_decoder_depth", rep_decoder_depth, 1, 256);
  check_range("projection_size", projection_size, 1, 65536);
  check_range("projection_hidden_size", projection_hidden_size, 1, 65536);
  check_heads("decoder_num_heads", decoder_embed_dim, decoder_num_heads);
  check_heads("rep_decoder_num_heads", encoder.embed_dim, rep_decoder_num_heads);
  if (rep_decoder_embed_dim != 0 && rep_decoder_embed_dim != encoder.embed_dim) {
    throw Error("model configuration: rep_decoder_embed_dim must equal embed_dim",
                "both decoders share one mask token of the encoder's width");
  }
}

FsfmConfig FsfmConfig::named(const std::string& model) {
  FsfmConfig config;
  config.encoder = VitConfig::named(model);
  if (config.encoder.embed_dim == 192) {  // beside ViT-tiny the paper's decoder would be nine tenths of the work
    config.decoder_embed_dim = 192;
    config.decoder_depth = 2;
  }
  return config;  // 16 heads divide 512 and every encoder width of the family
}

nlohmann::json FsfmConfig::to_json() const {
  nlohmann::json json = encoder.to_json();
  for (const char* key : {"num_classes", "global_pool", "adapter", "drop_path"}) json.erase(key);
  json["decoder_embed_dim"] = decoder_embed_dim;
  json["decoder_depth"] = decoder_depth;
  json["decoder_num_heads"] = decoder_num_heads;
  json["rep_decoder_embed_dim"] = encoder.embed_dim;
  json["rep_decoder_depth"] = rep_decoder_depth;
  json["rep_decoder_num_heads"] = rep_decoder_num_heads;
  json["projection_size"] = projection_size;
  json["projection_hidden_size"] = projection_hidden_size;
  return json;
}

FsfmConfig FsfmConfig::from_json(const nlohmann::json& json) {
  FsfmConfig config;
  config.encoder = VitConfig::from_json(json);
  read_field(json, "decoder_embed_dim", config.decoder_embed_dim);
  read_field(json, "decoder_depth", config.decoder_depth);
  read_field(json, "decoder_num_heads", config.decoder_num_heads);
  read_field(json, "rep_decoder_embed_dim", config.rep_decoder_embed_dim);
  read_field(json, "rep_decoder_depth", config.rep_decoder_depth);
  read_field(json, "rep_decoder_num_heads", config.rep_decoder_num_heads);
  read_field(json, "projection_size", config.projection_size);
  read_field(json, "projection_hidden_size", config.projection_hidden_size);
  config.check();
  return config;
}

}  // namespace fsfm
