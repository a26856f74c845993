#include "train/selfcheck/golden.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/file.h"
#include "nn/weights.h"
#include "tensorio/json.h"

namespace fsfm::selfcheck {

GoldenFile::GoldenFile(const std::filesystem::path& path) : path_(path), file_(read_safetensors(path)) {}

const TensorView& GoldenFile::view(const std::string& name) const {
  const auto it = file_.tensors.find(name);
  if (it == file_.tensors.end()) throw Error(path_.string() + ": no tensor '" + name + "'");
  return it->second;
}

torch::Tensor GoldenFile::tensor(const std::string& name) const { return to_torch(view(name)); }

TensorMap GoldenFile::with_prefix(const std::string& prefix) const {
  TensorMap out;
  for (const auto& [name, view] : file_.tensors) {
    if (name.starts_with(prefix)) out[name.substr(prefix.size())] = view;
  }
  if (out.empty()) throw Error(path_.string() + ": no tensor starts with '" + prefix + "'");
  return out;
}

nlohmann::json GoldenFile::metadata(const std::string& key) const {
  const auto it = file_.metadata.find(key);
  if (it == file_.metadata.end()) throw Error(path_.string() + ": no metadata entry '" + key + "'");
  return parse_json(it->second, path_.string() + " (" + key + ")", "the reference folder is damaged");
}

nlohmann::json Report::open_json(const std::string& file) const {
  return parse_json(read_file(path(file)), path(file).string(), "the reference folder is damaged");
}

double largest_difference(const torch::Tensor& ours, const torch::Tensor& reference) {
  if (ours.sizes() != reference.sizes()) return std::numeric_limits<double>::infinity();
  if (ours.numel() == 0) return 0.0;
  const double difference =
      (ours.detach().to(torch::kDouble) - reference.detach().to(torch::kDouble)).abs().max().item<double>();
  return std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
}

double largest_difference(double ours, double reference) {
  const double difference = std::abs(ours - reference);
  return std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
}

std::map<std::string, torch::Tensor> to_torch_map(const TensorMap& tensors) {
  std::map<std::string, torch::Tensor> out;
  for (const auto& [name, view] : tensors) out[name] = to_torch(view);
  return out;
}

void Report::compare(const std::string& name, const torch::Tensor& ours, const torch::Tensor& reference,
                     double tolerance) {
  const bool same_shape = ours.sizes() == reference.sizes();
  measured(name, largest_difference(ours, reference), tolerance, same_shape ? "" : "the shapes differ");
}

void Report::compare_all(const std::string& name, const std::map<std::string, torch::Tensor>& ours,
                         const std::map<std::string, torch::Tensor>& reference, double tolerance,
                         bool relative_to_largest) {
  if (reference.empty()) return fail(name, "the reference holds no such tensors");
  double worst = 0.0;
  std::string where;
  for (const auto& [key, expected] : reference) {
    const auto it = ours.find(key);
    if (it == ours.end()) return fail(name, "'" + key + "' is missing here");
    double difference = largest_difference(it->second, expected);
    if (relative_to_largest && expected.numel() > 0) {
      // A gradient that is zero everywhere (a frozen or unused path) is compared as it is.
      const double largest = expected.abs().max().item<double>();
      if (largest > 0.0 && std::isfinite(difference)) difference /= largest;
    }
    if (difference >= worst) {
      worst = difference;
      where = key;
    }
  }
  measured(name, worst, tolerance, std::to_string(reference.size()) + " tensors, worst " + where);
}

void Report::compare(const std::string& name, double ours, double reference, double tolerance) {
  measured(name, largest_difference(ours, reference), tolerance);
}

void Report::measured(const std::string& name, double difference, double tolerance, const std::string& note) {
  add({name, difference, tolerance, difference <= tolerance, note});  // NaN compares false: it fails
}

void Report::require(const std::string& name, bool holds, const std::string& note) {
  add({name, holds ? 0.0 : 1.0, 0.0, holds, note});
}

void Report::fail(const std::string& name, const std::string& note) {
  add({name, std::numeric_limits<double>::infinity(), 0.0, false, note});
}

void Report::add(Check check) {
  ++(check.passed ? summary_.passed : summary_.failed);
  on_check_(check);
}

}  // namespace fsfm::selfcheck
