#!/bin/bash
# Runs the operators' suites on every implementation of OpenCL that this machine can have, one process a cell, and prints
# one table, drivers by operator families; docs/conformance.md gets it with dates and versions. Installs the drivers that
# are missing: a driver that can't be had, or ends its process, costs its own cells and no others.
#
#   Scripts/conformance.sh [--only ROW,ROW] [--table] [flags for swift]
#
# --only runs some rows and takes the others from earlier runs (.build/conformance), if there were any; --table runs nothing. $CONFORMANCE_LIMIT
# is the seconds that a cell may take. The rows: see `rows` below.
set -uo pipefail
cd "$(dirname "$0")/.."

# Without rusticl-cpu: Mesa's llvmpipe gives a work-item 65535 rounds of all its loops together and then ends them silently, too
# few for a processor's tiles, so that the package gives it a GPU's.
rows=(cpu-avx512 cpu-avx2 cpu-baseline pocl-cpu pocl-gpu pocl-small rusticl-gpu intel-cpu intel-gpu oclgrind-small)
families=(elementwise products convolution depthwise pooling normalization reduction losses optimizers random goldens networks)
limit=${CONFORMANCE_LIMIT:-900}
work=$PWD/.build/conformance
drivers=$work/drivers
intel=${XDG_CACHE_HOME:-$HOME/.cache}/devicenn/intel-opencl
only=${rows[*]}
flags=()
while [ $# -gt 0 ]; do
  case $1 in
    --only) only=${2//,/ }; shift ;;
    --table) only= ;;
    *) flags+=("$1") ;;
  esac
  shift
done
mkdir -p "$drivers/none"

# MARK: What is run

# The family of a test, "Suite/function", or of an operator's case, by its name.
family() {
  case $(tr '[:upper:]' '[:lower:]' <<<"$1") in
    goldentests* | optimizertests*) echo goldens ;;
    mobilenet* | *network* | *finetun* | *photo*) echo networks ;;
    image* | *dropout* | *random* | *permutation* | *philox*) echo random ;;
    *optimizer* | *sgd* | *adam* | *adaptivestep* | *'adaptive step'* | *gradientnorm* | *'gradient norm'*) echo optimizers ;;
    *softmax* | *loss* | *entropy* | *temporal* | *ctc*) echo losses ;;
    *depthwise*) echo depthwise ;;
    *convol* | *resampl* | *resiz*) echo convolution ;;
    *pool*) echo pooling ;;
    *norm*) echo normalization ;;
    *reduc* | *moment* | *cumulative* | *topk* | *'top k'*) echo reduction ;;
    *product* | *matmul* | *attention* | *lstm* | *gru* | *sequence* | *recurren*) echo products ;;
    *) echo elementwise ;;
  esac
}

# Every test that is run for each target, as "Suite/function".
tests() {
  local file suite
  for file in Tests/KernelsTests/*.swift Tests/DeviceNNTests/*.swift; do
    suite=$(sed -n 's/^.*\(struct\|extension\) \([A-Za-z0-9]*Tests\)[ :{].*/\2/p' "$file" | head -1)
    [ -n "$suite" ] && [ "$suite" != OperatorContractTests ] || continue
    awk -v suite="$suite" '
      /arguments:.*(Target|TestDevice)\.all/ { wanted = 1 }
      wanted && match($0, /func [A-Za-z0-9_]+/) { print suite "/" substr($0, RSTART + 5, RLENGTH - 5); wanted = 0 }' "$file"
  done
}

