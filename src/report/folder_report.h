// One page about everything the commands left in a folder: prepared faces, runs, models, verdicts.
#pragma once

#include <filesystem>
#include <string>

#include "report/html_page.h"

namespace fsfm::report {

// Looks, in this order, for
//   manifest.json          the folder is, or (*/manifest.json) holds, prepared datasets: counts, outcomes, faces with
//                          their parsing maps
//   *.png                  sheets, e.g. of fsfm masks
//   log.jsonl, *.run/log.jsonl  runs of fsfm pretrain and fsfm finetune: curves, reconstructions, the model's card
//   verdicts.json[l]       output of fsfm detect --json (a document or lines), with its annotated pictures
// What is not there gets no section. Throws Error when nothing of it is there or a file is damaged.
HtmlPage folder_page(const std::filesystem::path& folder, const std::string& title);

}  // namespace fsfm::report
