#if defined(__x86_64__)
#include "entries.hpp"
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma,bmi2,f16c"))), apply_to = function)
#define ISA avx512
#define VECTOR 16
#define TILE_M 6 // 24 accumulators of 32 registers, and few loads for them
#define TILE_N 4
#define COLUMN_VECTORS 4
#define HALF_CONVERSION
#define MASKED_STORES
#define PERMUTED(v, from) ((float16)__builtin_ia32_permvarsf512(v, from))
#include "kernels.hpp"
#pragma clang attribute pop
#endif
