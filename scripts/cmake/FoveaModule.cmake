# fovea_module(DEPS ...): the folder it is called in becomes the static library <parent>_<folder>
# (sfu_rtp, signaling_wire, ...), linked to exactly the targets named. A folder with headers only
# becomes an interface library. scripts/check_layers.py holds the same table for includes.
function(fovea_module)
  cmake_parse_arguments(ARG "" "" "DEPS;PRIVATE_DEPS" ${ARGN})
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR FILENAME folder)
  cmake_path(GET CMAKE_CURRENT_SOURCE_DIR PARENT_PATH parent_path)
  cmake_path(GET parent_path FILENAME parent)
  set(target ${parent}_${folder})
  file(GLOB sources CONFIGURE_DEPENDS *.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  if(sources)
    add_library(${target} STATIC ${sources})
    target_link_libraries(${target} PUBLIC fovea_flags ${ARG_DEPS} PRIVATE ${ARG_PRIVATE_DEPS})
  else()
    add_library(${target} INTERFACE)
    target_link_libraries(${target} INTERFACE fovea_flags ${ARG_DEPS} ${ARG_PRIVATE_DEPS})
  endif()
endfunction()

# Everything that the tests of this build need; `cmake --build BUILD --target fovea_tests`.
add_custom_target(fovea_tests)

# fovea_add_test(NAME COMMAND...): a ctest test, under this build's prefix.
function(fovea_add_test name)
  add_test(NAME ${FOVEA_TEST_PREFIX}${name} COMMAND ${ARGN})
endfunction()

# fovea_set_test(NAME PROPERTIES...): the properties of a test that fovea_add_test made.
function(fovea_set_test name)
  set_tests_properties(${FOVEA_TEST_PREFIX}${name} PROPERTIES ${ARGN})
endfunction()

# fovea_test_module(<sfu|signaling>/<module> [DEPS ...]): tests/unit/<path>/*_test.cc become one
# executable <parent>_<module>_test, registered with ctest as a single test.
function(fovea_test_module path)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  if(NOT path MATCHES "^${FOVEA_TEST_MODULES}")
    return()
  endif()
  string(REPLACE "/" "_" target ${path})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/unit/${path}/*_test.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${target}_test ${sources})
  target_link_libraries(${target}_test PRIVATE ${target} ${ARG_DEPS} GTest::gmock_main fovea_flags)
  target_compile_definitions(${target}_test PRIVATE FOVEA_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  if(FOVEA_SANITIZE MATCHES "address")
    # What is tested is optimised. So were the tests: room_join_test.cc took 25 s instead of 17.
    target_compile_options(${target}_test PRIVATE -O0)
  endif()
  add_dependencies(fovea_tests ${target}_test)
  fovea_add_test(${target} ${target}_test)
  fovea_set_test(${target} TIMEOUT 300 LABELS unit)
endfunction()
