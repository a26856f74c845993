#include "tensorio/pickle.h"

#include <spdlog/fmt/fmt.h>

#include <bit>
#include <cstring>
#include <unordered_map>

#include "base/error.h"

namespace fsfm {
namespace {

using Kind = PickleValue::Kind;

constexpr size_t kMaxName = 256;

// The machine's stack holds values; a null pointer marks the start of a group.
class Machine {
 public:
  Machine(std::span<const std::byte> bytes, const std::string& name, const PickleHooks& hooks,
          const PickleLimits& limits)
      : bytes_(bytes), name_(name), hooks_(hooks), limits_(limits), copy_budget_(limits.max_bytes) {}

  Pickle run() {
    if (bytes_.size() > limits_.max_bytes)
      fail("the pickle is larger than " + std::to_string(limits_.max_bytes) + " bytes");
    while (!done_) {
      step(static_cast<uint8_t>(take(1)[0]));
      if (stack_.size() > limits_.max_values || memo_.size() > limits_.max_values)
        fail("more than " + std::to_string(limits_.max_values) + " values at once");
    }
    return std::move(pickle_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorCode::damaged, name_ + ": " + what + " (pickle byte " + std::to_string(at_) + ")",
                "the file is damaged, or was not written by torch.save");
  }

  std::span<const std::byte> take(uint64_t size) {
    if (size > bytes_.size() - at_) fail("the pickle is cut short");
    const auto part = bytes_.subspan(at_, size);
    at_ += size;
    return part;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string text(uint64_t size) {
    const auto part = take(size);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
  }
  std::string line() {
    std::string result;
    for (char c = number<char>(); c != '\n'; c = number<char>()) result += c;
    return result;
  }

  PickleValue* add(PickleValue value) {
    if (pickle_.values.size() >= limits_.max_values)
      fail("more than " + std::to_string(limits_.max_values) + " values");
    return &pickle_.values.emplace_back(std::move(value));
  }
  PickleValue* push(PickleValue value) {
    stack_.push_back(add(std::move(value)));
    return stack_.back();
  }
  PickleValue* push(Kind kind, std::string content = "") {
    PickleValue value;
    value.kind = kind;
    value.text = std::move(content);
    return push(std::move(value));
  }
  void push_integer(int64_t integer, Kind kind = Kind::integer) { push(kind)->integer = integer; }

  PickleValue* top() const {
    if (stack_.empty() || !stack_.back()) fail("the pickle's stack is empty");
    return stack_.back();
  }
  PickleValue* pop() {
    PickleValue* value = top();
    stack_.pop_back();
    return value;
  }
  // The values above the last mark; mark and values leave the stack.
  std::vector<const PickleValue*> pop_group() {
    size_t start = stack_.size();
    while (start > 0 && stack_[start - 1]) --start;
    if (start == 0) fail("the pickle lacks a mark");
    std::vector<const PickleValue*> group(stack_.begin() + static_cast<ptrdiff_t>(start), stack_.end());
    stack_.resize(start - 1);
    return group;
  }
  void push_tuple(size_t size) {
    PickleValue tuple;
    tuple.kind = Kind::tuple;
    tuple.items.resize(size);
    for (size_t i = size; i-- > 0;) tuple.items[i] = pop();
    push(std::move(tuple));
  }
  void push_items(Kind kind, std::vector<const PickleValue*> items) { push(kind)->items = std::move(items); }

  // Lists take items; an object of an unknown list-like class keeps them with its arguments.
  void append(const std::vector<const PickleValue*>& items) {
    PickleValue* target = top();
    if (!target->is(Kind::list) && !target->is(Kind::set) && !target->is(Kind::object))
      fail("items are added to something that is no list");
    target->items.insert(target->items.end(), items.begin(), items.end());
  }
  void set_items(const std::vector<const PickleValue*>& flat) {
    PickleValue* target = top();
    if (!target->is(Kind::dict) && !target->is(Kind::object)) fail("entries are added to something that is no dict");
    if (flat.size() % 2) fail("a dict has a key without a value");
    for (size_t i = 0; i < flat.size(); i += 2) target->entries.emplace_back(flat[i], flat[i + 1]);
  }

  void remember(uint64_t slot) { memo_[slot] = top(); }
  void recall(uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) fail("the pickle recalls a value it never stored");
    stack_.push_back(found->second);
  }

