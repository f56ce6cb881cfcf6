#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Puts everything that a build needs in place: Debian packages, libtorch, the CLIP vocabulary, SQLite, clang-format.
# Usage: scripts/bootstrap.sh [fuzz|tidy|web]   A second run finds everything there and takes less than a second.
# What is downloaded lands under .deps/ and is renamed into place only when complete, so that a run may be interrupted.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly torch_packages="torch==2.11.0 nvidia-cuda-runtime==13.0.96 nvidia-cuda-cupti==13.0.85"
# Of the CUDA that this torch is built for: its run-time compiler (libnvrtc) and headers for libzeroconv_cuda.so.
readonly cuda_packages="nvidia-cuda-nvrtc==13.0.88 nvidia-cuda-crt==13.0.88"
readonly clip_package="clip-anytorch==2.6.0"
readonly clip_vocabulary="bpe_simple_vocab_16e6.txt.gz"
readonly clip_sha256="924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
# Carries SQLite 3.53.2; Debian's 3.40 can damage a database that several processes write to.
readonly sqlite_package="better-sqlite3@12.11.1"
readonly sqlite_sha256="60d2f39a3726cd6b9021da6f4e868608d66fbb6528a9f513dc8ffcc640493422"
readonly clang_tools_version="18.1.8"

debian_packages=(
  cmake ninja-build ccache g++ lld make git ca-certificates python3-venv python3-pip
  libopencv-imgproc-dev libpng-dev libjpeg62-turbo-dev libwebp-dev zlib1g-dev
  libfmt-dev nlohmann-json3-dev libcli11-dev libutf8proc-dev libpq-dev libarchive-dev libboost1.81-dev libgtest-dev)
command -v npm >/dev/null || debian_packages+=(nodejs npm)  # a newer one than Debian's may be there
case "${1:-}" in
  "") ;;
  fuzz) debian_packages+=(clang libclang-rt-14-dev) ;;
  tidy) ;;
  web)  # the browser of the studio's tests; any Chromium will do, and without one they are skipped
    if command -v chromium chromium-browser google-chrome >/dev/null; then :
    elif [ "$(id -u)" = 0 ]; then debian_packages+=(chromium)
    else echo "no Chromium is here, so the studio's tests in a browser will be skipped: sudo apt-get install chromium" >&2
    fi ;;
  *) echo "bootstrap.sh: unknown argument '$1'; known: fuzz, tidy, web" >&2; exit 64 ;;
esac

say() { printf '==> %s\n' "$*"; }
fail() { printf 'bootstrap.sh: %s\n' "$*" >&2; exit 1; }

install_debian_packages() {
  if ! command -v dpkg-query >/dev/null; then
    echo "bootstrap.sh: not a Debian system; taking for granted that these are installed under other names:" \
         "${debian_packages[*]}" >&2
    return
  fi
  local installed missing
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${debian_packages[@]}" 2>/dev/null |
              sed -n 's/^installed //p' || true)
  missing=$(printf '%s\n' "${debian_packages[@]}" | grep -vxF "${installed:-none}" || true)
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" != 0 ]; then
    echo "Some Debian packages are missing. Run this, then the same make command again:" >&2
    echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends" $missing >&2
    exit 1
  fi
  say "installing Debian packages:" $missing
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -q --no-install-recommends $missing
}

# A folder of its own for pip: Debian refuses to change the system's Python (PEP 668).
make_venv() {
  [ -x .deps/venv/bin/pip ] && [ -e .deps/venv/complete ] && return
  say "making a Python environment for the downloads in .deps/venv"
  rm -rf .deps/venv
  python3 -m venv .deps/venv
  touch .deps/venv/complete
}

# pip_install ARGUMENTS...: up to three tries, because one of the downloads is large; a progress bar on a terminal.
pip_install() {
  local quiet=()
  [ -t 1 ] || quiet=(--quiet --progress-bar off)
  for try in 1 2 3; do
    if TMPDIR="$PWD/.deps/tmp" .deps/venv/bin/python -m pip install --disable-pip-version-check \
         --no-input "${quiet[@]}" "$@"; then
      return
    fi
    [ "$try" = 3 ] || { say "the download failed; trying again"; sleep $((try * 5)); }
  done
  fail "cannot download $*; is there a network? Run the same command again, nothing half-done is left behind"
}

# One name for each thing that must be there; a stamp that says otherwise means another version.
stamped() { [ "$(cat "$1" 2>/dev/null)" = "$2" ]; }

