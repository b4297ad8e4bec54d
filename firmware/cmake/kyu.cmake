# kyu_library and kyu_test: one way to build every part of the firmware, on the board and hosted.

add_library(kyu_flags INTERFACE)
target_compile_options(kyu_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-fno-exceptions -fno-rtti -Wall -Wextra -Wconversion -Wshadow -Werror>
  $<$<BOOL:${KYU_BOARD}>:-g>
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
target_include_directories(kyu_flags INTERFACE ${PROJECT_SOURCE_DIR}/firmware)
if(KYU_DEFECTS)
  target_compile_definitions(kyu_flags INTERFACE KYU_DEFECTS=1)
endif()
if(KYU_FUZZ)
  target_compile_definitions(kyu_flags INTERFACE KYU_SMALL_LIMITS=1)
endif()
if(KYU_DEBUG_POOLS)
  target_compile_definitions(kyu_flags INTERFACE KYU_DEBUG_POOLS=1)
endif()
if(KYU_BOARD)
  target_compile_options(kyu_flags INTERFACE
    -ffunction-sections -fdata-sections -fomit-frame-pointer
    # A third smaller than ARM code, and no more instructions for a byte that is sent or received.
    $<$<COMPILE_LANGUAGE:CXX>:-mthumb>
    # No frame may reach across the guard pages under a stack (kernel/port.hpp).
    $<$<COMPILE_LANGUAGE:CXX>:-Wframe-larger-than=12288 -Wvla>
    # The core divides by zero without a word (and gives 0): now it traps (arch/armv7a/exceptions.cpp).
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=integer-divide-by-zero -fsanitize-undefined-trap-on-error>
    $<$<COMPILE_LANGUAGE:CXX>:-fno-threadsafe-statics -fno-use-cxa-atexit>
    # A call in tail position stays a call: tracebacks name every function on the way. A frame is
    # built at a function's beginning or not at all: where an interrupt stopped, that tells whether.
    -fno-optimize-sibling-calls -fno-shrink-wrap)
else()
  target_compile_definitions(kyu_flags INTERFACE KYU_DEBUG_INVARIANTS=1)
  if(NOT SKBUILD)
    target_compile_options(kyu_flags INTERFACE -g1)  # lines; to tell of variables costs a third more
  endif()
  target_compile_options(kyu_flags INTERFACE -fno-omit-frame-pointer)  # port/host walks along it
  set(CMAKE_POSITION_INDEPENDENT_CODE ON)
  if(KYU_SANITIZE)
    # vptr needs RTTI, which the firmware does without.
    target_compile_options(kyu_flags INTERFACE
      -fsanitize=${KYU_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all)
    target_link_options(kyu_flags INTERFACE -fsanitize=${KYU_SANITIZE})
  endif()
  if(CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    target_compile_options(kyu_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-Wthread-safety>)
  endif()
endif()

# kyu_unity(NAME BATCH)
# Sources of a target are compiled together, BATCH at a time, but for those that are hot. In the
# release image each file is built alone, which proves that it includes what it uses.
function(kyu_unity name batch)
  if(KYU_UNITY AND (NOT KYU_BOARD OR KYU_DEFECTS))
    set_target_properties(${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE ${batch})
  endif()
endfunction()

# kyu_library(NAME SOURCES a.cpp ... DEPENDS other ...)
# A library of the firmware; DEPENDS are the only arrows it may follow.
function(kyu_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  if(arg_SOURCES)
    add_library(${name} STATIC ${arg_SOURCES})
    target_link_libraries(${name} PUBLIC kyu_flags ${arg_DEPENDS})
    kyu_unity(${name} 16)
  else()
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE kyu_flags ${arg_DEPENDS})
  endif()
endfunction()

# kyu_hot(a.cpp ...)
# Sources of this folder in which the time goes: what runs for each segment, each interrupt, each
# switch. On the board they are made fast, all else small; Thumb code is both (kyu_flags).
function(kyu_hot)
  if(KYU_BOARD)
    set_property(SOURCE ${ARGN} APPEND PROPERTY COMPILE_OPTIONS -O2)
  endif()
endfunction()

# kyu_test(NAME SOURCES a_test.cpp ... DEPENDS lib ...)
# A hosted GoogleTest program, one ctest entry per test; nothing on the board.
function(kyu_test name)
  if(KYU_BOARD OR NOT KYU_TESTS OR SKBUILD)
    return()
  endif()
  cmake_parse_arguments(arg "" "" "SOURCES;DEPENDS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE kyu_flags kyu_test_flags ${arg_DEPENDS} GTest::gtest
    GTest::gmock_main)
  # GoogleTest's headers cost more to read than most tests: they are read once.
  target_precompile_headers(${name} REUSE_FROM kyu_test_headers)
  set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)  # as the headers were
  kyu_unity(${name} 8)  # each test file has a namespace of its own
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120)
endfunction()

if(NOT KYU_BOARD AND KYU_TESTS AND NOT SKBUILD)
  enable_testing()
  find_package(GTest REQUIRED)
  include(GoogleTest)
  file(WRITE ${PROJECT_BINARY_DIR}/test_headers.cpp "")
  # Under sanitizers optimising a test takes four times as long as compiling it, and finds nothing:
  # only what is tested is optimised.
  add_library(kyu_test_flags INTERFACE)
  if(KYU_SANITIZE)
    target_compile_options(kyu_test_flags INTERFACE -O0)
  endif()
  add_library(kyu_test_headers STATIC ${PROJECT_BINARY_DIR}/test_headers.cpp)
  target_link_libraries(kyu_test_headers PUBLIC kyu_flags kyu_test_flags GTest::gtest GTest::gmock)
  set_target_properties(kyu_test_headers PROPERTIES POSITION_INDEPENDENT_CODE OFF)
  target_precompile_headers(kyu_test_headers PRIVATE <gtest/gtest.h> <gmock/gmock.h> <string> <vector>)
endif()
