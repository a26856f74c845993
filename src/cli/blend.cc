// fsfm blend DATASET --out DIR
#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/class_options.h"
#include "base/error.h"
#include "base/file.h"
#include "base/folder_lock.h"
#include "base/interrupt.h"
#include "base/log.h"
#include "base/options.h"
#include "base/progress.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/sources.h"
#include "data/augment/recapture.h"
#include "data/augment/self_blend.h"
#include "data/dataset.h"
#include "data/naming.h"
#include "data/unreadable.h"
#include "media/codec.h"
#include "media/resize.h"

namespace fsfm::cli {
namespace {

// What the dataset holds of one video or picture.
struct Video {
  size_t number = 0;           // in the order of names
  size_t faces = 0, seen = 0;  // samples of it; of them looked at
  size_t made = 0;             // pairs written

  // How many pairs its next face is to give: one, or its even share of `wanted`.
  size_t share_of_next_face(size_t wanted) {
    ++seen;
    return wanted == 0 ? 1 : wanted * seen / faces - wanted * (seen - 1) / faces;
  }
};

// A file name that the layout readers take apart again: what stands before `_frame_` names the video. The video's
// number keeps a/b and a_b apart.
std::string file_name(const std::string& video, const Video& source) {
  std::string name = video.substr(video.find('/') + 1);
  for (char& c : name)
    if (c == '/' || c == '\\' || c == ' ') c = '_';
  return name + "-s" + std::to_string(source.number) + "_frame_" + std::to_string(source.made) + ".png";
}

struct Pair {
  Image real, attack;
};

std::optional<std::vector<uint8_t>> readable_parsing(const Dataset& dataset, size_t index) {
  try {
    return read_parsing(dataset, index);
  } catch (const UnreadableSample&) {
    return std::nullopt;
  }
}

// nullopt when the face has no usable class map.
std::optional<Pair> self_blended_pair(const Dataset& dataset, size_t index, const Image& face, Rng& rng) {
  const auto parsing = readable_parsing(dataset, index);
  const auto fake = parsing ? self_blend(face, *parsing, kParsingSide, rng) : std::nullopt;
  if (!fake) return std::nullopt;
  return Pair{face, fake->image};
}

// A kind of attack: its name, the class its pictures are written as, and its makers.
struct Kind {
  std::string name, attack_class, in_words;
  Image (*recapture)(const Image&, Rng&);  // null: blended with itself
};
const Kind kKinds[] = {{"self", "fake", "self-blended", nullptr},
                       {"screen", "replay", "filmed", filmed_from_screen},
                       {"print", "print", "printed", filmed_from_print}};

Pair recaptured_pair(const Kind& kind, const Image& face, Rng& rng) {
  Image real = filmed(face, rng);
  return {std::move(real), kind.recapture(face, rng)};
}

}  // namespace

int run_blend(int argc, char** argv) {
  fs::path input, out;
  std::string kind_name = "self";
  uint64_t seed = 0;
  int side = 224;
  size_t per_video = 0, val_every = 3;
  Options options("blend",
                  "Make attacks from real faces alone: self-blended fakes, or faces filmed off a screen or a print");
  options.positional("DATASET", input, "prepared dataset (fsfm prepare), with class maps for --kind self").required();
  options.add("out", out, "folder for {train,val}/{real,ATTACK}/*.png; ATTACK is fake, replay or print")
      .required()
      .command_line_only();
  options
      .add(
          "kind", kind_name,
          "self: blended with a jittered copy of itself; screen: shown on a screen and filmed again; print: printed on "
          "paper and filmed again")
      .choices({kKinds[0].name, kKinds[1].name, kKinds[2].name});
  options.add("seed", seed, "decides every blend");
  options
      .add("per-video", per_video, "attacks made of each video or picture, shared out among its faces; 0 = one a face")
      .range(0, 100000);
  options.add("size", side, "side of the pictures written").range(32, 2048);
  options.add("val-every", val_every, "every n-th video or picture goes to val").range(2, 1000);
  ClassStatement stated;
  add_class_options_or_none(options, stated);
  options.footer(
      "Self-blended images (Shiohara & Yamasaki, CVPR 2022). Real and attack are resized, filmed and stored\n"
      "alike, so that neither size nor compression tells them apart. Example:\n"
      "  fsfm blend faces/ --out blended && fsfm finetune --task dfd --init M --data blended --out D.safetensors");
  options.enable_recipe();
  options.enable_quiet();
  if (!options.parse(argc, argv)) return 0;

  const auto dataset = open_only_source(input, "", stated);
  warn_of_notes(input, dataset->info());
  log::info("{}: {}", input.string(), classes_text(dataset->info()));
  if (classes_text(dataset->info()) == kUnlabelledClass)
    log::info("unlabelled faces are taken for real ones, as DATASET names them");
  const auto& attacks = dataset->info().attack_classes;
  const auto is_attack = [&](const SampleRef& sample) {
    const std::string& name = dataset->info().classes.at(static_cast<size_t>(sample.label));
    return std::find(attacks.begin(), attacks.end(), name) != attacks.end();
  };
  std::map<std::string, Video> videos;
  size_t attack_faces = 0;
  for (const auto& sample : dataset->samples()) {
    if (is_attack(sample))
      ++attack_faces;
    else
      ++videos[video_of_person(sample.video)].faces;
  }
  if (videos.empty())
    throw Error(input.string() + " holds attacks only (" + join(attacks, ", ") + ")", "give real faces");
  if (videos.size() < 2)
    throw Error(input.string() + " holds real faces of one video only",
                "give faces of several videos or photos, so that some can be held out");
  size_t count = 0;
  for (auto& [name, source] : videos) source.number = count++;
  const Kind& kind =
      *std::find_if(std::begin(kKinds), std::end(kKinds), [&](const Kind& k) { return k.name == kind_name; });
  const FolderLock lock(out);
  for (const char* split : {"train", "val"})
    for (const char* label : {"real", kind.attack_class.c_str()}) make_out_folder(out / split / label);

  Progress progress("blend", dataset->samples().size(), "faces", progress_visible());
  size_t written = 0, without_map = 0;
  UnreadableSamples unreadable;
  for (size_t i = 0; i < dataset->samples().size() && !interrupted(); ++i) {
    const SampleRef& sample = dataset->samples()[i];
    if (is_attack(sample)) continue;
    const std::string video = video_of_person(sample.video);
    Video& source = videos.at(video);
    const bool held_out = source.number % val_every == val_every - 1;
    const fs::path folder = out / (held_out ? "val" : "train");
    Image face;
    try {
      face = resize(read_sample(*dataset, i).image, side, side);
    } catch (const UnreadableSample& error) {
      unreadable.add(sample.key, error.what());
      continue;
    }
    Rng rng(seed, i + 1);
    for (size_t left = source.share_of_next_face(per_video); left > 0; --left) {
      const std::optional<Pair> pair =
          kind.recapture ? recaptured_pair(kind, face, rng) : self_blended_pair(*dataset, i, face, rng);
      if (!pair) {
        ++without_map;
        break;
      }
      const std::string name = file_name(video, source);
      ++source.made;
      write_image(folder / "real" / name, pair->real);
      write_image(folder / kind.attack_class / name, pair->attack);
      ++written;
    }
    progress.update(i + 1);
  }
  progress.finish();
  if (interrupted()) return interrupted_exit("only a part of the pairs was written");
  if (written == 0)
    throw Error(input.string() + " has no face with a class map",
                "prepare it with a parser (fsfm prepare does by default)");
  std::printf("%zu real and %zu %s faces of %zu videos and pictures in %s", written, written, kind.in_words.c_str(),
              videos.size(), out.c_str());
  if (without_map > 0) std::printf("; %zu faces without a usable class map left out", without_map);
  if (unreadable.size() > 0)
    std::printf("; %zu faces that cannot be read left out (%s)", unreadable.size(), unreadable.named().c_str());
  if (attack_faces > 0) std::printf("; %zu attack faces left out", attack_faces);
  std::printf("\n");
  return 0;
}

}  // namespace fsfm::cli
