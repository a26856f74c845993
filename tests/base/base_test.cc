#include <gtest/gtest.h>

#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/options.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/text.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

using test::TempDir;

TEST(Rng, StreamsDifferAndSeedsRepeat) {
  Rng a(7, 1), b(7, 1), c(7, 2);
  EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(a.next(), c.next());
}

TEST(Rng, BelowIsUniform) {
  Rng rng(3);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[rng.below(7)];
  for (int count : counts) EXPECT_NEAR(count, 10000, 500);
}

TEST(Rng, BetaHasItsMean) {
  Rng rng(5);
  double sum = 0;
  for (int i = 0; i < 20000; ++i) sum += rng.beta(0.8, 0.8);
  EXPECT_NEAR(sum / 20000, 0.5, 0.02);
}

TEST(Text, NearestName) {
  const std::vector<std::string> names = {"epochs", "batch_size"};
  EXPECT_EQ(nearest_name("epoch", names), "epochs");
  EXPECT_EQ(nearest_name("zzzzzz", names), "");
  EXPECT_EQ(with_thousands(-1234567), "-1,234,567");
}

TEST(Hash, Sha256OfAbc) {
  EXPECT_EQ(sha256(std::string_view("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hash, AFileInPartsIsItsContent) {
  TempDir dir;
  const std::string text((size_t{2} << 20) + 17, 'x');  // more than two parts
  write_file_atomic(dir / "long", text);
  EXPECT_EQ(sha256_file(dir / "long"), sha256(text));
  write_file_atomic(dir / "empty", "");
  EXPECT_EQ(sha256_file(dir / "empty"), sha256(std::string_view()));
  EXPECT_THROW(sha256_file(dir / "none"), Error);
}

TEST(Parallel, RethrowsAndStops) {
  EXPECT_THROW(parallel_for(100, 2,
                            [](size_t i, int) {
                              if (i == 5) throw Error("five");
                            }),
               Error);
  std::vector<int> seen(1000);
  parallel_for(seen.size(), 2, [&](size_t i, int) { ++seen[i]; });
  EXPECT_EQ(std::accumulate(seen.begin(), seen.end(), 0), 1000);
}

struct Recipe {
  int epochs = 10;
  double lr = 0.5;
  bool flip = true, fast = false;
  std::string name = "a";
  std::vector<std::string> data;
};

bool parse(Recipe& recipe, std::vector<const char*> args, Options* keep = nullptr) {
  Options local("demo", "demo");
  Options& options = keep ? *keep : local;
  options.add("epochs", recipe.epochs, "passes").range(1, 1000);
  options.add("base-lr", recipe.lr, "rate");
  options.add("flip", recipe.flip, "flip");
  options.add("fast", recipe.fast, "fast");
  options.add("name", recipe.name, "name").choices({"a", "b"});
  options.add("data", recipe.data, "data").required();
  options.enable_recipe();
  args.insert(args.begin(), "demo");
  return options.parse(static_cast<int>(args.size()), args.data());
}

TEST(Options, CommandLineBeatsRecipeBeatsDefault) {
  TempDir dir;
  write_file_atomic(dir / "r.toml",
                    "epochs = 3\nfast = true\nflip = false\ndata = [\"x\", \"y\"]\n[schedule]\nbase_lr = 0.25\n");
  const std::string file = (dir / "r.toml").string();
  Recipe recipe;
  ASSERT_TRUE(parse(recipe, {"--recipe", file.c_str(), "--epochs", "4"}));
  EXPECT_EQ(recipe.epochs, 4);
  EXPECT_EQ(recipe.lr, 0.25);
  EXPECT_TRUE(recipe.fast);
  EXPECT_FALSE(recipe.flip);
  EXPECT_EQ(recipe.data, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(recipe.name, "a");
}

TEST(Options, TomlReadsBack) {
  TempDir dir;
  Recipe recipe;
  Options options("demo", "demo");
  ASSERT_TRUE(parse(recipe, {"--data", "p \"q\"", "--no-flip", "--base-lr", "0.1", "--name", "b"}, &options));
  write_file_atomic(dir / "r.toml", options.to_toml());
  const std::string file = (dir / "r.toml").string();
  Recipe again;
  ASSERT_TRUE(parse(again, {"--recipe", file.c_str()}));
  EXPECT_EQ(again.lr, 0.1);
  EXPECT_FALSE(again.flip);
  EXPECT_EQ(again.name, "b");
  EXPECT_EQ(again.data, recipe.data);
}

std::string error_of(std::vector<const char*> args) {
  Recipe recipe;
  try {
    parse(recipe, std::move(args));
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Options, MistakesNameTheWayOut) {
  TempDir dir;
  write_file_atomic(dir / "r.toml", "epoch = 3\n");
  const std::string file = (dir / "r.toml").string();
  const std::string message = error_of({"--recipe", file.c_str(), "--data", "x"});
  EXPECT_NE(message.find("r.toml:1"), std::string::npos) << message;
  EXPECT_NE(message.find("did you mean 'epochs'?"), std::string::npos) << message;
  EXPECT_NE(error_of({"--data", "x", "--epocs", "3"}).find("did you mean --epochs?"), std::string::npos);
  EXPECT_NE(error_of({"--data", "x", "--epochs", "0"}), "");
  EXPECT_NE(error_of({"--data", "x", "--name", "c"}), "");
  EXPECT_NE(error_of({}).find("data"), std::string::npos);
}

}  // namespace
}  // namespace fsfm
