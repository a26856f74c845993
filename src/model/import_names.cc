#include "model/import_names.h"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "model/import_dialects.h"
#include "model/vit_layout.h"

namespace fsfm {
namespace {

// The tensor that every network of a dialect has exactly once.
constexpr std::pair<std::string_view, Dialect> kAnchors[] = {
    {"patch_embed.proj.weight", Dialect::timm},
    {"embeddings.patch_embeddings.projection.weight", Dialect::huggingface},
    {"conv_proj.weight", Dialect::torchvision}};

// First words of names that are of no use for features or classes.
constexpr std::array<std::string_view, 33> kUseless = {"mask_token",
                                                       "decoder",
                                                       "decoder_embed",
                                                       "decoder_blocks",
                                                       "decoder_norm",
                                                       "decoder_pred",
                                                       "decoder_pos_embed",
                                                       "pooler",
                                                       "dino_head",
                                                       "ibot_head",
                                                       "predictor",
                                                       "projector",
                                                       "projection_head",
                                                       "queue",
                                                       "queue_ptr",
                                                       "optimizer",
                                                       "optimizers",
                                                       "optimizer_states",
                                                       "lr_scheduler",
                                                       "scheduler",
                                                       "scaler",
                                                       "loss_scaler",
                                                       "loss",
                                                       "criterion",
                                                       "dino_loss",
                                                       "ibot_patch_loss",
                                                       "center",
                                                       "callbacks",
                                                       "rng_state",
                                                       "random",
                                                       "amp",
                                                       "num_batches_tracked",
                                                       "ema_state"};
constexpr std::array<std::string_view, 6> kHeads = {"head", "heads", "fc", "classifier", "cls_head", "pre_logits"};

std::string first_word(const std::string& name) { return name.substr(0, name.find('.')); }

template <size_t N>
bool among(const std::array<std::string_view, N>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

struct Candidate {
  std::string prefix;  // in front of every name of the network, with its dot: "teacher.backbone."
  std::string own;     // the shortest part of it that no other candidate begins with: "teacher."
  Dialect dialect = Dialect::timm;
  std::string key() const { return own.empty() ? "." : own.substr(0, own.size() - 1); }
};

std::vector<Candidate> find_candidates(const TensorMap& file) {
  std::vector<Candidate> found;
  for (const auto& [name, tensor] : file)
    for (const auto& [anchor, dialect] : kAnchors) {
      if (!name.ends_with(anchor)) continue;
      const std::string prefix = name.substr(0, name.size() - anchor.size());
      if ((prefix.empty() || prefix.ends_with('.')) && !first_word(name).starts_with("optimizer"))
        found.push_back({prefix, "", dialect});
    }
  for (auto& candidate : found) {
    if (found.size() == 1) break;
    for (size_t end = 0; end <= candidate.prefix.size();) {
      candidate.own = candidate.prefix.substr(0, end);
      const bool shared = std::any_of(found.begin(), found.end(), [&](const Candidate& other) {
        return &other != &candidate && other.prefix.starts_with(candidate.own);
      });
      const size_t dot = candidate.prefix.find('.', end);
      if (!shared || dot == std::string::npos) break;
      end = dot + 1;
    }
  }
  return found;
}

// Whether the tensor `name` belongs to candidate `i`, rather than to another one or to none in particular (nullopt).
std::optional<size_t> owner_of(const std::string& name, const std::vector<Candidate>& candidates) {
  std::optional<size_t> owner;
  for (size_t i = 0; i < candidates.size(); ++i)
    if (name.starts_with(candidates[i].own) && (!owner || candidates[i].own.size() > candidates[*owner].own.size()) &&
        (candidates.size() == 1 || !candidates[i].own.empty() || name.starts_with(candidates[i].prefix)))
      owner = i;
  return owner;
}

std::string list_keys(const std::vector<NetworkInside>& networks) {
  std::vector<std::string> parts;
  for (const auto& network : networks) parts.push_back(fmt::format("{} ({} tensors)", network.key, network.tensors));
  return join(parts, ", ");
}

size_t choose(const std::vector<Candidate>& candidates, const TensorMap& file, const std::string& source,
              const std::string& key) {
  std::vector<size_t> fitting;
  const std::string dotted = key.ends_with('.') ? key : key + ".";
  for (size_t i = 0; i < candidates.size(); ++i)
    if (key.empty() || candidates[i].key() == key || candidates[i].prefix.starts_with(dotted)) fitting.push_back(i);
  const auto exact =
      std::find_if(candidates.begin(), candidates.end(), [&](const Candidate& c) { return c.key() == key; });
  if (!key.empty() && exact != candidates.end()) return static_cast<size_t>(exact - candidates.begin());
  if (fitting.size() == 1) return fitting[0];
  const auto networks = networks_inside(file);
  if (fitting.empty()) throw Error(source + " holds no network under '" + key + "'", "it holds " + list_keys(networks));
  throw Error(source + " holds several networks: " + list_keys(networks),
              "choose one: --weights-key " + networks.back().key);
}

// "X" without the leading words that it shares with the network: beside "model.backbone.", "model.head.weight" is
// "head.weight".
std::string without_shared_words(const std::string& name, const std::string& prefix) {
  size_t shared = 0;
  for (size_t dot = prefix.find('.'); dot != std::string::npos; dot = prefix.find('.', dot + 1)) {
    if (!name.starts_with(std::string_view(prefix).substr(0, dot + 1))) break;
    shared = dot + 1;
  }
  return name.substr(shared);
}

// The authors' anti-spoofing models keep transformer and head in three modules.
std::string from_fas_wrapper(const std::string& name) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"embedder.bottleneck_layer_fc.", "head.bottleneck."},
      {"embedder.bottleneck_layer.0.", "head.bottleneck."},  // the same layer under its second name
      {"classifier.classifier_layer.", "head.classifier."}};
  for (const auto& [theirs, ours] : kNames)
    if (name.starts_with(theirs)) return std::string(ours) + name.substr(theirs.size());
  return name;
}

