#include "base/options.h"

#include <spdlog/fmt/fmt.h>
#include <spdlog/spdlog.h>
#include <toml++/toml.h>

#include <CLI/CLI.hpp>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace fsfm {

struct Options::Entry {
  std::string name;
  CLI::Option* option;
  std::function<std::string()> to_text;  // current value as TOML
  bool recipe = true;
  std::function<void(const std::vector<std::string>&)> assign{};  // sets a list of texts, past CLI11
};

namespace {

// A basic string of TOML, on one line whatever the text holds. Bytes that are no UTF-8 cannot be written.
std::string toml_string(const std::string& text) {
  std::string out = "\"";
  for (const char c : to_utf8(text)) {
    if (c == '"' || c == '\\')
      out += std::string("\\") + c;
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    else
      out += c;
  }
  return out + "\"";
}

template <class T>
std::string number(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    std::string text = fmt::format("{}", value);  // shortest text that reads back the same
    return text.find_first_of(".eni") == std::string::npos ? text + ".0" : text;
  } else {
    const std::string text = std::to_string(value);
    return std::cmp_greater(value, INT64_MAX) ? toml_string(text) : text;
  }
}

// A value of a recipe as to_toml() would write it; "" for what no option takes.
std::string to_text(const toml::node& item) {
  if (const auto* s = item.as_string()) return toml_string(s->get());
  if (const auto* b = item.as_boolean()) return b->get() ? "true" : "false";
  if (const auto* i = item.as_integer()) return number(i->get());
  if (const auto* d = item.as_floating_point()) return number(d->get());
  return "";
}

// The same as CLI11 takes it from a command line.
std::string to_word(const toml::node& item) {
  if (const auto* s = item.as_string()) return s->get();
  if (const auto* d = item.as_floating_point()) return fmt::format("{}", d->get());
  return to_text(item);
}

template <class T, class F>
std::string array(const std::vector<T>& values, F&& item) {
  std::vector<std::string> parts;
  for (const auto& value : values) parts.push_back(item(value));
  return "[" + join(parts, ", ") + "]";
}

CLI::Validator not_nan() {
  return CLI::Validator(
      [](std::string& text) {
        double value = 0;
        return CLI::detail::lexical_cast(text, value) && std::isnan(value) ? text + " is no number" : std::string();
      },
      "");
}

// CLI11 wraps a negative number around and clamps one that is too large.
CLI::Validator fits_in_64_bits(bool is_signed) {
  return CLI::Validator(
      [is_signed](std::string& text) {
        errno = 0;
        if (is_signed)
          (void)std::strtoll(text.c_str(), nullptr, 0);
        else
          (void)std::strtoull(text.c_str(), nullptr, 0);
        if (errno == ERANGE) return text + " is too large";
        return !is_signed && trim(text).starts_with('-') ? text + " is negative" : std::string();
      },
      "");
}

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::string to_upper(std::string name) {
  for (char& c : name) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

}  // namespace

Options::Options(const std::string& command, const std::string& summary)
    : app_(std::make_unique<CLI::App>(summary, "fsfm " + command)), command_(command) {
  app_->get_formatter()->column_width(34);
  app_->option_defaults()->always_capture_default();
}

Options::~Options() = default;

Options::Handle Options::declare(CLI::Option* option, const std::string& name, std::function<std::string()> to_text,
                                 bool positional) {
  entries_.push_back({name, option, std::move(to_text), !positional});
  Handle handle;
  handle.owner_ = this;
  handle.index_ = entries_.size() - 1;
  return handle;
}

#define FSFM_ADD_NUMBER(T)                                                                   \
  Options::Handle Options::add(const std::string& name, T& value, const std::string& help) { \
    auto* option = app_->add_option("--" + name, value, help);                               \
    if constexpr (std::is_floating_point_v<T>)                                               \
      option->check(not_nan());                                                              \
    else                                                                                     \
      option->check(fits_in_64_bits(std::is_signed_v<T>));                                   \
    return declare(                                                                          \
        option, name, [&value] { return number(value); }, false);                            \
  }
FSFM_ADD_NUMBER(int)
FSFM_ADD_NUMBER(int64_t)
FSFM_ADD_NUMBER(uint64_t)
FSFM_ADD_NUMBER(double)
FSFM_ADD_NUMBER(float)
#undef FSFM_ADD_NUMBER

