// fsfm prepare LAYOUT ROOT --out DIR
#include "prepare/prepare.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

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
#include "cli/open_parser.h"
#include "cli/sources.h"
#include "data/naming.h"
#include "data/store/folder_tree.h"
#include "prepare/convert.h"
#include "prepare/layouts/layout.h"
#include "prepare/layouts/walk.h"

namespace fsfm::cli {
namespace {

struct Settings {
  std::string layout;
  std::filesystem::path root, out;
  std::string name, format = "shards", part = "1/1", face_detector, parser, faces = "best";
  bool detect = true, compat = false, keep_duplicates = false, keep_unparsed = false;
  int size = -1, jpeg_quality = 95, min_face = 32, frames = 32, every = 0, threads = 0;
  double crop_scale = 1.3;
  int64_t max = 0;
  LayoutRequest layout_request;
};

std::string layout_table() {
  std::string text = "Layouts:\n";
  for (const auto& layout : layouts()) text += fmt::format("  {:<14} {}\n", layout.name, layout.summary);
  return text +
         "A ROOT that is itself a prepared dataset is copied into --format without looking for faces again.\n"
         "Interrupted? Run the same command again. Many machines? Give each --part 1/n, 2/n, ...\n\n"
         "Examples:\n"
         "  fsfm prepare folder photos/ --out faces/\n"
         "  fsfm prepare classes crops/ --no-detect --out dataset/\n"
         "  fsfm prepare ffpp FaceForensics++/ --compression c23 --out ffpp/";
}

// "3/8" -> {3, 8}.
std::pair<int, int> parse_part(const std::string& text) {
  int part = 0, parts = 0;
  const char* end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, part);
  if (first.ec == std::errc() && first.ptr != end && *first.ptr == '/') {
    const auto second = std::from_chars(first.ptr + 1, end, parts);
    if (second.ec == std::errc() && second.ptr == end && part >= 1 && part <= parts && parts <= 100'000)
      return {part, parts};
  }
  throw Error("--part " + text + " is not i/n with 1 <= i <= n", "e.g. --part 3/8 for the third of eight parts");
}

// What the user left open, and what --compat decides.
void settle_faces(Settings& s) {
  if (s.compat) {
    if (!s.detect || !s.face_detector.empty() || s.size >= 0 || s.crop_scale != Settings().crop_scale)
      throw Error("--compat decides --face-detector, --crop-scale and --size", "leave those options, or --compat, out");
    s.face_detector = "dlib-hog";
    s.jpeg_quality = 0;
  }
  if (s.format == "folders") s.jpeg_quality = 0;  // they hold PNG: no compression on the way
  if (s.face_detector.empty()) s.face_detector = default_face_detector();
  if (s.size < 0) s.size = s.detect ? 224 : 0;
}

void print_classes(const Manifest& manifest) {
  DatasetInfo info;
  info.classes = manifest.classes;
  info.attack_classes = manifest.attack_classes;
  std::printf("classes  %s\n", classes_text(info).c_str());
}

int convert(const Settings& s, const nlohmann::json& made) {
  if (s.part != "1/1" || s.max > 0)
    throw Error(s.root.string() + " is a prepared dataset, which is copied whole", "leave --part and --max out");
  if (!s.layout_request.class_name.empty())
    throw Error("--class is for faces without classes, and " + s.root.string() + " is prepared",
                "name its classes: --real, --attack-classes");
  const auto dataset = open_only_source(s.root, "", s.layout_request.stated);
  warn_of_notes(s.root, dataset->info());
  Progress progress("convert", dataset->samples().size(), "faces", progress_visible());
  const std::optional<Manifest> manifest =
      convert_dataset(*dataset, s.out, s.format, made, [&](uint64_t done, uint64_t) {
        progress.update(done);
        return !interrupted();
      });
  progress.finish();
  if (!manifest) {
    return interrupted_exit("nothing was written");
  }
  std::printf("%s faces of %s copied into %s as %s\n",
              with_thousands(static_cast<long long>(manifest->samples())).c_str(), s.root.string().c_str(),
              s.out.string().c_str(), s.format.c_str());
  print_classes(*manifest);
  return 0;
}

}  // namespace

int run_prepare(int argc, char** argv) {
  Settings s;
  Options options("prepare", "Find, crop and parse the faces of photos, videos or a published dataset");
  options.positional("LAYOUT", s.layout, "how ROOT is arranged (see below)").required();
  options.positional("ROOT", s.root, "folder (or list file) to read").required();
  options.add("out", s.out, "folder of the prepared dataset").required();
  options.add("format", s.format, "shards: WebDataset tar files; folders: images/ + parsing_maps/, or class folders")
      .choices({"shards", "folders"});
  options.add("name", s.name, "name of the dataset (default: ROOT's)");
  options.add("part", s.part, "i/n: this process does the i-th of n parts of the work")
      .also("shard")
      .command_line_only();
  options.add("max", s.max, "at most so many inputs, spread evenly over the list (0 = all)").range(0, 1e15);
  options.add("threads", s.threads, "worker threads (0 = all cores)").range(0, 1024);
  options.add("detect", s.detect, "look for faces; --no-detect: the pictures are face crops already").group("Faces");
  options
      .add("face-detector", s.face_detector,
           fmt::format("{} (default: {})", join(face_detector_names(), ", "), default_face_detector()))
      .also("detector")
      .group("Faces");
  options.add("compat", s.compat, "crops equal to the published code's: dlib-hog, 1.3 times the box, 224 px, PNG")
      .group("Faces");
  options.add("faces", s.faces, "of a picture or frame: the best-scoring face, or all (a video's persons kept apart)")
      .choices({"best", "all"})
      .group("Faces");
  options.add("min-face", s.min_face, "smaller faces (pixels, shorter side of the box) are left out")
      .range(1, 10000)
      .group("Faces");
  options.add("crop-scale", s.crop_scale, "side of the square crop / larger side of the box")
      .range(0.5, 4)
      .group("Faces");
  options.add("frames", s.frames, "frames of a video, evenly spaced").range(1, 1'000'000).group("Faces");
  options.add("every", s.every, "every K-th frame of a video instead of --frames evenly spaced ones (0 = off)")
      .range(0, 1'000'000)
      .group("Faces");
  options.add("parser", s.parser, "face parser: a .safetensors, .onnx or .pt file, or none (default: the shipped one)")
      .group("Faces");
  options.add("keep-unparsed", s.keep_unparsed, "keep faces that cannot be parsed (always so for labelled data)")
      .group("Faces");
  options.add("keep-duplicates", s.keep_duplicates, "keep files of equal content in the same class and split")
      .group("Faces");
  options.add("size", s.size, "side of a stored picture; 0 = as cropped (default: 224, with --no-detect 0)")
      .range(-1, 4096)
      .group("Output");
  options.add("jpeg-quality", s.jpeg_quality, "of stored pictures; 0 = PNG, which --format folders always holds")
      .range(0, 100)
      .group("Output");
  options.add("compression", s.layout_request.compression, "ffpp, dfd: raw, c23 or c40")
      .choices({"raw", "c0", "c23", "c40"})
      .group("Published datasets");
  options
      .add("methods", s.layout_request.methods,
           "ffpp: which manipulations; all: the paper's four (default), each: a class each, none: originals only")
      .group("Published datasets");
  options.add("labels", s.layout_request.labels, "binary: all forgeries are class fake; methods: a class each")
      .choices({"binary", "methods"})
      .group("Published datasets");
  options.add("domains", s.layout_request.domains, "mcio, wcs, diff: which of their parts (default: all)")
      .group("Published datasets");
  options
      .add("split-lists", s.layout_request.split_lists,
           "ffpp: folder of train.json, val.json and test.json (default: in ROOT), or none: no splits")
      .group("Published datasets");
  add_class_options_or_none(options, s.layout_request.stated);
  options.add("class", s.layout_request.class_name, "layout folder: the class of all its faces (default: real)")
      .group("Labels");
  options.enable_recipe();
  options.enable_quiet();
  options.footer(layout_table());
  if (!options.parse(argc, argv)) return 0;

  settle_faces(s);
  const Layout& layout = find_layout(s.layout);
  const auto [part, parts] = parse_part(s.part);
  nlohmann::json made = {{"program", FSFM_VERSION},
                         {"layout", s.layout},
                         {"root", dataset_name(s.root)},
                         {"detector", s.detect ? s.face_detector : ""},
                         {"parser", to_utf8(s.parser)},
                         {"faces", s.faces},
                         {"min_face", s.min_face},
                         {"crop_scale", s.crop_scale},
                         {"frames", s.frames},
                         {"every", s.every},
                         {"size", s.size},
                         {"jpeg_quality", s.jpeg_quality},
                         {"max", s.max},
                         {"jobs", parts},
                         {"format", s.format},
                         {"compression", s.layout_request.compression},
                         {"methods", s.layout_request.methods},
                         {"labels", s.layout_request.labels},
                         {"domains", s.layout_request.domains},
                         {"keep_duplicates", s.keep_duplicates},
                         {"keep_unparsed", s.keep_unparsed}};
  if (!s.layout_request.stated.empty())
    made["stated"] = {{"real", s.layout_request.stated.real},
                      {"attack_classes", s.layout_request.stated.attack},
                      {"unlabelled", s.layout_request.stated.unlabelled}};
  if (!s.layout_request.class_name.empty()) made["class"] = s.layout_request.class_name;
  if (const std::string& lists = s.layout_request.split_lists; !lists.empty())
    made["split_lists"] = lists == "none" ? "none" : "given";
  if (is_prepared(s.root)) return convert(s, made);

  s.layout_request.root = s.root;
  s.layout_request.frames = s.frames;
  s.layout_request.out = s.out;
  s.layout_request.every = s.every;
  Listing listing = enumerate_layout(layout, s.layout_request);
  const bool labelled = !listing.attack_classes->empty();
  leave_out_own_output(listing, s.out);
  listing.entries.insert(listing.entries.end(), listing.left_out.begin(), listing.left_out.end());
  for (const auto& note : listing.notes) log::warn("note: {}", note);
  const std::vector<PrepareEntry>& entries = listing.entries;
  const PrepareOptions prepare{.faces = {.root = s.root,
                                         .size = s.size,
                                         .jpeg_quality = s.jpeg_quality,
                                         .crop_scale = s.crop_scale,
                                         .all_faces = s.faces == "all",
                                         .min_face = s.min_face,
                                         .frames = s.frames,
                                         .every = s.every,
                                         .keep_unparsed = s.keep_unparsed || labelled},
                               .out = s.out,
                               .name = s.name.empty() ? dataset_name(s.root) : to_utf8(s.name),
                               .format = s.format,
                               .part = part,
                               .parts = parts,
                               .max_inputs = s.max,
                               .keep_duplicates = s.keep_duplicates,
                               .threads = s.threads,
                               .attack_classes = listing.attack_classes,
                               .made = made};
  PrepareTools tools;
  if (s.detect) {
    make_face_detector(s.face_detector);  // a wrong name is reported before any work begins
    // Inputs go side by side: each is searched by one thread.
    tools.make_face_detector = [&] { return make_face_detector(s.face_detector, 1); };
  }
  if (s.parser != "none") {
    open_parser(s.parser);
    tools.make_parser = [&] { return open_parser(s.parser); };
  }
  // Jobs of one dataset write beside each other; each of them has one writer.
  const FolderLock lock(s.out, parts > 1 ? fmt::format(".lock-{}of{}", part, parts) : ".lock");
  std::optional<Progress> bar;
  const PrepareReport report =
      prepare_dataset(entries, prepare, tools, interrupted, [&](uint64_t done, uint64_t total) {
        if (!bar) bar.emplace("prepare", total, "inputs", progress_visible());
        bar->update(done);
      });
  if (bar) bar->finish();
  std::printf("%s", format_report(report).c_str());
  if (report.interrupted) {
    return interrupted_exit("run the same command again to go on");
  }
  print_classes(report.manifest);
  if (report.parts_missing > 0)
    std::printf("%d of %d parts still to come; the last one writes manifest.json\n", report.parts_missing, parts);
  std::printf(
      "every input is accounted for in %s\n",
      (s.out / (parts > 1 ? fmt::format("prepare-{}of{}.jsonl", part, parts) : "prepare.jsonl")).string().c_str());
  return 0;
}

}  // namespace fsfm::cli
