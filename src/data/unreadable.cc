#include "data/unreadable.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"

namespace fsfm {
namespace {

constexpr size_t kMostInJson = 100;

template <class Read>
auto reading(const Dataset& dataset, size_t index, Read&& read) {
  try {
    return read();
  } catch (const UnreadableSample&) {
    throw;
  } catch (const Error& error) {
    const std::string where = dataset.location(index), why = error.what();
    throw UnreadableSample(why.find(where) == std::string::npos ? where + ": " + why : why);
  } catch (const std::filesystem::filesystem_error& error) {
    throw UnreadableSample(dataset.location(index) + ": " + error.code().message());
  }
}

}  // namespace

Sample read_sample(const Dataset& dataset, size_t index) {
  return reading(dataset, index, [&] { return dataset.load(index); });
}

std::optional<std::vector<uint8_t>> read_parsing(const Dataset& dataset, size_t index) {
  return reading(dataset, index, [&] { return dataset.load_parsing(index); });
}

void UnreadableSamples::set_limit(const std::string& what, size_t total, double share) {
  what_ = what;
  total_ = total;
  share_ = share;
}

void UnreadableSamples::check() const {
  const auto bad = static_cast<double>(count_.load()), all = static_cast<double>(total_);
  if (total_ == 0 || bad <= share_ * all + 1e-9) return;
  throw Error(fmt::format("{} of {} pictures of the {} cannot be read, more than --max-bad-share {:g} allows: {}",
                          count_.load(), total_, what_, share_, named()),
              fmt::format("mend them (--resume goes on with a run that had begun), or allow more: --max-bad-share {:g}",
                          std::min(1.0, std::ceil(100 * bad / all) / 100)));
}

bool UnreadableSamples::add(const std::string& key, const std::string& why) {
  std::lock_guard lock(mutex_);
  const auto [place, is_new] = places_.emplace(key, entries_.size());
  if (is_new) {
    entries_.push_back({key, why});
    seen_.push_back(0);
  }
  if (!seen_[place->second]) ++count_;
  seen_[place->second] = 1;
  return is_new;
}

void UnreadableSamples::add_earlier(const std::string& key, const std::string& why) {
  std::lock_guard lock(mutex_);
  if (!places_.emplace(key, entries_.size()).second) return;
  entries_.push_back({key, why});
  seen_.push_back(0);
}

size_t UnreadableSamples::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

bool UnreadableSamples::contains(const std::string& key) const {
  if (count_ == 0) return false;  // the common case takes no lock
  std::lock_guard lock(mutex_);
  const auto place = places_.find(key);
  return place != places_.end() && seen_[place->second];
}

std::vector<UnreadableSamples::Entry> UnreadableSamples::entries(size_t first) const {
  std::lock_guard lock(mutex_);
  return {entries_.begin() + static_cast<std::ptrdiff_t>(std::min(first, entries_.size())), entries_.end()};
}

std::string UnreadableSamples::named(size_t most) const {
  std::vector<std::string> lines;
  const auto all = entries();
  for (size_t i = 0; i < std::min(most, all.size()); ++i) lines.push_back(all[i].why);
  const std::string text = join(lines, "; ");
  return all.size() > most ? fmt::format("{}; and {} more", text, all.size() - most) : text;
}

nlohmann::json UnreadableSamples::to_json() const {
  auto all = entries();
  nlohmann::json json = {{"count", all.size()}, {"first", nlohmann::json::array()}};
  all.resize(std::min(all.size(), kMostInJson));
  for (const auto& entry : all) json["first"].push_back({{"key", to_utf8(entry.key)}, {"why", to_utf8(entry.why)}});
  return json;
}

}  // namespace fsfm
