// SPDX-License-Identifier: Apache-2.0
// Faults of the file system, made on purpose: a library for LD_PRELOAD that counts the calls that
// change files below one folder and lets the Nth of them fail or be the process's last moment.
//
// - ZC_FAULT_FOLDER: absolute, without links. Other files are left alone.
// - ZC_FAULT_CALLS: which calls count, by commas: open (for writing), write, sync, rename, mkdir,
//   unlink, truncate. Not set: all of them.
// - ZC_FAULT_AT: the number of the first call that is met, from 1. 0 or not set: none is, they are
//   only counted.
// - ZC_FAULT_COUNT: how many calls are met from there on. 0: all of them; not set: one.
// - ZC_FAULT_KIND: ENOSPC or EIO: the call fails with it. short: a write takes half of its bytes
//   and says so, other calls go well. kill: the process dies by SIGKILL before the call.
// - ZC_FAULT_LOG: a file that gets a line for each call that counts: number, name, path.
//
// Each process counts for itself. Of libc's own streams (fprintf) the fopen is seen, the writes are
// not.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum outcome { go_on, half, fail };

// The next definition of a name after this library's: libc's.
#define NEXT(result, name, ...)       \
  static result (*next)(__VA_ARGS__); \
  if (next == NULL) next = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static atomic_long counted;

static long number_from(const char* variable, long otherwise) {
  const char* text = getenv(variable);
  return text == NULL || *text == '\0' ? otherwise : atol(text);
}

// Whether the list "open,write" holds the name.
static int listed(const char* list, const char* name) {
  const size_t size = strlen(name);
  for (const char* at = list; (at = strstr(at, name)) != NULL; at += size) {
    if ((at == list || at[-1] == ',') && (at[size] == '\0' || at[size] == ',')) return 1;
  }
  return 0;
}

