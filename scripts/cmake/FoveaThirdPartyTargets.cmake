# Imported targets for what scripts/setup built: fovea_crypto and fovea_ssl (BoringSSL), fovea_srtp
# (libsrtp on BoringSSL). Needs Threads to be found, and FOVEA_THIRD_PARTY_DIR to be set.
foreach(name crypto ssl srtp2)
  if(NOT EXISTS ${FOVEA_THIRD_PARTY_DIR}/lib/lib${name}.a)
    message(FATAL_ERROR
      "${FOVEA_THIRD_PARTY_DIR}/lib/lib${name}.a is missing. BoringSSL and libsrtp are built once per "
      "machine: run scripts/setup, then configure again. A prefix built elsewhere is named by "
      "-DFOVEA_THIRD_PARTY_DIR=DIR, a BoringSSL checkout to build by -DFOVEA_BORINGSSL_SOURCE=DIR.")
  endif()
endforeach()

function(fovea_import name archive)
  add_library(${name} STATIC IMPORTED GLOBAL)
  # Imported targets are SYSTEM: their headers are not held to our warnings, and come before the usual
  # ones, where OpenSSL may have headers of the same names.
  set_target_properties(${name} PROPERTIES
    IMPORTED_LOCATION ${FOVEA_THIRD_PARTY_DIR}/lib/${archive}
    INTERFACE_INCLUDE_DIRECTORIES ${FOVEA_THIRD_PARTY_DIR}/include)
  target_link_libraries(${name} INTERFACE ${ARGN})
endfunction()

fovea_import(fovea_crypto libcrypto.a Threads::Threads)
fovea_import(fovea_ssl libssl.a fovea_crypto)
fovea_import(fovea_srtp libsrtp2.a fovea_crypto)
