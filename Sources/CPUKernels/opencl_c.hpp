// The part of OpenCL C that kernels.cl uses, in C++, for a work-group of one work-item: barriers are nothing, local
// memory is the stack. Included once per instruction set, inside of its namespace and target attribute, so that
// everything here inlines into the kernels.

typedef unsigned int uint;
typedef unsigned long ulong;
typedef unsigned char uchar;

#define __kernel static
#define __global
#define __local
#define __constant const
#define restrict __restrict
#define barrier(fence)
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define IN_ORDER _Pragma("clang fp reassociate(off)")
#define get_local_id(dimension) 0
#define get_group_id(dimension) (devicenn_group[dimension])
#define get_num_groups(dimension) ((int)devicenn_groups[dimension])

#define VECTOR_TYPE(n)                                                                                    \
  typedef float float##n __attribute__((ext_vector_type(n)));                                             \
  typedef float float##n##u __attribute__((ext_vector_type(n), aligned(4)));                              \
  static inline float##n vload##n(size_t i, const float *p) { return *(const float##n##u *)(p + n * i); } \
  static inline void vstore##n(float##n v, size_t i, float *p) { *(float##n##u *)(p + n * i) = v; }       \
  static inline float##n fmax(float##n a, float##n b) { return __builtin_elementwise_max(a, b); }         \
  static inline float##n fmin(float##n a, float##n b) { return __builtin_elementwise_min(a, b); }         \
  static inline float##n sqrt(float##n a) { return __builtin_elementwise_sqrt(a); }
VECTOR_TYPE(4)
VECTOR_TYPE(8)
VECTOR_TYPE(16)

#define INT_VECTOR_TYPE(n)                                                                                \
  typedef int int##n __attribute__((ext_vector_type(n)));                                                 \
  static inline float##n fabs(float##n a) { return __builtin_elementwise_abs(a); }                        \
  static inline int##n convert_int##n(float##n a) { return __builtin_convertvector(a, int##n); }          \
  static inline float##n convert_float##n(int##n a) { return __builtin_convertvector(a, float##n); }      \
  static inline int##n as_int##n(float##n a) { return __builtin_bit_cast(int##n, a); }                    \
  static inline float##n as_float##n(int##n a) { return __builtin_bit_cast(float##n, a); }                \
  static inline float##n permuted(float##n v, int##n from) {                                              \
    float##n result;                                                                                      \
    for (int i = 0; i < n; i++) result[i] = v[from[i]];                                                   \
    return result;                                                                                        \
  }
INT_VECTOR_TYPE(4)
INT_VECTOR_TYPE(8)
INT_VECTOR_TYPE(16)
#ifndef PERMUTED
#define PERMUTED(v, from) permuted(v, from)
#endif

static inline float fmax(float a, float b) { return __builtin_fmaxf(a, b); }
static inline float fmin(float a, float b) { return __builtin_fminf(a, b); }
static inline float fabs(float x) { return __builtin_fabsf(x); }
static inline float sqrt(float x) { return __builtin_sqrtf(x); }
static inline float exp(float x) { return __builtin_expf(x); }
static inline float log(float x) { return __builtin_logf(x); }
// One rounding, whatever may be contracted elsewhere, which would allow a product and a sum.
static inline float fma(float a, float b, float c) {
#pragma clang fp contract(off) reassociate(off)
  return __builtin_fmaf(a, b, c);
}
// Through double, whose π is exact enough for all floats of a few turns.
static inline float cospi(float x) { return (float)__builtin_cos(3.14159265358979323846 * x); }
static inline float sinpi(float x) { return (float)__builtin_sin(3.14159265358979323846 * x); }
static inline int isnan(float x) { return __builtin_isnan(x); }
static inline int min(int a, int b) { return a < b ? a : b; }
static inline int max(int a, int b) { return a > b ? a : b; }

static inline void prefetch(const float *p, int n) {
  for (int i = 0; i < n; i += 16) __builtin_prefetch(p + i, 0, 2);
}
#define PREFETCH(p, n) prefetch(p, n)

// Behind such stores, the atomic operation that tells what groups a thread has done waits until all threads see them.
#define STREAM(v, p) __builtin_nontemporal_store(v, (VEC *)(p))