# The names of the operators' cases, which the contract (signatures, stray writes, same bits) is checked with.
cases() { sed -n 's/^ *OperatorCase("\([^"]*\)").*/\1/p' Tests/KernelsTests/*.swift; }

of_family() { while read -r name; do if [ "$(family "$name")" = "$1" ]; then echo "$name"; fi; done; }

# The settings of a row, one a line.
settings() {
  case $1 in
    cpu-*) printf '%s\n' "DEVICENN_TEST_TARGETS=cpu ${1#cpu-}" "DEVICENN_CPU_ISA=${1#cpu-}" "OCL_ICD_VENDORS=$drivers/none" ;;
    *)
      printf '%s\n' "DEVICENN_PROFILE=${1#*-}" "DEVICENN_TEST_TARGETS=profile ${1#*-}" "OCL_ICD_VENDORS=$drivers/${1%-*}" \
        "DEVICENN_REQUIRE_OPENCL=1"
      ;;
  esac
  case $1 in
    rusticl-*) echo RUSTICL_ENABLE=llvmpipe ;;
    intel-*) echo "LD_LIBRARY_PATH=$intel/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" ;;
    oclgrind-*) printf '%s\n' DEVICENN_TEST_SHAPES=small OCLGRIND_DATA_RACES=1 OCLGRIND_UNINITIALIZED=0 OCLGRIND_MAX_ERRORS=20 ;;
  esac
}

# MARK: Drivers

# What a row's driver lacks; nothing where it is there.
obstacle() {
  case $1 in
    cpu-*) if ! offers "$1" '^cpu '; then echo "this processor has no ${1#cpu-}"; fi ;;
    pocl-*) vendor_file "$1" pocl-opencl-icd pocl ;;
    rusticl-*) vendor_file "$1" mesa-opencl-icd rusticl ;;
    oclgrind-*)
      package oclgrind
      register oclgrind "$(ls /usr/lib/oclgrind/liboclgrind-rt-icd.so /usr/lib/*/oclgrind/liboclgrind-rt-icd.so 2>/dev/null | head -1)"
      ;;
    intel-*)
      if [ ! -e "$intel/lib/libintelocl.so" ]; then
        { python3 -m venv "$intel" && "$intel/bin/pip" install -q intel-opencl-rt intel-cmplr-lib-rt; } >"$work/install.log" 2>&1
        # Its own loader would take the place of the system's, which reads OCL_ICD_VENDORS.
        rm -f "$intel"/lib/libOpenCL*
      fi
      register intel "$(ls "$intel/lib/libintelocl.so" 2>/dev/null)"
      ;;
  esac
  case $1 in cpu-*) return ;; esac
  if [ -e "$drivers/${1%-*}/driver.icd" ] && ! offers "$1" '^opencl:'; then echo "the driver is installed, but offers no device"; fi
}

# Takes a driver's own file from /etc/OpenCL/vendors.
vendor_file() {
  [ -e "/etc/OpenCL/vendors/$3.icd" ] || package "$2"
  register "$3" "$(head -1 "/etc/OpenCL/vendors/$3.icd" 2>/dev/null)"
}

register() {
  mkdir -p "$drivers/$1"
  rm -f "$drivers/$1/driver.icd"
  if [ -n "$2" ]; then echo "$2" >"$drivers/$1/driver.icd"; else echo "$1 could not be installed: $(tail -1 "$work/install.log")"; fi
}

package() {
  local root=
  : >"$work/install.log"
  if dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; then return; fi
  if [ "$(id -u)" != 0 ]; then root=sudo; fi
  $root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >"$work/install.log" 2>&1
}

# The environment of a row, before a command.
in_row() {
  local row=$1 words=() line
  shift
  while read -r line; do words+=("$line"); done < <(settings "$row")
  env "${words[@]}" "$@"
}

offers() { in_row "$1" "$products/devicenn" devices 2>/dev/null | grep -q "$2"; }

# The driver as it names itself.
version() {
  local pattern='^opencl:'
  case $1 in cpu-*) pattern='^cpu ' ;; esac
  in_row "$1" "$products/devicenn" devices 2>/dev/null | sed -n "/$pattern/{s/^[a-z:0-9]* *//;s/, [0-9]* MiB//;p;q;}"
}

# MARK: Cells

# Runs a cell; its file holds one line, "pass 12" (cases), "fail why" or "none".
cell() {
  local row=$1 family=$2 log=$work/$1.$2.log names= chosen filter= status count
  local races=$work/$1.$2.races order=()
  # Oclgrind simulates one kernel at a time, and asserts it.
  case $row in oclgrind-*) order=(--no-parallel) ;; esac
  chosen=$(cases | of_family "$family" | paste -sd, -)
  case $row in oclgrind-*) ;; *) names=$(tests | of_family "$family") ;; esac
  while read -r name; do [ -z "$name" ] || filter="$filter|$name\\("; done <<<"$names"
  if [ -n "$chosen" ]; then
    filter="$filter|OperatorContractTests/launchesFit"
    case $row in oclgrind-*) ;; *) filter="$filter|OperatorContractTests/theSame" ;; esac
  fi
  if [ -z "$filter" ]; then echo none >"$work/$row.$family"; return; fi
  rm -f "$races"
  in_row "$row" DEVICENN_TEST_CASES="$chosen" OCLGRIND_LOG="$races" timeout "$limit" \
    "${runner[@]}" ${order[@]+"${order[@]}"} --filter "${filter#|}" 2>&1 | sed $'s/\033\\[[0-9;]*m//g' >"$log"
  status=${PIPESTATUS[0]}
  # A test without a single case is green and proves nothing.
  count=$(sed -n 's/.*with \([0-9]*\) test cases\{0,1\} passed.*/\1/p' "$log" | awk '{ sum += $1 } END { print sum + 0 }')
  if [ $status = 124 ]; then
    echo "fail took more than $limit s"
  elif [ $status -ge 128 ] || ! grep -q 'Test run with' "$log"; then
    echo "fail ended the process: $(grep -vE '^$|(started|passed after .* seconds)\.' "$log" | tail -1 | cut -c1-200)"
  elif [ $status != 0 ]; then
    echo "fail $(reason "$log")"
  elif [ -s "$races" ]; then
    echo "fail $(grep -m1 -v '^$' "$races" | cut -c1-200)"
  elif [ "$count" = 0 ]; then
    echo "fail no test ran"
  else
    echo "pass $count"
  fi >"$work/$row.$family"
}

