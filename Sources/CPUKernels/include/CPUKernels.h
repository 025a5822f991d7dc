#pragma once
#include <stddef.h>
#ifdef __cplusplus
extern "C" {
#endif

/// One kernel of kernels.cl, compiled for one instruction set. `call` runs the group that cpu_launch has set; its
/// arguments are pointers to the values, in the kernel's own order, as in clSetKernelArg.
typedef struct {
  const char *name;
  int arity;
  /// A character for each argument: i int, f float, p pointer.
  const char *kinds;
  void (*call)(void *const *arguments);
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

/// Runs groups (x, y, z) of a kernel on all cores and returns when they are done. Callers on several
/// threads take turns.
void cpu_launch(const CPUKernel *kernel, void *const *arguments, const size_t groups[3]);

/// The processor's maker: "AMD", "Intel", or "" where it is neither.
const char *cpu_vendor(void);

/// The number of threads that share the groups of a launch: the cores that the process may use, or DEVICENN_THREADS.
int cpu_thread_count(void);

#ifdef __cplusplus
}
#endif
