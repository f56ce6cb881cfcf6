# SPDX-License-Identifier: Apache-2.0
# libtorch as imported targets. The wheel's own CMake package demands a CUDA toolkit, which a CPU build does not need.
if(NOT EXISTS ${ZC_TORCH_ROOT}/include/ATen/ATen.h)
  message(FATAL_ERROR "libtorch not found in ${ZC_TORCH_ROOT}: run `make deps`, or pass -DZC_TORCH_ROOT=FOLDER "
                      "(the folder that holds include/ and lib/, version 2.6 or newer)")
endif()

add_library(zc_torch INTERFACE)
target_include_directories(zc_torch SYSTEM INTERFACE
  ${ZC_TORCH_ROOT}/include ${ZC_TORCH_ROOT}/include/torch/csrc/api/include)
target_link_directories(zc_torch INTERFACE ${ZC_TORCH_ROOT}/lib)
target_link_libraries(zc_torch INTERFACE torch_cpu c10)
# The wheel's include folder carries headers of a newer fmt than the system's library: use them without a library there.
target_compile_definitions(zc_torch INTERFACE FMT_HEADER_ONLY=1)
# at::parallel_for is a template: without OpenMP in our files it runs on one thread. libtorch brings the run-time library.
target_compile_options(zc_torch INTERFACE -fopenmp)
target_link_options(zc_torch INTERFACE -fopenmp)
set(CMAKE_BUILD_RPATH ${ZC_TORCH_ROOT}/lib)
# libtorch_cpu names CUDA's run-time libraries; the rpath inside the wheel finds them, the linker need not.
target_link_options(zc_torch INTERFACE -Wl,--allow-shlib-undefined -Wl,-rpath-link,${ZC_TORCH_ROOT}/lib)

# One precompiled header for all files that see tensors (the cost of ATen's headers is paid once).
file(WRITE ${CMAKE_BINARY_DIR}/pch/pch.cc "")
add_library(zc_pch STATIC ${CMAKE_BINARY_DIR}/pch/pch.cc)
target_link_libraries(zc_pch PUBLIC zc_flags zc_torch)
target_precompile_headers(zc_pch PRIVATE
  <ATen/ATen.h> <algorithm> <functional> <map> <memory> <optional> <string> <string_view> <unordered_map> <vector>)
