// A restricted pickle machine: turns a Python pickle into inert data. Nothing is imported, called or executed.
// Goals: read what torch.save writes (protocols 2 to 4), survive anything else. Non-goals: protocols 0 and 1, which
// torch.save does not write; rebuilding objects, which would mean running code.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tensorio/tensor.h"

namespace fsfm {

// One value of the tree. Values belong to a Pickle and may be shared or, in a hostile file, contain themselves: walk
// them with a depth limit.
struct PickleValue {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    real,
    string,
    bytes,
    list,
    tuple,
    dict,
    set,
    tensor,   // `tensor` has type and shape; integer = first element, items = {storage, sizes, strides}
    storage,  // a reference to tensor data: text = key, integer = number of elements, tensor.dtype = its type
    global,   // a name from a module: text = "module.name"
    object  // an instance of a class we do not build: text = class, items[0] = tuple of constructor arguments, state =
            // its attributes
  };
  Kind kind = Kind::none;
  int64_t integer = 0;  // also the boolean
  double real = 0;
  std::string text;                                                        // string, bytes, names
  std::vector<const PickleValue*> items;                                   // list, tuple, set, object
  std::vector<std::pair<const PickleValue*, const PickleValue*>> entries;  // dict, in file order
  const PickleValue* state = nullptr;                                      // of an object (or of a dict subclass)
  TensorView tensor;

  bool is(Kind wanted) const { return kind == wanted; }
  // The value under a string key of a dict, or of an object's attributes; nullptr when absent.
  const PickleValue* find(std::string_view key) const;
  // Python-like text, shortened: "{'epoch': 7, 'args': argparse.Namespace(...)}".
  std::string describe(int max_depth = 3, size_t max_length = 400) const;
};

// What the machine asks its user; both may throw Error.
struct PickleHooks {
  // A persistent id (torch: a storage).
  std::function<PickleValue(const PickleValue& id)> persistent;
  // A call `name(*args)`; nullopt leaves it an inert object.
  std::function<std::optional<PickleValue>(const std::string& name, const PickleValue& args)> call;
};

struct PickleLimits {
  size_t max_bytes = size_t{16} << 20;
  size_t max_values = 1'000'000;  // also the depth of the stack and the size of the memo
};

// The finished tree and the memory behind it. Movable.
struct Pickle {
  std::deque<PickleValue> values;  // an arena: no recursion on destruction, no leak from cycles
  const PickleValue* root = nullptr;
};

// Throws Error naming the place and what is wrong.
Pickle unpickle(std::span<const std::byte> bytes, const std::string& name_for_errors, const PickleHooks& hooks = {},
                const PickleLimits& limits = {});

}  // namespace fsfm
