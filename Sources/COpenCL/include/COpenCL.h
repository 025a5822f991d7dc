// OpenCL as it is found at run time, and the text of kernels.cl.
#pragma once

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define CL_SILENCE_DEPRECATION
#ifdef __APPLE__
#include <OpenCL/opencl.h>
#else
#include <CL/cl.h>
#endif

// The functions of OpenCL 1.2 that this package calls. A table, because nothing links to OpenCL: a linked binary would
// not start where none is installed.
#define OPENCL_FUNCTIONS(f) \
  f(clBuildProgram) \
  f(clCreateBuffer) \
  f(clCreateCommandQueue) \
  f(clCreateContext) \
  f(clCreateKernel) \
  f(clCreateProgramWithBinary) \
  f(clCreateProgramWithSource) \
  f(clEnqueueMapBuffer) \
  f(clEnqueueMarkerWithWaitList) \
  f(clEnqueueNDRangeKernel) \
  f(clEnqueueReadBuffer) \
  f(clEnqueueUnmapMemObject) \
  f(clEnqueueWriteBuffer) \
  f(clFinish) \
  f(clFlush) \
  f(clGetDeviceIDs) \
  f(clGetDeviceInfo) \
  f(clGetEventInfo) \
  f(clGetEventProfilingInfo) \
  f(clGetKernelInfo) \
  f(clGetKernelWorkGroupInfo) \
  f(clGetPlatformIDs) \
  f(clGetPlatformInfo) \
  f(clGetProgramBuildInfo) \
  f(clGetProgramInfo) \
  f(clReleaseCommandQueue) \
  f(clReleaseContext) \
  f(clReleaseEvent) \
  f(clReleaseKernel) \
  f(clReleaseMemObject) \
  f(clReleaseProgram) \
  f(clRetainCommandQueue) \
  f(clRetainContext) \
  f(clRetainEvent) \
  f(clRetainKernel) \
  f(clRetainProgram) \
  f(clSetKernelArg) \
  f(clWaitForEvents)

#define OPENCL_POINTER(name) __typeof__(&name) name;
typedef struct {
  OPENCL_FUNCTIONS(OPENCL_POINTER)
} OpenCLFunctions;
#undef OPENCL_POINTER

// The functions, looked up at the first call; null where no OpenCL is installed.
const OpenCLFunctions *opencl_functions(void);

// kernels.cl as it was when this binary was built, with a zero at its end.
const char *kernels_source(void);
