// fsfm blend DATASET --out DIR
#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/options.h"
#include "base/progress.h"
#include "cli/commands.h"
#include "data/augment/self_blend.h"
#include "data/dataset.h"
#include "media/codec.h"
#include "media/resize.h"

namespace fsfm::cli {
namespace {

// File-name form of a video's identity: the layout readers take what stands before `_frame_` as the video.
std::string file_stem(const SampleRef& sample, size_t index) {
  std::string name = sample.video.substr(sample.video.find('/') + 1);
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '/' || c == '\\' || c == ' '; }, '_');
  return name + "_frame_" + std::to_string(sample.frame >= 0 ? sample.frame : static_cast<int64_t>(index));
}

}  // namespace

int run_blend(int argc, char** argv) {
  fs::path input, out;
  uint64_t seed = 0;
  int side = 224, val_every = 3;
  Options options("blend", "Make fakes from real faces alone: every face blended with a jittered copy of itself");
  options.positional("DATASET", input, "prepared dataset with class maps (fsfm prepare)").required();
  options.add("out", out, "folder for {train,val}/{real,fake}/*.png").required().command_line_only();
  options.add("seed", seed, "decides every blend");
  options.add("size", side, "side of the pictures written").range(32, 2048);
  options.add("val-every", val_every, "every n-th video or picture goes to val").range(2, 1000);
  options.footer("Self-blended images (Shiohara & Yamasaki, CVPR 2022). Real and fake are resized and stored alike, so that\n"
                 "neither size nor compression tells them apart. Example:\n"
                 "  fsfm blend faces/ --out blended && fsfm finetune --task dfd --init M --data blended --out D.safetensors");
  if (!options.parse(argc, argv)) return 0;

  const auto dataset = open_dataset(input);
  std::map<std::string, size_t> videos;
  for (const auto& sample : dataset->samples()) videos.emplace(sample.video, 0);
  if (videos.size() < 2) throw Error(input.string() + " holds faces of one video only", "give faces of several videos or photos, so that some can be held out");
  size_t order = 0;
  for (auto& [video, number] : videos) number = order++;
  for (const char* split : {"train", "val"})
    for (const char* label : {"real", "fake"}) fs::create_directories(out / split / label);

  Progress progress("blend", dataset->samples().size(), "faces", progress_visible());
  size_t written = 0, without_map = 0;
  for (size_t i = 0; i < dataset->samples().size() && !interrupted(); ++i) {
    const auto parsing = dataset->load_parsing(i);
    Rng rng(seed, i + 1);
    const Image face = resize(dataset->load(i).image, side, side);
    const auto fake = parsing ? self_blend(face, *parsing, kParsingSide, rng) : std::nullopt;
    if (fake) {
      const SampleRef& sample = dataset->samples()[i];
      const bool held_out = videos.at(sample.video) % static_cast<size_t>(val_every) == static_cast<size_t>(val_every) - 1;
      const fs::path folder = out / (held_out ? "val" : "train");
      const std::string name = file_stem(sample, i) + ".png";
      write_image(folder / "real" / name, face);
      write_image(folder / "fake" / name, fake->image);
      ++written;
    } else {
      ++without_map;
    }
    progress.update(i + 1);
  }
  progress.finish();
  if (interrupted()) return 128 + interrupt_signal();
  if (written == 0) throw Error(input.string() + " has no face with a class map", "prepare it with a parser (fsfm prepare does by default)");
  std::printf("%zu real and %zu self-blended faces of %zu videos and pictures in %s", written, written, videos.size(), out.c_str());
  if (without_map > 0) std::printf("; %zu faces without a usable class map left out", without_map);
  std::printf("\n");
  return 0;
}

}  // namespace fsfm::cli
