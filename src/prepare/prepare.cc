#include "prepare/prepare.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "data/naming.h"
#include "data/store/authors_folder.h"
#include "prepare/ordered.h"
#include "tensorio/json.h"

namespace fsfm {
namespace {

double cpu_now() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

std::string part_suffix(int part, int parts) { return parts > 1 ? fmt::format("-{}of{}", part, parts) : ""; }

fs::path manifest_path(const PrepareOptions& options, int part) {
  return options.out / ("manifest" + part_suffix(part, options.parts) + ".json");
}

// The part's own share of the list: an even spread of max_inputs, then every parts-th. What is left out stands at the
// end of the list and is the first part's to account for.
std::vector<size_t> share_of(const std::vector<PrepareEntry>& entries, const PrepareOptions& options) {
  const auto total = static_cast<size_t>(
      std::count_if(entries.begin(), entries.end(), [](const PrepareEntry& e) { return e.left_out.empty(); }));
  const size_t wanted = options.max_inputs > 0 ? std::min(total, static_cast<size_t>(options.max_inputs)) : total;
  std::vector<size_t> share;
  for (size_t i = static_cast<size_t>(options.part - 1); i < wanted; i += static_cast<size_t>(options.parts))
    share.push_back(i * total / wanted);
  for (size_t i = total; i < entries.size() && options.part == 1; ++i) share.push_back(i);
  return share;
}

// A resumed run must make the same faces as the first, and all parts of one preparation the same.
void check_same_options(const fs::path& out, const nlohmann::json& made) {
  const fs::path file = out / ".job.json";
  std::error_code code;
  if (!fs::exists(file, code)) {
    if (fs::exists(out / "manifest.json", code))
      throw Error(out.string() + " already holds another dataset", "choose another --out");
    return write_file_atomic(file, json_text(made, 1) + "\n");
  }
  const auto before = parse_json_or_discard(read_file(file, 1 << 20));
  if (before == parse_json_or_discard(json_text(made))) return;
  std::string differing;
  for (const auto& [key, value] : made.items())
    if (!before.is_object() || !before.contains(key) || before[key] != value)
      differing += (differing.empty() ? "" : ", ") + key;
  throw Error(out.string() + " was begun with other options (" + (differing.empty() ? "fewer now" : differing) + ")",
              "use the same options to go on, or another --out");
}

std::vector<std::string> attacks_by_name(const std::vector<PrepareEntry>& entries) {
  std::set<std::string> names;
  for (const auto& entry : entries)
    if (entry.left_out.empty()) names.insert(entry.class_name);
  names.erase(std::string(kUnlabelledClass));
  return infer_attack_classes({names.begin(), names.end()});
}

void merge_jobs(const PrepareOptions& options, PrepareReport& report) {
  if (options.parts == 1) return;
  Manifest merged;
  for (int part = 1; part <= options.parts; ++part) {
    std::error_code code;
    if (!fs::exists(manifest_path(options, part), code)) {
      ++report.parts_missing;
      continue;
    }
    const Manifest other = Manifest::read(manifest_path(options, part));
    merged.name = other.name;
    merged.form = other.form;
    merged.made = other.made;
    merged.merge(other);
  }
  if (report.parts_missing == 0) {
    merged.write(options.out / "manifest.json");
    if (is_authors_folder(options.out))
      write_authors_mean_std(options.out / kAuthorsMeanStdFile, merged.sums.normalization());
  }
}

}  // namespace

PrepareReport prepare_dataset(const std::vector<PrepareEntry>& entries, const PrepareOptions& options,
                              const PrepareTools& tools, const std::function<bool()>& stop,
                              const std::function<void(uint64_t, uint64_t)>& progress) {
  const auto begin = std::chrono::steady_clock::now();
  const double cpu_begin = cpu_now();
  std::error_code code;
  fs::create_directories(options.out, code);
  if (code) throw Error("cannot make " + options.out.string() + ": " + code.message(), "choose another --out");
  const bool shards = options.format == "shards";
  const bool unlabelled = std::all_of(entries.begin(), entries.end(), [](const PrepareEntry& e) {
    return !e.left_out.empty() || (e.split.empty() && e.class_name == "real");
  });
  const std::vector<std::string> attacks = options.attack_classes ? *options.attack_classes : attacks_by_name(entries);
  const std::string suffix = part_suffix(options.part, options.parts);
  const ShardWriterOptions shard_options{.dir = options.out, .prefix = "part" + suffix};
  check_same_options(options.out, options.made);
  Journal journal(options.out / ("prepare" + suffix + ".jsonl"),
                  [&](const nlohmann::json& at) { return !shards || shard_position_exists(shard_options, at); });
  auto writer = shards ? make_shard_writer(shard_options, journal.position())
                       : make_folder_writer(options.out, unlabelled, journal.position());

  const std::vector<size_t> share = share_of(entries, options);
  std::vector<size_t> pending;
  for (const size_t i : share)
    if (!journal.has(entries[i].key)) pending.push_back(i);

  PrepareReport report;
  const int threads = std::max(1, std::min(thread_count(options.threads), static_cast<int>(pending.size())));
  std::vector<std::unique_ptr<FaceMaker>> makers(static_cast<size_t>(threads));
  uint64_t done = share.size() - pending.size();
  if (progress) progress(done, share.size());
  report.interrupted = !ordered_for(
      pending.size(), threads,
      [&](size_t i, int worker) {
        auto& maker = makers[static_cast<size_t>(worker)];
        if (!maker)
          maker = std::make_unique<FaceMaker>(options.faces,
                                              tools.make_face_detector ? tools.make_face_detector() : nullptr,
                                              tools.make_parser ? tools.make_parser() : nullptr);
        return maker->make(entries[pending[i]]);
      },
      [&](size_t i, InputResult result) {
        const PrepareEntry& entry = entries[pending[i]];
        if (!options.keep_duplicates && result.outcome == outcome::kKept &&
            journal.is_duplicate(entry, result.content)) {
          result.outcome = outcome::kDuplicate;
          result.faces.clear();
          result.frames.clear();
          result.unparsed = 0;
        }
        for (const auto& face : result.faces) writer->add(face);
        journal.append(entry, name_below(entry.path, options.faces.root), result, writer->position());
        ++report.inputs_now;
        if (progress) progress(++done, share.size());
      },
      stop);
  for (const auto& maker : makers)
    if (maker) report.times.add(maker->times());
  report.account = journal.account();
  if (!report.interrupted) {
    report.manifest.name = options.name;
    report.manifest.form = options.format;
    report.manifest.made = options.made;
    report.manifest.outcomes = journal.account().inputs;
    writer->finish(report.manifest);
    report.manifest.attack_classes.clear();
    for (const auto& name : report.manifest.classes)
      if (std::find(attacks.begin(), attacks.end(), name) != attacks.end())
        report.manifest.attack_classes.push_back(name);
    if (report.manifest.samples() == 0 && options.parts == 1)
      throw Error("no face was kept of " + std::to_string(share.size()) + " inputs",
                  "see " + (options.out / "prepare.jsonl").string() + " for the reasons");
    report.manifest.write(manifest_path(options, options.part));
    if (is_authors_folder(options.out) && options.parts == 1)
      write_authors_mean_std(options.out / kAuthorsMeanStdFile, report.manifest.sums.normalization());
    merge_jobs(options, report);
  }
  report.wall_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  report.cpu_seconds = cpu_now() - cpu_begin;
  return report;
}

}  // namespace fsfm
