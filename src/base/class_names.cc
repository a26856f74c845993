#include "base/class_names.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "base/class_words.h"
#include "base/error.h"
#include "base/text.h"

namespace fsfm {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// Punctuation and spaces of other scripts: general punctuation, no-break and ideographic space, middle dots, full-width
// signs. Every other character beyond ASCII is a letter.
bool is_separator(uint32_t c) {
  return c == 0xA0 || c == 0xB7 || c == 0xAD || (c >= 0x2000 && c <= 0x206F) || c == 0x2212 ||
         (c >= 0x3000 && c <= 0x3020) || c == 0x30FB || (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF01 && c <= 0xFF0F) ||
         (c >= 0xFF1A && c <= 0xFF20) || (c >= 0xFF3B && c <= 0xFF40) || c == 0xFEFF;
}

uint32_t code_point(std::string_view sequence) {
  const auto byte = [&](size_t i) { return static_cast<uint32_t>(static_cast<unsigned char>(sequence[i])); };
  switch (sequence.size()) {
    case 2:
      return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3:
      return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    default:
      return 0x10000;  // beyond every separator
  }
}

// "ClientRaw_02" -> "client", "raw", "02".
std::vector<std::string> words_of(std::string_view name) {
  std::vector<std::string> words;
  bool open = false;  // the last word may go on
  for (size_t i = 0; i < name.size();) {
    const size_t length = std::max<size_t>(1, utf8_length(name.substr(i)));
    const char c = name[i];
    if (static_cast<unsigned char>(c) >= 0x80) {
      if (length > 1 && is_separator(code_point(name.substr(i, length)))) {
        open = false;
      } else {
        if (!open) words.emplace_back();
        words.back() += name.substr(i, length);
        open = true;
      }
      i += length;
      continue;
    }
    if (!is_digit(c) && !is_upper(c) && !is_lower(c)) {
      open = false;
      ++i;
      continue;
    }
    if (open && i > 0) {
      const char before = name[i - 1];
      const bool hump = is_upper(c) && (is_lower(before) || (is_upper(before) && i + 1 < name.size() &&
                                                             is_lower(name[i + 1]) && name.substr(i + 1) != "s"));
      if (hump || is_digit(c) != is_digit(before)) open = false;
    }
    if (!open) words.emplace_back();
    words.back() += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    open = true;
    ++i;
  }
  return words;
}

bool has_side(const Word& word) {
  return word.role == WordRole::strong || word.role == WordRole::plain || word.role == WordRole::weak ||
         word.role == WordRole::media;
}

// One word, or two that were written together: "realfaces", "testfake", "notreal".
std::vector<Word> look_up(const std::string& word) {
  if (const Word found = look_up_word(word); found.role != WordRole::none) return {found};
  constexpr size_t kShortest = 3;
  for (size_t cut = kShortest; cut + kShortest <= word.size(); ++cut) {
    const Word a = look_up_word(std::string_view(word).substr(0, cut)),
               b = look_up_word(std::string_view(word).substr(cut));
    const auto silent = [](const Word& w) { return w.role == WordRole::qualifier || w.role == WordRole::split; };
    if ((a.role == WordRole::strong && silent(b)) || (silent(a) && b.role == WordRole::strong)) return {a, b};
    if (a.role == WordRole::negator && (b.role == WordRole::strong || b.role == WordRole::plain)) return {a, b};
  }
  return {Word()};
}

// How surely a name says what it says.
enum class Certainty { none, beside_others, half_of_collection, beside_counterpart, certain };

struct Opinion {
  ClassKind kind = ClassKind::unknown;
  Certainty certainty = Certainty::none;
  std::string rest = {};  // its unknown words: "siw" of "SiW_live"
};

// Sides that the words of one role take.
struct Sides {
  bool real = false, attack = false;
  void add(bool is_attack) { (is_attack ? attack : real) = true; }
  bool any() const { return real || attack; }
};

ClassKind kind_of_side(bool attack) { return attack ? ClassKind::attack : ClassKind::real; }

Opinion opinion_of(std::string_view name) {
  constexpr size_t kLongestCompound = 4;  // "face 2 face"
  const std::vector<std::string> words = words_of(name);
  std::vector<Word> found;
  std::string unknown;
  bool number = false;
  for (size_t i = 0; i < words.size();) {
    size_t length = std::min(kLongestCompound, words.size() - i);
    for (; length > 1; --length) {
      std::string compound;
      for (size_t k = 0; k < length; ++k) compound += words[i + k];
      if (const Word word = look_up_word(compound); has_side(word)) {
        found.push_back(word);
        break;
      }
    }
    if (length <= 1) {
      length = 1;
      for (const Word& word : look_up(words[i])) found.push_back(word);
      if (found.back().role == WordRole::none) {
        found.pop_back();
        if (is_digit(words[i][0]))
          number = true;
        else if (words[i].size() > 1)
          unknown += (unknown.empty() ? "" : " ") + words[i];
      }
    }
    i += length;
  }

  Sides strong, plain, weak, media;
  bool negated = false, container = false, split = false;
  for (Word word : found) {
    if (word.role == WordRole::silencer) return {};
    if (word.role == WordRole::negator) negated = true;
    container |= word.role == WordRole::container;
    split |= word.role == WordRole::split;
    if (!has_side(word)) continue;
    if (negated && word.role != WordRole::media) {
      if (word.attack) return {};  // "not_fake" may be real, or something else
      word = {WordRole::strong, true};
      negated = false;
    }
    if (word.role == WordRole::strong) strong.add(word.attack);
    if (word.role == WordRole::plain) plain.add(word.attack);
    if (word.role == WordRole::weak) weak.add(word.attack);
    if (word.role == WordRole::media) media.add(word.attack);
  }
  if (negated) return {};
  const Sides firm{strong.real || plain.real || weak.real, strong.attack || plain.attack || weak.attack};
  if (firm.real && firm.attack) return {};
  if (strong.any() || (plain.any() && unknown.empty()))
    return {kind_of_side(firm.attack), container ? Certainty::half_of_collection : Certainty::certain, unknown};
  if (container) return {};
  if (!unknown.empty())
    return firm.any() ? Opinion{kind_of_side(firm.attack), Certainty::beside_counterpart, unknown} : Opinion();
  if (weak.any()) return {kind_of_side(weak.attack), Certainty::beside_others};
  if (media.real == media.attack || number || split) return {};
  return {kind_of_side(media.attack), Certainty::beside_others};
}

std::string quoted(const std::vector<std::string>& names) {
  constexpr size_t kShown = 8;
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i ? ", '" : "'") + names[i] + "'";
  if (names.size() > kShown) text += ", ... (" + std::to_string(names.size()) + " names)";
  return text;
}

