#!/usr/bin/env python3
"""Runs our side and others' in turn and writes docs/benchmarks.md, with a chart beside it: medians of ratios, each of one round.

    compare.py DEVICENN [--rounds 5] [--nets resnet18,...] [--kernels all] [--python python3] [--device cpu]
                        [--opencl opencl:0] [--avx2]

PyTorch's side beside --device; then, on the OpenCL device --opencl, CLBlast's products beside ours, and training steps beside
the fallback's. `--opencl none` leaves that out, `--kernels none --nets ""` the rest. --avx2 holds both sides to AVX2.
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

from chart import chart

HERE = Path(__file__).resolve().parent
# Page faults would cost PyTorch up to 40 % of its speed on large convolutions.
ENVIRONMENT = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "4294967296"}


def lines(command):
    result = subprocess.run(command, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def key(case):
    return case["op"], tuple(case["shape"])


def processor():
    """The name, and the widest vectors where the system tells: numbers of one do not say much about the other."""
    facts = {}
    try:
        for line in open("/proc/cpuinfo"):
            name, _, value = line.partition(":")
            facts.setdefault(name.strip(), value.strip())
    except OSError:
        pass
    flags = facts.get("flags", "").split()
    vectors = " with AVX-512" if "avx512f" in flags else " with AVX2 and no AVX-512" if "avx2" in flags else ""
    return (facts.get("model name") or platform.processor() or platform.machine()) + vectors


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


def step(arguments, net, device):
    [result] = lines([arguments.devicenn, "profile", "--net", net, "--batch", "16", "--runs", "3", "--json", "--device", device])
    return result["train_images_per_second"]


def on_opencl(arguments, rounds):
    """The name of the device, rows of (shape, our GFLOP/s, CLBlast's, ratio), and rows of (net, fallback, device, ratio)."""
    devices = {device["identifier"]: device["name"] for device in lines([arguments.devicenn, "devices", "--json"])}
    name = devices.get(arguments.opencl)
    if name is None:
        return None, [], []
    products, steps = {}, {}
    for _ in range(rounds):
        theirs = lines([sys.executable, str(HERE / "clblast_side.py"), name])
        shapes = [",".join(map(str, case["shape"])) for case in theirs]
        ours = lines([
            arguments.devicenn, "profile", "--kernel", "matmul", "--runs", "5", "--json", "--device", arguments.opencl,
            "--shape", *shapes]) if shapes else []
        for a, b in zip(ours, theirs):
            products.setdefault(tuple(a["shape"]), []).append((a["gflops"], b["gflops"], a["gflops"] / b["gflops"]))
    for net in filter(None, arguments.opencl_nets.split(",")):
        for _ in range(rounds):
            a, b = step(arguments, net, "cpu"), step(arguments, net, arguments.opencl)
            steps.setdefault(net, []).append((a, b, b / a))

    def medians(rows):
        return [(key, *map(statistics.median, zip(*values))) for key, values in rows.items()]

    return name, medians(products), medians(steps)


def opencl_section(name, products, steps):
    text = [f"## On OpenCL: {name}", ""]
    if products:
        text += [
            "Matrix products beside CLBlast's on the same device, in the same rounds, GFLOP/s:", "",
            "| m n k | DeviceNN | CLBlast | ratio |", "|---|---|---|---|"]
        text += ["| %s | %.0f | %.1f | **%.1f** |" % (" ".join(map(str, shape)), *rest) for shape, *rest in products] + [""]
    if steps:
        text += [
            "Training steps, batch 16, 224 pixels, images/s, beside the CPU fallback:", "",
            "| network | fallback | this device | ratio |", "|---|---|---|---|"]
        text += ["| %s | %.1f | %.1f | **%.2f** |" % row for row in steps] + [""]
    return text


def chart_path(arguments):
    return Path(arguments.out).with_suffix(".svg")


def write(path, text):
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    os.replace(new, path)


def sections(operator_rows, step_rows):
    """What the chart shows of the tables."""
    found = []
    if step_rows:
        found.append(("Training steps, batch 16", [(row[0], row[3]) for row in step_rows]))
        found.append(("Inference, batch 16", [(row[0], row[6]) for row in step_rows]))
    alone = []
    for name in dict.fromkeys(row[0] for row in operator_rows):
        rows = [(" ".join(map(str, shape)), ratio) for operator, shape, _, _, ratio, _ in operator_rows if operator == name]
        if len(rows) > 1:
            found.append((name, rows))
        else:
            alone += [(f"{name} {shape}", ratio) for shape, ratio in rows]
    return found + [("other operators", alone)] * bool(alone)


def document(arguments, operator_rows, step_rows, opencl):
    held = ", both sides held to AVX2" if arguments.avx2 else ""
    text = [
        "# Against PyTorch", "",
        f"Measured on {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores of {processor()}, by `make bench`"
        f" (device {arguments.device}{held}): both sides in turn, {arguments.rounds} rounds, medians; the ratio is the median of each",
        "round's ratio, above 1 where DeviceNN is faster. PyTorch runs with channels last. The limit is the lower of what the",
        "device was measured to compute and to copy in the same run; Winograd's convolutions go beyond it, because they compute",
        "less than is counted.", ""]
    if step_rows or operator_rows:
        text += [f"![Speed as a multiple of PyTorch's, a bar for each line of the tables]({chart_path(arguments).name})", ""]
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
        text += ["", "Shapes: m n k of products; batch, channels, size, outputs, kernel, stride, groups of convolutions.", ""]
    name, products, steps = opencl
    if products or steps:
        text += opencl_section(name, products, steps)
    return "\n".join(text).rstrip() + "\n"


parser = argparse.ArgumentParser()
parser.add_argument("devicenn")
parser.add_argument("--rounds", type=int, default=5)
parser.add_argument("--nets", default="resnet18,resnet50,mobilenet_v2,squeezenet1_1")
parser.add_argument("--kernels", default="all")
parser.add_argument("--python", default=sys.executable)
parser.add_argument("--device", default="cpu")
parser.add_argument("--opencl", default="opencl:0")
parser.add_argument("--opencl-nets", default="resnet18,resnet50,mobilenet_v2,squeezenet1_1")
parser.add_argument("--avx2", action="store_true")
parser.add_argument("--out", default=str(HERE.parent / "docs" / "benchmarks.md"))
arguments = parser.parse_args()
if arguments.avx2:
    ENVIRONMENT.update(DEVICENN_CPU_ISA="avx2", ATEN_CPU_CAPABILITY="avx2", ONEDNN_MAX_CPU_ISA="AVX2", MKL_ENABLE_INSTRUCTIONS="AVX2")
operator_rows = operators(arguments, arguments.rounds) if arguments.kernels != "none" else []
print(document(arguments, operator_rows, [], (None, [], [])), flush=True)
opencl = on_opencl(arguments, arguments.rounds)
step_rows = steps(arguments, arguments.rounds)
page = document(arguments, operator_rows, step_rows, opencl)
if step_rows or operator_rows:
    write(chart_path(arguments), chart(sections(operator_rows, step_rows)))
write(Path(arguments.out), page)
print(page)
