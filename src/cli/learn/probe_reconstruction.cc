// The part of fsfm probe that paints: needs libtorch.
#include <spdlog/fmt/fmt.h>

#include <memory>

#include "cli/open_parser.h"
#include "cli/probe.h"
#include "model/fsfm_layout.h"
#include "train/device.h"
#include "train/pretrain/region_probe.h"

namespace fsfm::cli {

Probe reconstruction_probe(const ModelFile& model, const ProbeFlags& flags, report::ProbeReport& report) {
  auto online = std::make_shared<FsfmOnline>(open_online_network(model));
  const torch::Device device = choose_device(flags.device, flags.threads);
  RegionProbeOptions options{
      .draws = flags.draws,
      .ratio = flags.mask_ratio,
      .norm_pix = predicts_normalised_patches(model.card()),
      .seed = flags.seed,
      // Opened when the first face without a parsing map asks for it.
      .parser = [name = flags.parser, parser = std::shared_ptr<FaceParser>()]() mutable -> FaceParser& {
        if (!parser) parser = open_parser(name);
        return *parser;
      },
      .precision = parse_precision(flags.precision)};
  report.meaning = fmt::format(
      "A score is the squared error of the hidden region's reconstruction, in {}: high = unlike "
      "the faces of the pretraining.",
      options.norm_pix ? "pixels normalised per patch" : "normalised pixels");
  report.settings = {{"Masks a region", std::to_string(flags.draws)},
                     {"Hidden", fmt::format("{:g} % of the patches", 100 * flags.mask_ratio)},
                     {"Seed", std::to_string(flags.seed)}};
  const Normalization normalization{model.card().mean, model.card().std};
  return [online, device, options, normalization, &flags](const Source& source) mutable {
    options.scoring = probe_scoring(flags, source);
    return probe_regions(*online, device, *source.dataset, normalization, options);
  };
}

}  // namespace fsfm::cli
