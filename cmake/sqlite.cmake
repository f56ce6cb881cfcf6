# SPDX-License-Identifier: Apache-2.0
# SQLite as the target zc_sqlite, out of the amalgamation that scripts/bootstrap.sh puts in place: systems bring versions
# before 3.51.3, which can damage a database that several connections write to.
set(ZC_SQLITE_ROOT "${CMAKE_SOURCE_DIR}/.deps/sqlite" CACHE PATH "folder that holds SQLite's sqlite3.c and sqlite3.h")
if(NOT EXISTS ${ZC_SQLITE_ROOT}/sqlite3.c)
  message(FATAL_ERROR "SQLite's source not found in ${ZC_SQLITE_ROOT}: run `make deps`, or pass -DZC_SQLITE_ROOT=FOLDER "
                      "(the folder that holds sqlite3.c and sqlite3.h, version 3.51.3 or newer)")
endif()
add_library(zc_sqlite STATIC ${ZC_SQLITE_ROOT}/sqlite3.c)
target_include_directories(zc_sqlite SYSTEM PUBLIC ${ZC_SQLITE_ROOT})
target_compile_options(zc_sqlite PRIVATE -O2 -w)
# No connection is used by two threads at once (THREADSAFE=2), no code is loaded and a file's schema is not trusted
# (OMIT_LOAD_EXTENSION, TRUSTED_SCHEMA=0), every commit is on the disk before it returns (SYNCHRONOUS=2), "x" is never a text (DQS=0).
target_compile_definitions(zc_sqlite PRIVATE
  SQLITE_ENABLE_FTS5 SQLITE_OMIT_LOAD_EXTENSION SQLITE_THREADSAFE=2 SQLITE_DEFAULT_SYNCHRONOUS=2
  SQLITE_DEFAULT_WAL_SYNCHRONOUS=2 SQLITE_DQS=0 SQLITE_DEFAULT_MEMSTATUS=0 SQLITE_LIKE_DOESNT_MATCH_BLOBS
  SQLITE_OMIT_DEPRECATED SQLITE_OMIT_SHARED_CACHE SQLITE_TRUSTED_SCHEMA=0 SQLITE_USE_URI=0
  HAVE_USLEEP=1 HAVE_FDATASYNC=1 HAVE_LOCALTIME_R=1)
target_link_libraries(zc_sqlite PUBLIC Threads::Threads m)
set_target_properties(zc_sqlite PROPERTIES C_COMPILER_LAUNCHER "${CMAKE_CXX_COMPILER_LAUNCHER}")
