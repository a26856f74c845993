// Options written as TOML and read back: the recipe that a run leaves is the run.
#include "base/options.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/file.h"
#include "base/log.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::error_text;
using test::TempDir;

struct Everything {
  int whole = 3;
  int64_t large = 5;
  uint64_t seed = 0;
  double rate = 0.5;
  float share = 0.25f;
  bool on = true, off = false;
  std::string text = "a", size;
  fs::path path = "p";
  std::vector<std::string> words = {"x"};
  std::vector<fs::path> paths = {"y"};
  std::vector<double> numbers = {1.5};
  bool operator==(const Everything&) const = default;
};

void declare(Options& options, Everything& values) {
  options.add("whole", values.whole, "").range(-1e9, 1e9);
  options.add("large", values.large, "");
  options.add("seed", values.seed, "");
  options.add("rate", values.rate, "").range(-1e300, 1e300);
  options.add("share", values.share, "");
  options.add("on", values.on, "");
  options.add("off", values.off, "");
  options.add("text", values.text, "");
  options.add("size", values.size, "").choices({"tiny", "large"});  // the default "" is none of them
  options.add("path", values.path, "");
  options.add("words", values.words, "");
  options.add("paths", values.paths, "");
  options.add("numbers", values.numbers, "");
  options.enable_recipe();
}

void parse(Everything& values, std::vector<const char*> args) {
  Options options("demo", "demo");
  declare(options, values);
  args.insert(args.begin(), "demo");
  options.parse(static_cast<int>(args.size()), args.data());
}

// As a run writes it and --recipe reads it.
Everything read_back(const TempDir& dir, Everything values) {
  Options options("demo", "demo");
  Everything written;
  declare(options, written);
  written = std::move(values);
  write_file_atomic(dir / "r.toml", options.to_toml());
  Everything read;
  parse(read, {"--recipe", (dir / "r.toml").c_str()});
  return read;
}

TEST(OptionsToml, EveryValueReadsBack) {
  const TempDir dir;
  EXPECT_EQ(read_back(dir, {}), Everything{});
  Everything odd;
  odd.whole = -7;
  odd.large = std::numeric_limits<int64_t>::min();
  odd.seed = std::numeric_limits<uint64_t>::max();
  odd.rate = 1e-300 / 3;
  odd.share = 0.1f;
  odd.on = false;
  odd.off = true;
  odd.text = "\"quoted\" 'single' \\back\\ \t tab\nline #no comment = [x] \x01\x7f";
  odd.size = "large";
  odd.path = "/data/Größe/顔 \"7\"/back\\slash";
  odd.words = {"", "a,b", "[x,y]", "--flag", " spaces ", "ends\\"};
  odd.paths = {"[raw]", "it's", "a\"b"};
  odd.numbers = {-0.0, 1e-9, 3};
  EXPECT_EQ(read_back(dir, odd), odd);
  Everything empty;
  empty.text.clear();
  empty.path.clear();
  empty.words.clear();
  empty.paths.clear();
  empty.numbers.clear();
  EXPECT_EQ(read_back(dir, empty), empty);
  Everything largest;
  largest.seed = uint64_t{1} << 63;
  largest.large = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(read_back(dir, largest), largest);
}

TEST(OptionsToml, BytesThatAreNoTextStillGiveARecipe) {
  const TempDir dir;
  Everything values;
  values.path = "caf\xe9";
  EXPECT_EQ(read_back(dir, values).path, "caf%E9");
}

TEST(Options, WhatIsNoNumberIsRefused) {
  const TempDir dir;
  Everything values;
  EXPECT_NE(error_text([&] { parse(values, {"--rate", "nan"}); }).find("nan"), std::string::npos);
  EXPECT_NE(error_text([&] { parse(values, {"--share", "NaN"}); }), "");
  EXPECT_NE(error_text([&] { parse(values, {"--seed", "-1"}); }), "");
  EXPECT_NE(error_text([&] { parse(values, {"--seed", "18446744073709551616"}); }), "");
  write_file_atomic(dir / "r.toml", "rate = nan\n");
  EXPECT_NE(error_text([&] {
              parse(values, {"--recipe", (dir / "r.toml").c_str()});
            }).find("r.toml:1"),
            std::string::npos);
  write_file_atomic(dir / "l.toml", "rate = []\n");
  EXPECT_NE(error_text([&] {
              parse(values, {"--recipe", (dir / "l.toml").c_str()});
            }).find("one value"),
            std::string::npos);
  EXPECT_EQ(values, Everything{});
}

TEST(Options, AnOlderNameIsStillRead) {
  TempDir dir;
  write_file_atomic(dir / "r.toml", std::string_view("finder = \"from the recipe\"\n"));
  const std::string recipe = (dir / "r.toml").string();
  const auto parsed = [](std::vector<const char*> args) {
    std::string name;
    Options options("demo", "demo");
    options.add("face-finder", name, "").also("finder");
    options.enable_recipe();
    args.insert(args.begin(), "demo");
    options.parse(static_cast<int>(args.size()), args.data());
    EXPECT_NE(options.to_toml().find("face_finder = "), std::string::npos);
    return name;
  };
  EXPECT_EQ(parsed({"--finder", "a"}), "a");
  EXPECT_EQ(parsed({"--finder=b"}), "b");
  EXPECT_EQ(parsed({"--recipe", recipe.c_str()}), "from the recipe");
  EXPECT_EQ(parsed({"--recipe", recipe.c_str(), "--face-finder", "c"}), "c");
  EXPECT_NE(error_text([&] {
              parsed({"--finder", "a", "--face-finder", "b"});
            }).find("more than once"),
            std::string::npos);
}

TEST(Options, AnOptionThatIsGivenTwiceIsNamed) {
  Everything values;
  const std::string message = error_text([&] { parse(values, {"--seed", "1", "--seed", "2"}); });
  EXPECT_NE(message.find("--seed is given more than once"), std::string::npos) << message;
}

TEST(Options, AnEmptyListOfARecipeDoesNotFillARequiredOption) {
  const TempDir dir;
  std::vector<std::string> data;
  Options options("demo", "demo");
  options.add("data", data, "").required();
  options.enable_recipe();
  write_file_atomic(dir / "r.toml", "data = []\n");
  const std::string file = (dir / "r.toml").string();
  const char* args[] = {"demo", "--recipe", file.c_str()};
  EXPECT_NE(error_text([&] { options.parse(3, args); }).find("data"), std::string::npos);
}

TEST(Options, QuietLeavesWarningsOnly) {
  const auto before = spdlog::get_level();
  Options options("demo", "demo");
  options.enable_quiet();
  const char* args[] = {"demo", "--quiet"};
  ASSERT_TRUE(options.parse(2, args));
  EXPECT_FALSE(spdlog::should_log(spdlog::level::info));
  EXPECT_TRUE(spdlog::should_log(spdlog::level::warn));
  spdlog::set_level(before);
}

}  // namespace
}  // namespace fsfm
