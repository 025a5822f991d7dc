// kernels.cl for one instruction set. The file that includes this has defined ISA (a namespace) and the tile sizes.
#include "entries.hpp"

#define LOCAL 1
#define TEXT_(name) #name
#define TEXT(name) TEXT_(name)

#pragma clang fp contract(fast) reassociate(on)
namespace ISA {
#include "opencl_c.hpp"
#include "opencl_half.hpp"
#ifdef MASKED_STORES
static inline unsigned short first_lanes(int n) { return n >= 16 ? 0xffff : (unsigned short)((1u << n) - 1); }
#define STORE_PART(v, p, n) __builtin_ia32_storeups512_mask(p, v, first_lanes(n))
#define LOAD_PART(p, n) ((float16)__builtin_ia32_loadups512_mask(p, (float16)(0.0f), first_lanes(n)))
#endif
// A tile's accumulators stay in registers only where every function that gets their address is inlined.
#define inline inline __attribute__((always_inline))
#include "../../kernels.cl"
#undef inline

static const CPUKernel entries[] = {
#include "kernel_names.inc"
};
extern const CPUKernelTable table = {TEXT(ISA), entries, sizeof entries / sizeof *entries,
                                     VECTOR, TILE_M, TILE_N, COLUMN_VECTORS};
} // namespace ISA