bool holds(const std::vector<std::string>& names, std::string_view name) {
  const std::string lower = to_lower(name);
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return to_lower(n) == lower; });
}

}  // namespace

ClassKind kind_of_class(std::string_view name) {
  const Opinion opinion = opinion_of(name);
  return opinion.certainty == Certainty::certain ? opinion.kind : ClassKind::unknown;
}

ClassKind kind_beside_others(std::string_view name) {
  const Opinion opinion = opinion_of(name);
  return opinion.certainty == Certainty::certain ? ClassKind::unknown : opinion.kind;
}

ClassKind ClassStatement::kind_of(std::string_view name) const {
  const bool is_real = holds(real, name), is_attack = holds(attack, name);
  if (is_real && is_attack)
    throw Error("'" + std::string(name) + "' is named as real and as an attack", "name it once");
  return is_real ? ClassKind::real : is_attack ? ClassKind::attack : ClassKind::unknown;
}

std::vector<ClassKind> judge_classes(std::span<const std::string> names, const ClassStatement& stated) {
  std::vector<ClassKind> kinds(names.size(), ClassKind::unknown);
  if (stated.unlabelled) return kinds;
  std::vector<Opinion> opinions;
  for (size_t i = 0; i < names.size(); ++i) {
    kinds[i] = stated.kind_of(names[i]);
    if (kinds[i] == ClassKind::unknown) kinds[i] = kind_of_class(names[i]);
    opinions.push_back(opinion_of(names[i]));
  }
  const auto opposite = [](ClassKind kind) { return kind == ClassKind::real ? ClassKind::attack : ClassKind::real; };
  const auto decide = [&](Certainty certainty, auto&& stands_beside) {
    const std::vector<ClassKind> before = kinds;
    for (size_t i = 0; i < names.size(); ++i)
      if (before[i] == ClassKind::unknown && opinions[i].certainty == certainty &&
          stands_beside(before, opposite(opinions[i].kind)))
        kinds[i] = opinions[i].kind;
  };
  const auto decided = [](const std::vector<ClassKind>& all, ClassKind kind) {
    return std::find(all.begin(), all.end(), kind) != all.end();
  };
  // SiW_live and SiW_spoof: what stands between the name and its meaning stands in its counterpart, too.
  std::map<std::string, Sides> counterparts;
  for (size_t i = 0; i < names.size(); ++i)
    if (opinions[i].certainty >= Certainty::beside_counterpart && kinds[i] != opposite(opinions[i].kind))
      counterparts[opinions[i].rest].add(opinions[i].kind == ClassKind::attack);
  for (size_t i = 0; i < names.size(); ++i)
    if (const Sides& sides = counterparts[opinions[i].rest]; kinds[i] == ClassKind::unknown && sides.real &&
                                                             sides.attack &&
                                                             opinions[i].certainty == Certainty::beside_counterpart)
      kinds[i] = opinions[i].kind;
  // Halves of a collection (real_dataset, fake_dataset) speak for each other.
  decide(Certainty::half_of_collection, [&](const auto& all, ClassKind kind) {
    return decided(all, kind) ||
           std::any_of(opinions.begin(), opinions.end(), [&](const Opinion& o) { return o.kind == kind; });
  });
  decide(Certainty::beside_others, decided);
  const bool spoken_of = std::any_of(
      names.begin(), names.end(), [&](const std::string& name) { return stated.kind_of(name) != ClassKind::unknown; });
  if (!spoken_of || stated.real.empty() == stated.attack.empty()) return kinds;
  const ClassKind rest = stated.real.empty() ? ClassKind::real : ClassKind::attack;
  for (size_t i = 0; i < names.size(); ++i)
    if (kinds[i] == ClassKind::unknown && to_lower(names[i]) != kUnlabelledClass) kinds[i] = rest;
  return kinds;
}

