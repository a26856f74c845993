#include "tensorio/pth.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"
#include "tensorio/not_weights.h"
#include "tensorio/zip.h"

namespace fsfm {
namespace {

using Kind = PickleValue::Kind;

constexpr uint64_t kMaxPickleBytes = PickleLimits{}.max_bytes;
constexpr size_t kMaxStorageKey = 64;
// torch.save stores its tensors as they are. A repacked file is smaller, but trained weights hardly shrink: one that
// grows a hundredfold is a trap. All views together may claim somewhat more than the file (tied weights), not
// endlessly.
constexpr uint64_t kMinBudget = uint64_t{64} << 20, kInflateRatio = 20, kViewRatio = 4;
constexpr int kMaxNesting = 8;
constexpr size_t kMaxNames = 1'000'000, kMaxNameBytes = size_t{64} << 20;

constexpr std::array<std::pair<std::string_view, DType>, 12> kStorages = {
    {{"torch.FloatStorage", DType::f32},
     {"torch.DoubleStorage", DType::f64},
     {"torch.HalfStorage", DType::f16},
     {"torch.BFloat16Storage", DType::bf16},
     {"torch.LongStorage", DType::i64},
     {"torch.IntStorage", DType::i32},
     {"torch.ShortStorage", DType::i16},
     {"torch.CharStorage", DType::i8},
     {"torch.ByteStorage", DType::u8},
     {"torch.BoolStorage", DType::boolean},
     {"torch.UntypedStorage", DType::u8},
     {"torch.storage.UntypedStorage", DType::u8}}};

// What the pickle says of a tensor, in elements.
struct Placement {
  Shape shape, stride;
  int64_t first = 0;
};

bool contiguous(const Placement& place) {
  int64_t expected = 1;
  for (size_t d = place.shape.size(); d-- > 0;) {
    if (place.shape[d] != 1 && place.stride[d] != expected) return false;
    expected *= place.shape[d];
  }
  return true;
}

}  // namespace

// Checks every number of a tensor against the bytes that exist when the pickle is read; reads the bytes when asked.
class PthStorages {
 public:
  PthStorages(std::span<const std::byte> bytes, const std::string& name)
      : zip_(bytes, name),
        name_(name),
        view_budget_(std::max(kMinBudget, kViewRatio * bytes.size())),
        inflate_budget_(std::max(kMinBudget, kInflateRatio * bytes.size())) {}

  const ZipReader& zip() const { return zip_; }
  void set_prefix(std::string prefix) { prefix_ = std::move(prefix); }
  void keep(std::shared_ptr<const void> owner) { keep_alive_.push_back(std::move(owner)); }

  // ('storage', type, key, location, number of elements)
  PickleValue storage(const PickleValue& id) const {
    if (!id.is(Kind::tuple) || id.items.size() < 5 || id.items[0]->text != "storage" ||
        !id.items[2]->is(Kind::string) || id.items[2]->text.size() > kMaxStorageKey ||
        !id.items[4]->is(Kind::integer) || id.items[4]->integer < 0)
      fail("a storage reference is malformed");
    const std::string& type = id.items[1]->text;
    const auto known = std::find_if(kStorages.begin(), kStorages.end(), [&](auto& item) { return item.first == type; });
    if (known == kStorages.end()) fail("storage type " + type.substr(0, 80) + " is not supported");
    PickleValue value;
    value.kind = Kind::storage;
    value.text = id.items[2]->text;
    value.integer = id.items[4]->integer;
    value.tensor.dtype = known->second;
    return value;
  }

  std::optional<PickleValue> call(const std::string& name, const PickleValue& args) const {
    if (name == "torch._utils._rebuild_tensor_v2" || name == "torch._utils._rebuild_tensor") return tensor(args);
    if (name == "torch._utils._rebuild_parameter" || name == "torch._utils._rebuild_parameter_with_state") {
      if (args.items.empty() || !args.items[0]->is(Kind::tensor)) fail("a parameter holds no tensor");
      return *args.items[0];
    }
    return std::nullopt;
  }

