# SPDX-License-Identifier: Apache-2.0
# Compiler flags of every target of the project, on one interface target.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

add_library(zc_flags INTERFACE)
# No -ffast-math and no contraction: results are compared with the reference bit by bit where that is possible.
target_compile_options(zc_flags INTERFACE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -ffp-contract=off
  -Wno-missing-field-initializers)  # designated initialisers name what differs from the defaults
target_include_directories(zc_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
# libtorch's include folder carries the headers of a newer fmt than the system's library, so ours come before them. The
# library, because fmt's implementation in every file that formats a string costs the compiler 4 s each.
get_target_property(FMT_INCLUDE fmt::fmt INTERFACE_INCLUDE_DIRECTORIES)
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/include)
file(CREATE_LINK ${FMT_INCLUDE}/fmt ${CMAKE_BINARY_DIR}/include/fmt SYMBOLIC)
target_include_directories(zc_flags SYSTEM INTERFACE ${CMAKE_BINARY_DIR}/include)
if(ZC_WERROR)
  target_compile_options(zc_flags INTERFACE -Werror)
endif()
if(ZC_SANITIZE)
  target_compile_options(zc_flags INTERFACE -fsanitize=${ZC_SANITIZE} -fno-omit-frame-pointer -g1)
  target_link_options(zc_flags INTERFACE -fsanitize=${ZC_SANITIZE})
endif()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # Precompiled headers need these two looser checks to hit the cache.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE_PROGRAM})
endif()
find_program(LLD_PROGRAM ld.lld)
if(LLD_PROGRAM)
  add_link_options(-fuse-ld=lld)
endif()
