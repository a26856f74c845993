// A self-contained HTML report: no network, light and dark, readable on paper. Scripts only where a page scrubs a film.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "media/image.h"

namespace fsfm::report {

struct Cell {
  std::string text;
  std::string note;     // smaller and paler, under the text (an interval, a unit)
  bool strong = false;  // the best of its column
  Cell(std::string t, std::string n = "", bool s = false) : text(std::move(t)), note(std::move(n)), strong(s) {}
  Cell(const char* t) : text(t) {}
};

struct Table {
  std::string caption;
  std::vector<std::string> columns;  // the first is left-aligned text, the others right-aligned figures
  std::vector<std::vector<Cell>> rows;
  bool words = false;  // all columns are text: left-aligned, with line breaks
};

// The few figures a page is about.
struct Card {
  std::string value, label, note = "";
};

struct Picture {
  Image image;
  std::string caption = "";
  bool lossless = false;  // PNG instead of JPEG
};

inline constexpr int kWideChart = 1080;  // CSS pixels of a chart as wide as the page

struct Chart {
  std::string svg;  // from charts.h
  std::string title = "";
  std::string caption = "";  // what to see in it
  bool wide = false;         // takes a row of its own (draw it at kWideChart)
};

// Example:
//   HtmlPage page("Evaluation", "detector.safetensors on dfdc/test");
//   page.cards({{"0.914", "AUC", "0.89 – 0.93"}});
//   page.section("Curves").charts({{roc_chart(curves), "ROC"}, {det_chart(curves), "DET"}});
//   page.write("report.html");
// Content goes to the section begun last (before the first: under the title). All text is escaped. Thread-compatible.
class HtmlPage {
 public:
  explicit HtmlPage(const std::string& title, const std::string& subtitle = "");

  HtmlPage& section(const std::string& title, const std::string& lead = "");
  HtmlPage& heading(const std::string& text);  // a smaller one inside a section
  HtmlPage& paragraph(const std::string& text);
  HtmlPage& note(const std::string& text);  // set apart: a warning or a limit of what is shown
  HtmlPage& cards(const std::vector<Card>& cards);
  HtmlPage& chart(const Chart& chart);
  HtmlPage& charts(const std::vector<Chart>& charts);  // two in a row where there is room
  HtmlPage& table(const Table& table);
  // Tiles of equal width, `tile_width` CSS pixels at most.
  HtmlPage& images(const std::vector<Picture>& pictures, int tile_width = 160);
  // One picture at its own size, shrunk to the page (a contact sheet).
  HtmlPage& image(const Picture& picture);
  HtmlPage& key_values(const std::vector<std::pair<std::string, std::string>>& pairs);
  HtmlPage& code(const std::string& text);
  HtmlPage& markup(const std::string& html);  // as it is: the caller has escaped what is not its own
  HtmlPage& details(const std::string& summary, const std::string& text);  // folded-away code or recipe

  std::string html() const;
  // Atomic; throws Error naming the file.
  void write(const std::filesystem::path& path) const;

 private:
  struct Heading {
    std::string id, title;
  };
  std::string title_, subtitle_, body_;
  std::vector<Heading> sections_;
};

// The style sheet of every page (also of pages that a server sends).
std::string_view page_style();

}  // namespace fsfm::report