Options::Handle Options::add(const std::string& name, std::string& value, const std::string& help) {
  return declare(
      app_->add_option("--" + name, value, help), name, [&value] { return toml_string(value); }, false);
}
Options::Handle Options::add(const std::string& name, std::filesystem::path& value, const std::string& help) {
  return declare(
      app_->add_option("--" + name, value, help), name, [&value] { return toml_string(value.string()); }, false);
}
// CLI11 takes the texts of a list apart at commas and brackets, and knows no empty list: a recipe sets lists itself.
template <class T>
Options::Handle Options::declare_list(const std::string& name, std::vector<T>& value, const std::string& help) {
  const auto write = [&value] {
    return array(value, [](const T& item) { return toml_string(std::filesystem::path(item).string()); });
  };
  Handle handle = declare(app_->add_option("--" + name, value, help), name, write, false);
  entries_.back().assign = [&value](const std::vector<std::string>& words) {
    value.assign(words.begin(), words.end());
  };
  return handle;
}
Options::Handle Options::add(const std::string& name, std::vector<std::string>& value, const std::string& help) {
  return declare_list(name, value, help);
}
Options::Handle Options::add(const std::string& name, std::vector<std::filesystem::path>& value,
                             const std::string& help) {
  return declare_list(name, value, help);
}
Options::Handle Options::add(const std::string& name, std::vector<double>& value, const std::string& help) {
  Handle handle = declare(
      app_->add_option("--" + name, value, help), name, [&value] { return array(value, number<double>); }, false);
  entries_.back().assign = [&value](const std::vector<std::string>& words) {
    std::vector<double> numbers(words.size());
    for (size_t i = 0; i < words.size(); ++i)
      if (!CLI::detail::lexical_cast(words[i], numbers[i]))
        throw CLI::ConversionError("'" + words[i] + "' is no number");
    value = std::move(numbers);
  };
  return handle;
}
Options::Handle Options::add(const std::string& name, bool& value, const std::string& help) {
  auto* option = app_->add_flag(fmt::format("--{0},!--no-{0}", name), value, help + (value ? " [on]" : ""));
  option->default_str("");
  return declare(
      option, name, [&value] { return std::string(value ? "true" : "false"); }, false);
}

Options::Handle Options::positional(const std::string& name, std::string& value, const std::string& help) {
  return declare(app_->add_option(name, value, help), name, nullptr, true);
}
Options::Handle Options::positional(const std::string& name, std::filesystem::path& value, const std::string& help) {
  return declare(app_->add_option(name, value, help), name, nullptr, true);
}
Options::Handle Options::positional(const std::string& name, std::vector<std::filesystem::path>& value,
                                    const std::string& help) {
  return declare(app_->add_option(name, value, help), name, nullptr, true);
}

Options::Handle& Options::Handle::range(double low, double high) {
  owner_->entries_[index_].option->check(CLI::Validator(
      [low, high](std::string& text) {
        double value = 0;
        if (CLI::detail::lexical_cast(text, value) && value >= low && value <= high) return std::string();  // not NaN
        return fmt::format("{} is not in the range {} - {}", text, low, high);
      },
      fmt::format("in [{} - {}]", low, high)));
  return *this;
}
Options::Handle& Options::Handle::choices(const std::vector<std::string>& values) {
  owner_->entries_[index_].option->check(CLI::Validator(
      [values](std::string& value) {
        if (std::find(values.begin(), values.end(), value) != values.end()) return std::string();
        return "'" + value + "' is not one of " + join(values, ", ");
      },
      join(values, "|")));
  return *this;
}
Options::Handle& Options::Handle::required() {
  owner_->entries_[index_].option->required();
  return *this;
}
Options::Handle& Options::Handle::group(const std::string& name) {
  owner_->entries_[index_].option->group(name);
  return *this;
}
Options::Handle& Options::Handle::command_line_only() {
  owner_->entries_[index_].recipe = false;
  return *this;
}

Options::Handle& Options::Handle::also(const std::string& older) {
  owner_->older_names_[older] = owner_->entries_[index_].name;
  return *this;
}

// "--older=x" as "--name=x"; other words as they are.
std::string Options::todays_word(const std::string& word) const {
  if (!word.starts_with("--")) return word;
  const size_t end = std::min(word.find('='), word.size());
  const auto found = older_names_.find(word.substr(2, end - 2));
  return found == older_names_.end() ? word : "--" + found->second + word.substr(end);
}

void Options::enable_recipe() {
  app_->add_option("--recipe", recipe_, "TOML file with any of these options (underscores for hyphens)");
  has_recipe_ = true;
}

void Options::enable_environment(const std::string& prefix) { environment_ = prefix; }

void Options::enable_quiet() {
  app_->add_flag("--quiet", quiet_, "no progress and no notes; warnings and errors stay");
}

void Options::footer(const std::string& text) { app_->footer(text); }

bool Options::given(const std::string& name) const {
  for (const auto& entry : entries_)
    if (entry.name == name) return entry.option->count() > 0;
  throw InternalError("there is no option --" + name);
}