# The number of issues, and the first one's test and words, which the report has on a line of their own or after the place.
reason() {
  local issues test words
  issues=$(grep -c 'recorded an issue' "$1")
  test=$(grep -m1 'recorded an issue' "$1" | sed 's/.*Test \([A-Za-z0-9]*\)(.*/\1/')
  words=$(grep -m1 -A1 'recorded an issue' "$1" | sed -n '2{/^↳/{s/^↳ //;p;};}')
  [ -n "$words" ] || words=$(grep -m1 'recorded an issue' "$1" | sed 's/.*swift:[0-9]*:[0-9]*: //')
  echo "$issues issues; $test: $(cut -c1-200 <<<"$words")"
}

# MARK: The table

table() {
  local row family line mark number=0 notes= last
  printf '| |%s\n' "$(printf ' %s |' "${families[@]}")"
  printf '|---|%s\n' "$(printf -- '---|%.0s' "${families[@]}")"
  for row in "${rows[@]}"; do
    printf '| %s |' "$row"
    last=
    for family in "${families[@]}"; do
      line=$(cat "$work/$row.$family" 2>/dev/null || echo 'not run')
      case $line in
        pass*) mark="pass, ${line#pass }" ;;
        'not run') mark=$line ;;
        none) mark=- ;;
        *)
          # One note for neighbours that fail alike.
          if [ "$line" != "$last" ]; then
            number=$((number + 1))
            notes="$notes$number. $row, $family: ${line#fail }"$'\n'
          fi
          last=$line
          mark="fail [$number]"
          ;;
      esac
      printf ' %s |' "$mark"
    done
    echo
  done
  if [ -n "$notes" ]; then printf '\n%s' "$notes"; fi
}

document() {
  cat <<END
# Conformance

Written by \`make conformance\` on $(date -u +%Y-%m-%d), at $(git rev-parse --short HEAD), on $(uname -sm), $(sed -n 's/^model name.*: //p' /proc/cpuinfo 2>/dev/null | head -1).

A cell says how many cases of a family passed on a driver with a tile profile (\`TileProfile.swift\`); "-" is a family that
has no test of that kind. A case is one test on one target: golden values of PyTorch within 1e-5 + 1e-4 · |expected|,
results against loops in Double, and for every operator that a launch fits its kernel's signature, writes nothing outside
its buffers, leaves nothing unwritten, and gives the same bits twice. Oclgrind simulates each work-item with race
detection, so it runs the operators' cases alone, on small shapes (depthwise convolutions among the convolutions). The
networks have bounds of their own, with reasons, in NetworkGoldenTests: a training step amplifies rounding, and one input lies
so near ReLU6's kink that drivers differ about its side. Rows that \`--only\` left out are of earlier runs.

$(cat "$work/table.md")

| row | driver |
|---|---|
$(for row in "${rows[@]}"; do echo "| $row | $(cat "$work/$row.version" 2>/dev/null) |"; done)

To repeat: \`make conformance\`, or \`Scripts/conformance.sh --only intel-cpu,pocl-gpu\` for some rows. Drivers come from the
system's packages (pocl-opencl-icd, mesa-opencl-icd, oclgrind) and from pip (intel-opencl-rt, in a virtual environment
under ~/.cache/devicenn). Each row sees its own driver alone, by OCL_ICD_VENDORS. Logs: \`.build/conformance\`.
END
}

swift build -c release -Xswiftc -enable-testing --build-tests ${flags[@]+"${flags[@]}"} || exit 1
products=$(swift build -c release -Xswiftc -enable-testing --show-bin-path ${flags[@]+"${flags[@]}"})
runner=("$products/DeviceNNPackageTests.xctest" --testing-library swift-testing)
if [ "$(uname)" = Darwin ]; then
  runner=(swift test -c release -Xswiftc -enable-testing --skip-build ${flags[@]+"${flags[@]}"})
fi

for row in $only; do
  why=$(obstacle "$row" | paste -sd' ' -)
  version "$row" >"$work/$row.version"
  for family in "${families[@]}"; do
    if [ -n "$why" ]; then echo "fail $why" >"$work/$row.$family"; continue; fi
    cell "$row" "$family"
    echo "$row, $family: $(cat "$work/$row.$family")"
  done
done
table >"$work/table.md"
document >docs/conformance.md
cat "$work/table.md"
if grep -q 'fail \[' "$work/table.md"; then exit 1; fi
