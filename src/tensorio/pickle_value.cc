#include <spdlog/fmt/fmt.h>

#include "tensorio/pickle.h"

namespace fsfm {
namespace {

using Kind = PickleValue::Kind;

void describe_value(const PickleValue& value, int depth, size_t max_length, std::string& out) {
  if (out.size() > max_length) return;
  auto list = [&](const char* open, const char* close, const std::vector<const PickleValue*>& items) {
    out += open;
    if (depth <= 0 && !items.empty()) {
      out += "...";
    } else {
      for (size_t i = 0; i < items.size() && out.size() <= max_length; ++i) {
        if (i) out += ", ";
        describe_value(*items[i], depth - 1, max_length, out);
      }
    }
    out += close;
  };
  auto dict = [&](const PickleValue& source) {
    out += '{';
    if (depth <= 0 && !source.entries.empty()) {
      out += "...";
    } else {
      for (size_t i = 0; i < source.entries.size() && out.size() <= max_length; ++i) {
        if (i) out += ", ";
        describe_value(*source.entries[i].first, 0, max_length, out);
        out += ": ";
        describe_value(*source.entries[i].second, depth - 1, max_length, out);
      }
    }
    out += '}';
  };
  switch (value.kind) {
    case Kind::none:
      out += "None";
      break;
    case Kind::boolean:
      out += value.integer ? "True" : "False";
      break;
    case Kind::integer:
      out += std::to_string(value.integer);
      break;
    case Kind::real:
      out += fmt::format("{:.9g}", value.real);
      break;
    case Kind::string:
      out += fmt::format("'{}'", value.text.substr(0, max_length));
      break;
    case Kind::bytes:
      out += fmt::format("<{} bytes>", value.text.size());
      break;
    case Kind::list:
      list("[", "]", value.items);
      break;
    case Kind::tuple:
      list("(", ")", value.items);
      break;
    case Kind::set:
      list("{", "}", value.items);
      break;
    case Kind::dict:
      dict(value);
      break;
    case Kind::tensor:
      out += std::string("tensor ") + dtype_name(value.tensor.dtype) + " " + shape_text(value.tensor.shape);
      break;
    case Kind::storage:
      out += "storage '" + value.text.substr(0, max_length) + "'";
      break;
    case Kind::global:
      out += "<name " + value.text.substr(0, max_length) + ">";
      break;
    case Kind::object:
      out += value.text.substr(0, max_length);
      list("(", ")", value.items.empty() ? value.items : value.items[0]->items);
      if (value.state) describe_value(*value.state, depth - 1, max_length, out);
      break;
  }
}

}  // namespace

const PickleValue* PickleValue::find(std::string_view key) const {
  if (kind == Kind::object) return state && state->is(Kind::dict) ? state->find(key) : nullptr;
  const PickleValue* found = nullptr;  // the last one wins, as in Python
  for (const auto& [name, value] : entries)
    if (name->is(Kind::string) && name->text == key) found = value;
  return found;
}

std::string PickleValue::describe(int max_depth, size_t max_length) const {
  std::string out;
  describe_value(*this, max_depth, max_length, out);
  if (out.size() > max_length) out = out.substr(0, max_length) + "...";
  return out;
}

}  // namespace fsfm
