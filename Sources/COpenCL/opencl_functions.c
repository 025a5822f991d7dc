// Looks OpenCL up when it is first wanted.
#include "COpenCL.h"
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

static OpenCLFunctions functions;
static const OpenCLFunctions *found;

static void *open_library(void) {
  static const char *const names[] = {
#ifdef __APPLE__
    "/System/Library/Frameworks/OpenCL.framework/OpenCL",
#endif
    "libOpenCL.so.1", "libOpenCL.so",
  };
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    void *library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (library) return library;
  }
  return NULL;
}

// The library is never closed: drivers keep threads of their own.
static void find_functions(void) {
  void *library = open_library();
  if (!library) return;
#define OPENCL_FIND(name) \
  *(void **)&functions.name = dlsym(library, #name); \
  if (!functions.name) return;
  OPENCL_FUNCTIONS(OPENCL_FIND)
  found = &functions;
}

const OpenCLFunctions *opencl_functions(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, find_functions);
  return found;
}
