#include "report/detect_page.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/text.h"
#include "media/codec.h"
#include "media/resize.h"
#include "report/detect_page_style.h"
#include "report/film_chart.h"
#include "report/markup.h"

namespace fsfm::report {
namespace {

using nlohmann::json;

constexpr int kPictureSide = 960, kFrameSide = 720, kFaceSide = 144, kMapSide = 256;
constexpr size_t kShownInputs = 300;

Image fitted(const Image& image, int side) {
  const int longer = std::max(image.width, image.height);
  if (longer <= side) return image;
  const auto shrunk = [&](int length) { return std::max(1, length * side / longer); };
  return resize(image, shrunk(image.width), shrunk(image.height), Kernel::bilinear);
}

std::string text_of(const json& from, const char* key) {
  const auto found = from.find(key);
  return found != from.end() && found->is_string() ? found->get<std::string>() : "";
}

std::optional<double> number_of(const json& from, const char* key) {
  const auto found = from.find(key);
  return found != from.end() && found->is_number() ? std::optional(found->get<double>()) : std::nullopt;
}

std::string image_tag(const Jpeg& jpeg, const std::string& description, const std::string& attributes = "") {
  return fmt::format("<img src=\"{}\" alt=\"{}\" {}>", data_uri(jpeg, "image/jpeg"), escape(description), attributes);
}

std::string pill(const std::string& verdict) {
  return fmt::format("<span class=\"pill {}\">{}</span>", escape(verdict), escape(verdict));
}

// The score as a bar with the threshold marked on it.
std::string score_bar(const json& judged, double threshold) {
  const auto score = number_of(judged, "score");
  if (!score) return "";
  return fmt::format(
      "<div class=score><b>{:.3f}</b><span class=bar role=img aria-label=\"P(attack) {:.3f}, threshold {:.3f}\">"
      "<i class={} style=\"width:{:.1f}%\"></i><u style=\"left:{:.1f}%\"></u></span></div>",
      *score, *score, threshold, escape(text_of(judged, "verdict")), 100 * *score, 100 * threshold);
}

// What is known of a face's fitness, in a few words.
std::string quality_text(const json& face) {
  std::vector<std::string> parts;
  if (const auto box = face.find("box"); box != face.end() && box->is_array() && box->size() == 4)
    parts.push_back(fmt::format("{} × {} pixels", box->at(2).get<int>(), box->at(3).get<int>()));
  if (const auto sharpness = number_of(face, "sharpness")) parts.push_back(fmt::format("sharpness {:.0f}", *sharpness));
  if (const auto yaw = number_of(face, "yaw"); yaw && std::abs(*yaw) >= 10)
    parts.push_back(fmt::format("turned by {:.0f}°", std::abs(*yaw)));
  return join(parts, " · ");
}

// The classes that the network finds at all, likeliest first.
std::string classes_text(const json& face) {
  const auto classes = face.find("per_class");
  if (classes == face.end() || !classes->is_object()) return "";
  std::vector<std::pair<double, std::string>> sorted;
  for (const auto& [name, share] : classes->items())
    if (share.is_number() && share.get<double>() >= 0.01) sorted.emplace_back(share.get<double>(), name);
  std::sort(sorted.rbegin(), sorted.rend());
  std::vector<std::string> parts;
  for (const auto& [share, name] : sorted) parts.push_back(fmt::format("{} {:.0f} %", name, 100 * share));
  return join(parts, " · ");
}

// The sentence, and under it what hiding each region does to the log odds of an attack.
std::string explanation_text(const json& judged) {
  const auto explanation = judged.find("explanation");
  if (explanation == judged.end()) return "";
  std::string text = fmt::format("<p class=explains>{}</p>", escape(text_of(*explanation, "sentence")));
  std::vector<std::string> parts;
  if (const auto regions = explanation->find("regions"); regions != explanation->end())
    for (const auto& region : *regions)
      parts.push_back(fmt::format("{} {:+.1f}", text_of(region, "region"),
                                  std::round(region.value("effect", 0.0) * 10) / 10 + 0.0));
  return text + fmt::format("<p class=fine>{} (log odds; on the face red speaks for a forgery, blue against)</p>",
                            escape(join(parts, " · ")));
}

// `crop`, `repainted`: null where there are none.
std::string face_item(const json& face, const Jpeg* crop, const Jpeg* repainted, double threshold) {
  std::string item = face.contains("explanation") ? "<li class=explained>" : "<li>";
  if (crop && repainted)
    item += fmt::format(
        "<figure>{}{}<figcaption class=fine>painted from a quarter of it; no evidence</figcaption></figure>",
        image_tag(*crop, "face"), image_tag(*repainted, "the face painted anew"));
  else if (crop)
    item += image_tag(*crop, "face");
  item += fmt::format("<div>{}{}<p class=why>{}</p>", pill(text_of(face, "verdict")), score_bar(face, threshold),
                      escape(text_of(face, "why")));
  item += explanation_text(face);
  for (const auto& line : {classes_text(face), quality_text(face)})
    if (!line.empty()) item += fmt::format("<p class=fine>{}</p>", escape(line));
  return item + "</div></li>";
}

std::string picture_body(const json& entry, const std::vector<Shot>& shots, double threshold) {
  std::string body = "<div class=photo>";
  if (!shots.empty()) body += image_tag(shots[0].picture, text_of(entry, "file"), "class=whole");
  const auto faces = entry.find("faces");
  if (faces == entry.end() || faces->empty()) {
    body += "<p class=why>No face was found.</p>";
  } else {
    body += "<ul class=faces>";
    const auto of_face = [&](const std::vector<Jpeg> Shot::*list, size_t i) -> const Jpeg* {
      if (shots.empty() || i >= (shots[0].*list).size() || (shots[0].*list)[i].empty()) return nullptr;
      return &(shots[0].*list)[i];
    };
    for (size_t i = 0; i < faces->size(); ++i)
      body += face_item((*faces)[i], of_face(&Shot::faces, i), of_face(&Shot::repainted, i), threshold);
    body += "</ul>";
  }
  return body + "</div>";
}

std::string persons_list(const json& entry, double threshold) {
  const auto persons = entry.find("persons");
  if (persons == entry.end() || persons->size() < 2) return "";
  std::string list = "<ul class=persons>";
  for (const auto& person : *persons) {
    const int number = person.value("person", 0);
    list += fmt::format(
        "<li><span class=key style=\"background:var(--c{})\"></span><b>Person {}</b> {}{}<p class=why>{}</p></li>",
        number % kPersonColors, number + 1, pill(text_of(person, "verdict")), score_bar(person, threshold),
        escape(text_of(person, "why")));
  }
  return list + "</ul>";
}

std::string video_body(const json& entry, const std::vector<Shot>& shots, const json& header, double threshold) {
  std::string body = fmt::format("{}<p class=why>{}</p>", score_bar(entry, threshold), escape(text_of(entry, "why")));
  const auto frames = entry.find("frames");
  if (shots.empty() || frames == entry.end() || frames->empty()) return body + persons_list(entry, threshold);
  const auto seconds = [&](size_t frame) { return frames->at(frame).value("seconds", 0.0); };
  const auto moments = entry.value("worst_moments", json::array());
  // The shot that shows a moment, or lies next to it.
  const auto nearest = [&](double time) {
    size_t best = 0;
    for (size_t i = 1; i < shots.size(); ++i)
      if (std::abs(seconds(shots[i].frame) - time) < std::abs(seconds(shots[best].frame) - time)) best = i;
    return best;
  };
  const size_t first = moments.empty() ? 0 : nearest(moments[0].value("seconds", 0.0));
  body += "<div class=film><div class=stills>";
  for (size_t i = 0; i < shots.size(); ++i)
    body += image_tag(shots[i].picture, fmt::format("at {:.1f} s", seconds(shots[i].frame)),
                      fmt::format("data-t={:.3f}{}", seconds(shots[i].frame), i == first ? " class=on" : ""));
  body += fmt::format(
      "</div><div class=line>{}<input type=range min=0 max={} value={} aria-label=\"frame\"></div>"
      "<output>{:.1f} s</output></div>",
      film_chart(entry, header), shots.size() - 1, first, seconds(shots[first].frame));
  body += persons_list(entry, threshold);
  if (moments.size() > 1) {
    body += "<h4>Highest scores</h4><ol class=moments>";
    for (const auto& moment : moments) {
      const double time = moment.value("seconds", 0.0);
      const size_t at = nearest(time);
      body += fmt::format("<li><button type=button data-go={}>{}<span>{:.1f} s · {:.3f}</span></button></li>", at,
                          image_tag(shots[at].picture, "moment"), time, moment.value("score", 0.0));
    }
    body += "</ol>";
  }
  return body;
}

std::string provenance_text(const json& entry) {
  const auto provenance = entry.find("provenance");
  if (provenance == entry.end()) return "";
  return provenance->value("c2pa_manifest", false) ? "carries a C2PA manifest (not verified, not part of the score)"
                                                   : "";
}

}  // namespace

Shot picture_shot(const Image& image, const std::vector<FaceVerdict>& faces) {
  Shot shot{encode_jpeg(fitted(annotate(image, faces), kPictureSide), 82), {}};
  for (const auto& face : faces)
    shot.faces.push_back(
        face.explanation ? encode_jpeg(resize(paint_map(*face.explanation), kMapSide, kMapSide, Kernel::bicubic), 82)
                         : encode_jpeg(resize(crop(image, face.crop), kFaceSide, kFaceSide, Kernel::bicubic), 82));
  for (const auto& face : faces) {
    const bool has_it = face.explanation && !face.explanation->repainted.empty();
    shot.repainted.push_back(
        has_it ? encode_jpeg(resize(face.explanation->repainted, kMapSide, kMapSide, Kernel::bicubic), 82) : Jpeg{});
  }
  return shot;
}

Shot frame_shot(const Image& frame, const FrameVerdict& verdict, size_t position) {
  return {encode_jpeg(fitted(annotate(frame, verdict.faces), kFrameSide), 76), {}, {}, position};
}

void DetectPage::add(const json& entry, const std::string& overall, const std::vector<Shot>& shots) {
  const std::string file = text_of(entry, "file"), kind = text_of(entry, "kind");
  const std::string name = file == "-" ? "standard input" : std::filesystem::path(file).filename().string();
  const std::string outcome = kind.empty()                                               ? "not judged"
                              : overall.empty() || text_of(entry, "reason") == "no_face" ? "no face"
                                                                                         : overall;
  for (auto& [word, count] : counts_) count += word == outcome;
  std::string why = text_of(entry, kind.empty() ? (entry.contains("error") ? "error" : "skipped") : "why");
  std::optional<double> score = number_of(entry, "score");
  if (const auto faces = entry.find("faces"); faces != entry.end())
    for (const auto& face : *faces)
      if (text_of(face, "verdict") == overall && (!score || number_of(face, "score").value_or(0) > *score)) {
        score = number_of(face, "score");
        why = text_of(face, "why");
      }
  table_.rows.push_back({Cell(name, file == name ? "" : file), Cell(outcome),
                         Cell(score ? fmt::format("{:.3f}", *score) : ""), Cell(why)});
  if (kind.empty()) return;
  const size_t limit = overall == "attack" ? 2 * kShownInputs : kShownInputs;
  if (shown_ >= limit) {
    ++left_out_;
    return;
  }
  ++shown_;
  const double threshold = header_.value("threshold", 0.5);
  inputs_ += fmt::format("<article class=input><h3>{}{}</h3>", escape(name), pill(outcome));
  if (const std::string provenance = provenance_text(entry); !provenance.empty())
    inputs_ += fmt::format("<p class=fine>{}</p>", provenance);
  for (const char* key : {"note", "error"})
    if (const std::string note = text_of(entry, key); !note.empty())
      inputs_ += fmt::format("<p class=fine>{}</p>", escape(note));
  inputs_ += kind == "video" ? video_body(entry, shots, header_, threshold) : picture_body(entry, shots, threshold);
  inputs_ += "</article>";
}

HtmlPage DetectPage::page(const std::string& summary) const {
  HtmlPage page("Verdicts", summary);
  page.markup(fmt::format("<style>{}</style>", detect_page_style()));
  std::vector<Card> cards;
  for (const auto& [word, count] : counts_)
    if (count > 0 || word == "real" || word == "attack")
      cards.push_back({with_thousands(static_cast<long long>(count)), word});
  page.cards(cards);
  page.paragraph(
      "A score is P(attack): how probable a forged or spoofed face is to this network. It is no proof. A face that is "
      "too small, blurred, turned away, dark or blown out, or whose score lies in the range where the network errs too "
      "often, is inconclusive.");
  if (!inputs_.empty()) {
    page.section("Inputs");
    if (left_out_ > 0)
      page.note(fmt::format("{} more are in the table only.", with_thousands(static_cast<long long>(left_out_))));
    page.markup(inputs_);
  }
  if (table_.rows.size() > 1) page.section("All inputs").table(table_);
  page.section("Model");
  std::vector<std::pair<std::string, std::string>> pairs = {
      {"name", text_of(header_, "name")},
      {"SHA-256", text_of(header_, "model_sha256")},
      {"threshold",
       fmt::format(
           "{:.4f} {}", header_.value("threshold", 0.5),
           text_of(header_, "threshold_source").empty() ? "" : "(" + text_of(header_, "threshold_source") + ")")}};
  std::erase_if(pairs, [](const auto& pair) { return pair.second.empty(); });
  page.key_values(pairs);
  page.markup(fmt::format("<script>{}</script>", detect_page_script()));
  return page;
}

}  // namespace fsfm::report
