// fsfm report DIR --out PAGE.html
#include <cstdio>

#include "base/options.h"
#include "cli/commands.h"
#include "report/folder_report.h"

namespace fsfm::cli {

int run_report(int argc, char** argv) {
  std::filesystem::path folder, out;
  std::string title = "FSFM report";
  Options options("report", "One self-contained page about what the other commands left in a folder");
  options.positional("DIR", folder, "a prepared dataset or a run, or a folder with datasets, runs, sheets and verdicts")
      .required();
  options.add("out", out, "page to write (default: DIR/report.html)").command_line_only();
  options.add("title", title, "heading of the page");
  options.footer("Example: fsfm report demo --out demo/report.html");
  if (!options.parse(argc, argv)) return 0;
  if (out.empty()) out = folder / "report.html";
  report::folder_page(folder, title).write(out);
  std::printf("%s\n", out.c_str());
  return 0;
}

}  // namespace fsfm::cli
