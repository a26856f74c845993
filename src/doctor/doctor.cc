#include "doctor/doctor.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <numeric>
#include <set>
#include <span>

#include "base/error.h"
#include "base/hash.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "data/naming.h"
#include "data/record.h"
#include "doctor/doctor_findings.h"
#include "face/face_quality.h"
#include "media/codec.h"
#include "media/jpeg_quality.h"
#include "media/resize.h"
#include "metrics/metrics.h"

namespace fsfm {
namespace {

constexpr float kNoJpeg = 101;  // lossless stands above every quality

// What one look at a picture tells.
struct Look {
  bool ok = false;
  bool has_regions = false;
  std::array<float, kFeatures> features{};
  Fingerprint print;
  std::string content;  // hash of the file
};

Look look_at(const Dataset& dataset, size_t index, PixelSums& sums) {
  Look look;
  const std::vector<std::byte> file = dataset.load_encoded(index);
  const Image image = decode_image(file, dataset.location(index));
  const Image at_size =
      image.width == kParsingSide && image.height == kParsingSide ? image : resize(image, kParsingSide, kParsingSide);
  PixelSums own;
  own.add(at_size);
  int width = image.width, height = image.height, quality = estimate_jpeg_quality(file);
  bool is_jpeg = quality > 0, looks_whole = true;
  if (const auto record = dataset.load_record(index)) {
    look.has_regions = record->regions.has_value();
    looks_whole = !record->box;
    if (record->box) {  // the crop was made and compressed by us: its source is what may give a class away
      width = record->box->width;
      height = record->box->height;
      quality = record->source_jpeg_quality;
      is_jpeg = quality > 0;
    }
  } else {
    look.has_regions = dataset.load_parsing(index).has_value();
  }
  look.features[kWidth] = static_cast<float>(width);
  look.features[kHeight] = static_cast<float>(height);
  look.features[kIsJpeg] = is_jpeg;
  look.features[kJpegQuality] = is_jpeg ? static_cast<float>(quality) : kNoJpeg;
  // Of a ready crop only: cutting and resizing have wiped out what the source went through.
  const int earlier = looks_whole ? estimate_earlier_jpeg_quality(image, quality) : 0;
  look.features[kJpegHistory] = earlier > 0 ? static_cast<float>(earlier) : kNoJpeg;
  look.features[kBitsPerPixel] =
      8.0f * static_cast<float>(file.size()) / (static_cast<float>(image.width) * static_cast<float>(image.height));
  look.features[kSharpness] = face_blur(image, {0, 0, image.width, image.height});
  look.features[kBrightness] = static_cast<float>(static_cast<double>(own.sum[0] + own.sum[1] + own.sum[2]) /
                                                  (3.0 * 255.0 * static_cast<double>(own.pixels)));
  look.print = fingerprint(at_size);
  look.content = sha256(file);
  look.ok = true;
  sums.add(own);
  return look;
}

double median(std::vector<float> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::vector<ClassProfile> profiles(const Dataset& dataset, const std::vector<size_t>& indices,
                                   const std::vector<Look>& looks) {
  const auto& info = dataset.info();
  std::vector<ClassProfile> result(info.classes.size());
  std::vector<std::array<std::vector<float>, kFeatures>> values(info.classes.size());
  std::vector<std::set<std::string>> videos(info.classes.size());
  for (size_t i = 0; i < looks.size(); ++i) {
    if (!looks[i].ok) continue;
    const SampleRef& ref = dataset.samples()[indices[i]];
    const auto c = static_cast<size_t>(ref.label);
    ++result[c].samples;
    videos[c].insert(ref.video);
    for (size_t f = 0; f < kFeatures; ++f)
      if ((f != kJpegQuality && f != kJpegHistory) || looks[i].features[f] < kNoJpeg)
        values[c][f].push_back(looks[i].features[f]);
  }
  for (size_t c = 0; c < result.size(); ++c) {
    ClassProfile& p = result[c];
    p.name = info.classes[c];
    p.attack = std::find(info.attack_classes.begin(), info.attack_classes.end(), p.name) != info.attack_classes.end();
    p.videos = videos[c].size();
    p.width = median(values[c][kWidth]);
    p.height = median(values[c][kHeight]);
    const auto& jpeg = values[c][kIsJpeg];
    p.jpeg_share = jpeg.empty() ? 0 : std::accumulate(jpeg.begin(), jpeg.end(), 0.0) / static_cast<double>(jpeg.size());
    p.jpeg_quality = median(values[c][kJpegQuality]);
    p.history_share =
        p.samples == 0 ? 0 : static_cast<double>(values[c][kJpegHistory].size()) / static_cast<double>(p.samples);
    p.earlier_quality = median(values[c][kJpegHistory]);
    p.bits_per_pixel = median(values[c][kBitsPerPixel]);
    p.sharpness = median(values[c][kSharpness]);
    p.brightness = median(values[c][kBrightness]);
  }
  return result;
}

// Every attack class against the genuine ones, and all attacks together: one class may give itself away alone.
std::vector<Shortcut> shortcuts(const Dataset& dataset, const std::vector<size_t>& indices,
                                const std::vector<Look>& looks, const std::vector<ClassProfile>& classes) {
  std::vector<std::vector<int>> groups;
  std::vector<int> attacks;
  for (size_t c = 0; c < classes.size(); ++c)
    if (classes[c].attack) attacks.push_back(static_cast<int>(c));
  groups.push_back(attacks);
  if (attacks.size() > 1)
    for (const int c : attacks) groups.push_back({c});

  std::vector<Shortcut> result;
  for (const auto& group : groups) {
    std::vector<int> labels;
    std::array<std::vector<double>, kFeatures> scores;
    for (size_t i = 0; i < looks.size(); ++i) {
      const int label = dataset.samples()[indices[i]].label;
      const bool in_group = std::find(group.begin(), group.end(), label) != group.end();
      if (!looks[i].ok || (!in_group && classes[static_cast<size_t>(label)].attack)) continue;
      labels.push_back(in_group);
      for (size_t f = 0; f < kFeatures; ++f) scores[f].push_back(looks[i].features[f]);
    }
    const auto positives = std::count(labels.begin(), labels.end(), 1);
    if (positives == 0 || positives == static_cast<int64_t>(labels.size())) continue;
    for (size_t f = 0; f < kFeatures; ++f) {
      const double auc = metrics::auc(labels, scores[f]);
      const bool all = &group == &groups.front();
      result.push_back({kFeatureNames[f], all ? "attack" : classes[static_cast<size_t>(group.front())].name,
                        std::max(auc, 1 - auc)});
    }
  }
  std::stable_sort(result.begin(), result.end(), [](const Shortcut& a, const Shortcut& b) { return a.auc > b.auc; });
  return result;
}

void find_same_files(const Dataset& dataset, const std::vector<size_t>& indices, const std::vector<Look>& looks,
                     DoctorReport& report) {
  std::map<std::string, std::vector<size_t>> samples;
  for (size_t i = 0; i < looks.size(); ++i)
    if (looks[i].ok) samples[looks[i].content].push_back(indices[i]);
  const auto twins = [&](auto&& property, std::vector<std::pair<size_t, size_t>>& found) {
    for (const auto& [content, group] : samples) {
      const auto other = std::find_if(group.begin(), group.end(),
                                      [&](size_t index) { return property(index) != property(group.front()); });
      if (other != group.end()) found.emplace_back(group.front(), *other);
    }
    std::sort(found.begin(), found.end());
  };
  twins([&](size_t i) { return dataset.samples()[i].split; }, report.same_in_splits);
  twins([&](size_t i) { return kind_of_label(dataset.info(), dataset.samples()[i].label); }, report.same_in_kinds);
}

bool is_number(const std::string& text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Names that occur in more than one split.
std::map<std::string, std::vector<std::string>> shared(
    const std::map<std::string, std::set<std::string>>& splits_of_name) {
  std::map<std::string, std::vector<std::string>> result;
  for (const auto& [name, splits] : splits_of_name)
    if (splits.size() > 1) result[name].assign(splits.begin(), splits.end());
  return result;
}

}  // namespace

const char* level_name(Finding::Level level) {
  switch (level) {
    case Finding::Level::error:
      return "ERROR";
    case Finding::Level::warning:
      return "WARNING";
    default:
      return "note";
  }
}

std::string quality_text(const ClassProfile& profile) {
  const std::string last = profile.jpeg_quality > 0 ? std::to_string(std::lround(profile.jpeg_quality)) : "-";
  return profile.history_share < 0.5 ? last : std::to_string(std::lround(profile.earlier_quality)) + ", then " + last;
}

std::vector<std::string> identities_in(const std::string& video) {
  // The last part names the clip; folders above it name datasets and classes.
  const std::string name = video.substr(video.rfind('/') + 1);
  std::vector<std::string> tokens, found;
  for (size_t i = 0; i <= name.size();) {
    const size_t end = std::min(name.find_first_of("_-. ", i), name.size());
    tokens.push_back(name.substr(i, end - i));
    i = end + 1;
  }
  for (const std::string& t : tokens) {
    for (const char* mark : {"client", "id", "n", "subject"})
      if (const std::string m = mark;
          t.starts_with(m) && is_number(t.substr(m.size())) && t.size() - m.size() >= (m == "n" ? 6u : 1u))
        found.push_back(t);
  }
  // FaceForensics names clips by three digits and forgeries by two clips, behind at most one word: "Deepfakes_033_097".
  const bool has_word = !tokens.empty() && !is_number(tokens.front());
  const std::span clips = std::span(tokens).subspan(has_word ? 1 : 0);
  const auto is_clip = [&](const std::string& t) { return t.size() == 3 && is_number(t); };
  if (!clips.empty() && clips.size() <= 2 && std::all_of(clips.begin(), clips.end(), is_clip))
    found.insert(found.end(), clips.begin(), clips.end());
  return found;
}

DoctorReport examine(const Dataset& dataset, const DoctorOptions& options,
                     const std::function<void(uint64_t, uint64_t)>& progress) {
  DoctorReport report;
  report.name = dataset.info().name;
  report.samples = dataset.samples().size();
  report.stored = dataset.info().normalization;
  std::map<std::string, std::set<std::string>> video_splits, still_splits, identity_splits;
  for (const auto& ref : dataset.samples()) {
    ++report.counts[ref.split][dataset.info().classes.at(static_cast<size_t>(ref.label))];
    // Only frames tell of a video: stills of every split are numbered from 0001.jpg on.
    if (!ref.split.empty())
      (ref.frame >= 0 ? video_splits : still_splits)[video_of_person(ref.video)].insert(ref.split);
  }
  for (const auto& [video, splits] : video_splits)
    for (const auto& identity : identities_in(video)) identity_splits[identity].insert(splits.begin(), splits.end());
  for (const auto& [picture, splits] : still_splits)
    if (!is_number(picture.substr(picture.rfind('/') + 1)))
      for (const auto& identity : identities_in(picture))
        identity_splits[identity].insert(splits.begin(), splits.end());
  report.shared_videos = shared(video_splits);
  report.shared_identities = shared(identity_splits);

  std::vector<size_t> indices(report.samples);
  std::iota(indices.begin(), indices.end(), size_t{0});
  if (options.max_samples > 0 && options.max_samples < indices.size()) {
    Rng(0).shuffle(std::span(indices));
    indices.resize(options.max_samples);
    std::sort(indices.begin(), indices.end());
  }
  report.examined = indices.size();
  std::vector<Look> looks(indices.size());
  std::vector<PixelSums> sums(static_cast<size_t>(thread_count(options.threads)));
  std::mutex mutex;
  uint64_t done = 0;
  parallel_for(indices.size(), options.threads, [&](size_t i, int worker) {
    std::string reason;
    try {
      looks[i] = look_at(dataset, indices[i], sums[static_cast<size_t>(worker)]);
    } catch (const InternalError&) {
      throw;
    } catch (const std::exception& error) {
      reason = error.what();
    }
    std::lock_guard lock(mutex);
    if (!looks[i].ok) report.broken.emplace_back(indices[i], reason);
    if (progress) progress(++done, indices.size());
  });
  std::sort(report.broken.begin(), report.broken.end());
  PixelSums all;
  for (const auto& part : sums) all.add(part);
  if (all.pixels > 0) report.measured = all.normalization();
  report.with_regions =
      static_cast<size_t>(std::count_if(looks.begin(), looks.end(), [](const Look& look) { return look.has_regions; }));

  report.classes = profiles(dataset, indices, looks);
  report.shortcuts = shortcuts(dataset, indices, looks, report.classes);
  if (splits_of(dataset).size() > 1) {
    std::vector<Fingerprint> prints;
    for (const auto& look : looks) prints.push_back(look.print);
    report.leaks = near_pairs(prints, [&](size_t a, size_t b) {
      return looks[a].ok && looks[b].ok && dataset.samples()[indices[a]].split != dataset.samples()[indices[b]].split;
    });
    for (auto& pair : report.leaks) pair = {indices[pair.a], indices[pair.b], pair.distance, pair.correlation};
  }
  find_same_files(dataset, indices, looks, report);
  report.findings = judge(report, dataset);
  return report;
}

}  // namespace fsfm
