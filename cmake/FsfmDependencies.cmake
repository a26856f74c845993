# Everything the project links, from Debian's packages (see tools/install_deps.sh), gathered in two interface targets:
# fsfm_core_deps (no libtorch) and fsfm_torch.
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(ZLIB REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(TIFF REQUIRED)
find_package(GIF REQUIRED)
find_package(OpenCV 4.5 REQUIRED COMPONENTS core imgproc dnn)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LCMS REQUIRED IMPORTED_TARGET lcms2)
pkg_check_modules(FFMPEG REQUIRED IMPORTED_TARGET libavformat libavcodec libavfilter libswscale libavutil)
find_package(spdlog REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(tomlplusplus REQUIRED)
find_package(CLI11 REQUIRED)
find_package(dlib REQUIRED)

# Debian's dnnl CMake package asks for OpenCL headers it does not ship: take header and library directly.
find_path(DNNL_INCLUDE_DIR dnnl.hpp REQUIRED)
find_library(DNNL_LIBRARY dnnl REQUIRED)

# Of Highway's own package only the library: its target would put a definition that nobody needs on every command line.
find_path(HWY_INCLUDE_DIR hwy/highway.h REQUIRED)
find_library(HWY_LIBRARY hwy REQUIRED)

# CMake has no module for WebP and Debian ships no package file.
find_path(WEBP_INCLUDE_DIR webp/decode.h REQUIRED)
find_library(WEBP_LIBRARY webp REQUIRED)
find_library(WEBPDEMUX_LIBRARY webpdemux REQUIRED)

# HEIC and AVIF. Debian's library brings its decoders along (libde265, dav1d, aom); OpenCV's dependencies hold it already.
find_path(HEIF_INCLUDE_DIR libheif/heif.h REQUIRED)
find_library(HEIF_LIBRARY heif REQUIRED)

add_library(fsfm_core_deps INTERFACE)
target_include_directories(fsfm_core_deps SYSTEM INTERFACE ${DNNL_INCLUDE_DIR} ${HWY_INCLUDE_DIR} ${WEBP_INCLUDE_DIR} ${HEIF_INCLUDE_DIR} ${OpenCV_INCLUDE_DIRS})
target_link_libraries(fsfm_core_deps INTERFACE
  Threads::Threads OpenMP::OpenMP_CXX OpenSSL::Crypto ZLIB::ZLIB JPEG::JPEG PNG::PNG TIFF::TIFF GIF::GIF ${WEBPDEMUX_LIBRARY}
  ${WEBP_LIBRARY} ${HEIF_LIBRARY} PkgConfig::LCMS
  opencv_core opencv_imgproc opencv_dnn PkgConfig::FFMPEG
  spdlog::spdlog nlohmann_json::nlohmann_json tomlplusplus::tomlplusplus CLI11::CLI11 dlib::dlib ${HWY_LIBRARY} ${DNNL_LIBRARY})

if(FSFM_TRAIN)
  find_package(Torch REQUIRED)
  add_library(fsfm_torch INTERFACE)
  # libtorch's newer packages carry fmt's headers, of another release than the one spdlog and fsfm_core are built with. Debian's
  # lie in a folder that the compiler searches last, so a link to them alone goes first.
  foreach(torch_headers ${TORCH_INCLUDE_DIRS})
    if(EXISTS ${torch_headers}/fmt)
      find_path(FMT_INCLUDE_DIR fmt/format.h REQUIRED)
      file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/first_headers)
      file(CREATE_LINK ${FMT_INCLUDE_DIR}/fmt ${CMAKE_BINARY_DIR}/first_headers/fmt SYMBOLIC)
      target_include_directories(fsfm_torch SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/first_headers)
      break()
    endif()
  endforeach()
  target_include_directories(fsfm_torch SYSTEM INTERFACE ${TORCH_INCLUDE_DIRS})
  separate_arguments(torch_flags UNIX_COMMAND "${TORCH_CXX_FLAGS}")
  target_compile_options(fsfm_torch INTERFACE ${torch_flags})
  target_link_libraries(fsfm_torch INTERFACE ${TORCH_LIBRARIES})
  # A CUDA libtorch holds NCCL, but its package hides the class (and needs NCCL's header, which may be absent).
  if(TORCH_CUDA_LIBRARIES OR TORCH_CUDA_LIBRARY)
    find_path(NCCL_INCLUDE_DIR nccl.h HINTS ${CUDA_TOOLKIT_ROOT_DIR}/include ${CUDAToolkit_INCLUDE_DIRS})
    if(NCCL_INCLUDE_DIR)
      target_include_directories(fsfm_torch SYSTEM INTERFACE ${NCCL_INCLUDE_DIR} ${CUDA_INCLUDE_DIRS})
      target_compile_definitions(fsfm_torch INTERFACE USE_C10D_NCCL)
    endif()
  endif()
endif()

# Only what serves: the HTTP library is compiled, and its types depend on these definitions of its package file.
find_package(SQLite3 REQUIRED)
pkg_check_modules(HTTPLIB REQUIRED IMPORTED_TARGET cpp-httplib)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
add_library(fsfm_server_deps INTERFACE)
target_link_libraries(fsfm_server_deps INTERFACE PkgConfig::HTTPLIB PkgConfig::SECCOMP SQLite::SQLite3 OpenSSL::SSL OpenSSL::Crypto)