  bool compressed(const PickleValue& tensor) const {
    return !tensor.items.empty() && zip_.compressed(entry_of(*tensor.items[0]));
  }

  TensorView load(const PickleValue& tensor) {
    if (!tensor.is(Kind::tensor)) throw InternalError("PthFile::load: no tensor");
    TensorView view = tensor.tensor;
    const auto count = static_cast<uint64_t>(view.count());
    if (count == 0) return view;
    const PickleValue& source = *tensor.items[0];
    const Placement place = placement(*tensor.items[1], *tensor.items[2], tensor.integer);
    const size_t item = dtype_size(view.dtype);
    // First, for what is inflated adds to what may be seen.
    const std::span<const std::byte> bytes =
        storage_bytes(source, item).subspan(static_cast<size_t>(place.first) * item);
    if (count > view_budget_ / item) fail("its tensors overlap and claim far more than the file holds");
    view_budget_ -= count * item;
    view.bytes = contiguous(place) ? bytes.first(static_cast<size_t>(count) * item) : gather(bytes, place, item, count);
    return view;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::damaged, name_ + ": " + what, "the file is damaged or was not written by torch.save");
  }

  std::string entry_of(const PickleValue& storage) const { return prefix_ + "data/" + storage.text; }

  // (storage, offset, size, stride, ...), all in elements.
  PickleValue tensor(const PickleValue& args) const {
    const auto& items = args.items;
    if (items.size() < 4 || !items[0]->is(Kind::storage) || !items[1]->is(Kind::integer)) fail("a tensor is malformed");
    const PickleValue& source = *items[0];
    const Placement place = placement(*items[2], *items[3], items[1]->integer);
    const int64_t count = element_count(place.shape);
    int64_t last = place.first;  // index of the last element the tensor touches
    if (last < 0) fail("a tensor starts before its storage");
    for (size_t d = 0; d < place.shape.size(); ++d) {
      int64_t reach = 0;
      if (count > 0 && (__builtin_mul_overflow(place.shape[d] - 1, place.stride[d], &reach) ||
                        __builtin_add_overflow(last, reach, &last)))
        fail("a tensor's strides overflow");
    }
    if (last >= source.integer && count > 0)
      fail("a tensor of shape " + shape_text(place.shape) + " reaches outside its storage");
    PickleValue value;
    value.kind = Kind::tensor;
    value.integer = place.first;
    value.tensor = {source.tensor.dtype, place.shape, {}};
    if (count == 0) return value;
    value.items = {items[0], items[2], items[3]};
    const auto entry = zip_.entries().find(entry_of(source));
    if (entry == zip_.entries().end()) fail("storage '" + source.text + "' is missing");
    if (static_cast<uint64_t>(source.integer) > entry->second.size / dtype_size(source.tensor.dtype))
      fail("storage '" + source.text + "' is shorter than the checkpoint says");
    return value;
  }

  Placement placement(const PickleValue& shape, const PickleValue& stride, int64_t first) const {
    Placement place{sizes(shape), sizes(stride), first};
    if (place.shape.size() != place.stride.size() || place.shape.size() > 32)
      fail("a tensor's sizes and strides do not match");
    return place;
  }

  Shape sizes(const PickleValue& value) const {
    if (!value.is(Kind::tuple) && !value.is(Kind::list)) fail("a tensor's sizes are malformed");
    if (value.items.size() > 32) fail("a tensor's sizes and strides do not match");
    Shape result;
    for (const PickleValue* item : value.items) {
      if (!item->is(Kind::integer) || item->integer < 0) fail("a tensor has a negative size or stride");
      result.push_back(item->integer);
    }
    return result;
  }

