# SPDX-License-Identifier: Apache-2.0

# zc_together(TARGET): compiles a handful of its files at a time as one. With ATen's precompiled header GCC begins each file
# with two seconds of templates that the header left open. Names in anonymous namespaces must then differ within a target.
function(zc_together target)
  if(ZC_TOGETHER)
    set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 5)
  endif()
endfunction()

# zc_library(FOLDER [TORCH] SOURCES a.cc ... LINKS zc_base ...): the static library zc_FOLDER.
# It links only the folders that it may include (the table in CONTRIBUTING.md); TORCH: it sees tensors.
function(zc_library folder)
  cmake_parse_arguments(A "TORCH" "" "SOURCES;LINKS" ${ARGN})
  add_library(zc_${folder} STATIC ${A_SOURCES})
  target_link_libraries(zc_${folder} PUBLIC zc_flags ${A_LINKS})
  if(A_TORCH)
    target_link_libraries(zc_${folder} PUBLIC zc_torch)
    target_precompile_headers(zc_${folder} REUSE_FROM zc_pch)
  endif()
endfunction()

# zc_test(NAME [TORCH] [LABEL fast|slow] SOURCES x_test.cc ... LINKS ...): one GoogleTest program, registered test by test.
function(zc_test name)
  if(NOT ZC_TESTS)
    return()
  endif()
  cmake_parse_arguments(A "TORCH" "LABEL" "SOURCES;LINKS" ${ARGN})
  if(NOT A_LABEL)
    set(A_LABEL fast)
  endif()
  add_executable(test_${name} ${A_SOURCES})
  target_link_libraries(test_${name} PRIVATE zc_flags ${A_LINKS} GTest::gtest GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE ZC_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  if(A_TORCH)
    target_link_libraries(test_${name} PRIVATE zc_torch)
    zc_test_files(test_${name})
    zc_together(test_${name})
  else()
    target_compile_options(test_${name} PRIVATE -O0)
  endif()
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES LABELS ${A_LABEL} WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

# zc_corpus(NAME LINKS ...): fuzz/fuzz_NAME.cc without libFuzzer, as a test over fuzz/corpus/NAME and damaged copies of its files.
function(zc_corpus name)
  if(NOT ZC_TESTS)
    return()
  endif()
  cmake_parse_arguments(A "" "" "LINKS" ${ARGN})
  add_executable(corpus_${name} ${CMAKE_SOURCE_DIR}/fuzz/fuzz_${name}.cc ${CMAKE_SOURCE_DIR}/fuzz/corpus_main.cc)
  target_link_libraries(corpus_${name} PRIVATE zc_flags ${A_LINKS})
  target_compile_options(corpus_${name} PRIVATE -O0)
  add_test(NAME corpus_${name} COMMAND corpus_${name} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name} 50)
  set_tests_properties(corpus_${name} PROPERTIES LABELS fast WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()
