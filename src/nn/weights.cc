#include "nn/weights.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "nn/vit.h"

namespace fsfm {
namespace {

struct TypePair {
  DType host;
  torch::ScalarType torch;
};
constexpr TypePair kTypes[] = {{DType::f64, torch::kDouble},    {DType::f32, torch::kFloat}, {DType::f16, torch::kHalf},
                               {DType::bf16, torch::kBFloat16}, {DType::i64, torch::kLong},  {DType::i32, torch::kInt},
                               {DType::i16, torch::kShort},     {DType::i8, torch::kChar},   {DType::u8, torch::kByte},
                               {DType::boolean, torch::kBool}};

torch::ScalarType torch_type(DType dtype) {
  for (const auto& pair : kTypes) {
    if (pair.host == dtype) return pair.torch;
  }
  throw InternalError("tensor type without a torch partner");
}

DType host_type(torch::ScalarType dtype) {
  for (const auto& pair : kTypes) {
    if (pair.torch == dtype) return pair.host;
  }
  throw Error(std::string("tensors of type ") + torch::toString(dtype) + " cannot be written");
}

std::string shape_text(torch::IntArrayRef shape) {
  std::vector<std::string> sizes;
  for (const int64_t size : shape) sizes.push_back(std::to_string(size));
  return "[" + join(sizes, ", ") + "]";
}

bool has_prefix(const std::string& name, const std::vector<std::string>& prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const std::string& prefix) { return name.starts_with(prefix); });
}

// "a, b, c and 12 more"
std::string some_names(const std::vector<std::string>& names) {
  constexpr size_t kShown = 4;
  std::vector<std::string> shown(names.begin(), names.begin() + std::min(kShown, names.size()));
  std::string text = join(shown, ", ");
  if (names.size() > kShown) text += " and " + std::to_string(names.size() - kShown) + " more";
  return text;
}

torch::OrderedDict<std::string, torch::Tensor> state_of(const torch::nn::Module& module) {
  auto state = module.named_parameters();
  for (const auto& buffer : module.named_buffers()) state.insert(buffer.key(), buffer.value());
  return state;
}

// Grid side of a position table [1,1+g*g,D], 0 if it is none.
int grid_of(torch::IntArrayRef shape) {
  if (shape.size() != 3 || shape[0] != 1 || shape[1] < 2) return 0;
  const auto grid = static_cast<int>(std::lround(std::sqrt(static_cast<double>(shape[1] - 1))));
  return int64_t{grid} * grid == shape[1] - 1 ? grid : 0;
}

}  // namespace

torch::Tensor to_torch(const TensorView& view) {
  // from_blob wants a mutable pointer; the clone reads only.
  auto* data = const_cast<std::byte*>(view.bytes.data());
  const auto type = torch_type(view.dtype);
  if (reinterpret_cast<uintptr_t>(data) % dtype_size(view.dtype) == 0)
    return torch::from_blob(data, view.shape, type).clone();
  auto tensor = torch::empty(view.shape, type);  // a file may place a tensor at any byte
  std::copy(view.bytes.begin(), view.bytes.end(), static_cast<std::byte*>(tensor.data_ptr()));
  return tensor;
}

TensorView host_view(const torch::Tensor& tensor) {
  if (!tensor.is_cpu() || !tensor.is_contiguous())
    throw InternalError("host_view: the tensor is not contiguous host memory");
  return {host_type(tensor.scalar_type()), tensor.sizes().vec(),
          std::as_bytes(std::span(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes()))};
}

LoadReport load_weights(torch::nn::Module& module, const TensorMap& tensors, const LoadOptions& options) {
  const std::string source = options.source.empty() ? "weights" : options.source;
  LoadReport report;
  std::vector<std::pair<torch::Tensor, torch::Tensor>>
      copies;  // parameter, value: nothing is copied before all is checked
  auto state = state_of(module);
  for (const auto& item : state) {
    const auto found = tensors.find(item.key());
    if (found == tensors.end()) {
      report.missing.push_back(item.key());
      continue;
    }
    const torch::Tensor& parameter = item.value();
    auto value = to_torch(found->second);
    const int grid = grid_of(parameter.sizes()), file_grid = grid_of(value.sizes());
    if (options.resize_positions && item.key().ends_with("pos_embed") && grid > 0 && file_grid > 0 &&
        grid != file_grid && value.size(2) == parameter.size(2)) {
      value = resize_positions(value.to(torch::kFloat), grid);
      report.resized.push_back(item.key());
    }
    if (value.sizes() != parameter.sizes() && has_prefix(item.key(), options.skip_misshaped)) {
      report.missing.push_back(item.key());
      continue;
    }
    if (value.sizes() != parameter.sizes()) {
      throw Error(source + ": '" + item.key() + "' has shape " + shape_text(value.sizes()) + " but the network needs " +
                      shape_text(parameter.sizes()),
                  "choose the model size that the file was made with");
    }
    copies.emplace_back(parameter, value);
    report.loaded.push_back(item.key());
  }
  for (const auto& [name, view] : tensors) {
    if (!state.contains(name)) report.unused.push_back(name);
  }
  std::vector<std::string> missing, unexpected;
  std::copy_if(report.missing.begin(), report.missing.end(), std::back_inserter(missing),
               [&](const std::string& name) { return !has_prefix(name, options.may_miss); });
  std::copy_if(
      report.unused.begin(), report.unused.end(), std::back_inserter(unexpected),
      [&](const std::string& name) { return !options.allow_unused && !has_prefix(name, options.may_be_unused); });
  if (!missing.empty()) throw Error(source + ": the network needs tensors that are not there: " + some_names(missing));
  if (!unexpected.empty()) throw Error(source + ": tensors that the network does not know: " + some_names(unexpected));
  torch::NoGradGuard no_grad;
  for (auto& [parameter, value] : copies) parameter.copy_(value);
  return report;
}

ModuleTensors::ModuleTensors(const torch::nn::Module& module) {
  for (const auto& item : state_of(module)) {
    const auto tensor = item.value().detach().to(torch::kCPU).contiguous();
    keep_alive_.push_back(tensor);
    map_[item.key()] = host_view(tensor);
  }
}

}  // namespace fsfm
