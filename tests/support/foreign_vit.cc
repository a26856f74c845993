#include "support/foreign_vit.h"

#include <cstring>

#include "base/file.h"
#include "base/rng.h"
#include "support/pth_writer.h"
#include "tensorio/safetensors.h"

namespace fsfm::test {
namespace {

std::vector<float> normal(Rng& rng, int64_t count, float scale) {
  std::vector<float> values(static_cast<size_t>(count));
  for (float& v : values) v = scale * static_cast<float>(rng.normal());
  return values;
}

std::string swap_parts(std::string name, const std::vector<std::pair<std::string, std::string>>& parts) {
  for (const auto& [ours, theirs] : parts)
    if (const size_t at = name.find(ours); at != std::string::npos) return name.replace(at, ours.size(), theirs);
  return name;
}

}  // namespace

TensorMap OwnTensors::view() const {
  TensorMap map;
  for (const auto& [name, tensor] : tensors) map.emplace(name, tensor.view());
  return map;
}

void OwnTensors::put(const std::string& name, Shape shape, const std::vector<float>& values) {
  tensors.insert_or_assign(name, HostTensor::from_floats(std::move(shape), values));
}

void OwnTensors::put_filled(const std::string& name, Shape shape, float value) {
  const auto count = static_cast<size_t>(element_count(shape));
  put(name, std::move(shape), std::vector<float>(count, value));
}

OwnTensors OwnTensors::renamed(const std::function<std::string(const std::string&)>& rename) const {
  OwnTensors out;
  for (const auto& [name, tensor] : tensors) out.tensors.emplace(rename(name), tensor);
  return out;
}

OwnTensors OwnTensors::under(const std::string& prefix) const {
  return renamed([&](const std::string& name) { return prefix + name; });
}

OwnTensors OwnTensors::with(const OwnTensors& more) const {
  OwnTensors out = more;
  out.tensors.insert(tensors.begin(), tensors.end());
  return out;
}

OwnTensors random_vit(const VitSpec& spec) {
  Rng rng(spec.seed);
  OwnTensors out;
  const int64_t d = spec.dim, p = spec.patch;
  const auto put = [&](const std::string& name, const Shape& shape, float scale = 0.2f) {
    out.put(name, shape, normal(rng, element_count(shape), scale));
  };
  const auto put_norm = [&](const std::string& name) {
    std::vector<float> weight = normal(rng, d, 0.1f);
    for (float& w : weight) w += 1;
    out.put(name + ".weight", {d}, weight);
    put(name + ".bias", {d});
  };
  put("cls_token", {1, 1, d});
  put("pos_embed", {1, 1 + int64_t{spec.grid} * spec.grid, d});
  put("patch_embed.proj.weight", {d, 3, p, p}, 0.05f);
  put("patch_embed.proj.bias", {d});
  for (int i = 0; i < spec.depth; ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    put_norm(block + "norm1");
    put_norm(block + "norm2");
    put(block + "attn.qkv.weight", {3 * d, d});
    put(block + "attn.qkv.bias", {3 * d});
    put(block + "attn.proj.weight", {d, d});
    put(block + "attn.proj.bias", {d});
    put(block + "mlp.fc1.weight", {4 * d, d});
    put(block + "mlp.fc1.bias", {4 * d});
    put(block + "mlp.fc2.weight", {d, 4 * d});
    put(block + "mlp.fc2.bias", {d});
  }
  put_norm(spec.fc_norm ? "fc_norm" : "norm");
  if (spec.classes > 0) {
    put("head.weight", {spec.classes, d});
    put("head.bias", {spec.classes});
  }
  return out;
}

OwnTensors as_huggingface(const OwnTensors& ours, const std::string& prefix) {
  OwnTensors out;
  for (const auto& [name, tensor] : ours.tensors) {
    if (name.starts_with("head.")) {
      out.tensors.emplace("classifier." + name.substr(5), tensor);
      continue;
    }
    if (const size_t at = name.find("attn.qkv."); at != std::string::npos) {
      const std::string block = name.substr(7, at - 8), kind = name.substr(at + 9);
      const std::vector<float> all = tensor.view().to_float();
      Shape shape = tensor.shape;
      shape[0] /= 3;
      const size_t third = all.size() / 3;
      const char* parts[] = {"query", "key", "value"};
      for (size_t k = 0; k < 3; ++k)
        out.put(
            prefix + "encoder.layer." + block + ".attention.attention." + parts[k] + "." + kind, shape,
            {all.begin() + static_cast<ptrdiff_t>(k * third), all.begin() + static_cast<ptrdiff_t>((k + 1) * third)});
      continue;
    }
    std::string theirs = name;
    if (name == "cls_token") theirs = "embeddings.cls_token";
    if (name == "pos_embed") theirs = "embeddings.position_embeddings";
    theirs = swap_parts(theirs, {{"patch_embed.proj", "embeddings.patch_embeddings.projection"},
                                 {"norm1", "layernorm_before"},
                                 {"norm2", "layernorm_after"},
                                 {"attn.proj", "attention.output.dense"},
                                 {"mlp.fc1", "intermediate.dense"},
                                 {"mlp.fc2", "output.dense"}});
    if (theirs.starts_with("norm.")) theirs = "layernorm." + theirs.substr(5);
    if (theirs.starts_with("blocks.")) theirs = "encoder.layer." + theirs.substr(7);
    out.tensors.emplace(prefix + theirs, tensor);
  }
  return out;
}

OwnTensors as_torchvision(const OwnTensors& ours) {
  return ours.renamed([](const std::string& name) -> std::string {
    if (name == "cls_token") return "class_token";
    if (name == "pos_embed") return "encoder.pos_embedding";
    if (name.starts_with("norm.")) return "encoder.ln." + name.substr(5);
    if (name.starts_with("head.")) return "heads.head." + name.substr(5);
    std::string theirs = swap_parts(name, {{"patch_embed.proj", "conv_proj"},
                                           {"norm1", "ln_1"},
                                           {"norm2", "ln_2"},
                                           {"attn.qkv.", "self_attention.in_proj_"},
                                           {"attn.proj", "self_attention.out_proj"},
                                           {"mlp.fc1", "mlp.0"},
                                           {"mlp.fc2", "mlp.3"}});
    return theirs.starts_with("blocks.") ? "encoder.layers.encoder_layer_" + theirs.substr(7) : theirs;
  });
}

OwnTensors with_layer_scale(const OwnTensors& ours, const std::string& first, const std::string& second) {
  OwnTensors out = ours;
  Rng rng(77);
  for (int i = 0; ours.tensors.contains("blocks." + std::to_string(i) + ".norm1.weight"); ++i) {
    const std::string block = "blocks." + std::to_string(i) + ".";
    for (const auto& [scale, layer] : {std::pair{first, "attn.proj"}, std::pair{second, "mlp.fc2"}}) {
      const HostTensor& weight = ours.tensors.at(block + layer + ".weight");
      const auto rows = static_cast<size_t>(weight.shape[0]), width = static_cast<size_t>(weight.shape[1]);
      std::vector<float> gamma(rows);
      for (float& g : gamma) g = 0.05f + static_cast<float>(rng.uniform());
      std::vector<float> w = weight.view().to_float(), b = ours.tensors.at(block + layer + ".bias").view().to_float();
      for (size_t at = 0; at < w.size(); ++at) w[at] /= gamma[at / width];
      for (size_t at = 0; at < rows; ++at) b[at] /= gamma[at];
      out.put(block + layer + ".weight", weight.shape, w);
      out.put(block + layer + ".bias", {weight.shape[0]}, b);
      out.put(block + scale, {weight.shape[0]}, gamma);
    }
  }
  return out;
}

void write_safetensors(const std::filesystem::path& path, const OwnTensors& tensors) {
  fsfm::write_safetensors(path, tensors.view());
}

void write_pth(const std::filesystem::path& path, const OwnTensors& tensors,
               const std::vector<std::pair<std::string, std::string>>& extra, bool deflate) {
  std::map<std::string, std::vector<std::pair<std::string, std::string>>> groups;  // by what stands before "::"
  std::vector<std::string> storages;
  for (const auto& [name, tensor] : tensors.tensors) {
    std::vector<int> shape(tensor.shape.begin(), tensor.shape.end()), stride(shape.size(), 1);
    for (size_t d = shape.size(); d-- > 1;) stride[d - 1] = stride[d] * shape[d];
    const auto count = static_cast<int>(element_count(tensor.shape));
    const std::string code = pkl::tensor(std::to_string(storages.size()), count, 0, shape, stride);
    storages.emplace_back(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
    const size_t mark = name.find("::");
    groups[mark == std::string::npos ? "" : name.substr(0, mark)].emplace_back(
        mark == std::string::npos ? name : name.substr(mark + 2), code);
  }
  std::vector<std::pair<std::string, std::string>> root = extra;
  for (const auto& [group, entries] : groups) {
    if (group.empty())
      root.insert(root.end(), entries.begin(), entries.end());
    else
      root.emplace_back(group, pkl::dict(entries));
  }
  write_file_atomic(path, std::string_view(checkpoint(pkl::dict(root), storages, deflate)));
}

std::vector<float> random_images(int count, int side, uint64_t seed) {
  Rng rng(seed);
  return normal(rng, int64_t{count} * 3 * side * side, 1.0f);
}

}  // namespace fsfm::test
