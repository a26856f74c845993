# cmake --install: programs, weights, library, headers, manual pages, completions; and the Debian packages of cpack.
include(CMakePackageConfigHelpers)
set(CMAKE_INSTALL_DEFAULT_COMPONENT_NAME fsfm)

install(TARGETS fsfm RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS libfsfm EXPORT fsfmTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS libfsfm_static ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/fsfm DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY models/ DESTINATION ${CMAKE_INSTALL_DATADIR}/fsfm/models)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(FSFM_TRAIN)
  install(TARGETS fsfm-learn RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/fsfm COMPONENT fsfm-learn)
endif()

# find_package(fsfm) and pkg-config. A static link also needs what the library itself links: pkg-config --static fsfm.
install(EXPORT fsfmTargets NAMESPACE fsfm:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/fsfm)
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/fsfmConfig.cmake "include(\${CMAKE_CURRENT_LIST_DIR}/fsfmTargets.cmake)\n")
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/fsfmConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fsfmConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/fsfmConfigVersion.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/fsfm)
# From lib/pkgconfig (or lib/ARCHITECTURE/pkgconfig) back to the prefix, so that the folder may be moved.
string(REGEX REPLACE "[^/]+" ".." FSFM_PC_PREFIX "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
configure_file(cmake/fsfm.pc.in ${CMAKE_CURRENT_BINARY_DIR}/fsfm.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/fsfm.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# Manual pages and completions say what --help says: they are made from it.
add_custom_command(OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/man/fsfm.1
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/make_manual.sh $<TARGET_FILE:fsfm> ${CMAKE_CURRENT_BINARY_DIR}/man
  COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/tools/make_completions.sh $<TARGET_FILE:fsfm> ${CMAKE_CURRENT_BINARY_DIR}/completions
  DEPENDS fsfm tools/make_manual.sh tools/make_completions.sh VERBATIM)
add_custom_target(manual ALL DEPENDS ${CMAKE_CURRENT_BINARY_DIR}/man/fsfm.1)
install(DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/completions/fsfm DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/completions/_fsfm DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/completions/fsfm.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)

# cpack -G DEB in the build folder: fsfm_*.deb, and fsfm-learn_*.deb where it was built.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME fsfm)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_CONTACT "the fsfm developers")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "tells real faces from forged and spoofed ones")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_FSFM_PACKAGE_NAME fsfm)
set(CPACK_DEBIAN_FSFM_PACKAGE_RECOMMENDS ffmpeg)  # detect --camera
set(CPACK_DEBIAN_FSFM-LEARN_PACKAGE_NAME fsfm-learn)
set(CPACK_DEBIAN_FSFM-LEARN_PACKAGE_DEPENDS "fsfm (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_FSFM-LEARN_DESCRIPTION "learning commands of fsfm, on libtorch")
set(CPACK_DEBIAN_PACKAGE_SECTION science)
include(CPack)