static int below_folder(const char* path) {
  const char* folder = getenv("ZC_FAULT_FOLDER");
  if (folder == NULL || *folder == '\0') return 0;
  const size_t size = strlen(folder);
  return strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

static void note(long number, const char* name, const char* path) {
  const char* log = getenv("ZC_FAULT_LOG");
  if (log == NULL) return;
  char line[PATH_MAX + 64];
  const int size = snprintf(line, sizeof line, "%ld %s %s\n", number, name, path);
  const int fd =
      (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return;
  syscall(SYS_write, fd, line, (size_t)size);
  close(fd);
}

// What is to happen at this call; errno is set where it fails.
static enum outcome decide(const char* name, const char* path) {
  if (!below_folder(path)) return go_on;
  const char* calls = getenv("ZC_FAULT_CALLS");
  if (calls != NULL && *calls != '\0' && !listed(calls, name)) return go_on;
  const long number = atomic_fetch_add(&counted, 1) + 1;
  note(number, name, path);
  const long first = number_from("ZC_FAULT_AT", 0), count = number_from("ZC_FAULT_COUNT", 1);
  if (first <= 0 || number < first || (count > 0 && number >= first + count)) return go_on;
  const char* kind = getenv("ZC_FAULT_KIND");
  if (kind == NULL) return go_on;
  if (strcmp(kind, "short") == 0) return half;
  if (strcmp(kind, "kill") == 0) {
    kill(getpid(), SIGKILL);
    pause();
  }
  errno = strcmp(kind, "EIO") == 0 ? EIO : ENOSPC;
  return fail;
}

static enum outcome decide_at(const char* name, int folder, const char* path) {
  if (path[0] == '/') return decide(name, path);
  char whole[2 * PATH_MAX];
  char link[64];
  snprintf(link, sizeof link, folder == AT_FDCWD ? "/proc/self/cwd" : "/proc/self/fd/%d", folder);
  const ssize_t size = readlink(link, whole, PATH_MAX);
  if (size < 0) return go_on;
  snprintf(whole + size, sizeof whole - (size_t)size, "/%s", path);
  return decide(name, whole);
}

static enum outcome decide_fd(const char* name, int fd) {
  char path[PATH_MAX];
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = readlink(link, path, sizeof path - 1);
  if (size < 0) return go_on;
  path[size] = '\0';
  return decide(name, path);
}

// ---- open ----

static mode_t mode_of(int flags, va_list list) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(list, mode_t) : 0;
}

static int for_writing(int flags) {
  return (flags & O_ACCMODE) != O_RDONLY || (flags & O_CREAT) != 0;
}

#define OPEN(name)                                                                  \
  int name(const char* path, int flags, ...) {                                      \
    NEXT(int, name, const char*, int, ...);                                         \
    va_list list;                                                                   \
    va_start(list, flags);                                                          \
    const mode_t mode = mode_of(flags, list);                                       \
    va_end(list);                                                                   \
    if (for_writing(flags) && decide_at("open", AT_FDCWD, path) == fail) return -1; \
    return next(path, flags, mode);                                                 \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                              \
  int name(int folder, const char* path, int flags, ...) {                        \
    NEXT(int, name, int, const char*, int, ...);                                  \
    va_list list;                                                                 \
    va_start(list, flags);                                                        \
    const mode_t mode = mode_of(flags, list);                                     \
    va_end(list);                                                                 \
    if (for_writing(flags) && decide_at("open", folder, path) == fail) return -1; \
    return next(folder, path, flags, mode);                                       \
  }
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name)                                                                             \
  FILE* name(const char* path, const char* mode) {                                              \
    NEXT(FILE*, name, const char*, const char*);                                                \
    if (strpbrk(mode, "wa+") != NULL && decide_at("open", AT_FDCWD, path) == fail) return NULL; \
    return next(path, mode);                                                                    \
  }
FOPEN(fopen)
FOPEN(fopen64)

// ---- write ----

ssize_t write(int fd, const void* bytes, size_t size) {
  NEXT(ssize_t, write, int, const void*, size_t);
  const enum outcome outcome = decide_fd("write", fd);
  if (outcome == fail) return -1;
  return next(fd, bytes, outcome == half && size > 1 ? size / 2 : size);
}

#define PWRITE(name)                                                               \
  ssize_t name(int fd, const void* bytes, size_t size, off_t offset) {             \
    NEXT(ssize_t, name, int, const void*, size_t, off_t);                          \
    const enum outcome outcome = decide_fd("write", fd);                           \
    if (outcome == fail) return -1;                                                \
    return next(fd, bytes, outcome == half && size > 1 ? size / 2 : size, offset); \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

ssize_t writev(int fd, const struct iovec* parts, int count) {
  NEXT(ssize_t, writev, int, const struct iovec*, int);
  const enum outcome outcome = decide_fd("write", fd);
  if (outcome == fail) return -1;
  return next(fd, parts, outcome == half && count > 1 ? count / 2 : count);
}

// ---- the rest ----

#define OF_FD(name, call)                               \
  int name(int fd) {                                    \
    NEXT(int, name, int);                               \
    return decide_fd(call, fd) == fail ? -1 : next(fd); \
  }
OF_FD(fsync, "sync")
OF_FD(fdatasync, "sync")

#define FTRUNCATE(name)                                             \
  int name(int fd, off_t size) {                                    \
    NEXT(int, name, int, off_t);                                    \
    return decide_fd("truncate", fd) == fail ? -1 : next(fd, size); \
  }
FTRUNCATE(ftruncate)
FTRUNCATE(ftruncate64)

int rename(const char* from, const char* to) {
  NEXT(int, rename, const char*, const char*);
  return decide_at("rename", AT_FDCWD, to) == fail ? -1 : next(from, to);
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  NEXT(int, renameat, int, const char*, int, const char*);
  return decide_at("rename", to_folder, to) == fail ? -1 : next(from_folder, from, to_folder, to);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  NEXT(int, renameat2, int, const char*, int, const char*, unsigned);
  return decide_at("rename", to_folder, to) == fail ? -1
                                                    : next(from_folder, from, to_folder, to, flags);
}

int mkdir(const char* path, mode_t mode) {
  NEXT(int, mkdir, const char*, mode_t);
  return decide_at("mkdir", AT_FDCWD, path) == fail ? -1 : next(path, mode);
}

#define UNLINK(name)                                                      \
  int name(const char* path) {                                            \
    NEXT(int, name, const char*);                                         \
    return decide_at("unlink", AT_FDCWD, path) == fail ? -1 : next(path); \
  }
UNLINK(unlink)
UNLINK(rmdir)
UNLINK(remove)

int unlinkat(int folder, const char* path, int flags) {
  NEXT(int, unlinkat, int, const char*, int);
  return decide_at("unlink", folder, path) == fail ? -1 : next(folder, path, flags);
}
