// fsfm convert IN OUT: other people's weights to our model file, and back.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>

#include "base/class_names.h"
#include "base/error.h"
#include "base/log.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/commands.h"
#include "media/preprocess.h"
#include "model/average_floats.h"
#include "model/cast_floats.h"
#include "model/import.h"
#include "model/quantized.h"
#include "model/vit_layout.h"
#include "tensorio/safetensors.h"

namespace fsfm::cli {
namespace {

// Which classes mean attack: what was stated, else what the names say. Names that say nothing are asked about.
std::vector<std::string> resolve_attacks(const std::filesystem::path& in, const std::vector<std::string>& classes,
                                         const std::vector<std::string>& stated) {
  for (const auto& name : stated)
    if (std::find(classes.begin(), classes.end(), name) == classes.end())
      throw Error("--attack-classes names '" + name + "', which is not among the classes " + join(classes, ", "),
                  "name the classes in logit order: --classes " + name + " ...");
  if (!stated.empty()) return stated;
  const std::vector<ClassKind> kinds = judge_classes(classes);
  std::vector<std::string> attacks;
  for (size_t i = 0; i < classes.size(); ++i)
    if (kinds[i] == ClassKind::attack) attacks.push_back(classes[i]);
  const bool unknown = std::find(kinds.begin(), kinds.end(), ClassKind::unknown) != kinds.end();
  if (unknown || attacks.empty() || attacks.size() == classes.size())
    throw Error(in.string() + ": the class names " + join(classes, ", ") + " do not say which of them mean attack",
                "state them: --attack-classes, or name all in the order of the outputs: --classes");
  return attacks;
}

// The position table at the size of `side` pixels, resized as the published fine-tuning does.
void resize_positions(Weights& weights, int side) {
  const VitConfig layout = infer_vit_config(weights.tensors, weights.facts.config);
  if (side % layout.patch_size != 0)
    throw Error(fmt::format("--img-size {} is no multiple of the patch side {}", side, layout.patch_size),
                "choose a multiple");
  const int old_grid = layout.img_size / layout.patch_size, grid = side / layout.patch_size, dim = layout.embed_dim;
  if (grid == old_grid) return;
  if (weights.tensors.contains("rep_decoder_embed.weight"))
    throw Error("--img-size does not apply to a pretraining network", "fsfm pretrain --init resizes its positions");
  const std::vector<float> table = weights.tensors.at("pos_embed").to_float();  // [1 + G*G, D]
  const size_t patches = static_cast<size_t>(old_grid) * old_grid;
  std::vector<float> planes(patches * dim);  // [D, G, G]
  for (size_t p = 0; p < patches; ++p)
    for (int d = 0; d < dim; ++d) planes[d * patches + p] = table[(1 + p) * dim + d];
  const std::vector<float> resized = resize_tensor_bicubic(planes, dim, old_grid, old_grid, grid, grid);
  const size_t count = static_cast<size_t>(grid) * grid;
  std::vector<float> out(table.begin(), table.begin() + dim);
  out.resize((1 + count) * dim);
  for (size_t p = 0; p < count; ++p)
    for (int d = 0; d < dim; ++d) out[(1 + p) * dim + d] = resized[d * count + p];
  auto tensor = std::make_shared<HostTensor>(HostTensor::from_floats({1, static_cast<int64_t>(1 + count), dim}, out));
  weights.tensors["pos_embed"] = tensor->view();
  weights.keep_alive.push_back(tensor);
  weights.facts.view.clear();
  weights.notes.push_back(fmt::format("positions: resized from {0} x {0} to {1} x {1} (bicubic)", old_grid, grid));
}

void cast(Weights& weights, const std::filesystem::path& in, const std::string& dtype) {
  try {
    cast_floats(weights.tensors, parse_float_type(dtype), weights.keep_alive);
  } catch (const Error& error) {
    throw error.in(in.string());
  }
}

// Without what only the agreement with the full view needs while pretraining learns: the network paints as before, and
// is a start for fsfm finetune as before, in half the size.
void leave_out_similarity(Weights& weights, const std::filesystem::path& in) {
  if (!weights.has_card || weights.card.kind != "pretrain" || !weights.tensors.contains("decoder_embed.weight"))
    throw Error(
        "--no-similarity is for a model of fsfm pretrain with its pixel decoder, and " + in.string() + " is none",
        "leave the option out");
  std::erase_if(weights.tensors, [](const auto& item) {
    const std::string& name = item.first;
    return name.starts_with("rep_decoder") || name.starts_with("projector.") || name.starts_with("predictor.");
  });
  for (const char* key : {"rep_decoder_embed_dim", "rep_decoder_depth", "rep_decoder_num_heads", "projection_size",
                          "projection_hidden_size"})
    weights.card.config.erase(key);
}

// What must agree between trainings whose weights are averaged: all that tells how a network is used, except for what
// was fitted to its scores.
nlohmann::json use_of(const ModelCard& card) {
  nlohmann::json config = card.config;  // older files do not name what a network does not have
  for (auto it = config.begin(); it != config.end();) it = *it == false ? config.erase(it) : std::next(it);
  return {{"kind", card.kind},
          {"architecture", card.architecture},
          {"config", config},
          {"classes", card.classes},
          {"task", card.task},
          {"attack_classes", card.attack_classes},
          {"mean", card.mean},
          {"std", card.std},
          {"resize", card.resize},
          {"crop_scale", card.crop_scale},
          {"face_detector", card.face_detector}};
}

// The mean with the weights of `others`, and the card of `in` without what was measured of its own weights.
void average(Weights& weights, const std::filesystem::path& in, const std::vector<std::filesystem::path>& others) {
  if (!weights.has_card)
    throw Error("--average is for model files, and " + in.string() + " is none", "convert it first");
  std::vector<ModelFile> files;
  std::vector<FloatTensors> floats;  // own what the maps look at
  std::vector<TensorMap> maps;
  std::vector<std::string> names;
  for (const auto& path : others) {
    files.push_back(ModelFile::open(path));
    if (use_of(files.back().card()) != use_of(weights.card))
      throw Error(path.string() + " and " + in.string() + " are not the same network for the same classes and views",
                  "average trainings of one recipe");
    floats.push_back(in_floats(files.back().tensors()));
    maps.push_back(floats.back().tensors);
    names.push_back(path.stem().string());
  }
  try {
    average_floats(weights.tensors, maps, weights.keep_alive);
  } catch (const Error& error) {
    throw error.in(in.string());
  }
  ModelCard& card = weights.card;
  card.training["averaged_with"] = names;
  card.metrics = card.calibration = nullptr;
  card.threshold.reset();
  card.abstain.reset();
  card.threshold_source.clear();
  card.temperature = 1;
}

// A model file of ours with weights of another type ("": of their own) and the same card.
int write_with_card(const std::filesystem::path& in, const std::filesystem::path& out, const std::string& dtype,
                    Weights& weights) {
  if (!dtype.empty()) cast(weights, in, dtype);
  write_model(out, weights.card, weights.tensors);
  std::printf("%s: %s with the card of %s, %zu tensors%s\n", out.c_str(), weights.card.kind.c_str(), in.c_str(),
              weights.tensors.size(), dtype.empty() ? "" : (" as " + dtype).c_str());
  return 0;
}

}  // namespace

int run_convert(int argc, char** argv) {
  std::filesystem::path in, out;
  ImportRequest request;
  CardOptions card_options;
  int img_size = 0, older_heads = 0;
  std::string dtype;
  std::vector<std::filesystem::path> others;
  bool similarity = true;
  Options options("convert",
                  "Turn a PyTorch checkpoint or bare weights into a model file, and a model file into bare weights");
  options
      .positional("IN", in,
                  "a checkpoint (.pth, .bin), .safetensors weights, a folder of Hugging Face, or a model file")
      .required();
  options.positional("OUT", out, "the .safetensors file to write").required();
  options.add(
      "classes", card_options.classes,
      "class names in the order of the network's outputs (default: those that IN or config.json beside it states; "
      "fake real for the authors' checkpoints)");
  options.add("attack-classes", card_options.attack_classes,
              "which of them mean attack (default: all that do not sound genuine)");
  options.add("task", card_options.task, "task of an imported detector (default: by its head, fas or dfd)")
      .choices({"dfd", "diff", "fas", "multi"});
  options.add("mean-std", card_options.mean_std,
              "file with one line {\"mean\": [...], \"std\": [...]} (default: what stands beside IN: "
              "pretrain_ds_mean_std.txt, preprocessor_config.json, config.json)");
  options.add("num-heads", request.num_heads, "attention heads, where the file leaves them open (0 = what is known)")
      .range(0, 1024);
  options.add("heads", older_heads, "").range(0, 1024).group("");  // as --num-heads was called
  options.add("weights-key", request.key, "which network of a file that holds several, e.g. model_ema or teacher");
  options.add("img-size", img_size, "side of the input; positions are resized (0 = as the weights are made for)")
      .range(0, 2048);
  options.add("decoder-heads", card_options.decoder_heads, "attention heads of the decoders of a pretraining network")
      .range(1, 1024);
  options.add("dtype", dtype, "numbers of the weights in OUT (default: as in IN); a model file keeps its card")
      .choices({"f32", "f16", "bf16"});
  options.add(
      "similarity", similarity,
      "keep what only the similarity loss of fsfm pretrain needs; without it the model paints and is a start as "
      "before, in half the size");
  options.add("average", others, "model files of the same network: write the mean of their weights and those of IN");
  options.enable_recipe();
  options.footer(
      "Without a model card in IN: writes a model file. Sizes are read from the weights. The order of the classes is "
      "taken\n"
      "from what IN or config.json beside it states (class_to_idx, id2label, ...). A checkpoint in the form of the "
      "authors "
      "of\n"
      "FSFM, who train on alphabetical folders, is taken as fake = 0, real = 1, which is said and noted in the card; "
      "for\n"
      "any other two outputs --classes is asked for: the wrong order inverts every verdict. Nothing in a .pth is ever "
      "run.\n"
      "What the network computes is kept exactly, or the tensor in the way is named (docs/checkpoints.md).\n"
      "With a card and --dtype: writes the same model in another precision, with its card. With a card alone: writes\n"
      "the bare weights under their timm names, without the card. In Python:\n"
      "  model.load_state_dict(safetensors.torch.load_file('OUT'))\n\n"
      "  fsfm convert checkpoint-399.pth fsfm-base.safetensors\n"
      "  fsfm convert mine.pth mine.safetensors --classes real fake\n"
      "  fsfm convert detector.safetensors detector-half.safetensors --dtype f16\n"
      "  fsfm convert one.safetensors mean.safetensors --average two.safetensors three.safetensors\n");
  if (!options.parse(argc, argv)) return 0;
  if (out.extension() != ".safetensors")
    throw Error("fsfm convert writes .safetensors files, not " + out.string(), "name OUT something.safetensors");
  if (request.num_heads == 0) request.num_heads = older_heads;
  Weights weights = import_weights(in, request);
  const FloatTensors floats = in_floats(weights.tensors);  // other programs know nothing of our eight bits
  weights.tensors = floats.tensors;
  if (const auto bad = nonfinite_tensors(weights.tensors); !bad.empty())
    throw Error(fmt::format("{}: tensor '{}' holds NaN or infinity", in.string(), bad[0]),
                "training diverged or the file is damaged");
  if (!similarity) leave_out_similarity(weights, in);
  if (!others.empty()) average(weights, in, others);
  if (weights.has_card && (!dtype.empty() || !similarity || !others.empty())) {
    const int code = write_with_card(in, out, dtype, weights);
    if (!others.empty() && weights.card.kind == "detector")
      log::warn("{} has no threshold yet: fit one with fsfm evaluate --dev DATA --write-threshold", out.string());
    return code;
  }
  if (weights.has_card) {
    write_safetensors(out, weights.tensors, {{"format", "pt"}});
    std::printf("%s: %zu tensors without a card; normalise its input with mean %.7g %.7g %.7g, std %.7g %.7g %.7g\n",
                out.c_str(), weights.tensors.size(), weights.card.mean[0], weights.card.mean[1], weights.card.mean[2],
                weights.card.std[0], weights.card.std[1], weights.card.std[2]);
    return 0;
  }
  if (img_size > 0) resize_positions(weights, img_size);
  if (card_options.classes.empty() && weights.outputs > 1 && !weights.facts.classes.empty()) {
    card_options.classes = weights.facts.classes;
    card_options.class_source = "named in " + weights.facts.class_source;
  }
  const size_t outputs = weights.outputs == 1 ? 2 : static_cast<size_t>(weights.outputs);
  if (!card_options.classes.empty() && card_options.classes.size() == outputs)
    card_options.attack_classes = resolve_attacks(in, card_options.classes, card_options.attack_classes);
  else if (card_options.classes.empty() && !card_options.attack_classes.empty())
    throw Error("--attack-classes needs --classes", "name all classes in logit order");
  const ModelCard card = make_card(weights, in, card_options);
  if (!dtype.empty()) cast(weights, in, dtype);
  write_model(out, card, weights.tensors);
  std::printf("%s: %s of architecture %s, %zu tensors\n", out.c_str(), card.kind.c_str(), card.architecture.c_str(),
              weights.tensors.size());
  if (!card.classes.empty())
    std::printf("  classes: %s; attack: %s (%s)\n", join(card.classes, ", ").c_str(),
                join(card.attack_classes, ", ").c_str(), card.training["class_order"].get<std::string>().c_str());
  std::printf("  mean and std: %s\n  view: %s\n", card.training["mean_std"].get<std::string>().c_str(),
              card.resize.c_str());
  if (card.kind == "detector")
    std::printf("  face crop: %s, %g times the box (assumed: as the authors cut faces)\n", card.face_detector.c_str(),
                card.crop_scale);
  for (const auto& note : weights.notes) std::printf("  %s\n", note.c_str());
  if (const std::string doubt = class_order_doubt(card); !doubt.empty()) log::warn("{}: {}", out.string(), doubt);
  return 0;
}

}  // namespace fsfm::cli
