#!/bin/bash
# Runs the conformance suite of the kernels everywhere this machine can: the CPU fallback at each instruction set,
# then PoCL with the tiles of a processor and with those of a GPU (work-groups and barriers for real).
# What the processor or the driver lacks is skipped by name by the suite itself. Arguments go to swift.
set -euo pipefail
cd "$(dirname "$0")/.."

failed=()
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# A run without a single test is green and proves nothing, so it counts as failed.
run() {
  echo "== $*"
  if ! env "$@" swift test -c release -Xswiftc -enable-testing $flags --filter KernelsTests 2>&1 | tee "$log" ||
    ! grep -q 'Test run with [1-9]' "$log"; then failed+=("$*"); fi
}

flags=$*
for isa in avx512 avx2 baseline; do run DEVICENN_DEVICE=cpu DEVICENN_CPU_ISA=$isa; done
for profile in cpu gpu; do run DEVICENN_DEVICE=opencl DEVICENN_PROFILE=$profile; done

if [ ${#failed[@]} -gt 0 ]; then
  printf 'conformance: failed with %s\n' "${failed[@]}" >&2
  exit 1
fi
echo "conformance: all passed"
