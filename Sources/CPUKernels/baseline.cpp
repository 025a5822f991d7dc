// What every processor of the target can run: SSE2 on x86-64, NEON on 64-bit ARM.
#if defined(__aarch64__)
#define ISA neon
#define TILE_M 8 // 16 accumulators of 32 registers
#define HALF_CONVERSION
#else
#define ISA baseline
#define TILE_M 6 // 12 accumulators of 16 registers
#endif
#define VECTOR 4
#define TILE_N 2
#define COLUMN_VECTORS 4
#include "kernels.hpp"
