#if defined(__x86_64__)
#include "entries.hpp"
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2,f16c"))), apply_to = function)
#define ISA avx2
#define VECTOR 8
#define TILE_M 6 // 12 accumulators of 16 registers
#define TILE_N 2
#define COLUMN_VECTORS 4
#define HALF_CONVERSION
#include "kernels.hpp"
#pragma clang attribute pop
#endif
