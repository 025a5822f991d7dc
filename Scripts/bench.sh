#!/bin/bash
# Measures our side and PyTorch's in turn and writes docs/benchmarks.md; PyTorch goes into a venv of its own.
#
#   Scripts/bench.sh [flags for swift] [-- options of Benchmarks/compare.py]
set -euo pipefail
cd "$(dirname "$0")/.."

flags=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do flags+=("$1"); shift; done
[ $# -gt 0 ] && shift

venv=.build/pytorch
if [ ! -x "$venv/bin/python" ] || ! "$venv/bin/python" -c 'import torch, timm' 2>/dev/null; then
  python3 -m venv "$venv" || { echo "bench: python3 needs its module venv (Debian: python3-venv)" >&2; exit 1; }
  "$venv/bin/pip" install -q "torch==2.13.0+cpu" "torchvision==0.28.0" timm || "$venv/bin/pip" install -q torch torchvision timm
fi
swift build -c release --product devicenn ${flags[@]+"${flags[@]}"}
"$venv/bin/python" Benchmarks/compare.py "$(swift build -c release --show-bin-path)/devicenn" "$@"
