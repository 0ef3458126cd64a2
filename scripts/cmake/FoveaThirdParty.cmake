# Third-party libraries. BoringSSL and libsrtp come from scripts/setup's cache (static, hidden
# symbols); everything else is a system package, found by the module that uses it.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
if("unit" IN_LIST FOVEA_TESTS OR "sim" IN_LIST FOVEA_TESTS OR "heap" IN_LIST FOVEA_TESTS)
  find_package(GTest REQUIRED)
endif()
if("bench" IN_LIST FOVEA_TESTS)
  find_package(benchmark REQUIRED)
endif()

set(FOVEA_THIRD_PARTY_DIR "$ENV{FOVEA_THIRD_PARTY_DIR}" CACHE PATH
  "Prefix with BoringSSL and libsrtp; empty: where scripts/setup puts them")
set(FOVEA_BORINGSSL_SOURCE "" CACHE PATH
  "BoringSSL source tree to build in place of the distribution's; empty: what scripts/setup built")

if(FOVEA_BORINGSSL_SOURCE)
  message(STATUS "Building BoringSSL from ${FOVEA_BORINGSSL_SOURCE} (once; cached)")
  execute_process(
    COMMAND ${CMAKE_COMMAND} -E env FOVEA_BORINGSSL_SOURCE=${FOVEA_BORINGSSL_SOURCE}
            ${CMAKE_SOURCE_DIR}/scripts/setup --third-party-prefix
    OUTPUT_VARIABLE fovea_prefix OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(FOVEA_THIRD_PARTY_DIR ${fovea_prefix} CACHE PATH "" FORCE)
elseif(NOT FOVEA_THIRD_PARTY_DIR)
  if(DEFINED ENV{FOVEA_CACHE})
    set(fovea_cache $ENV{FOVEA_CACHE})
  elseif(DEFINED ENV{XDG_CACHE_HOME})
    set(fovea_cache $ENV{XDG_CACHE_HOME}/fovea)
  else()
    set(fovea_cache $ENV{HOME}/.cache/fovea)
  endif()
  set(FOVEA_THIRD_PARTY_DIR ${fovea_cache}/third_party/current)
endif()
include(FoveaThirdPartyTargets)
