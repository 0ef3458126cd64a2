# Third-party libraries. BoringSSL and libsrtp come from scripts/setup's cache (static, hidden
# symbols); everything else is a system package.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
if(FOVEA_DEVELOPER_MODE)
  find_package(GTest REQUIRED)
  find_package(benchmark REQUIRED)
endif()

set(FOVEA_THIRD_PARTY_DIR "$ENV{FOVEA_THIRD_PARTY_DIR}" CACHE PATH "Prefix that scripts/setup filled")
if(NOT FOVEA_THIRD_PARTY_DIR)
  set(FOVEA_THIRD_PARTY_DIR "$ENV{HOME}/.cache/fovea/third_party/current")
endif()
