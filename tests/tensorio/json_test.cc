#include "tensorio/json.h"

#include <gtest/gtest.h>

#include "support/error_text.h"

namespace fsfm {
namespace {

TEST(Json, DepthIsBoundedBeforeAnythingIsBuilt) {
  for (const char* open : {"[", "{\"a\":"}) {
    std::string deep;
    for (int i = 0; i < 200'000; ++i) deep += open;
    EXPECT_NE(
        test::error_text([&] { parse_json(deep, "x.json", "mend it"); }).find("x.json: its JSON is nested too deeply"),
        std::string::npos);
    EXPECT_TRUE(parse_json_or_discard(deep).is_discarded());
  }
  // Brackets inside of texts do not count.
  const std::string text = "{\"a\":\"" + std::string(500, '[') + "\\\"" + std::string(500, '{') + "\"}";
  EXPECT_EQ(parse_json(text, "x", "").at("a").get<std::string>().size(), 1001u);
  EXPECT_EQ(parse_json_or_discard(text).at("a").get<std::string>().size(), 1001u);
}

TEST(Json, BytesThatAreNoUtf8AreWrittenAsUtf8) {
  EXPECT_EQ(json_text({{"name", "caf\xE9"}}), "{\"name\":\"caf\xEF\xBF\xBD\"}");
}

}  // namespace
}  // namespace fsfm
