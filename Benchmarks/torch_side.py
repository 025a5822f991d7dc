#!/usr/bin/env python3
"""PyTorch's side of `make bench`: operators or training steps, one JSON object a line with the keys of `devicenn profile --json`.

    torch_side.py ops [SHAPES]         operators at the shapes of a file of JSON lines with op and shape
    torch_side.py step NET --batch 16  images a second of a training step and of inference, and the most memory
"""
import argparse
import json
import resource
import statistics
import sys
import time

import torch
import torch.nn.functional as F

LAST = torch.channels_last


def seconds(work, runs, warm_ups):
    for _ in range(warm_ups):
        work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def image(shape):
    """x(batch, channels, size) as PyTorch is fastest with it on a CPU."""
    batch, channels, size = shape
    return torch.randn(batch, channels, size, size).to(memory_format=LAST)


def convolution(op, shape):
    batch, channels, size, outputs, kernel, stride, groups = shape
    padding = kernel // 2
    x = image((batch, channels, size))
    w = torch.randn(outputs, channels // groups, kernel, kernel).to(memory_format=LAST)
    if op == "conv2d":
        return lambda: F.conv2d(x, w, None, stride, padding, 1, groups)
    dy = torch.randn_like(F.conv2d(x, w, None, stride, padding, 1, groups))
    wanted = [op.endswith("Input"), op.endswith("Weight"), False]
    return lambda: torch.ops.aten.convolution_backward(
        dy, x, w, None, [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], groups, wanted)


def operation(op, shape):
    """What runs `op` once, or None where there is no such operator here."""
    if op == "matmul":
        m, n, k = shape
        a, b = torch.randn(m, k), torch.randn(k, n)
        return lambda: a @ b
    if op.startswith("conv2d"):
        return convolution(op, shape)
    if op == "sum":
        v = torch.randn(shape)
        return lambda: v.sum()
    if op == "softmax":
        z = torch.randn(shape)
        return lambda: F.softmax(z, -1)
    x = image(shape)
    scale = torch.ones(shape[1])
    return {
        "batchNorm.train": lambda: F.batch_norm(x, torch.zeros_like(scale), torch.ones_like(scale), scale, scale, True),
        "relu": lambda: F.relu(x),
        "add": lambda: x + x,
        "maxPool3s2": lambda: F.max_pool2d(x, 3, 2, 1),
    }.get(op)


def operators(lines, runs):
    for line in lines:
        case = json.loads(line)
        work = operation(case["op"], case["shape"])
        if work:
            with torch.no_grad():
                case = {"op": case["op"], "shape": case["shape"], "ms": seconds(work, runs, 2) * 1e3}
            print(json.dumps(case), flush=True)


def step(net, batch, runs):
    # A torchvision whose compiled part was made for another PyTorch has its networks all the same.
    register = torch.library.register_fake
    torch.library.register_fake = lambda name, *rest, **named: (
        (lambda function: function) if name.startswith("torchvision::") else register(name, *rest, **named))
    import torchvision

    if hasattr(torchvision.models, net):
        model = getattr(torchvision.models, net)()
    else:
        import timm

        model = timm.create_model(net)
    model = model.to(memory_format=LAST)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    x, labels = image((batch, 3, 224)), torch.randint(0, 1000, (batch,))

    def train():
        optimizer.zero_grad()
        F.cross_entropy(model(x), labels).backward()
        optimizer.step()

    training = seconds(train, runs, 1)
    model.eval()
    with torch.no_grad():
        inference = seconds(lambda: model(x), runs, 1)
    print(json.dumps({
        "net": net, "batch": batch, "train_images_per_second": batch / training,
        "inference_images_per_second": batch / inference,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


parser = argparse.ArgumentParser()
parser.add_argument("what", choices=["ops", "step"])
parser.add_argument("subject", nargs="?")
parser.add_argument("--batch", type=int, default=16)
parser.add_argument("--runs", type=int, default=5)
arguments = parser.parse_args()
if arguments.what == "ops":
    operators(open(arguments.subject) if arguments.subject else sys.stdin, arguments.runs)
else:
    step(arguments.subject, arguments.batch, arguments.runs)