  // The storage's bytes, read once, aligned to their element.
  std::span<const std::byte> storage_bytes(const PickleValue& source, size_t item) {
    const std::string entry = entry_of(source);
    auto [slot, is_new] = storages_.try_emplace(source.text);
    if (is_new) {
      const uint64_t needed = static_cast<uint64_t>(source.integer) * item;
      auto buffer = std::make_shared<std::vector<std::byte>>();
      if (zip_.compressed(entry)) {
        if (needed > inflate_budget_)
          fail("its compressed tensors grow to more than " + std::to_string(kInflateRatio) + " times the file");
        inflate_budget_ -= needed;
        slot->second = zip_.read_start(entry, *buffer, needed);
        view_budget_ += kViewRatio * needed;
      } else {
        slot->second = zip_.read(entry, *buffer, UINT64_MAX);
      }
      if (buffer->empty() && reinterpret_cast<uintptr_t>(slot->second.data()) % 8 != 0) {
        buffer->assign(slot->second.begin(), slot->second.end());
        slot->second = *buffer;
      }
      if (!buffer->empty()) keep_alive_.push_back(std::move(buffer));
    }
    if (static_cast<uint64_t>(source.integer) > slot->second.size() / item)
      fail("storage '" + source.text + "' is shorter than the checkpoint says");
    return slot->second;
  }

  // Row-major copy of a strided tensor.
  std::span<const std::byte> gather(std::span<const std::byte> from, const Placement& place, size_t item,
                                    uint64_t count) {
    auto copy = std::make_shared<std::vector<std::byte>>(count * item);
    std::vector<int64_t> index(place.shape.size(), 0);
    for (uint64_t to = 0; to < count; ++to) {
      int64_t at = 0;
      for (size_t d = 0; d < place.shape.size(); ++d) at += index[d] * place.stride[d];
      std::memcpy(copy->data() + to * item, from.data() + static_cast<size_t>(at) * item, item);
      for (size_t d = place.shape.size(); d-- > 0 && ++index[d] == place.shape[d];) index[d] = 0;
    }
    keep_alive_.push_back(copy);
    return *copy;
  }

  ZipReader zip_;
  std::string prefix_, name_;
  std::vector<std::shared_ptr<const void>> keep_alive_;
  std::map<std::string, std::span<const std::byte>> storages_;
  uint64_t view_budget_, inflate_budget_;
};

namespace {

// "archive/" of "archive/data.pkl"; nullopt where there is none.
std::optional<std::string> find_prefix(const ZipReader& zip, const std::string& name) {
  for (const auto& [entry, where] : zip.entries())
    if (entry == "data.pkl" || entry.ends_with("/data.pkl")) {
      const std::string prefix = entry.substr(0, entry.size() - 8);
      if (zip.entries().contains(prefix + "constants.pkl"))
        throw Error(name + " is a TorchScript archive, not a checkpoint", "save the module's state_dict() instead");
      return prefix;
    }
  return std::nullopt;
}

const PickleValue* tensor_dict(const PickleValue* value) {
  if (!value || !value->is(Kind::dict)) return nullptr;
  for (const auto& [key, entry] : value->entries)
    if (key->is(Kind::string) && entry->is(Kind::tensor)) return value;
  return nullptr;
}

// Values may be shared many times over, so the number of values written is what must be bounded.
nlohmann::json to_json(const PickleValue& value, int depth, int& budget) {
  using nlohmann::json;
  if (--budget < 0) return "...";
  switch (value.kind) {
    case Kind::none:
      return nullptr;
    case Kind::boolean:
      return value.integer != 0;
    case Kind::integer:
      return value.integer;
    case Kind::real:
      return value.real;
    case Kind::string:
      return value.text.substr(0, 1000);
    case Kind::list:
    case Kind::tuple:
    case Kind::set: {
      if (depth <= 0) return value.describe(0);
      json out = json::array();
      for (size_t i = 0; i < value.items.size() && budget > 0; ++i)
        out.push_back(to_json(*value.items[i], depth - 1, budget));
      return out;
    }
    case Kind::dict: {
      if (depth <= 0) return value.describe(0);
      json out = json::object();
      for (size_t i = 0; i < value.entries.size() && budget > 0; ++i) {
        const auto& [key, entry] = value.entries[i];
        out[key->is(Kind::string) ? key->text : key->describe(0, 80)] = to_json(*entry, depth - 1, budget);
      }
      return out;
    }
    case Kind::object:
      // Attributes of a Namespace read as a plain dict; anything else as its short text.
      if (value.text == "argparse.Namespace" && value.state && depth > 0)
        return to_json(*value.state, depth - 1, budget);
      return value.describe(2);
    default:
      return value.describe(1);
  }
}

}  // namespace

