// Options declared once: command-line flags, --help, TOML recipe keys and the recipe written next to a result all
// derive from the same list.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace fsfm {

// Example:
//   Options options("pretrain", "Learn from unlabelled real faces");
//   options.add("epochs", recipe.epochs, "passes over the data").range(1, 100000);
//   options.enable_recipe();                    // adds --recipe FILE.toml
//   if (!options.parse(argc, argv)) return 0;   // --help was printed
// The value a variable holds when it is added is its default. Precedence: command line, recipe file, default.
// A recipe key is the option's name with underscores for hyphens (`batch_size = 16`), at top level or in any [table]
// (tables only group). An unknown or misspelt key, a wrong type or a value out of range is an Error that names the
// file, the line and the nearest known key. Thread-compatible; the variables stay the caller's and must outlive it.
class Options {
 public:
  class Handle {
   public:
    Handle& range(double low, double high);  // both included; NaN is in no range
    Handle& choices(const std::vector<std::string>& values);
    Handle& required();
    Handle& group(const std::string& name);  // heading in --help
    Handle& command_line_only();             // not a recipe key (e.g. --json)
    Handle& also(const std::string& older);  // a name it had before: still read, in no help

   private:
    friend class Options;
    Options* owner_ = nullptr;
    size_t index_ = 0;
  };

  Options(const std::string& command, const std::string& summary);
  ~Options();

  // Named options: `name` without dashes, words joined by hyphens ("batch-size").
  Handle add(const std::string& name, int& value, const std::string& help);
  Handle add(const std::string& name, int64_t& value, const std::string& help);
  Handle add(const std::string& name, uint64_t& value, const std::string& help);
  Handle add(const std::string& name, double& value, const std::string& help);
  Handle add(const std::string& name, float& value, const std::string& help);
  Handle add(const std::string& name, std::string& value, const std::string& help);
  Handle add(const std::string& name, std::filesystem::path& value, const std::string& help);
  Handle add(const std::string& name, std::vector<std::string>& value, const std::string& help);
  Handle add(const std::string& name, std::vector<std::filesystem::path>& value, const std::string& help);
  Handle add(const std::string& name, std::vector<double>& value, const std::string& help);
  // A switch: --name / --no-name; recipe: name = true|false.
  Handle add(const std::string& name, bool& value, const std::string& help);

  // Positional arguments, in the order added; a vector takes the rest.
  Handle positional(const std::string& name, std::string& value, const std::string& help);
  Handle positional(const std::string& name, std::filesystem::path& value, const std::string& help);
  Handle positional(const std::string& name, std::vector<std::filesystem::path>& value, const std::string& help);

  // Adds --recipe FILE.toml.
  void enable_recipe();
  // Recipe-able options may also come from environment variables: `prefix` and the name in capitals (FSFM_SERVE_PORT).
  // They go before the recipe and behind the command line.
  void enable_environment(const std::string& prefix);
  // Adds --quiet: no progress and no notes on stderr (the level of base/log.h becomes "warn"); warnings and errors
  // stay.
  void enable_quiet();
  // Text under the options in --help (examples).
  void footer(const std::string& text);

  // argv[0] is the subcommand's name. False: --help was asked for and printed on stdout. Throws Error on bad usage.
  bool parse(int argc, const char* const* argv);
  // After parse: was the option of that name given on the command line or in the environment? Recipes do not count.
  bool given(const std::string& name) const;

  // All recipe-able options with their current values, as a TOML text that --recipe reads back to the same values. TOML
  // has no whole numbers above INT64_MAX: those are written as text.
  std::string to_toml() const;

 private:
  struct Entry;
  Handle declare(CLI::Option* option, const std::string& name, std::function<std::string()> to_text, bool positional);
  template <class T>
  Handle declare_list(const std::string& name, std::vector<T>& value, const std::string& help);
  void apply_recipe(const std::filesystem::path& file);
  std::string todays_word(const std::string& word) const;

  std::unique_ptr<CLI::App> app_;
  std::vector<Entry> entries_;
  std::map<std::string, std::string> older_names_;  // -> today's
  std::filesystem::path recipe_;
  std::string environment_;
  std::string command_;
  bool has_recipe_ = false, quiet_ = false;
};

}  // namespace fsfm