std::vector<std::string> infer_attack_classes(const std::vector<std::string>& names, const ClassStatement& stated,
                                              const std::string& way_out) {
  const auto kinds = judge_classes(names, stated);
  std::vector<std::string> attacks, open;
  for (size_t i = 0; i < names.size(); ++i) {
    if (kinds[i] == ClassKind::attack) attacks.push_back(names[i]);
    if (kinds[i] == ClassKind::unknown) open.push_back(names[i]);
  }
  if (!open.empty())
    throw Error("nothing says whether " + quoted(open) + (open.size() == 1 ? " is" : " are") + " real or attack",
                way_out.empty() ? how_to_name_classes() : way_out);
  return attacks;
}

std::vector<std::string> known_attack_classes(const std::vector<std::string>& names) {
  const auto kinds = judge_classes(names);
  std::vector<std::string> attacks;
  for (size_t i = 0; i < names.size(); ++i)
    if (kinds[i] == ClassKind::attack) attacks.push_back(names[i]);
  return attacks;
}

ClassKind kind_of_value(std::string_view column, std::string_view value) {
  const std::string low = to_lower(trim(std::string(value)));
  const bool one = low == "1" || low == "1.0" || low == "true" || low == "yes" || low == "y" || low == "t";
  const bool zero = low == "0" || low == "0.0" || low == "false" || low == "no" || low == "n" || low == "f";
  if (!one && !zero) return kind_of_class(value);
  // "label_fake" is 1 for a fake: the words around are no obstacle, the side must be clear.
  std::string words;
  for (const auto& word : words_of(column))
    if (word != "is" && word != "label" && word != "target" && word != "y") words += (words.empty() ? "" : " ") + word;
  const ClassKind named = kind_of_class(words);
  if (named == ClassKind::unknown) return ClassKind::unknown;
  return (named == ClassKind::attack) == one ? ClassKind::attack : ClassKind::real;
}

std::optional<std::string> canonical_split(std::string_view folder_name) {
  const std::string name = to_lower(folder_name);
  if (name == "train" || name == "training") return "train";
  if (name == "val" || name == "valid" || name == "validation" || name == "dev" || name == "devel" ||
      name == "development")
    return "val";
  if (name == "test" || name == "testing" || name == "eval" || name == "evaluation") return "test";
  return std::nullopt;
}

namespace {

// "trainset" -> "train".
std::optional<std::string> split_of_word(const std::string& word) {
  if (const auto split = canonical_split(word)) return split;
  return word.ends_with("set") ? canonical_split(word.substr(0, word.size() - 3)) : std::nullopt;
}

}  // namespace

std::optional<std::string> split_of_folder(std::string_view name) {
  static const std::vector<std::string> kCompanions = {"set",    "data",  "dataset", "release", "split",
                                                       "images", "image", "imgs",    "img",     "faces",
                                                       "face",   "crops", "frames",  "folder",  "samples"};
  std::optional<std::string> split;
  for (const auto& word : words_of(name)) {
    if (const auto found = split_of_word(word)) {
      if (split) return std::nullopt;
      split = found;
    } else if (std::find(kCompanions.begin(), kCompanions.end(), word) == kCompanions.end()) {
      return std::nullopt;
    }
  }
  return split;
}

std::optional<std::string> split_in_class_name(std::string_view name) {
  std::optional<std::string> split;
  for (const auto& word : words_of(name)) {
    const auto found = split_of_word(word);
    if (found && split && *split != *found) return std::nullopt;
    if (found) split = found;
  }
  return split;
}

std::string describe_classes(std::span<const std::string> names, std::span<const std::string> attacks) {
  std::vector<std::string> sides[2];  // real, attack
  for (const auto& name : names)
    sides[std::find(attacks.begin(), attacks.end(), name) != attacks.end()].push_back(name);
  const auto text = [](const std::vector<std::string>& side) { return side.empty() ? "none" : join(side, ", "); };
  return "real: " + text(sides[0]) + "; attack: " + text(sides[1]);
}

std::string how_to_name_classes() { return "name them: --real NAME... and --attack-classes NAME..."; }

}  // namespace fsfm
