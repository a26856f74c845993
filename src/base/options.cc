#include "base/options.h"

#include <cstdint>
#include <cstdio>
#include <sstream>

#include <CLI/CLI.hpp>
#include <spdlog/fmt/fmt.h>
#include <toml++/toml.h>

#include "base/error.h"
#include "base/file.h"
#include "base/text.h"

namespace fsfm {

struct Options::Entry {
  std::string name;
  CLI::Option* option;
  std::function<std::string()> to_text;  // current value as TOML
  bool recipe = true;
};

namespace {

std::string toml_string(const std::string& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

template <class T>
std::string number(T value) {
  if constexpr (std::is_floating_point_v<T>) {
    std::string text = fmt::format("{}", value);  // shortest text that reads back the same
    return text.find_first_of(".eni") == std::string::npos ? text + ".0" : text;
  } else {
    return std::to_string(value);
  }
}

template <class T, class F>
std::string array(const std::vector<T>& values, F&& item) {
  std::vector<std::string> parts;
  for (const auto& value : values) parts.push_back(item(value));
  return "[" + join(parts, ", ") + "]";
}

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
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

#define FSFM_ADD_NUMBER(T)                                                                        \
  Options::Handle Options::add(const std::string& name, T& value, const std::string& help) {      \
    return declare(app_->add_option("--" + name, value, help), name, [&value] { return number(value); }, false); \
  }
FSFM_ADD_NUMBER(int)
FSFM_ADD_NUMBER(int64_t)
FSFM_ADD_NUMBER(uint64_t)
FSFM_ADD_NUMBER(double)
FSFM_ADD_NUMBER(float)
#undef FSFM_ADD_NUMBER

Options::Handle Options::add(const std::string& name, std::string& value, const std::string& help) {
  return declare(app_->add_option("--" + name, value, help), name, [&value] { return toml_string(value); }, false);
}
Options::Handle Options::add(const std::string& name, std::filesystem::path& value, const std::string& help) {
  return declare(app_->add_option("--" + name, value, help), name, [&value] { return toml_string(value.string()); }, false);
}
Options::Handle Options::add(const std::string& name, std::vector<std::string>& value, const std::string& help) {
  return declare(app_->add_option("--" + name, value, help), name, [&value] { return array(value, toml_string); }, false);
}
Options::Handle Options::add(const std::string& name, std::vector<std::filesystem::path>& value, const std::string& help) {
  return declare(app_->add_option("--" + name, value, help), name,
                 [&value] { return array(value, [](const auto& p) { return toml_string(p.string()); }); }, false);
}
Options::Handle Options::add(const std::string& name, std::vector<double>& value, const std::string& help) {
  return declare(app_->add_option("--" + name, value, help), name, [&value] { return array(value, number<double>); }, false);
}
Options::Handle Options::add(const std::string& name, bool& value, const std::string& help) {
  auto* option = app_->add_flag(fmt::format("--{0},!--no-{0}", name), value, help + (value ? " [on]" : ""));
  option->default_str("");
  return declare(option, name, [&value] { return std::string(value ? "true" : "false"); }, false);
}

Options::Handle Options::positional(const std::string& name, std::string& value, const std::string& help) {
  return declare(app_->add_option(name, value, help), name, nullptr, true);
}
Options::Handle Options::positional(const std::string& name, std::filesystem::path& value, const std::string& help) {
  return declare(app_->add_option(name, value, help), name, nullptr, true);
}
Options::Handle Options::positional(const std::string& name, std::vector<std::filesystem::path>& value, const std::string& help) {
  return declare(app_->add_option(name, value, help), name, nullptr, true);
}

Options::Handle& Options::Handle::range(double low, double high) {
  owner_->entries_[index_].option->check(CLI::Range(low, high));
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

void Options::enable_recipe() {
  app_->add_option("--recipe", recipe_, "TOML file with any of these options (underscores for hyphens)");
  has_recipe_ = true;
}

void Options::footer(const std::string& text) { app_->footer(text); }

bool Options::parse(int argc, const char* const* argv) {
  try {
    // The recipe goes first, so that a `required` option may come from it.
    if (has_recipe_) {
      for (int i = 1; i < argc; ++i) {
        const std::string arg = argv[i];
        if (arg == "--recipe" && i + 1 < argc) recipe_ = argv[i + 1];
        else if (arg.starts_with("--recipe=")) recipe_ = arg.substr(9);
      }
    }
    if (!recipe_.empty()) apply_recipe(recipe_);
    app_->parse(argc, argv);
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
    throw Error(fmt::format("{}:{}: {}", file.string(), error.source().begin.line, std::string(error.description())), "fix the recipe");
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
      const std::string name(key.str());
      const auto where = fmt::format("{}:{}", file.string(), key.source().begin.line);
      const auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
        return e.recipe && with_underscores(e.name) == name;
      });
      if (entry == entries_.end()) {
        const std::string near = nearest_name(name, known);
        throw Error(where + ": unknown key '" + name + "'",
                    near.empty() ? "see fsfm " + command_ + " --help for the keys" : "did you mean '" + near + "'?");
      }
      std::vector<std::string> values;
      auto add = [&](const toml::node& item) {
        if (const auto* s = item.as_string()) values.push_back(s->get());
        else if (const auto* b = item.as_boolean()) values.push_back(b->get() ? "true" : "false");
        else if (const auto* i = item.as_integer()) values.push_back(std::to_string(i->get()));
        else if (const auto* d = item.as_floating_point()) values.push_back(fmt::format("{}", d->get()));
        else throw Error(where + ": '" + name + "' holds a value of an unsupported type", "use a number, text, true/false or a list of them");
      };
      if (const auto* list = node.as_array()) {
        for (const auto& item : *list) add(item);
      } else {
        add(node);
      }
      // As a parsed default: a value on the command line replaces it, a `required` option is satisfied by it.
      try {
        for (const auto& value : values) entry->option->add_result(value);
        if (!values.empty()) entry->option->run_callback();
        entry->option->clear();
        entry->option->required(false);
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
