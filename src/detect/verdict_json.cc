#include "detect/verdict_json.h"

#include <cmath>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace fsfm {
namespace {

using nlohmann::json;

constexpr const char* kSchema = "fsfm.verdict/1";

double rounded(double value) { return std::round(value * 1e4) / 1e4; }

json to_json(const Explanation& explanation) {
  json regions = json::array(), map = json::array();
  for (const auto& r : explanation.regions)
    regions.push_back({{"region", kRegionGroupNames[r.region]}, {"patches", r.patches}, {"effect", rounded(r.effect)}});
  for (const float value : explanation.map) map.push_back(rounded(value));
  const Rect& place = explanation.place;
  return {{"sentence", explanation.sentence},
          {"regions", regions},
          {"grid", explanation.grid},
          {"map", map},
          {"place", {place.left, place.top, place.width, place.height}}};
}

json to_json(const FaceVerdict& v, const ModelCard& card) {
  json per_class = json::object();
  for (size_t c = 0; c < v.per_class.size(); ++c) per_class[card.classes[c]] = v.per_class[c];
  const Rect& box = v.face.box;
  json face = {{"box", {box.left, box.top, box.width, box.height}},
               {"crop", {v.crop.left, v.crop.top, v.crop.width, v.crop.height}},
               {"detector_score", v.face.score},
               {"sharpness", v.face.blur},
               {"yaw", v.face.yaw},
               {"light", v.light.bright},
               {"blown_out", v.light.blown_out},
               {"score", v.score},
               {"per_class", per_class},
               {"verdict", verdict_name(v.verdict)},
               {"reason", reason_name(v.reason)},
               {"why", v.why}};
  if (v.face_parts) face["face_parts"] = *v.face_parts;
  if (v.person >= 0) face["person"] = v.person;
  if (v.explanation) face["explanation"] = to_json(*v.explanation);
  return face;
}

void add_facts(json& entry, const InputFacts& facts) {
  entry["sha256"] = facts.sha256;
  entry["judged_at"] = facts.judged_at;
  entry["provenance"] = {{"c2pa_manifest", facts.c2pa_manifest}, {"verified", false}};
}

json to_json(const std::vector<FaceVerdict>& faces, const ModelCard& card) {
  json list = json::array();
  for (const auto& face : faces) list.push_back(to_json(face, card));
  return list;
}

json persons_json(const VideoVerdict& video) {
  json persons = json::array();
  for (const auto& p : video.persons)
    persons.push_back({{"person", p.person},
                       {"frames_with_face", p.frames_with_face},
                       {"frames_judged", p.frames_judged},
                       {"score", p.frames_judged > 0 ? json(p.score) : json()},
                       {"verdict", verdict_name(p.verdict)},
                       {"reason", reason_name(p.reason)},
                       {"why", p.why}});
  return persons;
}

json worst_json(const VideoVerdict& video) {
  json moments = json::array();
  for (const size_t i : video.worst) {
    const FrameVerdict& frame = video.frames[i];
    double highest = 0;
    int person = -1;
    for (const auto& face : frame.faces)
      if (!is_quality_reason(face.reason) && (person < 0 || face.score > highest)) {
        highest = face.score;
        person = face.person;
      }
    moments.push_back({{"index", frame.index}, {"seconds", frame.seconds}, {"person", person}, {"score", highest}});
  }
  return moments;
}

std::string name_of(const fs::path& file) { return to_utf8(file.string()); }

}  // namespace

json verdict_header(const DetectorModel& model) {
  const ModelCard& card = model.card();
  return {{"schema", kSchema},
          {"fsfm", FSFM_VERSION},
          {"model", name_of(model.file().path())},
          {"model_sha256", model.sha256()},
          {"name", card.name},
          {"classes", card.classes},
          {"attack_classes", card.attack_classes},
          {"threshold", decision_threshold(card)},
          {"threshold_source", card.threshold_source}};
}

json verdict_entry(const fs::path& file, const std::vector<FaceVerdict>& faces, const ModelCard& card,
                   const InputFacts& facts) {
  json entry = {{"file", name_of(file)}, {"kind", "picture"}, {"faces", to_json(faces, card)}};
  if (faces.empty()) entry["reason"] = reason_name(Reason::no_face);
  add_facts(entry, facts);
  return entry;
}

json verdict_entry(const fs::path& file, const VideoVerdict& video, const ModelCard& card, const InputFacts& facts) {
  json frames = json::array();
  for (const auto& frame : video.frames)
    frames.push_back({{"index", frame.index}, {"seconds", frame.seconds}, {"faces", to_json(frame.faces, card)}});
  json entry = {{"file", name_of(file)},
                {"kind", "video"},
                {"verdict", verdict_name(video.verdict)},
                {"reason", reason_name(video.reason)},
                {"why", video.why},
                {"score", video.frames_judged > 0 ? json(video.score) : json()},
                {"frames_looked_at", video.frames.size()},
                {"frames_with_face", video.frames_with_face},
                {"frames_judged", video.frames_judged},
                {"frames_skipped", video.frames_skipped},
                {"pooling", "mean"},
                {"persons", persons_json(video)},
                {"worst_moments", worst_json(video)},
                {"frames", frames}};
  add_facts(entry, facts);
  for (const auto& note : video.notes) entry["notes"].push_back(to_utf8(note));
  return entry;
}

json error_entry(const fs::path& file, const std::string& problem) {
  return {{"file", name_of(file)}, {"error", to_utf8(problem)}};
}

json skipped_entry(const fs::path& file, const std::string& why) { return {{"file", name_of(file)}, {"skipped", why}}; }

std::string to_line(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

std::vector<json> read_verdicts(const fs::path& file) {
  const std::string text = read_file(file);
  std::vector<json> entries;
  const auto no_output = [&] { return Error(file.string() + " is no output of fsfm detect --json", "make it again"); };
  if (const json whole = json::parse(text, nullptr, false); !whole.is_discarded()) {
    if (!whole.is_object()) throw no_output();
    if (const auto results = whole.find("results"); results != whole.end()) {
      if (!results->is_array()) throw no_output();
      entries.assign(results->begin(), results->end());
    } else if (whole.contains("file")) {
      entries.push_back(whole);
    } else if (!whole.contains("schema")) {
      throw no_output();
    }
    return entries;
  }
  bool any = false;
  for (const auto& line : split(text, '\n')) {
    json entry = json::parse(line, nullptr, false);
    if (!entry.is_object()) continue;
    any = any || entry.contains("schema") || entry.contains("file");
    if (entry.contains("file")) entries.push_back(std::move(entry));
  }
  if (!any && !trim(text).empty()) throw Error(file.string() + " is not valid JSON", "make it again");
  return entries;
}

}  // namespace fsfm
