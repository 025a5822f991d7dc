#if defined(__x86_64__)
#include "entries.hpp"
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi2,f16c"))), apply_to = function)
#define ISA avx512
#define VECTOR 16
#define TILE_M 8 // 16 accumulators of 32 registers: more would spill the eight row pointers
#define TILE_N 2
#define COLUMN_VECTORS 4
#define HALF_CONVERSION
#define MASKED_STORES
#include "kernels.hpp"
#pragma clang attribute pop
#endif