  void push_long(uint64_t size) {
    const auto part = take(size);
    if (size > 8) {  // too wide for us and for any use we have: keep the digits
      std::string hex = "0x";
      for (size_t i = part.size(); i-- > 0;)
        for (int shift : {4, 0}) hex += "0123456789abcdef"[(static_cast<unsigned>(part[i]) >> shift) & 15];
      push(Kind::string, std::move(hex));
      return;
    }
    uint64_t bits = 0;
    for (size_t i = 0; i < part.size(); ++i) bits |= static_cast<uint64_t>(part[i]) << (8 * i);
    if (size > 0 && size < 8 && (static_cast<unsigned>(part.back()) & 0x80)) bits |= ~uint64_t{0} << (8 * size);
    push_integer(static_cast<int64_t>(bits));
  }

  // A few calls copy what they are given. A hostile pickle repeats them on one large value, so copies have a budget.
  void charge(size_t bytes) {
    if (bytes > copy_budget_) fail("the pickle copies too much");
    copy_budget_ -= bytes;
  }

  // callable(*args): a few plain containers are built, everything else stays data.
  void reduce(const PickleValue& callable, const PickleValue& args) {
    if (callable.is(Kind::global)) {
      if (std::optional<PickleValue> value = build_plain(callable.text, args)) return void(push(std::move(*value)));
      if (hooks_.call)
        if (std::optional<PickleValue> value = hooks_.call(callable.text, args)) return void(push(std::move(*value)));
    }
    PickleValue object;
    object.kind = Kind::object;
    object.text = callable.is(Kind::global) ? callable.text : callable.describe(1, 80);
    object.items = {&args};
    push(std::move(object));
  }

  std::optional<PickleValue> build_plain(const std::string& name, const PickleValue& args) {
    PickleValue value;
    const PickleValue* first = args.items.empty() ? nullptr : args.items[0];
    if (name == "collections.OrderedDict" || name == "builtins.dict" || name == "collections.defaultdict") {
      value.kind = Kind::dict;
      if (first && first->is(Kind::list))
        for (const PickleValue* pair : first->items)
          if (charge(sizeof(void*)); pair->items.size() == 2)
            value.entries.emplace_back(pair->items[0], pair->items[1]);
      return value;
    }
    if (name == "builtins.set" || name == "builtins.frozenset" || name == "__builtin__.set" || name == "torch.Size" ||
        name == "builtins.list" || name == "builtins.tuple") {
      value.kind = name.ends_with("set") ? Kind::set : name.ends_with("list") ? Kind::list : Kind::tuple;
      if (first) {
        charge(first->items.size() * sizeof(void*));
        value.items = first->items;
      }
      return value;
    }
    if (name == "_codecs.encode" && first && first->is(Kind::string)) {  // how protocol 2 spells bytes
      value.kind = Kind::bytes;
      charge(first->text.size());
      value.text = first->text;
      return value;
    }
    return std::nullopt;
  }

  void persistent() {
    const PickleValue* id = pop();
    if (!hooks_.persistent) fail("the pickle refers to data outside itself");
    push(hooks_.persistent(*id));
  }

  void global(const std::string& module, const std::string& name) {
    if (module.size() + name.size() > kMaxName) fail("a class name is too long");
    push(Kind::global, module + "." + name);
  }

  void step(uint8_t code);

