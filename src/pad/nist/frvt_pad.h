// NIST's interface for presentation attack detection (FATE PAD, formerly FRVT PAD, API 1.5), declared anew from its
// published description; see frvt_structs.h.
#ifndef FRVT_PAD_H_
#define FRVT_PAD_H_

#include <frvt_structs.h>

namespace FRVT_PAD {

class Interface {
 public:
  virtual ~Interface() {}

  // Called once, before the program forks. `configDir`: a read-only folder with all that the implementation needs.
  virtual FRVT::ReturnStatus initialize(const std::string& configDir) = 0;

  // Whether the medium shows a presentation attack by which somebody would pass for another. `score` in -1 (certainly
  // none) to 1 (certainly one). `decisionProperties`: words of the implementation's choice, for instance
  // <"presentation attack detected", "replay attack">, <"unable to make PAD determination", "no face detected">.
  virtual FRVT::ReturnStatus detectImpersonationPA(
      const FRVT::Media& suspectedPA, bool& isPA, double& score,
      std::vector<std::pair<std::string, std::string>>& decisionProperties) = 0;

  // The same of an attack by which somebody would not be recognised.
  virtual FRVT::ReturnStatus detectEvasionPA(const FRVT::Media& suspectedPA, bool& isPA, double& score,
                                             std::vector<std::pair<std::string, std::string>>& decisionProperties) = 0;

  // The library's own.
  static std::shared_ptr<Interface> getImplementation();
};

#ifdef NIST_EXTERN_API_VERSION
extern uint16_t API_MAJOR_VERSION, API_MINOR_VERSION;
#else
uint16_t API_MAJOR_VERSION{1};
uint16_t API_MINOR_VERSION{5};
#endif

}  // namespace FRVT_PAD

#endif  // FRVT_PAD_H_
