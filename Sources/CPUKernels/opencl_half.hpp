// OpenCL C's half in C++: bits that are loaded and stored, never computed with. Instruction sets that convert in
// hardware define HALF_CONVERSION; the others take bits apart.

typedef unsigned short half;

#ifdef HALF_CONVERSION
static inline float from_half(half h) { return (float)__builtin_bit_cast(_Float16, h); }
static inline half to_half(float x) { return __builtin_bit_cast(half, (_Float16)x); }

#define HALF_TYPE(n)                                                                                      \
  typedef _Float16 half##n##u __attribute__((ext_vector_type(n), aligned(2)));                            \
  static inline float##n vload_half##n(size_t i, const half *p) {                                         \
    return __builtin_convertvector(*(const half##n##u *)(p + n * i), float##n);                           \
  }                                                                                                       \
  static inline void vstore_half##n##_rte(float##n v, size_t i, half *p) {                                \
    *(half##n##u *)(p + n * i) = __builtin_convertvector(v, half##n##u);                                  \
  }
#else
static inline float from_half(half h) {
  const uint exponent = h & 0x7c00, rest = h & 0x7fff;
  const uint bits = exponent == 0        ? __builtin_bit_cast(uint, (float)rest * 0x1p-24f)
                    : exponent == 0x7c00 ? rest << 13 | 0x7f800000
                                         : (rest << 13) + (112u << 23);
  return __builtin_bit_cast(float, bits | (uint)(h & 0x8000) << 16);
}

// Rounds to the nearest, to the even one from the middle.
static inline half to_half(float x) {
  const uint bits = __builtin_bit_cast(uint, x), size = bits & 0x7fffffff;
  uint result;
  if (size > 0x7f800000) {
    result = 0x7e00 | (size >> 13 & 0x3ff);
  } else if (size >= 0x47800000) { // 2¹⁶ and above: ∞
    result = 0x7c00;
  } else if (size < 0x38800000) { // below 2⁻¹⁴: the sum's unit in the last place is 2⁻²⁴, the smallest half
    result = __builtin_bit_cast(uint, __builtin_bit_cast(float, size) + 0.5f) - 0x3f000000;
  } else { // rounds by a carry, into ∞ if it comes to that
    result = (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13;
  }
  return (half)(result | (bits >> 16 & 0x8000));
}

#define HALF_TYPE(n)                                                                                      \
  static inline float##n vload_half##n(size_t i, const half *p) {                                         \
    float##n v;                                                                                           \
    for (int j = 0; j < n; j++) v[j] = from_half(p[n * i + j]);                                           \
    return v;                                                                                             \
  }                                                                                                       \
  static inline void vstore_half##n##_rte(float##n v, size_t i, half *p) {                                \
    for (int j = 0; j < n; j++) p[n * i + j] = to_half(v[j]);                                             \
  }
#endif
HALF_TYPE(4)
HALF_TYPE(8)
HALF_TYPE(16)

static inline float vload_half(size_t i, const half *p) { return from_half(p[i]); }
static inline void vstore_half_rte(float x, size_t i, half *p) { p[i] = to_half(x); }
