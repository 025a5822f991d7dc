// Picks the instruction set by asking the processor.
#include <cstring>
#include "CPUKernels.h"

namespace avx512 { extern const CPUKernelTable table; }
namespace avx2 { extern const CPUKernelTable table; }
namespace baseline { extern const CPUKernelTable table; }
namespace neon { extern const CPUKernelTable table; }

const CPUKernelTable *cpu_kernel_table(const char *isa) {
  const CPUKernelTable *usable[3];
  int count = 0;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw"))
    usable[count++] = &avx512::table;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2") &&
      __builtin_cpu_supports("f16c"))
    usable[count++] = &avx2::table;
  usable[count++] = &baseline::table;
#else
  usable[count++] = &neon::table;
#endif
  for (int i = 0; i < count; i++)
    if (isa == nullptr || std::strcmp(isa, usable[i]->isa) == 0) return usable[i];
  return nullptr;
}

const char *cpu_vendor(void) {
#if defined(__x86_64__)
  return __builtin_cpu_is("amd") ? "AMD" : __builtin_cpu_is("intel") ? "Intel" : "";
#else
  return "";
#endif
}