install_torch() {
  stamped .deps/torch/complete "$torch_packages" && return
  local free_mb
  free_mb=$(df -Pm .deps | awk 'NR==2{print $4}')
  [ "$free_mb" -ge 3000 ] || fail "only $free_mb MB free here; libtorch needs 3000 MB while it is being unpacked"
  say "fetching libtorch 2.11.0 into .deps/torch (0.5 GB to download, 1.2 GB on disk)"
  rm -rf .deps/tmp/torch
  pip_install --target .deps/tmp/torch --no-deps $torch_packages
  [ -e .deps/tmp/torch/torch/lib/libtorch_cpu.so ] || fail "the torch package holds no libtorch_cpu.so"
  printf '%s' "$torch_packages" > .deps/tmp/torch/complete
  put_in_place torch
}

# Into the same folder: libtorch looks for libnvrtc there.
install_cuda_tools() {
  stamped .deps/torch/cuda_complete "$cuda_packages" && return
  say "fetching CUDA's run-time compiler into .deps/torch (90 MB to download, 230 MB on disk)"
  rm -rf .deps/tmp/cuda .deps/torch/cuda_complete
  pip_install --target .deps/tmp/cuda --no-deps $cuda_packages
  [ -e .deps/tmp/cuda/nvidia/cu13/lib/libnvrtc.so.13 ] || fail "the nvidia-cuda-nvrtc package holds no libnvrtc.so.13"
  cp -al --remove-destination .deps/tmp/cuda/. .deps/torch/
  printf '%s' "$cuda_packages" > .deps/torch/cuda_complete
}

install_clip_vocabulary() {
  local file=.deps/clip/$clip_vocabulary
  echo "$clip_sha256  $file" | sha256sum --check --status 2>/dev/null && return
  say "fetching the CLIP vocabulary into .deps/clip"
  rm -rf .deps/tmp/clip .deps/tmp/clip-package
  pip_install --target .deps/tmp/clip-package --no-deps "$clip_package"
  mkdir -p .deps/tmp/clip
  cp ".deps/tmp/clip-package/clip/$clip_vocabulary" .deps/tmp/clip/
  echo "$clip_sha256  .deps/tmp/clip/$clip_vocabulary" | sha256sum --check --status ||
    fail "the vocabulary in $clip_package is not the one expected (sha256 $clip_sha256)"
  put_in_place clip
}

# The whole of SQLite is one C file, which an npm package carries; the rest of the package is left out.
install_sqlite() {
  echo "$sqlite_sha256  .deps/sqlite/sqlite3.c" | sha256sum --check --status 2>/dev/null && return
  say "fetching SQLite's source into .deps/sqlite"
  rm -rf .deps/tmp/sqlite .deps/tmp/sqlite-package
  mkdir -p .deps/tmp/sqlite .deps/tmp/sqlite-package
  (cd .deps/tmp/sqlite-package && npm pack "$sqlite_package" --ignore-scripts --silent --cache ../npm >/dev/null) ||
    fail "cannot download $sqlite_package; is there a network? Run the same command again"
  tar -xzf .deps/tmp/sqlite-package/*.tgz -C .deps/tmp/sqlite --strip-components=3 \
    package/deps/sqlite3/sqlite3.c package/deps/sqlite3/sqlite3.h
  echo "$sqlite_sha256  .deps/tmp/sqlite/sqlite3.c" | sha256sum --check --status ||
    fail "SQLite in $sqlite_package is not the one expected (sha256 $sqlite_sha256)"
  put_in_place sqlite
}

# install_clang_tool NAME: the packages bring one program each; Debian's versions format differently.
install_clang_tool() {
  stamped ".deps/venv/$1-version" "$clang_tools_version" && return
  say "fetching $1 $clang_tools_version into .deps/venv"
  pip_install --no-deps "$1==$clang_tools_version"
  printf '%s' "$clang_tools_version" > ".deps/venv/$1-version"
}

put_in_place() {
  rm -rf ".deps/tmp/old-$1"
  [ ! -e ".deps/$1" ] || mv ".deps/$1" ".deps/tmp/old-$1"
  mv ".deps/tmp/$1" ".deps/$1"
  rm -rf ".deps/tmp/old-$1"
}

install_debian_packages
mkdir -p .deps
exec 9>.deps/lock
flock 9  # two make commands started at once
mkdir -p .deps/tmp
trap 'rm -rf .deps/tmp' EXIT
make_venv
if [ -z "${ZC_TORCH_ROOT:-}" ]; then
  install_torch
  install_cuda_tools
fi
install_clip_vocabulary
install_sqlite
install_clang_tool clang-format
[ "${1:-}" != tidy ] || install_clang_tool clang-tidy
