#!/usr/bin/env python3
"""CLBlast's side of `make bench`: products on the OpenCL device of a name, one JSON object a line with the keys of
`devicenn profile --json`. Prints nothing where there is no CLBlast.

    clblast_side.py NAME [--runs 5] [--shapes 256,256,256 ...]
"""
import argparse
import ctypes
import ctypes.util
import json
import statistics
import sys
import time
from ctypes import byref, c_char_p, c_float, c_int, c_size_t, c_uint32, c_uint64, c_void_p

SUCCESS, TYPE_ALL, NAME, READ_WRITE = 0, 0xFFFFFFFF, 0x102B, 1
ROW_MAJOR, PLAIN = 101, 111


def library(name):
    path = ctypes.util.find_library(name)
    return ctypes.CDLL(path) if path else None


def check(status, what):
    if status != SUCCESS:
        sys.exit(f"{what} failed with {status}")


def device_called(cl, wanted):
    count = c_uint32()
    check(cl.clGetPlatformIDs(0, None, byref(count)), "clGetPlatformIDs")
    platforms = (c_void_p * count.value)()
    cl.clGetPlatformIDs(count, platforms, None)
    for platform in platforms:
        if cl.clGetDeviceIDs(c_void_p(platform), c_uint64(TYPE_ALL), 0, None, byref(count)) != SUCCESS:
            continue
        devices = (c_void_p * count.value)()
        cl.clGetDeviceIDs(c_void_p(platform), c_uint64(TYPE_ALL), count, devices, None)
        for device in devices:
            name = ctypes.create_string_buffer(1024)
            cl.clGetDeviceInfo(c_void_p(device), NAME, c_size_t(1024), name, None)
            if name.value.decode().strip() == wanted:
                return c_void_p(device)
    sys.exit(f"no OpenCL device is called '{wanted}'")


def buffer(cl, context, queue, values):
    status = c_int()
    memory = c_void_p(cl.clCreateBuffer(context, c_uint64(READ_WRITE), c_size_t(4 * len(values)), None, byref(status)))
    check(status.value, "clCreateBuffer")
    check(cl.clEnqueueWriteBuffer(queue, memory, 1, c_size_t(0), c_size_t(4 * len(values)), values, 0, None, None), "clEnqueueWriteBuffer")
    return memory


def seconds(cl, blast, context, queue, m, n, k, runs):
    a, b, c = [buffer(cl, context, queue, (c_float * count)(*[1.0] * count)) for count in (m * k, k * n, m * n)]

    def multiply():
        status = blast.CLBlastSgemm(
            ROW_MAJOR, PLAIN, PLAIN, c_size_t(m), c_size_t(n), c_size_t(k), c_float(1), a, c_size_t(0), c_size_t(k), b, c_size_t(0),
            c_size_t(n), c_float(0), c, c_size_t(0), c_size_t(n), byref(queue), None)
        check(status, "CLBlastSgemm")
        check(cl.clFinish(queue), "clFinish")

    times = []
    for run in range(runs + 2):  # two pay for preparations
        start = time.perf_counter()
        multiply()
        times.append(time.perf_counter() - start)
    corner = c_float()
    check(cl.clEnqueueReadBuffer(queue, c, 1, c_size_t(4 * (m * n - 1)), c_size_t(4), byref(corner), 0, None, None), "clEnqueueReadBuffer")
    if corner.value != k:
        sys.exit(f"CLBlast computed {corner.value} where {k} is right")
    for memory in (a, b, c):
        cl.clReleaseMemObject(memory)
    return statistics.median(times[2:])


parser = argparse.ArgumentParser()
parser.add_argument("name")
parser.add_argument("--runs", type=int, default=5)
parser.add_argument("--shapes", nargs="*", default=["256,256,256", "512,512,512", "1024,1024,1024", "2048,2048,2048"])
arguments = parser.parse_args()
cl, blast = library("OpenCL"), library("clblast")
if cl and blast:
    for function in (cl.clCreateContext, cl.clCreateCommandQueue, cl.clCreateBuffer):
        function.restype = c_void_p
    device, status = device_called(cl, arguments.name), c_int()
    context = c_void_p(cl.clCreateContext(None, 1, byref(device), None, None, byref(status)))
    check(status.value, "clCreateContext")
    queue = c_void_p(cl.clCreateCommandQueue(context, device, c_uint64(0), byref(status)))
    check(status.value, "clCreateCommandQueue")
    for text in arguments.shapes:
        m, n, k = map(int, text.split(","))
        took = seconds(cl, blast, context, queue, m, n, k, arguments.runs)
        print(json.dumps({"op": "matmul", "shape": [m, n, k], "ms": took * 1e3, "gflops": 2 * m * n * k / took / 1e9}), flush=True)
