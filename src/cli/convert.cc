// fsfm convert IN OUT: other people's weights to our model file, and back.
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "base/options.h"
#include "base/text.h"
#include "cli/commands.h"
#include "data/naming.h"
#include "engine/checkpoint.h"
#include "tensorio/safetensors.h"

namespace fsfm::cli {
namespace {

std::vector<std::string> resolve_attacks(const std::vector<std::string>& classes,
                                         const std::vector<std::string>& stated) {
  for (const auto& name : stated)
    if (std::find(classes.begin(), classes.end(), name) == classes.end())
      throw Error("--attack-classes names '" + name + "', which is not among --classes",
                  "name the classes first: --classes " + name + " ...");
  return stated.empty() ? infer_attack_classes(classes) : stated;
}

}  // namespace

int run_convert(int argc, char** argv) {
  std::filesystem::path in, out;
  ImportOptions import;
  Options options("convert",
                  "Turn a PyTorch checkpoint or bare weights into a model file, and a model file into bare weights");
  options.positional("IN", in, "a .pth checkpoint, bare .safetensors weights, or a model file").required();
  options.positional("OUT", out, "the .safetensors file to write").required();
  options.add("classes", import.classes, "class names in the order of the network's outputs (default: fake real)");
  options.add("attack-classes", import.attack_classes,
              "which of them mean attack (default: all that do not sound genuine)");
  options.add("task", import.task, "task of an imported detector (default: by its head, fas or dfd)")
      .choices({"dfd", "diff", "fas", "multi"});
  options.add("mean-std", import.mean_std,
              "file with one line {\"mean\": [...], \"std\": [...]} (default: pretrain_ds_mean_std.txt beside IN)");
  options.add("heads", import.heads, "attention heads, when the width does not tell; 0 = by width").range(0, 1024);
  options.add("decoder-heads", import.decoder_heads, "attention heads of the decoders of a pretraining network")
      .range(1, 1024);
  options.enable_recipe();
  options.footer(
      "Without a model card in IN: writes a model file. Sizes are read from the weights. The class order of a "
      "checkpoint is\n"
      "not recorded in it: the authors of FSFM train on alphabetical folders, so fake = 0 and real = 1 is assumed and "
      "noted\n"
      "in the card; state --classes when yours differ, or every verdict is inverted. Nothing in a .pth is ever run.\n"
      "With a card: writes the bare weights under their timm names, without the card. In Python:\n"
      "  model.load_state_dict(safetensors.torch.load_file('OUT'))\n\n"
      "  fsfm convert checkpoint-399.pth fsfm-base.safetensors\n"
      "  fsfm convert mine.pth mine.safetensors --classes real fake\n");
  if (!options.parse(argc, argv)) return 0;
  if (out.extension() != ".safetensors")
    throw Error("fsfm convert writes .safetensors files, not " + out.string(), "name OUT something.safetensors");
  if (!import.classes.empty())
    import.attack_classes = resolve_attacks(import.classes, import.attack_classes);
  else if (!import.attack_classes.empty())
    throw Error("--attack-classes needs --classes", "name all classes in logit order");

  const Weights weights = read_weights(in);
  if (const auto bad = nonfinite_tensors(weights.tensors); !bad.empty())
    throw Error(fmt::format("{}: tensor '{}' holds NaN or infinity", in.string(), bad[0]),
                "training diverged or the file is damaged");
  if (weights.has_card) {
    write_safetensors(out, weights.tensors, {{"format", "pt"}});
    std::printf("%s: %zu tensors without a card; normalise its input with mean %.7g %.7g %.7g, std %.7g %.7g %.7g\n",
                out.c_str(), weights.tensors.size(), weights.card.mean[0], weights.card.mean[1], weights.card.mean[2],
                weights.card.std[0], weights.card.std[1], weights.card.std[2]);
    return 0;
  }
  const ModelCard card = make_card(weights, in, import);
  write_model(out, card, weights.tensors);
  std::printf("%s: %s of architecture %s, %zu tensors\n", out.c_str(), card.kind.c_str(), card.architecture.c_str(),
              weights.tensors.size());
  if (!card.classes.empty())
    std::printf("  classes: %s; attack: %s (%s)\n", join(card.classes, ", ").c_str(),
                join(card.attack_classes, ", ").c_str(), card.training["class_order"].get<std::string>().c_str());
  std::printf("  mean and std: %s\n", card.training["mean_std"].get<std::string>().c_str());
  return 0;
}

}  // namespace fsfm::cli
