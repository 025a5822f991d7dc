#pragma once
#include <stddef.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

/// No kernel takes more.
#define CPU_MAX_ARGUMENTS 64

/// One kernel of kernels.cl, compiled for one instruction set. `call` runs the group that the queue has set; its
/// arguments are in the kernel's own order, each at the start of its 8 bytes.
typedef struct {
  const char *name;
  int arity;
  /// A character for each argument: i int, f float, p pointer.
  const char *kinds;
  void (*call)(const uint64_t *arguments);
} CPUKernel;

/// The kernels for one instruction set, with the tile sizes that they were compiled with.
typedef struct {
  const char *isa;
  const CPUKernel *kernels;
  int count;
  int vector, tileM, tileN, columnVectors;
} CPUKernelTable;

/// The fastest table that this processor can run; `isa`, where not null, names a lower one: "avx512", "avx2",
/// "baseline", "neon". Null where there is no such table or the processor can't run it.
const CPUKernelTable *cpu_kernel_table(const char *isa);

/// Queues groups (x, y, z) of a kernel, fewer than 2^32 - 1 in all, behind all earlier ones of this process, to run on all
/// cores, and returns; the arguments are copied. Any thread may call it, but no kernel, and no child of a fork while
/// launches are on their way.
void cpu_launch(const CPUKernel *kernel, const uint64_t *arguments, const size_t groups[3]);

/// Returns when all launches queued so far have run; until then the caller is one of the cores.
void cpu_wait(void);

/// The processor's maker: "AMD", "Intel", or "" where it is neither.
const char *cpu_vendor(void);

/// The number of threads that share the groups of a launch: the cores that the process may use, or DEVICENN_THREADS.
int cpu_thread_count(void);

#ifdef __cplusplus
}
#endif
