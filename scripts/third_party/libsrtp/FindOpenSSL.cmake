# Stands in for CMake's FindOpenSSL: what libsrtp's build calls OpenSSL is our BoringSSL.
find_package(Threads REQUIRED)
set(OPENSSL_FOUND TRUE)
set(OpenSSL_FOUND TRUE)
set(OPENSSL_INCLUDE_DIR ${FOVEA_BORINGSSL}/include)
if(NOT TARGET OpenSSL::Crypto)
  add_library(OpenSSL::Crypto STATIC IMPORTED GLOBAL)
  set_target_properties(OpenSSL::Crypto PROPERTIES
    IMPORTED_LOCATION ${FOVEA_BORINGSSL}/lib/libcrypto.a
    INTERFACE_INCLUDE_DIRECTORIES ${FOVEA_BORINGSSL}/include)
  target_link_libraries(OpenSSL::Crypto INTERFACE Threads::Threads)
endif()
