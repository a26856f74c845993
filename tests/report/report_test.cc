#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "report/charts.h"
#include "report/html_page.h"
#include "report/markup.h"
#include "support/temp_dir.h"

namespace fsfm::report {
namespace {

const std::string kHostile = "</title><script>alert('x')</script><img src=\"x\" onerror=alert(1)>&.jpg";

// Tags must nest: the names of opened elements are closed in reverse order.
bool well_formed(const std::string& text) {
  std::vector<std::string> open;
  for (size_t i = text.find('<'); i != std::string::npos; i = text.find('<', i + 1)) {
    const size_t end = text.find('>', i);
    if (end == std::string::npos) return false;
    const bool closing = text[i + 1] == '/';
    const std::string name =
        text.substr(i + 1 + closing, text.find_first_of(" >\n", i + 1 + closing) - i - 1 - closing);
    if (name == "!doctype" || name == "meta" || name == "img") continue;
    if (!closing) {
      open.push_back(name);
    } else {
      if (open.empty() || open.back() != name) return false;
      open.pop_back();
    }
  }
  return open.empty();
}

size_t occurrences(const std::string& text, const std::string& part) {
  size_t count = 0;
  for (size_t i = text.find(part); i != std::string::npos; i = text.find(part, i + 1)) ++count;
  return count;
}

std::vector<metrics::RocPoint> diagonal() {
  return {{0, 0, std::numeric_limits<double>::infinity()}, {.2, .7, .8}, {.5, .9, .4}, {1, 1, .1}};
}

TEST(Markup, EscapesEverythingThatOpensOrCloses) {
  EXPECT_EQ(escape("<a href=\"x\">'&</a>"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&lt;/a&gt;");
  EXPECT_EQ(escape(std::string("a\0b\x1b[31m\x7f", 9)), "ab[31m");
  EXPECT_EQ(escape("Zürich · 東京"), "Zürich · 東京");
}

TEST(Markup, MalformedUtf8IsReplaced) {
  const std::string bad = "\xEF\xBF\xBD";
  EXPECT_EQ(escape("a\xFF"
                   "b"),
            "a" + bad + "b");
  EXPECT_EQ(escape("\xC0\xBC"), bad + bad);            // overlong '<'
  EXPECT_EQ(escape("\xE2\x82"), bad + bad);            // cut off
  EXPECT_EQ(escape("\xED\xA0\x80"), bad + bad + bad);  // surrogate
}

TEST(Markup, DataUriIsBase64WithPadding) {
  auto uri = [](std::string_view text) { return data_uri(std::as_bytes(std::span(text)), "text/plain"); };
  EXPECT_EQ(uri("Man"), "data:text/plain;base64,TWFu");
  EXPECT_EQ(uri("Ma"), "data:text/plain;base64,TWE=");
  EXPECT_EQ(uri("M"), "data:text/plain;base64,TQ==");
  EXPECT_EQ(uri(""), "data:text/plain;base64,");
}

TEST(Markup, NumbersAreTypeset) {
  EXPECT_EQ(format_number(0.91236), "0.9124");
  EXPECT_EQ(format_number(-2.5), "−2.5");
  EXPECT_EQ(format_number(std::nan("")), "–");
  EXPECT_EQ(format_percent(0.1234), "12.3 %");
}

TEST(HtmlPage, EscapesAllTextWhereverItStands) {
  HtmlPage page(kHostile, kHostile);
  page.section(kHostile, kHostile)
      .heading(kHostile)
      .paragraph(kHostile)
      .note(kHostile)
      .code(kHostile)
      .details(kHostile, kHostile);
  page.cards({{kHostile, kHostile, kHostile}}).key_values({{kHostile, kHostile}});
  page.table({kHostile, {kHostile}, {{Cell(kHostile, kHostile, true)}}});
  page.images({{Image(4, 4, 128), kHostile, true}}).image({Image(4, 4), kHostile});
  page.charts({{score_histogram({{kHostile, {.2}, 0}}, 0.5), kHostile, kHostile}});
  page.chart({scatter_chart(kHostile, {{kHostile, {1, 2}, {1, 2}, 0}}), "", ""});
  const std::string html = page.html();
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("<img src=\"x\""), std::string::npos);
  EXPECT_EQ(html.find("'x'"), std::string::npos);
  EXPECT_TRUE(well_formed(html));
}

TEST(HtmlPage, NeedsNoNetworkAndEmbedsPictures) {
  HtmlPage page("t");
  page.images({{Image(8, 8, 200), "a", true}, {Image(8, 8, 10), "b"}});
  const std::string html = page.html();
  EXPECT_EQ(occurrences(html, "src=\"data:image/png;base64,iVBOR"), 1u);
  EXPECT_EQ(occurrences(html, "src=\"data:image/jpeg;base64,/9j/"), 1u);
  for (const char* outside : {"http://", "https://", "url(", "@import", "<link", "<script"})
    EXPECT_EQ(html.find(outside), std::string::npos) << outside;
}

TEST(HtmlPage, ContentsAppearWithThreeSections) {
  HtmlPage page("t");
  page.section("one").section("two");
  EXPECT_EQ(page.html().find("<nav"), std::string::npos);
  page.section("three");
  EXPECT_NE(page.html().find("<a href=\"#s3\">three</a>"), std::string::npos);
  EXPECT_TRUE(well_formed(page.html()));
}

TEST(HtmlPage, WritesWholeOrNotAtAll) {
  const test::TempDir dir;
  HtmlPage("t").write(dir / "a.html");
  EXPECT_EQ(read_file(dir / "a.html").substr(0, 15), "<!doctype html>");
  EXPECT_THROW(HtmlPage("t").write(dir / "missing" / "a.html"), Error);
  EXPECT_EQ(dir.count(), 1u);
}

TEST(Charts, AllAreWellFormedAndDescribed) {
  const std::vector<ScoreCurve> curves{{"a", diagonal(), .8, 0}, {"b", diagonal(), .7, 1}};
  const auto reliability = metrics::calibration(std::vector{0, 1, 1}, std::vector{.1, .6, .9});
  const std::vector<std::string> charts{
      roc_chart(curves),
      roc_chart(curves, true),
      det_chart(curves),
      reliability_chart(reliability),
      score_histogram({{"real", {.1, .2}, kColorReal}, {"attack", {.9}, kColorAttack}}, 0.5),
      bar_chart({"bars", {}, {{"x", 1, 0.5, 1.5, "", 0}, {"y", std::nan(""), 0, 0, "", 1}}}),
      scatter_chart("points", {{"g", {0, 1}, {2, 3}, 0}}),
      line_chart({"lines", {}, {.log = true}, {{"s", {1, 2, 3}, {.1, std::nan(""), 10}}}})};
  for (const auto& svg : charts) {
    EXPECT_TRUE(well_formed(svg)) << svg;
    EXPECT_NE(svg.find("role=\"img\" aria-label=\""), std::string::npos);
    EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
    EXPECT_EQ(svg.find("inf"), std::string::npos) << svg;
  }
}

TEST(Charts, SurviveEmptyAndConstantData) {
  for (const auto& svg :
       {line_chart({}), line_chart({"flat", {}, {}, {{"s", {1, 1}, {0, 0}}}}), bar_chart({}), scatter_chart("", {}),
        roc_chart({}), det_chart({}), score_histogram({{"none", {}, 0}}, std::nan("")),
        reliability_chart(metrics::calibration({}, {}))}) {
    EXPECT_TRUE(well_formed(svg));
    EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
    EXPECT_EQ(svg.find("inf"), std::string::npos) << svg;
  }
}

TEST(Charts, ABrokenValueBreaksTheLine) {
  const auto svg = line_chart({"l", {}, {}, {{"s", {0, 1, 2, 3, 4}, {1, 2, std::nan(""), 2, 1}}}});
  const size_t path = svg.find("<path d=\"");
  EXPECT_EQ(occurrences(svg.substr(path, svg.find("\" fill", path) - path), "M"), 2u);
}

TEST(Charts, EndLabelsNeverOverlap) {
  LineChart chart;
  for (int i = 0; i < 5; ++i)
    chart.series.push_back({"curve " + std::to_string(i), {0, 1}, {0, 1 + i * 1e-4}, {}, {}, i});
  const auto svg = line_chart(chart);
  std::vector<double> y;
  for (size_t at = svg.find("class=\"mark"); at != std::string::npos; at = svg.find("class=\"mark", at + 1))
    y.push_back(std::stod(svg.substr(svg.find(" y=\"", at) + 4)));
  ASSERT_EQ(y.size(), 5u);
  std::sort(y.begin(), y.end());
  for (size_t i = 1; i < y.size(); ++i) EXPECT_GE(y[i] - y[i - 1], 14.9);
}

TEST(Charts, LongCurvesAreThinned) {
  Series s{"s"};
  for (int i = 0; i < 100000; ++i) {
    s.x.push_back(i);
    s.y.push_back(std::sin(i * 1e-4));
  }
  EXPECT_LT(line_chart({"l", {}, {}, {s}}).size(), 60'000u);
}

TEST(Charts, SmoothingIsUnbiasedAndSkipsBrokenValues) {
  const auto s = smooth({2, 2, std::nan(""), 2}, 0.9);
  for (double v : s) EXPECT_DOUBLE_EQ(v, 2);
}

}  // namespace
}  // namespace fsfm::report