bool Options::parse(int argc, const char* const* argv) {
  try {
    // The recipe goes first, so that a `required` option may come from it.
    if (has_recipe_) {
      for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        if (arg == "--recipe" && i + 1 < argc)
          recipe_ = argv[i + 1];
        else if (arg.starts_with("--recipe="))
          recipe_ = arg.substr(9);
      }
    }
    if (!recipe_.empty()) apply_recipe(recipe_);
    if (!environment_.empty())
      for (const auto& entry : entries_)
        if (entry.recipe) entry.option->envname(environment_ + to_upper(with_underscores(entry.name)));
    std::vector<std::string> words;
    for (int i = argc - 1; i > 0; --i) words.push_back(todays_word(argv[i]));  // CLI11 takes them from the end
    app_->parse(words);
    if (quiet_) spdlog::set_level(spdlog::level::warn);
  } catch (const CLI::CallForHelp&) {
    std::printf("%s", app_->help().c_str());
    return false;
  } catch (const CLI::ExtrasError&) {
    std::vector<std::string> known;
    for (const auto& entry : entries_) known.push_back("--" + entry.name);
    for (const auto& extra : app_->remaining()) {
      const std::string near = nearest_name(extra.substr(0, extra.find('=')), known);
      throw Error("fsfm " + command_ + ": unknown argument '" + extra + "'",
                  near.empty() ? "see fsfm " + command_ + " --help" : "did you mean " + near + "?");
    }
    throw Error("fsfm " + command_ + ": unknown argument", "see fsfm " + command_ + " --help");
  } catch (const CLI::ArgumentMismatch& error) {
    const std::string text = error.what();
    const size_t twice = text.find(": At Most 1 required");
    throw Error("fsfm " + command_ + ": " +
                    (twice == std::string::npos ? text : text.substr(0, twice) + " is given more than once"),
                "see fsfm " + command_ + " --help");
  } catch (const CLI::ParseError& error) {
    throw Error("fsfm " + command_ + ": " + error.what(), "see fsfm " + command_ + " --help");
  }
  return true;
}

void Options::apply_recipe(const std::filesystem::path& file) {
  const std::string text = read_file(file, 1 << 20);
  toml::table table;
  try {
    table = toml::parse(text, file.string());
  } catch (const toml::parse_error& error) {
    throw Error(fmt::format("{}:{}: {}", file.string(), error.source().begin.line, std::string(error.description())),
                "fix the recipe");
  }
  std::vector<std::string> known;
  for (const auto& entry : entries_)
    if (entry.recipe) known.push_back(with_underscores(entry.name));

  auto apply = [&](auto&& self, const toml::table& section) -> void {
    for (auto&& [key, node] : section) {
      if (const auto* sub = node.as_table()) {
        self(self, *sub);
        continue;
      }
      std::string name(key.str());
      for (const auto& [older, today] : older_names_)
        if (with_underscores(older) == name) name = with_underscores(today);
      const auto where = fmt::format("{}:{}", file.string(), key.source().begin.line);
      const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                      [&](const Entry& e) { return e.recipe && with_underscores(e.name) == name; });
      if (entry == entries_.end()) {
        const std::string near = nearest_name(name, known);
        throw Error(where + ": unknown key '" + name + "'",
                    near.empty() ? "see fsfm " + command_ + " --help for the keys" : "did you mean '" + near + "'?");
      }
      std::vector<std::string> values, texts;
      auto add = [&](const toml::node& item) {
        texts.push_back(to_text(item));
        values.push_back(to_word(item));
        if (texts.back().empty())
          throw Error(where + ": '" + name + "' holds a value of an unsupported type",
                      "use a number, text, true/false or a list of them");
      };
      const auto* list = node.as_array();
      if (list) {
        for (const auto& item : *list) add(item);
      } else {
        add(node);
      }
      // What the option holds already need not be a value that a user may choose ("" where only names are).
      const std::string same = list ? "[" + join(texts, ", ") + "]" : texts.front();
      const bool says_nothing = values.empty() || (values.size() == 1 && values.front().empty());
      if (entry->to_text && entry->to_text() == same) {
        if (!says_nothing) entry->option->required(false);
        continue;
      }
      if (values.empty() && !entry->assign)
        throw Error(where + ": '" + name + "' takes one value, not a list", "fix the recipe");
      // As a parsed default: a value on the command line replaces it, a `required` option is satisfied by it.
      try {
        if (entry->assign) {
          entry->assign(values);
        } else {
          for (const auto& value : values) entry->option->add_result(value);
          entry->option->run_callback();
          entry->option->clear();
        }
        if (!says_nothing) entry->option->required(false);
      } catch (const CLI::ParseError& error) {
        throw Error(where + ": " + name + ": " + error.what(), "fix the recipe");
      }
    }
  };
  apply(apply, table);
}

std::string Options::to_toml() const {
  std::string text = "# fsfm " + command_ + "\n";
  for (const auto& entry : entries_)
    if (entry.recipe && entry.to_text) text += with_underscores(entry.name) + " = " + entry.to_text() + "\n";
  return text;
}

}  // namespace fsfm
