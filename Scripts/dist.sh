#!/bin/bash
# Builds dist/devicenn-<os>-<arch>.tar.gz: the command with the Swift runtime inside, for machines that have neither
# Swift nor libjpeg. Arguments go to swift. On Linux there are two scripts beside it, for a machine with a new driver:
#
#   conformance  the operators' suites on every device of that machine, each with every tile profile
#   probe        what the drivers can do beyond OpenCL 1.2, into probes.json
#
# What goes with it, and why:
#   lib/       the C libraries that it is linked to (libjpeg, libpng, zlib): their versions differ between systems.
#   tests/     the suites, and the parts of Swift that they need.
#   fallback/  libstdc++, libgcc_s and OpenCL's loader, used only where the system has none. The system's own must win:
#              OpenCL drivers are loaded into this process, and a driver built against a newer libstdc++ than ours
#              would fail with it.
#   never      glibc and its dynamic loader, which belong to the system: a Linux whose glibc is at least as new as this
#              machine's is needed.
set -euo pipefail
cd "$(dirname "$0")/.."

runtime=
if [ "$(uname)" = Linux ]; then runtime=--static-swift-stdlib; fi  # macOS has its own
swift build -c release $runtime --product devicenn "$@"
products=$(swift build -c release $runtime --show-bin-path "$@")
name=devicenn-$(uname -s | tr '[:upper:]' '[:lower:]')-$(uname -m)
folder=dist/$name
rm -rf "$folder" "$folder.tar.gz"
mkdir -p "$folder/bin" "$folder/lib"
cp "$products/devicenn" "$folder/bin/"
# The package's resources are looked for beside the binary.
find "$products" -maxdepth 1 \( -name '*_*.resources' -o -name '*_*.bundle' \) -exec cp -RL {} "$folder/bin/" \;
cp LICENSE "$folder/"

bundle_linux() {
  strip "$folder/bin/devicenn"
  ldd "$products/devicenn" | awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' | while read -r library path; do
    case $library in
      libc.so.* | libm.so.* | libdl.so.* | librt.so.* | libpthread.so.* | libutil.so.* | libresolv.so.*) ;;
      libstdc++.so.* | libgcc_s.so.*) fall_back "$library" "$path" ;;
      *) cp -L "$path" "$folder/lib/$library" ;;
    esac
  done
  loader=$(/sbin/ldconfig -p | awk '$1 == "libOpenCL.so.1" && !n++ { print $NF }') || true
  if [ -n "$loader" ]; then fall_back libOpenCL.so.1 "$loader"; fi
  for program in devicenn conformance probe; do cp Scripts/launcher.sh "$folder/$program"; done
}

bundle_tests() {
  swift build -c release -Xswiftc -enable-testing --build-tests "$@"
  tests=$(swift build -c release -Xswiftc -enable-testing --show-bin-path "$@")/DeviceNNPackageTests.xctest
  mkdir -p "$folder/tests"
  cp "$tests" "$folder/tests/suites"
  strip -S "$folder/tests/suites"
  # All that is not with the command already, and neither of the system nor of its compiler.
  ldd "$tests" | awk '$2 == "=>" && $3 ~ /\/swift\// { print $1, $3 }' | while read -r library path; do
    cp -L "$path" "$folder/tests/$library"
  done
}

# Each in a folder of its own, so that the launcher can pick one and not the others.
fall_back() {
  mkdir -p "$folder/fallback/$1"
  cp -L "$2" "$folder/fallback/$1/$1"
}

bundle_macos() {
  otool -L "$products/devicenn" | awk '$1 ~ /^\/(opt|usr\/local)\// { print $1 }' | while read -r path; do
    cp -L "$path" "$folder/lib/"
    install_name_tool -change "$path" "@executable_path/../lib/${path##*/}" "$folder/bin/devicenn"
  done
  codesign --force --sign - "$folder/bin/devicenn"
  ln -s bin/devicenn "$folder/devicenn"
}

if [ "$(uname)" = Darwin ]; then
  bundle_macos
else
  bundle_linux
  bundle_tests "$@"
fi
tar -C dist -czf "$folder.tar.gz" "$name"
echo "dist: $folder.tar.gz ($(du -h "$folder.tar.gz" | cut -f1)); unpack it anywhere and run $name/devicenn"