std::string layer_scale_name(const std::string& name) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {{".gamma_1", ".ls1.gamma"},
                                                                      {".gamma_2", ".ls2.gamma"}};
  for (const auto& [theirs, ours] : kNames)
    if (name.starts_with("blocks.") && name.ends_with(theirs))
      return name.substr(0, name.size() - theirs.size()) + std::string(ours);
  return name;
}

struct Item {
  std::string from;    // the file's name
  bool inside = true;  // beside the class token, not around the network
};

class Chooser {
 public:
  Chooser(const TensorMap& file, const std::string& source, bool with_head)
      : file_(file), source_(source), with_head_(with_head) {}

  NetworkNames run(const std::string& key) {
    const std::vector<Candidate> candidates = find_candidates(file_);
    if (candidates.empty()) no_network();
    const size_t chosen = choose(candidates, file_, source_, key);
    const Candidate& network = candidates[chosen];
    result_.dialect = network.dialect;
    if (candidates.size() > 1) note("weights: those of '" + network.key() + "'");
    if (!network.prefix.empty()) note("names: '" + network.prefix + "' taken off");
    for (const auto& [name, tensor] : file_) {
      const auto owner = owner_of(name, candidates);
      if (!owner || *owner == chosen) add(name, network);
    }
    take_head();
    leave_out();
    for (auto& [name, item] : items_) result_.names.emplace(name, std::move(item.from));
    return std::move(result_);
  }

 private:
  void note(std::string text) { result_.notes.push_back(std::move(text)); }

  [[noreturn]] void no_network() const {
    std::vector<std::string> some;
    for (const auto& [name, tensor] : file_)
      if (some.size() < 3) some.push_back(name);
    throw Error(
        source_ + (some.empty() ? " holds no tensors"
                                : " holds no vision transformer: its tensors are called " + join(some, ", ") +
                                      (file_.size() > 3 ? ", ..." : "")),
        "known are plain ViTs in the names of timm, Hugging Face and torchvision, and the authors' checkpoints");
  }

  void add(const std::string& name, const Candidate& network) {
    const bool inside = name.starts_with(network.prefix);
    std::string own = inside ? name.substr(network.prefix.size()) : without_shared_words(name, network.prefix);
    if (network.dialect == Dialect::huggingface) own = from_huggingface(own);
    if (network.dialect == Dialect::torchvision) own = from_torchvision(own);
    own = layer_scale_name(from_fas_wrapper(own));
    const auto [slot, is_new] = items_.try_emplace(own, Item{name, inside});
    if (is_new || own.starts_with("head.bottleneck.")) return;
    if (!slot->second.inside && inside)
      slot->second = {name, inside};  // what stands around the network comes second
    else if (slot->second.inside && inside)
      throw Error(source_ + ": '" + slot->second.from + "' and '" + name + "' are both " + own,
                  "the file holds two networks under one name");
  }

  const Shape& shape(const Item& item) const { return file_.at(item.from).shape; }

