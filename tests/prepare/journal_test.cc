#include "prepare/journal.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "support/temp_dir.h"

namespace fsfm {
namespace {

TEST(Journal, IsReadInPartsAndKnowsEveryKey) {
  test::TempDir dir;
  std::string text;
  for (int i = 0; i < 3000; ++i)
    text += R"({"key":"k)" + std::to_string(i) + R"(","input":"i","outcome":"kept","faces":1,"at":)" +
            std::to_string(i) + R"(,"why":")" + std::string(static_cast<size_t>(i % 90), 'x') + "\"}\n";
  write_file_atomic(dir / "j", text + "{\"torn");
  const Journal journal(dir / "j", [](const nlohmann::json& at) { return at.get<int>() <= 2500; });
  EXPECT_EQ(journal.position(), 2500);
  EXPECT_TRUE(journal.has("k0") && journal.has("k2500"));
  EXPECT_FALSE(journal.has("k2501"));
  EXPECT_EQ(journal.account().inputs.at("kept"), 2501u);
  EXPECT_EQ(journal.account().faces, 2501u);
  const std::string kept = read_file(dir / "j");
  EXPECT_EQ(text.substr(0, kept.size()), kept);
  for (const std::string& bad :
       {std::string("{}\n") + kept, kept + "nonsense\n", std::string(1000, '[') + "\n" + kept}) {
    write_file_atomic(dir / "b", std::string_view(bad));
    EXPECT_THROW(Journal(dir / "b", [](const nlohmann::json&) { return true; }), Error);
  }
}

}  // namespace
}  // namespace fsfm
