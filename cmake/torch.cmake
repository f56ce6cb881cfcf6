# SPDX-License-Identifier: Apache-2.0
# libtorch as imported targets. The wheel's own CMake package demands a CUDA toolkit, which a CPU build does not need.
if(NOT EXISTS ${ZC_TORCH_ROOT}/include/ATen/ATen.h)
  message(FATAL_ERROR "libtorch not found in ${ZC_TORCH_ROOT}: run `make deps`, or pass -DZC_TORCH_ROOT=FOLDER "
                      "(the folder that holds include/ and lib/, version 2.11 or newer)")
endif()

add_library(zc_torch INTERFACE)
target_include_directories(zc_torch SYSTEM INTERFACE
  ${ZC_TORCH_ROOT}/include ${ZC_TORCH_ROOT}/include/torch/csrc/api/include)
target_link_directories(zc_torch INTERFACE ${ZC_TORCH_ROOT}/lib)
target_link_libraries(zc_torch INTERFACE torch_cpu c10)
# at::parallel_for is a template: without OpenMP in our files it runs on one thread. libtorch brings the run-time library.
# It is GCC's; clang would bring another one, so its builds (the fuzzers) do without.
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  target_compile_options(zc_torch INTERFACE -fopenmp)
  target_link_options(zc_torch INTERFACE -fopenmp)
endif()
set(CMAKE_BUILD_RPATH ${ZC_TORCH_ROOT}/lib)
# libtorch_cpu names CUDA's run-time libraries; the rpath inside the wheel finds them, the linker need not.
target_link_options(zc_torch INTERFACE -Wl,--allow-shlib-undefined -Wl,-rpath-link,${ZC_TORCH_ROOT}/lib)

# One precompiled header for all files that see tensors (the cost of ATen's headers is paid once), and one for tests. Those
# are compiled without optimisation, which takes half as long: what they measure is in the libraries.
function(zc_precompiled name)
  file(WRITE ${CMAKE_BINARY_DIR}/pch/${name}.cc "")
  add_library(${name} STATIC ${CMAKE_BINARY_DIR}/pch/${name}.cc)
  target_link_libraries(${name} PUBLIC zc_flags zc_torch fmt::fmt)
  target_precompile_headers(${name} PRIVATE <ATen/ATen.h> <fmt/format.h> <algorithm> <functional> <map> <memory>
    <optional> <string> <string_view> <unordered_map> <vector> ${ARGN})
endfunction()
zc_precompiled(zc_pch)
if(ZC_TESTS)
  zc_precompiled(zc_test_pch <gtest/gtest.h> <nlohmann/json.hpp>)
  target_link_libraries(zc_test_pch PUBLIC GTest::gtest)
  target_compile_options(zc_test_pch PRIVATE -O0)
endif()

# zc_test_files(TARGET): compiles the files of a program that sees tensors as those of a test.
function(zc_test_files target)
  target_compile_options(${target} PRIVATE -O0)
  target_link_libraries(${target} PRIVATE GTest::gtest)  # its definitions are part of the precompiled header
  target_precompile_headers(${target} REUSE_FROM zc_test_pch)
endfunction()

# ZC_GLOO_INCLUDE, for the file that sees c10d: ProcessGroupGloo.hpp includes headers of Gloo, which the wheel lacks. These
# lead to our declarations of what it names.
set(ZC_GLOO_INCLUDE ${ZC_TORCH_ROOT}/include)
if(NOT EXISTS ${ZC_TORCH_ROOT}/include/gloo/context.h)
  set(ZC_GLOO_INCLUDE ${CMAKE_BINARY_DIR}/gloo)
  foreach(header algorithm common/error context rendezvous/store transport/device)
    file(CONFIGURE OUTPUT ${ZC_GLOO_INCLUDE}/gloo/${header}.h CONTENT "#include \"training/gloo_declarations.h\"\n")
  endforeach()
endif()
