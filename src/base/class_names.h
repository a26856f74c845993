// What the name of a class says of the faces in it: real, attack, or nothing. The one rule for folder names, values of
// lists and class names of models.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fsfm {

enum class ClassKind { unknown, real, attack };

// The class of faces that nobody has labelled.
inline constexpr std::string_view kUnlabelledClass = "unlabelled";

// Pure functions on names; thread-safe.
//
// Names are read as whole words, whatever separates them: "0_real", "training_fake", "ClientRaw" and "bona-fide" hold
// words, "originality" and "video0" do not. Strong words (real, fake, spoof, a forgery's method, ...) count anywhere;
// plain ones (live, original, print, replay, ...) only where no unknown word stands beside them ("print_shop" says
// nothing). Numbers, words of both sides ("real_vs_fake") and unknown names say nothing; "not_real" is an attack,
// "not_fake" says nothing.
ClassKind kind_of_class(std::string_view name);

// What the user states of the classes.
struct ClassStatement {
  std::vector<std::string> real, attack;  // names, as the data has them; case does not matter
  bool unlabelled = false;                // the folders are no classes at all
  bool empty() const { return real.empty() && attack.empty() && !unlabelled; }
  // unknown = not named. Throws Error for a name on both sides.
  ClassKind kind_of(std::string_view name) const;
};

// The names of one dataset, judged together: what is stated counts first, then what a name says by itself. Then some
// names say something beside others: SiW_live beside SiW_spoof (the same unknown words); photo, video, mobile or mask
// are attacks beside a real class, client and youtube are real beside an attack class. At last, where the user named
// one side only, the names that say nothing are the other side.
std::vector<ClassKind> judge_classes(std::span<const std::string> names, const ClassStatement& stated = {});

// The attack classes among `names`, in their order. Throws Error that names those of which nothing can be said.
// `way_out` is its hint; "" = how_to_name_classes().
std::vector<std::string> infer_attack_classes(const std::vector<std::string>& names, const ClassStatement& stated = {},
                                              const std::string& way_out = "");

// Those of `names` that are attacks by their names, without a question about the others.
std::vector<std::string> known_attack_classes(const std::vector<std::string>& names);

// A value of a table's column. `column` tells what 0 and 1 (no/yes, false/true) mean where it is named for one side: a
// 1 in "is_fake" is an attack, a 1 in "live" is real; in "label" it says nothing.
ClassKind kind_of_value(std::string_view column, std::string_view value);

// A name that says real or attack only beside others ("photo", "client"): the kind it would then have.
ClassKind kind_beside_others(std::string_view name);

// "train", "val" or "test" for the names in use (training, valid, devel, dev, testing, eval, ...); nullopt else.
std::optional<std::string> canonical_split(std::string_view name);
// The same for folders: "training_set", "Test Images" and "train_release" too, "test_video" not.
std::optional<std::string> split_of_folder(std::string_view name);
// The split that a class name mentions: "train" for "training_real"; nullopt for none or several.
std::optional<std::string> split_in_class_name(std::string_view name);

// "real: live; attack: print, replay".
std::string describe_classes(std::span<const std::string> names, std::span<const std::string> attacks);
// How to answer the question which classes are real: for the way out of an Error.
std::string how_to_name_classes();

}  // namespace fsfm
