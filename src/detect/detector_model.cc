#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "detect/detect.h"
#include "detect/operating_point.h"
#include "detect/score_dataset.h"

namespace fsfm {
namespace {

const ModelFile& check_detector(const ModelFile& model) {
  const ModelCard& card = model.card();
  auto bad = [&](const std::string& what, const std::string& hint) {
    return Error(model.path().string() + " " + what, hint);
  };
  if (card.kind != "detector")
    throw bad("is no detector but a '" + card.kind + "' model", "fine-tune it first: fsfm finetune --help");
  if (card.architecture != "vit") throw bad("has the unknown architecture '" + card.architecture + "'", "update fsfm");
  if (card.attack_classes.empty())
    throw bad("does not say which of its classes mean attack", "state them: fsfm convert --attack-classes");
  if (card.attack_classes.size() >= card.classes.size())
    throw bad("says that all of its classes mean attack", "state those that do: fsfm convert --attack-classes");
  return model;
}

}  // namespace

DetectorModel::DetectorModel(ModelFile file, double fpr) : file_(std::move(file)), card_(check_detector(file_).card()) {
  attack_mask(card_);  // throws when none or all do
  if (fpr > 0) use_false_positive_rate(card_, fpr);
}

std::shared_ptr<const DetectorModel> DetectorModel::of(ModelFile file, double fpr) {
  return std::shared_ptr<const DetectorModel>(new DetectorModel(std::move(file), fpr));
}

std::shared_ptr<const DetectorModel> DetectorModel::open(const std::filesystem::path& file, double fpr) {
  return of(ModelFile::open(file), fpr);
}

VitEngine DetectorModel::engine(int threads, EnginePrecision precision) const {
  const std::lock_guard lock(packing_);
  auto packed = packed_.find(precision);
  if (packed == packed_.end()) packed = packed_.emplace(precision, VitEngine(file_, threads, precision)).first;
  return {packed->second, threads};
}

std::string DetectorModel::sha256() const {
  return is_plain_file(file_.path()) && file_.path().extension() == ".safetensors" ? sha256_file(file_.path()) : "";
}

}  // namespace fsfm
