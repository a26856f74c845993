#include "report/html_page.h"

#include <spdlog/fmt/chrono.h>
#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "base/file.h"
#include "media/codec.h"
#include "report/markup.h"

namespace fsfm::report {
namespace {

constexpr int kJpegQuality = 90;
constexpr size_t kSectionsForContents = 3;  // fewer need no table of contents

std::string picture_tag(const Picture& picture) {
  const auto bytes = picture.lossless ? encode_png(picture.image) : encode_jpeg(picture.image, kJpegQuality);
  return fmt::format("<img src=\"{}\" width={} height={} alt=\"{}\">",
                     data_uri(bytes, picture.lossless ? "image/png" : "image/jpeg"), picture.image.width,
                     picture.image.height, escape(picture.caption));
}

std::string caption_tag(const std::string& caption) {
  return caption.empty() ? "" : fmt::format("<figcaption>{}</figcaption>", escape(caption));
}

}  // namespace

HtmlPage::HtmlPage(const std::string& title, const std::string& subtitle) : title_(title), subtitle_(subtitle) {}

HtmlPage& HtmlPage::section(const std::string& title, const std::string& lead) {
  if (!sections_.empty()) body_ += "</section>";
  sections_.push_back({fmt::format("s{}", sections_.size() + 1), title});
  body_ += fmt::format("<section id={}><h2>{}</h2>", sections_.back().id, escape(title));
  if (!lead.empty()) body_ += fmt::format("<p class=lead>{}</p>", escape(lead));
  return *this;
}

HtmlPage& HtmlPage::heading(const std::string& text) {
  body_ += fmt::format("<h3>{}</h3>", escape(text));
  return *this;
}

HtmlPage& HtmlPage::paragraph(const std::string& text) {
  body_ += fmt::format("<p>{}</p>", escape(text));
  return *this;
}

HtmlPage& HtmlPage::note(const std::string& text) {
  body_ += fmt::format("<p class=note>{}</p>", escape(text));
  return *this;
}

HtmlPage& HtmlPage::cards(const std::vector<Card>& cards) {
  body_ += "<dl class=cards>";
  for (const auto& card : cards) {
    body_ += fmt::format("<div><dt>{}</dt><dd>{}</dd>", escape(card.label), escape(card.value));
    if (!card.note.empty()) body_ += fmt::format("<dd class=sub>{}</dd>", escape(card.note));
    body_ += "</div>";
  }
  body_ += "</dl>";
  return *this;
}

HtmlPage& HtmlPage::chart(const Chart& chart) { return charts({chart}); }

HtmlPage& HtmlPage::charts(const std::vector<Chart>& charts) {
  body_ += fmt::format("<div class=\"charts{}\">", charts.size() == 1 ? " single" : "");
  for (const auto& chart : charts) {
    body_ += chart.wide ? "<figure class=\"chart wide\">" : "<figure class=chart>";
    if (!chart.title.empty()) body_ += fmt::format("<h3>{}</h3>", escape(chart.title));
    body_ += chart.svg + caption_tag(chart.caption) + "</figure>";
  }
  body_ += "</div>";
  return *this;
}

HtmlPage& HtmlPage::table(const Table& table) {
  body_ += fmt::format("<div class=\"table{}\"><table>", table.words ? " words" : "");
  if (!table.caption.empty()) body_ += fmt::format("<caption>{}</caption>", escape(table.caption));
  body_ += "<thead><tr>";
  for (const auto& column : table.columns) body_ += fmt::format("<th scope=col>{}</th>", escape(column));
  body_ += "</tr></thead><tbody>";
  for (const auto& row : table.rows) {
    body_ += "<tr>";
    for (size_t c = 0; c < row.size(); ++c) {
      const auto& cell = row[c];
      const char* tag = c == 0 ? "th" : "td";
      body_ += fmt::format("<{}{}{}>{}", tag, c == 0 ? " scope=row" : "", cell.strong ? " class=strong" : "",
                           escape(cell.text));
      if (!cell.note.empty()) body_ += fmt::format("<small>{}</small>", escape(cell.note));
      body_ += fmt::format("</{}>", tag);
    }
    body_ += "</tr>";
  }
  body_ += "</tbody></table></div>";
  return *this;
}

HtmlPage& HtmlPage::images(const std::vector<Picture>& pictures, int tile_width) {
  body_ += fmt::format("<div class=images style=\"--tile:{}px\">", std::max(16, tile_width));
  for (const auto& picture : pictures)
    body_ += "<figure>" + picture_tag(picture) + caption_tag(picture.caption) + "</figure>";
  body_ += "</div>";
  return *this;
}

HtmlPage& HtmlPage::image(const Picture& picture) {
  body_ += "<figure class=picture>" + picture_tag(picture) + caption_tag(picture.caption) + "</figure>";
  return *this;
}

HtmlPage& HtmlPage::key_values(const std::vector<std::pair<std::string, std::string>>& pairs) {
  body_ += "<dl class=pairs>";
  for (const auto& [key, value] : pairs) body_ += fmt::format("<dt>{}</dt><dd>{}</dd>", escape(key), escape(value));
  body_ += "</dl>";
  return *this;
}

HtmlPage& HtmlPage::code(const std::string& text) {
  body_ += fmt::format("<pre><code>{}</code></pre>", escape(text));
  return *this;
}

HtmlPage& HtmlPage::markup(const std::string& html) {
  body_ += html;
  return *this;
}

HtmlPage& HtmlPage::details(const std::string& summary, const std::string& text) {
  body_ +=
      fmt::format("<details><summary>{}</summary><pre><code>{}</code></pre></details>", escape(summary), escape(text));
  return *this;
}

std::string HtmlPage::html() const {
  std::string contents;
  if (sections_.size() >= kSectionsForContents) {
    contents = "<nav aria-label=Contents>";
    for (const auto& heading : sections_)
      contents += fmt::format("<a href=\"#{}\">{}</a>", heading.id, escape(heading.title));
    contents += "</nav>";
  }
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  return fmt::format(
      "<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta name=viewport "
      "content=\"width=device-width,initial-scale=1\">"
      "<meta name=color-scheme content=\"light "
      "dark\"><title>{}</title><style>{}</style></head>\n<body><header><h1>{}</h1>{}{}</header>"
      "<main>{}{}</main>\n<footer>fsfm {} · {:%Y-%m-%d %H:%M} UTC</footer></body></html>\n",
      escape(title_), page_style(), escape(title_),
      subtitle_.empty() ? "" : fmt::format("<p>{}</p>", escape(subtitle_)), contents, body_,
      sections_.empty() ? "" : "</section>", FSFM_VERSION, fmt::gmtime(now));
}

void HtmlPage::write(const std::filesystem::path& path) const { write_file_atomic(path, std::string_view(html())); }

}  // namespace fsfm::report
