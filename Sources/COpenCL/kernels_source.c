// The text of kernels.cl inside the binary, so that a program needs no file beside it.
#include "COpenCL.h"

#pragma clang diagnostic ignored "-Wc23-extensions"
static const char text[] = {
#embed "../../kernels.cl" suffix(, 0)
};

const char *kernels_source(void) { return text; }
