// The layouts' enumerate functions, one small file each (a table and its close kin share one).
#pragma once

#include "prepare/layouts/layout.h"

namespace fsfm {

Listing enumerate_folder(const LayoutRequest& request);
Listing enumerate_classes(const LayoutRequest& request);
Listing enumerate_list(const LayoutRequest& request);
Listing enumerate_csv(const LayoutRequest& request);
Listing enumerate_vggface2(const LayoutRequest& request);
Listing enumerate_ytf(const LayoutRequest& request);
Listing enumerate_ffpp(const LayoutRequest& request);
Listing enumerate_dfd(const LayoutRequest& request);
Listing enumerate_celebdf(const LayoutRequest& request);
Listing enumerate_dfdc(const LayoutRequest& request);
Listing enumerate_dfdcp(const LayoutRequest& request);
Listing enumerate_wilddeepfake(const LayoutRequest& request);
Listing enumerate_diff(const LayoutRequest& request);
Listing enumerate_mcio(const LayoutRequest& request);
Listing enumerate_wcs(const LayoutRequest& request);
Listing enumerate_deepfakebench(const LayoutRequest& request);

}  // namespace fsfm