PthFile read_pth(const fs::path& path) {
  auto file = std::make_shared<MappedFile>(path);
  PthFile result = parse_pth(file->bytes(), path.string());
  result.storages->keep(std::move(file));
  return result;
}

PthFile parse_pth(std::span<const std::byte> bytes, const std::string& name) {
  if (!ZipReader::is_zip(bytes)) throw not_weights(name, bytes, "PyTorch checkpoint");
  PthFile result{nullptr, std::make_shared<PthStorages>(bytes, name), name};
  PthStorages& storages = *result.storages;
  const ZipReader& zip = storages.zip();
  const std::optional<std::string> found = find_prefix(zip, name);
  if (!found) throw not_weights(name, bytes, "PyTorch checkpoint");
  const std::string& prefix = *found;
  std::vector<std::byte> buffer;
  if (zip.entries().contains(prefix + "byteorder")) {
    const auto order = zip.read(prefix + "byteorder", buffer, 16);
    if (std::string_view(reinterpret_cast<const char*>(order.data()), order.size()) != "little")
      throw Error(name + " was written on a big-endian machine", "re-save it on an ordinary one");
  }
  storages.set_prefix(prefix);
  const PickleHooks hooks{
      [&](const PickleValue& id) { return storages.storage(id); },
      [&](const std::string& callable, const PickleValue& args) { return storages.call(callable, args); }};
  const auto data = zip.read(prefix + "data.pkl", buffer, kMaxPickleBytes);
  result.pickle = std::make_shared<Pickle>(unpickle(data, name, hooks));
  return result;
}

TensorView PthFile::load(const PickleValue& tensor) const { return storages->load(tensor); }
bool PthFile::compressed(const PickleValue& tensor) const { return storages->compressed(tensor); }

std::map<std::string, const PickleValue*> named_tensors(const PthFile& file) {
  std::map<std::string, const PickleValue*> found;
  size_t visited = 0, name_bytes = 0;
  const std::function<void(const PickleValue&, const std::string&, int)> walk =
      [&](const PickleValue& value, const std::string& prefix, int depth) {
        for (const auto& [key, entry] : value.entries) {
          if (++visited > kMaxNames || name_bytes > kMaxNameBytes)
            throw Error(file.name + ": its dicts hold more entries than a checkpoint has", "the file is damaged");
          if (!key->is(Kind::string) && !key->is(Kind::integer)) continue;
          const std::string name = prefix + (key->is(Kind::string) ? key->text : std::to_string(key->integer));
          if (entry->is(Kind::tensor)) {
            name_bytes += name.size();
            found.insert_or_assign(name, entry);
          } else if (entry->is(Kind::dict) && depth > 0) {
            walk(*entry, name + ".", depth - 1);
          }
        }
      };
  walk(file.root(), "", kMaxNesting);
  return found;
}

TensorMap state_dict(const PthFile& file) {
  const PickleValue& root = file.root();
  const PickleValue* found = nullptr;
  for (const char* key : {"model", "state_dict", "model_state_dict", "net", "module"})
    if (!found) found = tensor_dict(root.find(key));
  if (!found) found = tensor_dict(&root);
  if (!found)
    throw Error(file.name + " holds no weights: " + root.describe(1, 160),
                "expected a dict of tensors, or one under 'model' or 'state_dict'");
  TensorMap tensors;
  bool wrapped = true;
  for (const auto& [key, value] : found->entries)
    if (key->is(Kind::string) && value->is(Kind::tensor)) {
      tensors.insert_or_assign(key->text, file.load(*value));
      wrapped = wrapped && key->text.starts_with("module.");
    }
  if (!wrapped) return tensors;
  TensorMap bare;
  for (auto& [name, tensor] : tensors) bare.emplace(name.substr(7), tensor);
  return bare;
}

nlohmann::json pickle_to_json(const PickleValue& value, int max_depth) {
  int budget = 10'000;
  return to_json(value, max_depth, budget);
}

}  // namespace fsfm
