#!/bin/bash
# Installs the C libraries that the package is built against; with the argument `test` also PoCL, an OpenCL driver
# for any processor, with `bench` CLBlast besides, which is measured against, and with `speech` espeak-ng, which speaks in a demo. Asks nothing, and does nothing where all is there.
set -euo pipefail

if ! version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -1) || [ -z "$version" ]; then
  echo "setup: there is no Swift here. Install Swift 6.1 or newer: https://www.swift.org/install" >&2
  exit 1
fi
if [ "$(printf '6.1\n%s\n' "$version" | sort -V | head -1)" != 6.1 ]; then
  echo "setup: Swift $version is too old. Install Swift 6.1 or newer: https://www.swift.org/install" >&2
  exit 1
fi

if [ "$(uname)" = Darwin ]; then
  # OpenCL itself comes with macOS.
  packages=(jpeg-turbo libpng opencl-headers)
  if [ "${1:-}" = speech ]; then packages+=(espeak-ng); fi
  if [ "${1:-}" = bench ]; then packages+=(clblast); fi
  command -v brew >/dev/null || { echo "setup: ${packages[*]} come from Homebrew: https://brew.sh" >&2; exit 1; }
  installed=$(brew list --formula -1)
  install() { brew install "$@"; }
elif command -v dpkg-query >/dev/null && command -v apt-get >/dev/null; then
  packages=(opencl-headers ocl-icd-opencl-dev libjpeg-dev libpng-dev)
  # Three packages hold this header and exclude each other: whichever is there stays.
  ls /usr/include/curl/curl.h /usr/include/*/curl/curl.h >/dev/null 2>&1 || packages+=(libcurl4-openssl-dev)
  if [ "${1:-}" = test ]; then packages+=(pocl-opencl-icd); fi
  if [ "${1:-}" = bench ]; then packages+=(pocl-opencl-icd libclblast-dev); fi
  if [ "${1:-}" = speech ]; then packages+=(espeak-ng); fi
  # It fails where it knows one of them not at all, and still lists the others.
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null | sed -n 's/^installed //p') || true
  install() {
    local root=
    if [ "$(id -u)" != 0 ]; then root=sudo; fi
    # Lists of packages may be missing (containers) or old; a failing third-party source must not stop us.
    $root apt-get update -qq || true
    $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
  }
else
  echo "setup: neither apt-get nor brew is here; if the build misses a header, install the development files of" \
    "OpenCL, libjpeg-turbo, libpng and libcurl with your system's own tool."
  exit 0
fi

missing=()
for package in "${packages[@]}"; do
  grep -qx "$package" <<<"$installed" || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${missing[*]}"
  install "${missing[@]}"
fi