  std::span<const std::byte> bytes_;
  const std::string& name_;
  const PickleHooks& hooks_;
  const PickleLimits& limits_;
  size_t at_ = 0, copy_budget_;
  bool done_ = false;
  Pickle pickle_;
  std::vector<PickleValue*> stack_;
  std::unordered_map<uint64_t, PickleValue*> memo_;
};

void Machine::step(uint8_t code) {
  switch (code) {
    case 0x80: {  // PROTO
      const int protocol = number<uint8_t>();
      if (protocol > 5) fail("pickle protocol " + std::to_string(protocol) + " is unknown");
      break;
    }
    case 0x95:
      number<uint64_t>();
      break;   // FRAME: a hint for buffered readers
    case '.':  // STOP
      pickle_.root = pop();
      done_ = true;
      break;

    case 'N':
      push(Kind::none);
      break;
    case 0x88:
      push_integer(1, Kind::boolean);
      break;
    case 0x89:
      push_integer(0, Kind::boolean);
      break;
    case 'J':
      push_integer(number<int32_t>());
      break;
    case 'K':
      push_integer(number<uint8_t>());
      break;
    case 'M':
      push_integer(number<uint16_t>());
      break;
    case 0x8a:
      push_long(number<uint8_t>());
      break;
    case 0x8b:
      push_long(number<uint32_t>());
      break;
    case 'G': {  // BINFLOAT is big-endian
      const double value = std::bit_cast<double>(__builtin_bswap64(number<uint64_t>()));
      push(Kind::real)->real = value;
      break;
    }
    case 'X':
      push(Kind::string, text(number<uint32_t>()));
      break;
    case 0x8c:
      push(Kind::string, text(number<uint8_t>()));
      break;
    case 0x8d:
      push(Kind::string, text(number<uint64_t>()));
      break;
    case 'T':
      push(Kind::string, text(number<uint32_t>()));
      break;  // a Python 2 str
    case 'U':
      push(Kind::string, text(number<uint8_t>()));
      break;
    case 'B':
      push(Kind::bytes, text(number<uint32_t>()));
      break;
    case 'C':
      push(Kind::bytes, text(number<uint8_t>()));
      break;
    case 0x8e:
    case 0x96:
      push(Kind::bytes, text(number<uint64_t>()));
      break;

    case '(':
      stack_.push_back(nullptr);
      break;
    case ')':
      push(Kind::tuple);
      break;
    case 't':
      push_items(Kind::tuple, pop_group());
      break;
    case 0x85:
      push_tuple(1);
      break;
    case 0x86:
      push_tuple(2);
      break;
    case 0x87:
      push_tuple(3);
      break;
    case ']':
      push(Kind::list);
      break;
    case 'l':
      push_items(Kind::list, pop_group());
      break;
    case 'a':
      append({pop()});
      break;
    case 'e':
      append(pop_group());
      break;
    case '}':
      push(Kind::dict);
      break;
    case 'd': {
      const auto flat = pop_group();
      push(Kind::dict);
      set_items(flat);
      break;
    }
    case 's': {
      const PickleValue* value = pop();
      const PickleValue* key = pop();
      set_items({key, value});
      break;
    }
    case 'u':
      set_items(pop_group());
      break;
    case 0x8f:
      push(Kind::set);
      break;
    case 0x90:
      append(pop_group());
      break;
    case 0x91:
      push_items(Kind::set, pop_group());
      break;

    case 'q':
      remember(number<uint8_t>());
      break;
    case 'r':
      remember(number<uint32_t>());
      break;
    case 0x94:
      remember(memo_.size());
      break;
    case 'h':
      recall(number<uint8_t>());
      break;
    case 'j':
      recall(number<uint32_t>());
      break;
    case '0':
      if (stack_.empty()) fail("the pickle's stack is empty");
      stack_.pop_back();
      break;
    case '1':
      pop_group();
      break;
    case '2':
      stack_.push_back(top());
      break;

    case 'c': {
      const std::string module = line();
      global(module, line());
      break;
    }
    case 0x93: {
      const PickleValue* name = pop();
      const PickleValue* module = pop();
      global(module->text, name->text);
      break;
    }
    case 'R':
    case 0x81: {  // REDUCE, NEWOBJ
      const PickleValue* args = pop();
      reduce(*pop(), *args);
      break;
    }
    case 0x92: {  // NEWOBJ_EX: keyword arguments become the state
      const PickleValue* keywords = pop();
      const PickleValue* args = pop();
      reduce(*pop(), *args);
      top()->state = keywords;
      break;
    }
    case 'b': {  // BUILD
      const PickleValue* state = pop();
      top()->state = state;
      break;
    }
    case 'Q':
      persistent();
      break;
    default: {
      const char sign = code > 32 && code < 127 ? static_cast<char>(code) : '?';
      fail(fmt::format("pickle instruction 0x{:02x} ('{}') is not used by torch.save", code, sign));
    }
  }
}

}  // namespace

Pickle unpickle(std::span<const std::byte> bytes, const std::string& name_for_errors, const PickleHooks& hooks,
                const PickleLimits& limits) {
  return Machine(bytes, name_for_errors, hooks, limits).run();
}

}  // namespace fsfm
