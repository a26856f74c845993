// What the single checks share: the reference folder and the list of results.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "tensorio/safetensors.h"
#include "train/selfcheck/selfcheck.h"

namespace fsfm::selfcheck {

// One opened `.safetensors` of the folder.
// Thread-compatible; the tensors it hands out view the open file.
class GoldenFile {
 public:
  explicit GoldenFile(const std::filesystem::path& path);
  // Throws Error naming file and tensor when it is absent.
  torch::Tensor tensor(const std::string& name) const;
  const TensorView& view(const std::string& name) const;
  // All tensors whose name starts with `prefix`, the prefix cut off.
  TensorMap with_prefix(const std::string& prefix) const;
  // A metadata entry that holds JSON.
  nlohmann::json metadata(const std::string& key) const;

 private:
  std::filesystem::path path_;
  TensorFile file_;
};

// Collects results; every check of every topic goes through it.
// Thread-compatible.
class Report {
 public:
  Report(std::filesystem::path folder, std::function<void(const Check&)> on_check)
      : folder_(std::move(folder)), on_check_(std::move(on_check)) {}

  std::filesystem::path path(const std::string& file) const { return folder_ / file; }
  GoldenFile open(const std::string& file) const { return GoldenFile(path(file)); }
  nlohmann::json open_json(const std::string& file) const;

  // Largest absolute difference of two tensors; differing shapes and values that are not finite fail.
  void compare(const std::string& name, const torch::Tensor& ours, const torch::Tensor& reference, double tolerance);
  // The same for several tensors under one name; keeps the worst and where it was.
  void compare_all(const std::string& name, const std::map<std::string, torch::Tensor>& ours,
                   const std::map<std::string, torch::Tensor>& reference, double tolerance,
                   bool relative_to_largest = false);
  void compare(const std::string& name, double ours, double reference, double tolerance);
  // A difference measured by the caller.
  void measured(const std::string& name, double difference, double tolerance, const std::string& note = "");
  // A statement that holds or not.
  void require(const std::string& name, bool holds, const std::string& note = "");
  void fail(const std::string& name, const std::string& note);

  const SelfcheckSummary& summary() const { return summary_; }

 private:
  void add(Check check);

  std::filesystem::path folder_;
  std::function<void(const Check&)> on_check_;
  SelfcheckSummary summary_;
};

// Largest absolute difference in double precision; infinity when shapes differ or a value is not finite.
double largest_difference(const torch::Tensor& ours, const torch::Tensor& reference);
// The same of two numbers. Infinity and not NaN, which std::max and every comparison would drop.
double largest_difference(double ours, double reference);

// A TensorMap as torch tensors.
std::map<std::string, torch::Tensor> to_torch_map(const TensorMap& tensors);

// The topics, one file each.
void check_regions(Report& report);        // check_regions.cc
void check_pretraining(Report& report);    // check_pretraining.cc: checkpoints, forward, losses, gradients, trajectory
void check_optimisation(Report& report);   // check_optimisation.cc: schedules, parameter groups, layer decay
void check_downstream(Report& report);     // check_downstream.cc: ViT, heads, adapter
void check_metrics(Report& report);        // check_metrics.cc
void check_preprocessing(Report& report);  // check_preprocessing.cc

}  // namespace fsfm::selfcheck
