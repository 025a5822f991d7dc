#if defined(__x86_64__)
#include "entries.hpp"
#pragma clang attribute push(__attribute__((target("avx2,fma,bmi2,f16c"))), apply_to = function)
#define ISA avx2
#define VECTOR 8
#define TILE_M 6 // 12 accumulators of 16 registers
#define TILE_N 2
#define COLUMN_VECTORS 4
// A step of the depth is 12 products, and with the counters, for which there are too few registers, as many loads.
#define UNROLL_DEPTH _Pragma("clang loop unroll_count(4)")
#define HALF_CONVERSION
#define PERMUTED(v, from) ((float8)__builtin_ia32_permvarsf256(v, from))
#include "kernels.hpp"
#pragma clang attribute pop
#endif
