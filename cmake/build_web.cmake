# SPDX-License-Identifier: Apache-2.0
# Builds the studio: web/ -> web/dist -> OUT, and compressed copies of its files in PACKED. A script, for zc_embed_web() of
# embed.cmake. Usage: cmake -DWEB= -DOUT= -DPACKED= -DSTAMP= -DNODE= -DNPM= -P build_web.cmake
# Several build folders share web/node_modules and web/dist, so that one works at a time and finds what another one made. Each
# has a copy of its own, which stays as it is while somebody works on the studio.
get_filename_component(root ${WEB} DIRECTORY)
file(MAKE_DIRECTORY ${root}/.deps)
file(LOCK ${root}/.deps/web.lock GUARD PROCESS TIMEOUT 900)

# take_dist(): what the program gets.
function(take_dist)
  file(REMOVE_RECURSE ${OUT} ${PACKED})
  if(EXISTS ${WEB}/dist/index.html)
    file(COPY ${WEB}/dist/ DESTINATION ${OUT} PATTERN ".*" EXCLUDE)
    execute_process(COMMAND ${NODE} ${root}/cmake/compress_web.mjs ${OUT} ${PACKED} COMMAND_ERROR_IS_FATAL ANY)
  endif()
endfunction()

# Packages: again when package-lock.json is not the one that they were installed from.
set(installed ${WEB}/node_modules/.package-lock.json)
file(SHA256 ${WEB}/package-lock.json lock_sha256)
set(have "")
if(EXISTS ${WEB}/node_modules/.lock.sha256)
  file(READ ${WEB}/node_modules/.lock.sha256 have)
endif()
if(NOT have STREQUAL lock_sha256 AND (NOT EXISTS ${installed} OR ${WEB}/package-lock.json IS_NEWER_THAN ${installed}))
  message(STATUS "fetching the studio's packages into web/node_modules")
  # No script of a package runs here.
  execute_process(COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --loglevel=error WORKING_DIRECTORY ${WEB}
                  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT status EQUAL 0)
    message(WARNING "npm cannot fetch the studio's packages; is there a network? Until it can, the program has the studio of "
                    "web/dist, or none. -DZC_WEBUI=off leaves it out.\n${text}")
    take_dist()
    return()  # without the stamp, so that the next build tries again
  endif()
  file(WRITE ${WEB}/node_modules/.lock.sha256 ${lock_sha256})
endif()

# The bundle: again when a source is not the one that it was made from.
file(GLOB_RECURSE sources ${WEB}/src/* ${WEB}/public/*)
file(GLOB settings ${WEB}/*.json ${WEB}/*.ts ${WEB}/*.html)
set(hashes "")
foreach(file IN LISTS sources settings)
  file(SHA256 ${file} sha256)
  string(APPEND hashes "${file} ${sha256}\n")
endforeach()
string(SHA256 source_sha256 "${hashes}")
set(have "")
if(EXISTS ${WEB}/dist/index.html AND EXISTS ${WEB}/dist/.sources.sha256)
  file(READ ${WEB}/dist/.sources.sha256 have)
endif()
if(NOT have STREQUAL source_sha256)
  execute_process(COMMAND ${NPM} run build WORKING_DIRECTORY ${WEB}
                  RESULT_VARIABLE status OUTPUT_VARIABLE text ERROR_VARIABLE text)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "the studio does not build (npm run build in web/); -DZC_WEBUI=off leaves it out\n${text}")
  endif()
  file(WRITE ${WEB}/dist/.sources.sha256 ${source_sha256})
endif()

take_dist()
file(WRITE ${STAMP} ${source_sha256})