  // The one linear layer behind the features becomes `head`; any other head is refused or left out.
  void take_head() {
    if (items_.contains("head.bottleneck.weight") && items_.contains("head.classifier.weight")) return;
    std::vector<std::string> names, weights;
    bool self_supervised = false;
    for (const auto& [name, item] : items_) {
      if (!among(kHeads, first_word(name))) continue;
      names.push_back(name);
      if (name.ends_with(".weight") && shape(item).size() == 2) weights.push_back(name.substr(0, name.size() - 7));
      self_supervised = self_supervised || name.find(".last_layer") != std::string::npos ||
                        name.find("running_mean") != std::string::npos;
    }
    if (names.empty()) return;
    if (weights.size() == 1) {
      const std::string stem = weights[0];
      const bool linear = std::all_of(names.begin(), names.end(), [&](const std::string& name) {
        return name == stem + ".weight" || name == stem + ".bias";
      });
      if (linear) {
        if (stem != "head") note("head: '" + stem + "', a linear layer on the features");
        for (const char* part : {".weight", ".bias"}) {
          auto node = items_.extract(stem + part);
          if (!node) continue;
          node.key() = std::string("head") + part;
          items_.insert(std::move(node));
        }
        return;
      }
    }
    if (with_head_ && !self_supervised)
      throw Error(
          source_ + ": its head (" + shortened(names) + ") is not one linear layer, which is what can be computed",
          "fsfm finetune --init takes the network without its head");
    for (const auto& name : names) drop(name);
  }

  static std::string shortened(const std::vector<std::string>& names) {
    std::vector<std::string> some(names.begin(),
                                  names.begin() + static_cast<ptrdiff_t>(std::min<size_t>(3, names.size())));
    return join(some, ", ") + (names.size() > 3 ? ", ..." : "");
  }

  void drop(const std::string& name) {
    const std::string word = first_word(name);
    dropped_.insert(word == name ? word : word + ".*");
    ++dropped_tensors_;
    items_.erase(name);
  }

  void leave_out() {
    const bool fsfm = items_.contains("rep_decoder_embed.weight"), adapter = items_.contains("adapter.linear1.weight");
    std::vector<std::string> useless;
    for (const auto& [name, item] : items_) {
      const std::string word = first_word(name);
      const bool layer_scale =
          name.starts_with("blocks.") && (name.ends_with(".ls1.gamma") || name.ends_with(".ls2.gamma"));
      const bool split = name.starts_with("blocks.") && result_.dialect == Dialect::huggingface;
      if (layer_scale || (split && is_split_projection(name))) continue;
      if (fsfm && is_fsfm_name(name)) continue;
      if (adapter && word == "projector") continue;
      if (is_vit_name(name)) continue;
      // A figure beside the weights ("best_acc1"), no part of them.
      const bool figure = !item.inside && item.from.find('.') == std::string::npos && shape(item).empty();
      if (among(kUseless, word) || name.ends_with("num_batches_tracked") || figure || (!item.inside && !with_head_)) {
        useless.push_back(name);
        continue;
      }
      throw unknown_tensor(source_, item.from, name);
    }
    for (const auto& name : useless) drop(name);
    if (dropped_tensors_ == 0) return;
    std::vector<std::string> some;
    for (const auto& name : dropped_)
      if (some.size() < 6) some.push_back(name);
    note(fmt::format("left out: {}{} ({} tensor{})", join(some, ", "), dropped_.size() > 6 ? ", ..." : "",
                     dropped_tensors_, dropped_tensors_ == 1 ? "" : "s"));
  }

  static bool is_split_projection(const std::string& name) {
    return name.find(".attn.q.") != std::string::npos || name.find(".attn.k.") != std::string::npos ||
           name.find(".attn.v.") != std::string::npos;
  }

  const TensorMap& file_;
  const std::string& source_;
  bool with_head_;
  std::map<std::string, Item> items_;  // by our name
  std::set<std::string> dropped_;
  size_t dropped_tensors_ = 0;
  NetworkNames result_;
};

}  // namespace

std::vector<NetworkInside> networks_inside(const TensorMap& file) {
  const std::vector<Candidate> candidates = find_candidates(file);
  std::vector<NetworkInside> networks;
  for (const auto& candidate : candidates) networks.push_back({candidate.key(), 0});
  for (const auto& [name, tensor] : file)
    if (const auto owner = owner_of(name, candidates)) ++networks[*owner].tensors;
  return networks;
}

bool may_be_of_huggingface(const TensorMap& file) {
  const std::vector<Candidate> candidates = find_candidates(file);
  return candidates.empty() || std::any_of(candidates.begin(), candidates.end(), [](const Candidate& candidate) {
           return candidate.dialect == Dialect::huggingface;
         });
}

NetworkNames choose_network(const TensorMap& file, const std::string& source, const std::string& key, bool with_head) {
  return Chooser(file, source, with_head).run(key);
}

}  // namespace fsfm
