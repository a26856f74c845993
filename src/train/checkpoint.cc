#include "train/checkpoint.h"

#include <spdlog/fmt/fmt.h>

#include <charconv>
#include <iterator>

#include "base/error.h"
#include "base/file.h"
#include "base/folder_lock.h"
#include "nn/weights.h"
#include "tensorio/json.h"
#include "tensorio/safetensors.h"

namespace fsfm {
namespace {

constexpr const char* kStateKey = "fsfm.state";
constexpr std::string_view kStepPrefix = "step-", kSuffix = ".safetensors";
constexpr const char* kBestName = "best.safetensors";

// A handle (generators are counted references) of torch's own random numbers on that kind of device.
at::Generator generator(torch::DeviceType device) { return at::globalContext().defaultGenerator(device); }

}  // namespace

std::map<std::string, torch::Tensor> Checkpoint::part(const std::string& prefix) const {
  std::map<std::string, torch::Tensor> found;
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix); ++it)
    found.emplace(it->first.substr(prefix.size()), it->second);
  return found;
}

void Checkpoint::put(const std::string& prefix, const std::map<std::string, torch::Tensor>& values) {
  for (const auto& [name, tensor] : values) tensors.insert_or_assign(prefix + name, tensor);
}

void write_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  TensorMap views;
  std::vector<torch::Tensor> alive;
  for (const auto& [name, tensor] : checkpoint.tensors) {
    const torch::Tensor& host = alive.emplace_back(tensor.detach().cpu().contiguous());
    views[name] = host_view(host);
  }
  write_safetensors(path, views, {{kStateKey, json_text(checkpoint.state)}});
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const TensorFile file = read_safetensors(path);
  const auto state = file.metadata.find(kStateKey);
  Checkpoint checkpoint;
  if (state != file.metadata.end()) checkpoint.state = parse_json_or_discard(state->second);
  if (!checkpoint.state.is_object())
    throw Error(path.string() + " is no training checkpoint", "--resume needs the folder of an interrupted run");
  for (const auto& [name, view] : file.tensors) checkpoint.tensors[name] = to_torch(view);
  return checkpoint;
}

std::map<std::string, torch::Tensor> module_state(const torch::nn::Module& module) {
  std::map<std::string, torch::Tensor> state;
  for (const auto& item : module.named_parameters()) state.emplace(item.key(), item.value().detach());
  for (const auto& item : module.named_buffers()) state.emplace(item.key(), item.value());
  return state;
}

void load_module_state(torch::nn::Module& module, const std::map<std::string, torch::Tensor>& state) {
  torch::NoGradGuard no_grad;
  for (auto& [name, own] : module_state(module)) {
    const auto saved = state.find(name);
    if (saved == state.end() || saved->second.sizes() != own.sizes())
      throw Error("the checkpoint has no fitting '" + name + "'", "resume with the recipe the run was started with");
    own.copy_(saved->second);
  }
}

std::map<std::string, torch::Tensor> random_state() {
  std::map<std::string, torch::Tensor> state = {{"cpu", generator(torch::kCPU).get_state()}};
  if (torch::cuda::is_available()) state["cuda"] = generator(torch::kCUDA).get_state();
  return state;
}

void load_random_state(const std::map<std::string, torch::Tensor>& state) {
  if (const auto cpu = state.find("cpu"); cpu != state.end()) generator(torch::kCPU).set_state(cpu->second);
  if (const auto cuda = state.find("cuda"); cuda != state.end() && torch::cuda::is_available())
    generator(torch::kCUDA).set_state(cuda->second);
}

CheckpointFolder::CheckpointFolder(std::filesystem::path folder, int keep_last)
    : folder_(std::move(folder)), keep_last_(std::max(1, keep_last)) {}

void CheckpointFolder::remove_leftovers() { remove_half_written(folder_); }

void CheckpointFolder::save(int64_t step, const Checkpoint& checkpoint) {
  std::error_code code;
  fs::create_directories(folder_, code);
  write_checkpoint(folder_ / fmt::format("{}{:09d}{}", kStepPrefix, step, kSuffix), checkpoint);
  auto steps = list();
  while (steps.size() > static_cast<size_t>(keep_last_)) {
    fs::remove(steps.begin()->second, code);
    steps.erase(steps.begin());
  }
}

void CheckpointFolder::mark_best() {
  const auto source = latest();
  if (!source) throw InternalError("mark_best: no checkpoint was saved");
  // A second name for the same bytes; file systems without links get a copy.
  const fs::path fresh = folder_ / ".best.tmp";
  std::error_code code;
  fs::remove(fresh, code);
  fs::create_hard_link(*source, fresh, code);
  if (code) fs::copy_file(*source, fresh);
  fs::rename(fresh, folder_ / kBestName);
}

std::optional<std::filesystem::path> CheckpointFolder::latest() const {
  const auto steps = list();
  if (steps.empty()) return std::nullopt;
  return steps.rbegin()->second;
}

std::optional<std::filesystem::path> CheckpointFolder::best() const {
  const fs::path path = folder_ / kBestName;
  return fs::exists(path) ? std::optional(path) : std::nullopt;
}

void CheckpointFolder::clear() {
  std::error_code code;
  for (const auto& [step, path] : list()) fs::remove(path, code);
  fs::remove(folder_ / kBestName, code);
}

std::optional<Checkpoint> CheckpointFolder::resume_point(bool resume, bool overwrite,
                                                         const nlohmann::json& fingerprint) const {
  const auto path = latest();
  if (path && !resume && !overwrite)
    throw Error(folder_.parent_path().string() + " holds the checkpoints of an earlier run",
                "add --resume to go on with it, or --overwrite to start anew");
  if (!path || !resume) return std::nullopt;
  Checkpoint checkpoint = [&] {
    try {
      return read_checkpoint(*path);
    } catch (const Error& error) {
      const auto steps = list();
      if (error.os_error() != 0) throw;  // of the file system, not of the file
      throw Error(error.what(), steps.size() > 1 ? fmt::format("or remove it: --resume then goes on from step {}",
                                                               std::next(steps.rbegin())->first)
                                                 : "or start anew with --overwrite");
    }
  }();
  const auto theirs = checkpoint.state.value("fingerprint", nlohmann::json::object());
  for (const auto& [key, value] : fingerprint.items()) {
    if (theirs.contains(key) && theirs[key] == value) continue;
    const auto text = [](const nlohmann::json& v) { return v.is_primitive() && !v.is_null() ? v.dump() : "..."; };
    const std::string difference = theirs.contains(key) && value.is_primitive()
                                       ? fmt::format(": {} then, {} now", text(theirs[key]), text(value))
                                       : "";
    throw Error(path->string() + " belongs to a run with other settings (" + key + difference + ")",
                "resume with the same recipe and data, or start anew with --overwrite");
  }
  return checkpoint;
}

std::map<int64_t, std::filesystem::path> CheckpointFolder::list() const {
  std::map<int64_t, fs::path> steps;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder_, code)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kStepPrefix) || !name.ends_with(kSuffix)) continue;
    int64_t step = 0;
    const char* end = name.data() + name.size() - kSuffix.size();
    if (std::from_chars(name.data() + kStepPrefix.size(), end, step).ptr == end) steps[step] = entry.path();
  }
  return steps;
}

}  // namespace fsfm
