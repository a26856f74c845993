#include "base/class_words.h"

#include <algorithm>
#include <string>
#include <unordered_map>

namespace fsfm {
namespace {

struct Line {
  WordRole role;
  bool attack;
  std::string_view words;  // separated by spaces
};

// Inflected forms are written out: a rule for endings would take "faker" for "fake".
constexpr Line kLines[] = {
    {WordRole::strong, false,
     "real reals realface realfaces realimages genuine genuines bonafide bonafides bonefide authentic authentics "
     "pristine"},
    {WordRole::strong, true,
     "fake fakes faked faking fakeface fakefaces spoof spoofs spoofed spoofing attack attacks attacked attacker "
     "attackers forged forgery forgeries forge manipulated manipulation manipulations tampered tampering synthetic "
     "synthetics synthesis synthesised synthesized synthesise synthesize generated aigenerated "
     "imposter imposters impostor impostors deepfake deepfakes counterfeit falsified doctored"},
    // Methods of the published datasets.
    {WordRole::strong, true,
     "faceswap faceswaps face2face neuraltextures faceshifter simswap inswapper fsgan dagan "
     "sadtalker wav2lip mobileswap blendface hififace ghostface megafs facedancer fomm tpsm mcnet "
     "hyperreenact facevid2vid pirender stylegan stylegan2 stylegan3 progan stargan stargan2 cyclegan attgan "
     "stylemask styleclip ganimation deepfacelab faceapp midjourney dalle dalle2 dalle3 "
     "stablediffusion sdxl sd21 sd15 sdv1 sdv14 sdv15 sdv2 sdv21 vqgan biggan gaugan selfblend selfblended "
     "thispersondoesnotexist"},
    {WordRole::plain, false, "live lives living lively original originals"},
    {WordRole::plain, true,
     "print prints printed printing replay replays replayed replaying cutout cutouts eyecut eyecuts warped "
     "morph morphs morphed morphing swap swaps swapped swapping faceswapped reenact reenacted reenactment "
     "t2i i2i v2v entiresynthesis entirefacesynthesis "
     "faceedit faceediting faceswapping facereenactment talkinghead lipsync"},
    {WordRole::weak, true,
     "mask masks paper papers silicone latex resin mannequin mannequins gan gans diffusion diffused ai sd ldm ddim "
     "ddpm adm glide uniface dfl sbi fe fs f2f"},
    {WordRole::media, true,
     "photo photos photograph photographs video videos mobile mobiles highdef highdefinition screen screens display "
     "displays tablet tablets poster posters a4"},
    {WordRole::weak, false, "nature natural"},
    {WordRole::media, false, "client clients youtube actor actors"},
    {WordRole::qualifier, false,
     "face faces image images img imgs picture pictures pic pics frame frames crop crops cropped aligned align raw "
     "high low hq lq hr lr hd quality definition def resolution res set sets class classes label labels labelled "
     "labeled folder folders dir samples sample part parts subset sequences sequence seq clip clips data new old "
     "only the of a in by fixed hand handheld adhoc adverse controlled uncontrolled person persons people human "
     "humans subject subjects user users type types kind version ver png jpg jpeg mp4 c0 c23 c40 compressed "
     "uncompressed release final small large full all rgb color colour nir ir depth outdoor "
     "indoor category group ff celeb celebdf dfdc dfd dfdcp uadfv"},
    {WordRole::split, false,
     "train training trainset val valid validation valset dev devel development devset test testing testset eval "
     "evaluation"},
    {WordRole::negator, false, "not non isnt"},
    {WordRole::container, false,
     "dataset datasets database databases db detection detector detect detecting challenge benchmark corpus project "
     "classification classifier classify recognition collection archive competition"},
    {WordRole::silencer, false,
     "vs versus or no without mixed mix mixture both unlabelled unlabeled unknown undecided anti antispoofing "
     "antispoof unsorted"},
};

const std::unordered_map<std::string_view, Word>& table() {
  static const auto kTable = [] {
    std::unordered_map<std::string_view, Word> words;
    for (const Line& line : kLines)
      for (size_t at = 0; at < line.words.size();) {
        const size_t end = std::min(line.words.find(' ', at), line.words.size());
        words.emplace(line.words.substr(at, end - at), Word{line.role, line.attack});
        at = end + 1;
      }
    return words;
  }();
  return kTable;
}

}  // namespace

Word look_up_word(std::string_view word) {
  const auto found = table().find(word);
  return found == table().end() ? Word() : found->second;
}

}  // namespace fsfm
