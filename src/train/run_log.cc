#include "train/run_log.h"

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "media/codec.h"
#include "tensorio/json.h"

namespace fsfm {
namespace {

constexpr const char* kLogName = "log.jsonl";

fs::path prepare(const fs::path& folder, std::optional<int64_t> resumed_step) {
  std::error_code code;
  fs::create_directories(folder, code);
  if (code) throw Error("cannot make " + folder.string() + ": " + code.message(), "choose another --out");
  std::string kept;
  if (resumed_step)
    for (const auto& line : RunLog::read(folder))
      if (line.value("step", int64_t{0}) <= *resumed_step) kept += json_text(line) + "\n";
  write_file_atomic(folder / kLogName, kept);
  return folder / kLogName;
}

}  // namespace

RunLog::RunLog(const std::filesystem::path& folder, std::optional<int64_t> resumed_step)
    : path_(prepare(folder, resumed_step)), board_(folder, resumed_step ? *resumed_step + 1 : 0) {}

void RunLog::scalars(const std::string& kind, int64_t step, double epoch, const std::map<std::string, double>& values) {
  nlohmann::json line = {{"kind", kind}, {"step", step}, {"epoch", epoch}};
  std::map<std::string, double> curves;
  for (const auto& [name, value] : values) {
    if (!std::isfinite(value)) continue;  // JSON has no NaN; an absent key says "no figure"
    line[name] = value;
    curves[kind + "/" + name] = value;
  }
  append(line);
  board_.scalars(step, curves);
}

void RunLog::event(const std::string& kind, int64_t step, double epoch, const nlohmann::json& facts) {
  nlohmann::json line = {{"kind", kind}, {"step", step}, {"epoch", epoch}};
  line.update(facts);
  append(line);
}

void RunLog::append(const nlohmann::json& line) {
  std::ofstream file(path_, std::ios::app | std::ios::binary);
  file << json_text(line) << '\n' << std::flush;
  if (!file) throw Error("cannot write " + path_.string() + ": " + std::strerror(errno), "free some space");
}

void RunLog::image(const std::string& tag, int64_t step, const Image& image) {
  board_.image(step, tag, encode_png(image), image.width, image.height);
}

std::vector<nlohmann::json> RunLog::read(const std::filesystem::path& folder) {
  std::vector<nlohmann::json> lines;
  if (!fs::exists(folder / kLogName)) return lines;
  for (const auto& text : split(read_file(folder / kLogName), '\n')) {
    auto line = parse_json_or_discard(text);
    if (line.is_object()) lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace fsfm
