#!/usr/bin/env python3
"""Runs our side and PyTorch's in turn and writes docs/benchmarks.md: medians of ratios, each of one round.

    compare.py DEVICENN [--rounds 5] [--nets resnet18,...] [--kernels all] [--python python3] [--device cpu]
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Page faults would cost PyTorch up to 40 % of its speed on large convolutions.
ENVIRONMENT = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "4294967296"}


def lines(command):
    result = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def key(case):
    return case["op"], tuple(case["shape"])


def processor():
    try:
        for line in open("/proc/cpuinfo"):
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def operators(arguments, rounds):
    """Rows of (operator, shape, our ms, their ms, ratio)."""
    ours, theirs = {}, {}
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as shapes:
        for number in range(rounds):
            mine = lines([arguments.devicenn, "profile", "--kernel", arguments.kernels, "--json", "--device", arguments.device])
            if number == 0:
                shapes.write("".join(json.dumps(case) + "\n" for case in mine))
                shapes.flush()
            for case in mine:
                ours.setdefault(key(case), []).append(case)
            for case in lines([arguments.python, str(HERE / "torch_side.py"), "ops", shapes.name]):
                theirs.setdefault(key(case), []).append(case)
    return [
        (
            name, shape, statistics.median(case["ms"] for case in cases), statistics.median(case["ms"] for case in theirs[name, shape]),
            statistics.median(b["ms"] / a["ms"] for a, b in zip(cases, theirs[name, shape])),
            statistics.median(case["of_limit"] for case in cases))
        for (name, shape), cases in ours.items() if (name, shape) in theirs]


def steps(arguments, rounds):
    """Rows of (net, our training, theirs, ratio, our inference, theirs, ratio, memory ratio)."""
    rows = []
    for net in filter(None, arguments.nets.split(",")):
        pairs = []
        for _ in range(rounds):
            [mine] = lines([arguments.devicenn, "profile", "--net", net, "--batch", "16", "--runs", "3", "--json", "--device", arguments.device])
            [other] = lines([arguments.python, str(HERE / "torch_side.py"), "step", net, "--batch", "16", "--runs", "3"])
            pairs.append((mine, other))

        def median(value):
            return statistics.median(value(a, b) for a, b in pairs)

        train, infer, memory = "train_images_per_second", "inference_images_per_second", "peak_rss_mb"
        rows.append((
            net, median(lambda a, b: a[train]), median(lambda a, b: b[train]), median(lambda a, b: a[train] / b[train]),
            median(lambda a, b: a[infer]), median(lambda a, b: b[infer]), median(lambda a, b: a[infer] / b[infer]),
            median(lambda a, b: a[memory] / b[memory])))
    return rows


def document(arguments, operator_rows, step_rows):
    text = [
        "# Against PyTorch", "",
        f"Measured on {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores of {processor()}, by `make bench`"
        f" (device {arguments.device}): both sides in turn, {arguments.rounds} rounds, medians; the ratio is the median of each",
        "round's ratio, above 1 where DeviceNN is faster. PyTorch runs with channels last. The limit is the lower of what the",
        "device was measured to compute and to copy in the same run.", ""]
    if step_rows:
        text += [
            "| network, batch 16, 224 pixels | training, images/s | PyTorch | ratio | inference | PyTorch | ratio | memory, ratio |",
            "|---|---|---|---|---|---|---|---|"]
        text += ["| %s | %.1f | %.1f | **%.2f** | %.1f | %.1f | **%.2f** | %.2f |" % row for row in step_rows] + [""]
    if operator_rows:
        text += ["| operator | shape | ms | PyTorch, ms | ratio | of the limit |", "|---|---|---|---|---|---|"]
        text += [
            "| %s | %s | %.3f | %.3f | **%.2f** | %.0f %% |" % (name, " ".join(map(str, shape)), ours, theirs, ratio, 100 * limit)
            for name, shape, ours, theirs, ratio, limit in operator_rows]
        text += ["", "Shapes: m n k of products; batch, channels, size, outputs, kernel, stride, groups of convolutions."]
    return "\n".join(text) + "\n"


parser = argparse.ArgumentParser()
parser.add_argument("devicenn")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--nets", default="resnet18,resnet50,mobilenet_v2,squeezenet1_1")
parser.add_argument("--kernels", default="all")
parser.add_argument("--python", default=sys.executable)
parser.add_argument("--device", default="cpu")
parser.add_argument("--out", default=str(HERE.parent / "docs" / "benchmarks.md"))
arguments = parser.parse_args()
operator_rows = operators(arguments, arguments.rounds) if arguments.kernels != "none" else []
print(document(arguments, operator_rows, []), flush=True)
page = document(arguments, operator_rows, steps(arguments, arguments.rounds))
Path(arguments.out + ".new").write_text(page)
os.replace(arguments.out + ".new", arguments.out)
print(page)
