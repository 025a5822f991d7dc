// DeviceNN's kernels: everything that a device computes.
//
// This file is compiled twice: by the OpenCL driver at run time, and ahead of time, by Clang as C++, into the CPU
// fallback (Sources/CPUKernels), where a work-group is one work-item. Hence three rules:
//   - OpenCL C 1.2, and every kernel is right for any LOCAL, 1 included: work is dealt to groups in contiguous
//     chunks and inside a group by lane.
//   - Tile sizes are macros. TileProfile.swift sets them and computes the number of groups from the same values.
//   - No float atomics: each sum has a fixed order, so the same input gives the same bits.
//
// Activations are x(N,H,W,C) with channels contiguous, convolution weights w(R,S,C,K), matrices row-major.
// Parameters come as sizes, scalars, inputs, outputs. `dx` is the gradient of the loss with respect to x.
// Behind each buffer at least 64 bytes may be read, never written: a row's last vector is loaded whole, and
// stored in part. Launch geometry is written above each kernel as groups(x, y, z); what may be large is x, because
// some devices take no more than 65535 groups along y and z.
//
// Contents: vectors - elementwise - functions of vectors, of one number, of two - strided data - indices -
//           whole numbers - matrix products - convolution - Winograd convolution - depthwise convolution -
//           grouped convolution - reductions - batch normalization - pooling - resampling - softmax - cross-entropy -
//           losses of single elements - connectionist temporal classification - moments - group normalization -
//           attention - recurrent steps - optimizer steps - gradient norms - images and random numbers -
//           Fourier transform - half storage - the device's own speed

#ifndef VECTOR
#define VECTOR 4 // floats of a vector: 4, 8 or 16
#endif
#ifndef LOCAL
#define LOCAL 64 // work-items of a group: 1, or a power of two
#endif
#ifndef TILE_M
#define TILE_M 4 // rows of a work-item's tile of a matrix product
#endif
#ifndef TILE_N
#define TILE_N 1 // vectors of a row of that tile: 1, 2 or 4
#endif
#ifndef STAGED
#define STAGED 0 // 1: a group stages its operands in local memory; 0: each work-item reads them in place
#endif
#ifndef ITEMS_N
#define ITEMS_N 8 // staged: work-items along the columns of a group's tile
#endif
#ifndef TILE_K
#define TILE_K 16 // staged: depth of a stage
#endif
#ifndef COLUMN_VECTORS
#define COLUMN_VECTORS 1 // vectors of neighbouring columns that a work-item sums at a time
#endif

// MARK: vectors

#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define VEC CAT(float, VECTOR)
#define IVEC CAT(int, VECTOR)
#if LOCAL == 1 && defined(POCL_DEVICE_ADDRESS_BITS)
// PoCL compiles for a CPU itself, by Clang. Its vload and vstore move two floats at a time, in code that then stays in such pieces; and loops
// unroll by the constants that functions are called with only where these become a part of the kernel.
#undef inline
#define inline inline __attribute__((always_inline))
typedef float UNALIGNED __attribute__((ext_vector_type(VECTOR), aligned(4)));
#define MOVES(SPACE)                                                                                             \
  static inline __attribute__((overloadable)) VEC load(const SPACE float *p) { return *(const SPACE UNALIGNED *)p; } \
  static inline __attribute__((overloadable)) void store(VEC v, SPACE float *p) { *(SPACE UNALIGNED *)p = v; }
MOVES(__global)
MOVES(__local)
MOVES(__private)
#define LOAD(p) load(p)
#define STORE(v, p) store(v, p)
#define STREAM(v, p) __builtin_nontemporal_store(v, (__global VEC *)(p))
#define PREFETCH(p, n) for (int prefetched = 0; prefetched < (n); prefetched += 16) __builtin_prefetch((p) + prefetched, 0, 2)
#else
#define LOAD(p) CAT(vload, VECTOR)(0, p)
#define STORE(v, p) CAT(vstore, VECTOR)(v, 0, p)
#endif
#define UNROLL _Pragma("unroll")

#ifndef PERMUTED
// The floats of v in the order that IVEC `from` says.
#define PERMUTED(v, from) shuffle(v, CAT(convert_uint, VECTOR)(from))
#endif

#define LANE ((int)get_local_id(0))
#define GROUP(dimension) ((int)get_group_id(dimension))

#ifndef STORE_PART
// Stores the first n floats of v, all if n >= VECTOR. The fallback has masked stores in its place.
static inline void store_part(VEC v, __global float *p, const int n) {
  if (n >= VECTOR) {
    STORE(v, p);
  } else {
    float lanes[VECTOR];
    STORE(v, lanes);
    for (int i = 0; i < n; i++) p[i] = lanes[i];
  }
}
#define STORE_PART(v, p, n) store_part(v, p, n)

// The first n floats at p and zeros: for sums over a vector's lanes, and for memory whose next floats another work-item
// may be writing. What LOAD reads beyond the end of a row must lie still, or it is a data race, although nobody looks.
static inline VEC load_part(__global const float *p, const int n) {
  if (n >= VECTOR) return LOAD(p);
  float lanes[VECTOR];
  for (int i = 0; i < VECTOR; i++) lanes[i] = i < n ? p[i] : 0.0f;
  return LOAD(lanes);
}
#define LOAD_PART(p, n) load_part(p, n)
#endif

// Stands in functions whose order of operations is the point: the fallback's compiler may put sums in another order, to
// make vectors of them.
#ifndef IN_ORDER
#define IN_ORDER
#endif

#ifndef STREAM
// STREAM stores a whole aligned vector past the caches, which the results of a large kernel would only sweep clean; the
// fallback can. What is large has 16 MiB or more and rows of whole vectors.
#define STREAM(v, p) STORE(v, p)
#define IS_LARGE(count, rowLength) 0
#else
#define IS_LARGE(count, rowLength) ((count) >= 4194304 && (rowLength) % VECTOR == 0)
#endif
#define STORE_LARGE(v, p, n, isLarge)                                                                            \
  do {                                                                                                           \
    if (isLarge) STREAM(v, p);                                                                                   \
    else STORE_PART(v, p, n);                                                                                    \
  } while (0)

#ifndef PREFETCH
// Asks for n floats that will be read soon, or by a group to come; only the fallback and PoCL, whose groups follow each
// other, can tell. p may lie behind the end of a buffer: nothing is read.
#define PREFETCH(p, n) (void)(p)
#endif

// Flat data: each group takes CHUNK floats, dealt to lanes by vectors.
#define CHUNK 8192
#define FOR_VECTORS(i, n) \
  for (int i = GROUP(0) * CHUNK + LANE * VECTOR; i < min(n, (GROUP(0) + 1) * CHUNK); i += LOCAL * VECTOR)
#define STORE_FLAT(v, y, i, n) STORE_LARGE(v, (y) + (i), (n) - (i), IS_LARGE(n, VECTOR) && (i) + VECTOR <= (n))
#define FOR_ELEMENTS(i, n) \
  for (int i = GROUP(0) * CHUNK + LANE; i < min(n, (GROUP(0) + 1) * CHUNK); i += LOCAL)

// Rows of channels: ACROSS lanes take neighbouring vectors of a row, DOWN lanes neighbouring rows.
#if LOCAL < 16
#define ACROSS LOCAL
#else
#define ACROSS 16
#endif
#define DOWN (LOCAL / ACROSS)
#define FOR_ROWS(r, begin, end) for (int r = (begin) + LANE / ACROSS; r < (end); r += DOWN)
#define FOR_CHANNELS(c, count) for (int c = LANE % ACROSS * VECTOR; c < (count); c += ACROSS * VECTOR)

// Of `rows` rows, those of the group's chunk.
#define ROW_CHUNK(rows, begin, end)                                                                              \
  const int begin = (int)((long)(rows) * GROUP(1) / (int)get_num_groups(1));                                     \
  const int end = (int)((long)(rows) * (GROUP(1) + 1) / (int)get_num_groups(1));

// The activations that other kernels apply on their way out. NaN passes, which fmax would turn into 0.
#define ACTIVATION_NONE 0
#define ACTIVATION_RELU 1
#define ACTIVATION_RELU6 2

static inline VEC activate(VEC x, const int activation) {
  const VEC least = x < (VEC)(0.0f) ? (VEC)(0.0f) : x;
  if (activation == ACTIVATION_RELU) return least;
  if (activation == ACTIVATION_RELU6) return least > (VEC)(6.0f) ? (VEC)(6.0f) : least;
  return x;
}

// dy where the activation lets it through, judged by its input or, just as well, its output.
static inline VEC activate_backward(VEC x, VEC dy, const int activation) {
  if (activation == ACTIVATION_RELU) return x > (VEC)(0.0f) ? dy : (VEC)(0.0f);
  if (activation == ACTIVATION_RELU6) return x > (VEC)(0.0f) && x < (VEC)(6.0f) ? dy : (VEC)(0.0f);
  return dy;
}

// What products and convolutions do to the sum of one column on its way out. `offset` says what `bias` is: nothing, a
// bias(columns), or the statistics(4,columns) of a batch normalization, of which the last two are its scale and shift.
#define OFFSET_NONE 0
#define OFFSET_BIAS 1
#define OFFSET_NORMALIZATION 2
#define OFFSET_RESIDUAL 3 // normalised, and a residual added

static inline VEC finish(VEC sum, const int offset, const int kind, __global const float *bias, const int columns,
                         __global const float *residual) {
  if (offset == OFFSET_BIAS) sum += LOAD(bias);
  if (offset >= OFFSET_NORMALIZATION) sum = LOAD(bias + 2 * columns) * sum + LOAD(bias + 3 * columns);
  if (offset == OFFSET_RESIDUAL) sum += LOAD(residual);
  return activate(sum, kind);
}

// The sum and the largest of a vector's floats.
static inline float sum_lanes(VEC v) {
  float lanes[VECTOR];
  STORE(v, lanes);
  for (int width = VECTOR / 2; width > 0; width /= 2) {
    for (int j = 0; j < width; j++) lanes[j] += lanes[j + width];
  }
  return lanes[0];
}

static inline float largest_lane(VEC v) {
  float lanes[VECTOR];
  STORE(v, lanes);
  for (int width = VECTOR / 2; width > 0; width /= 2) {
    for (int j = 0; j < width; j++) lanes[j] = fmax(lanes[j], lanes[j + width]);
  }
  return lanes[0];
}

// The sum of a value over neighbouring lanes, so many at a time and in a fixed order; each of them gets it.
static inline float lanes_sum(float value, const int lanes, __local float *scratch) {
  const int place = LANE % lanes;
  scratch[LANE] = value;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int width = lanes / 2; width > 0; width /= 2) {
    if (place < width) scratch[LANE] += scratch[LANE + width];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float result = scratch[LANE - place];
  barrier(CLK_LOCAL_MEM_FENCE);
  return result;
}

// The largest, likewise.
static inline float lanes_max(float value, const int lanes, __local float *scratch) {
  const int place = LANE % lanes;
  scratch[LANE] = value;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int width = lanes / 2; width > 0; width /= 2) {
    if (place < width) scratch[LANE] = fmax(scratch[LANE], scratch[LANE + width]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float result = scratch[LANE - place];
  barrier(CLK_LOCAL_MEM_FENCE);
  return result;
}

// The sum and the largest of a value over all of a group's lanes.
static inline float group_sum(float value, __local float *scratch) { return lanes_sum(value, LOCAL, scratch); }
static inline float group_max(float value, __local float *scratch) { return lanes_max(value, LOCAL, scratch); }

// MARK: elementwise                                                                  groups(ceil(n / CHUNK), 1, 1)

__kernel void fill(const int n, const float value, __global float *y) {
  FOR_VECTORS(i, n) STORE_PART((VEC)(value), y + i, n - i);
}

// y(n) = scale · x(n) + offset
__kernel void affine(const int n, const float scale, const float offset, __global const float *x, __global float *y) {
  FOR_VECTORS(i, n) STORE_PART(scale * LOAD(x + i) + offset, y + i, n - i);
}

__kernel void activation(const int n, const int kind, __global const float *x, __global float *y) {
  FOR_VECTORS(i, n) STORE_FLAT(activate(LOAD(x + i), kind), y, i, n);
}

// dx(n) from dy(n) and the activation's input or output x(n)
__kernel void activation_backward(const int n, const int kind, __global const float *x, __global const float *dy,
                                  __global float *dx) {
  FOR_VECTORS(i, n) STORE_FLAT(activate_backward(LOAD(x + i), LOAD(dy + i), kind), dx, i, n);
}

// MARK: functions of vectors
//
// exp, log and tanh by Cephes' polynomials, to 2e-7 of the value: the same on every device, and whole vectors at a time
// where a compiler would call a library for each float.

#define SPLAT(value) ((VEC)(value))
#define TO_INTS(x) CAT(convert_int, VECTOR)(x)
#define TO_FLOATS(x) CAT(convert_float, VECTOR)(x)
#define BITS(x) CAT(as_int, VECTOR)(x)
#define FROM_BITS(x) CAT(as_float, VECTOR)(x)

// 2^n · exp(r) with |r| <= ln 2 / 2. A sum with 3 · 2^22 has no place for a fraction: it rounds to n, which its last bits
// then are, and which is added to the exponent's. What is no normal float is 0 or infinite.
static inline VEC exp_vector(VEC x) {
  IN_ORDER
  const VEC sum = x * 1.44269504f + 12582912.0f, whole = sum - 12582912.0f;
  const VEC r = x - whole * 0.693359375f + whole * 2.12194440e-4f;
  VEC y = r * 1.9875691500e-4f + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * (r * r) + r + 1.0f;
  y = FROM_BITS(BITS(y) + (BITS(sum) << 23));
  y = x <= SPLAT(-87.3365447f) ? SPLAT(0.0f) : y;
  y = x >= SPLAT(88.7228394f) ? SPLAT(INFINITY) : y;
  return x == x ? y : x;
}

// e · ln 2 + log(1 + m) with 1 + m in [√½, √2)
static inline VEC log_vector(VEC x) {
  IN_ORDER
  const IVEC isSubnormal = x < SPLAT(0x1p-126f);
  const IVEC bits = BITS(isSubnormal ? x * 0x1p23f : x);
  const VEC fraction = FROM_BITS((bits & 0x007fffff) | 0x3f000000);
  const IVEC isLow = fraction < SPLAT(0.707106781f);
  const VEC m = (isLow ? fraction + fraction : fraction) - 1.0f;
  const VEC e = TO_FLOATS((bits >> 23) - 126) - (isSubnormal ? SPLAT(23.0f) : SPLAT(0.0f)) - (isLow ? SPLAT(1.0f) : SPLAT(0.0f));
  const VEC square = m * m;
  VEC y = m * 7.0376836292e-2f - 1.1514610310e-1f;
  y = y * m + 1.1676998740e-1f;
  y = y * m - 1.2420140846e-1f;
  y = y * m + 1.4249322787e-1f;
  y = y * m - 1.6668057665e-1f;
  y = y * m + 2.0000714765e-1f;
  y = y * m - 2.4999993993e-1f;
  y = y * m + 3.3333331174e-1f;
  y = y * m * square - e * 2.12194440e-4f - 0.5f * square;
  y = m + y + e * 0.693359375f;
  const VEC outside = x == SPLAT(0.0f) ? SPLAT(-INFINITY) : (x < SPLAT(0.0f) ? SPLAT(NAN) : x);
  return ((x > SPLAT(0.0f)) & (x < SPLAT(INFINITY))) ? y : outside;
}

// log(1 + x) for x > -1, to the last digits of a small x too: rounding 1 + x is undone by the quotient.
static inline VEC log1p_vector(VEC x) {
  IN_ORDER
  const VEC sum = 1.0f + x, rest = sum - 1.0f;
  return rest == SPLAT(0.0f) ? x : log_vector(sum) * (x / rest);
}

static inline VEC tanh_vector(VEC x) {
  IN_ORDER
  const VEC size = fabs(x), square = x * x;
  VEC y = square * -5.70498872745e-3f + 2.06390887954e-2f;
  y = y * square - 5.37397155531e-2f;
  y = y * square + 1.33314422036e-1f;
  y = y * square - 3.33332819422e-1f;
  const VEC large = 1.0f - 2.0f / (exp_vector(size + size) + 1.0f);
  return size < SPLAT(0.625f) ? x * (y * square + 1.0f) : (x < SPLAT(0.0f) ? -large : large);
}

// exp(x) - 1 for x <= 0
static inline VEC expm1_vector(VEC x) {
  const VEC t = tanh_vector(0.5f * x);
  return 2.0f * t / (1.0f - t);
}

// 1 / (1 + exp(-x)) and its slope, both by the exponential of -|x|, so that nothing cancels.
static inline VEC sigmoid_vector(VEC x) {
  const VEC tail = exp_vector(-fabs(x)), whole = 1.0f / (1.0f + tail);
  return x < SPLAT(0.0f) ? tail * whole : whole;
}
static inline VEC sigmoid_slope(VEC x) {
  const VEC tail = exp_vector(-fabs(x)), whole = 1.0f / (1.0f + tail);
  return tail * whole * whole;
}

// √(2π) times the density of the normal distribution, and the integral of the density, Φ(x): where x < 0, bell_vector(x) times a
// polynomial of t = 1 / (1 + |x| / √8) without a constant, fitted to 4e-8 of the value; rounding adds some 1e-7, far out more.
static inline VEC bell_vector(VEC x) { return exp_vector(-0.5f * x * x); }

static inline VEC normal_vector(VEC x) {
  IN_ORDER
  const VEC t = 1.0f / (1.0f + 0.353553391f * fabs(x));
  VEC y = t * -0.0294453083f + 0.1418506f;
  y = y * t - 0.242691069f;
  y = y * t + 0.137988187f;
  y = y * t - 0.0125882327f;
  y = y * t + 0.101034661f;
  y = y * t + 0.121630568f;
  y = y * t + 0.141176733f;
  y = y * t + 0.141043839f;
  const VEC tail = y * t * bell_vector(x);
  return x < SPLAT(0.0f) ? tail : 1.0f - tail;
}

// MARK: functions of one number                                                      groups(ceil(n / CHUNK), 1, 1)
//
// Each line is a function: its number and name in UnaryFunction.swift, y from x, and dx from x, y and dy; p and q are
// its parameters. Where NaN goes in, NaN comes out.

#define ZERO SPLAT(0.0f)
#define ONE SPLAT(1.0f)
// √(2/π) · (x + 0.044715 x³), doubled: gelu's argument of the sigmoid that stands for its tanh
#define GELU_TANH_ARGUMENT (1.59576912f * (x + 0.044715f * x * x * x))
#define UNARY_FUNCTIONS                                                                                          \
  UNARY(0, negate, -x, -dy)                                                                                      \
  UNARY(1, abs, fabs(x), x > ZERO ? dy : (x < ZERO ? -dy : x * 0.0f))                                            \
  UNARY(2, square, x * x, 2.0f * x * dy)                                                                         \
  UNARY(3, reciprocal, 1.0f / x, -dy * y * y)                                                                    \
  UNARY(4, sqrt, sqrt(x), dy / (2.0f * y))                                                                       \
  UNARY(5, exp, exp_vector(x), dy * y)                                                                           \
  UNARY(6, log, log_vector(x), dy / x)                                                                           \
  UNARY(7, sigmoid, sigmoid_vector(x), dy * y * (1.0f - y))                                                      \
  UNARY(8, tanh, tanh_vector(x), dy * (1.0f - y * y))                                                            \
  UNARY(9, gelu, x * normal_vector(x),                                                                           \
        dy * (normal_vector(x) + x * 0.398942280f * bell_vector(x)))                                             \
  UNARY(10, geluTanh, x * sigmoid_vector(GELU_TANH_ARGUMENT),                                                    \
        dy * (sigmoid_vector(GELU_TANH_ARGUMENT) + x * (1.59576912f + 0.214064418f * x * x) *                    \
              sigmoid_slope(GELU_TANH_ARGUMENT)))                                                                \
  UNARY(11, silu, x * sigmoid_vector(x), dy * (sigmoid_vector(x) + x * sigmoid_slope(x)))                        \
  UNARY(12, hardSigmoid, x < SPLAT(-3.0f) ? ZERO : (x > SPLAT(3.0f) ? ONE : (x + 3.0f) / 6.0f),                  \
        ((x > SPLAT(-3.0f)) & (x < SPLAT(3.0f))) ? dy / 6.0f : ZERO)                                             \
  UNARY(13, hardSwish, x * (x < SPLAT(-3.0f) ? ZERO : (x > SPLAT(3.0f) ? SPLAT(6.0f) : x + 3.0f)) / 6.0f,        \
        x < SPLAT(-3.0f) ? ZERO : (x > SPLAT(3.0f) ? dy : dy * (x / 3.0f + 0.5f)))                               \
  UNARY(14, leakyReLU, x > ZERO ? x : p * x, x > ZERO ? dy : p * dy)                                             \
  UNARY(15, elu, x > ZERO ? x : p * expm1_vector(x), x > ZERO ? dy : dy * p * exp_vector(x))                     \
  UNARY(16, softplus, (x > ZERO ? x : ZERO) + log1p_vector(exp_vector(-fabs(x))), dy * sigmoid_vector(x))        \
  UNARY(17, clamp, x < SPLAT(p) ? SPLAT(p) : (x > SPLAT(q) ? SPLAT(q) : x),                                      \
        ((x >= SPLAT(p)) & (x <= SPLAT(q))) ? dy : ZERO)

__kernel void unary(const int n, const int function, const float p, const float q, __global const float *from,
                    __global float *to) {
#define UNARY(number, name, value, gradient)                                                                     \
  case number:                                                                                                   \
    FOR_VECTORS(i, n) {                                                                                          \
      const VEC x = LOAD(from + i);                                                                              \
      STORE_FLAT(value, to, i, n);                                                                               \
    }                                                                                                            \
    break;
  switch (function) { UNARY_FUNCTIONS }
#undef UNARY
}

// dx(n) from the function's input `from` and dy(n)
__kernel void unary_backward(const int n, const int function, const float p, const float q, __global const float *from,
                             __global const float *upstream, __global float *to) {
#define UNARY(number, name, value, gradient)                                                                     \
  case number:                                                                                                   \
    FOR_VECTORS(i, n) {                                                                                          \
      const VEC x = LOAD(from + i), dy = LOAD(upstream + i), y = value;                                          \
      STORE_FLAT(gradient, to, i, n);                                                                            \
      (void)y;                                                                                                   \
    }                                                                                                            \
    break;
  switch (function) { UNARY_FUNCTIONS }
#undef UNARY
}

// MARK: functions of two numbers
//
// Each line is a function: its number and name in BinaryFunction.swift, and y from a and b. Comparisons give 1 or 0;
// `share` is what of a maximum's gradient is a's: half of it where both are equal. The largest of NaN and anything is NaN.

#define BINARY_FUNCTIONS                                                                                         \
  BINARY(0, add, a + b)                                                                                          \
  BINARY(1, subtract, a - b)                                                                                     \
  BINARY(2, multiply, a * b)                                                                                     \
  BINARY(3, divide, a / b)                                                                                       \
  BINARY(4, maximum, ((a > b) | (a != a)) ? a : b)                                                               \
  BINARY(5, minimum, ((a < b) | (a != a)) ? a : b)                                                               \
  BINARY(6, share, a < b ? ZERO : (a == b ? SPLAT(0.5f) : ONE))                                                  \
  BINARY(7, equal, a == b ? ONE : ZERO)                                                                          \
  BINARY(8, notEqual, a != b ? ONE : ZERO)                                                                       \
  BINARY(9, less, a < b ? ONE : ZERO)                                                                            \
  BINARY(10, lessOrEqual, a <= b ? ONE : ZERO)

// y(n) from a(n) and b(n)                                                            groups(ceil(n / CHUNK), 1, 1)
__kernel void binary(const int n, const int function, __global const float *left, __global const float *right,
                     __global float *y) {
#define BINARY(number, name, value)                                                                              \
  case number:                                                                                                   \
    FOR_VECTORS(i, n) {                                                                                          \
      const VEC a = LOAD(left + i), b = LOAD(right + i);                                                         \
      STORE_FLAT(value, y, i, n);                                                                                \
    }                                                                                                            \
    break;
  switch (function) { BINARY_FUNCTIONS }
#undef BINARY
}

// y(n) = a(n) where condition(n) is not 0, else b(n)                                 groups(ceil(n / CHUNK), 1, 1)
__kernel void choose(const int n, __global const float *condition, __global const float *a, __global const float *b,
                     __global float *y) {
  FOR_VECTORS(i, n) STORE_PART(LOAD(condition + i) != ZERO ? LOAD(a + i) : LOAD(b + i), y + i, n - i);
}

// MARK: strided data                                 groups(ceil(rows / max(1, CHUNK / inner)), ceil(inner / CHUNK), 1)
//
// Data of up to six dimensions: the first five make `rows`, the last one is `inner`. Each operand has a stride for each
// of them, 0 where it is repeated and negative where it is read backwards.

#define ROW_SIZES const int rows, const int inner, const int size1, const int size2, const int size3, const int size4
#define STRIDES(x) const int x##0, const int x##1, const int x##2, const int x##3, const int x##4, const int x##Inner
#define ROW_START(x) row_start(row, size1, size2, size3, size4, x##0, x##1, x##2, x##3, x##4)

static inline long row_start(int row, const int size1, const int size2, const int size3, const int size4,
                             const int stride0, const int stride1, const int stride2, const int stride3,
                             const int stride4) {
  // Divisions are slow, and few shapes need all: where a row fits a dimension, it is 0 in those before.
  if (row < size4) return (long)row * stride4;
  long at = (long)(row % size4) * stride4;
  row /= size4;
  if (row < size3) return at + (long)row * stride3;
  at += (long)(row % size3) * stride3;
  row /= size3;
  if (row < size2) return at + (long)row * stride2;
  at += (long)(row % size2) * stride2;
  row /= size2;
  return at + (long)(row % size1) * stride1 + (long)(row / size1) * stride0;
}

// The group's rows and the first columns of its vectors. One work-item finds a row's start once; many are all busy.
#define ROWS_OF_GROUP                                                                                            \
  const int perGroup = max(1, CHUNK / inner), firstRow = GROUP(0) * perGroup;                                    \
  const int endRow = min(rows, firstRow + perGroup), firstColumn = GROUP(1) * CHUNK;                             \
  const int endColumn = min(inner, firstColumn + CHUNK);
#if LOCAL == 1
#define FOR_PLACES                                                                                               \
  for (int row = firstRow; row < endRow; row++)                                                                  \
    for (int column = firstColumn; column < endColumn; column += VECTOR)
#else
#define FOR_PLACES                                                                                               \
  const int across = (endColumn - firstColumn + VECTOR - 1) / VECTOR;                                            \
  for (int place = LANE; place < (endRow - firstRow) * across; place += LOCAL)                                   \
    for (int row = firstRow + place / across, column = firstColumn + place % across * VECTOR, last = 0; !last; last = 1)
#endif

// n floats, VECTOR at most, that are `stride` apart
static inline VEC load_strided(__global const float *x, const int stride, const int n) {
  if (stride == 1) return LOAD(x);
  if (stride == 0) return SPLAT(*x);
  float lanes[VECTOR];
  for (int i = 0; i < VECTOR; i++) lanes[i] = i < n ? x[(long)i * stride] : 0.0f;
  return LOAD(lanes);
}

static inline void store_strided(VEC value, __global float *y, const int stride, const int n) {
  if (stride == 1) {
    STORE_PART(value, y, n);
  } else {
    float lanes[VECTOR];
    STORE(value, lanes);
    for (int i = 0; i < min(n, VECTOR); i++) y[(long)i * stride] = lanes[i];
  }
}

// y = x, each at its own strides
__kernel void strided_copy(ROW_SIZES, STRIDES(from), STRIDES(to), const int fromOffset, const int toOffset,
                           __global const float *restrict x, __global float *restrict y) {
  ROWS_OF_GROUP
  FOR_PLACES {
    const VEC value = load_strided(x + (ROW_START(from) + (long)column * fromInner + fromOffset), fromInner, inner - column);
    store_strided(value, y + (ROW_START(to) + (long)column * toInner + toOffset), toInner, inner - column);
  }
}

// y(rows,inner) from a and b at their strides
__kernel void binary_broadcast(const int function, ROW_SIZES, STRIDES(left), STRIDES(right),
                               __global const float *restrict left, __global const float *restrict right,
                               __global float *restrict y) {
  ROWS_OF_GROUP
#define BINARY(number, name, value)                                                                              \
  case number: {                                                                                                 \
    FOR_PLACES {                                                                                                 \
      const VEC a = load_strided(left + (ROW_START(left) + (long)column * leftInner), leftInner, inner - column); \
      const VEC b = load_strided(right + (ROW_START(right) + (long)column * rightInner), rightInner, inner - column); \
      STORE_PART(value, y + ((size_t)row * inner + column), inner - column);                                     \
    }                                                                                                            \
    break;                                                                                                       \
  }
  switch (function) { BINARY_FUNCTIONS }
#undef BINARY
}

// MARK: indices                                                                     x(outer,axis,inner) by its middle axis

// y(outer,rows,inner) = x(outer,index,inner), each outer with its own indices where indexStride is `rows`, the same where
// it is 0. An index that is not in 0 ..< axis gives NaN.
// groups(ceil(rows / max(1, CHUNK / inner)), ceil(inner / CHUNK), outer)
__kernel void gather(const int rows, const int inner, const int axis, const int indexStride,
                     __global const int *restrict index, __global const float *restrict x, __global float *restrict y) {
  index += (size_t)GROUP(2) * indexStride;
  x += (size_t)GROUP(2) * axis * inner;
  y += (size_t)GROUP(2) * rows * inner;
  ROWS_OF_GROUP
  FOR_PLACES {
    const int at = index[row], isInside = at >= 0 && at < axis;
    const VEC value = LOAD(x + ((size_t)(isInside ? at : 0) * inner + column));
    STORE_PART(isInside ? value : SPLAT(NAN), y + ((size_t)row * inner + column), inner - column);
  }
}

// y(outer,axis,inner) = Σ x(outer,k,inner) over the k < count whose index it is, in their order; other indices add
// nowhere. A group has a range of destinations, and of it each lane its own destinations and columns.
// groups(ranges, outer, 1)
__kernel void scatter_add(const int count, const int axis, const int inner, const int indexStride,
                          __global const int *restrict index, __global const float *restrict x,
                          __global float *restrict y) {
  const int range = GROUP(0), ranges = get_num_groups(0);
  const int begin = (int)((long)axis * range / ranges), end = (int)((long)axis * (range + 1) / ranges);
  index += (size_t)GROUP(1) * indexStride;
  x += (size_t)GROUP(1) * count * inner;
  y += (size_t)GROUP(1) * axis * inner;
  int across = 1;
  while (across < LOCAL && across * VECTOR < inner) across *= 2;
  const int down = LOCAL / across, mine = LANE / across, first = LANE % across * VECTOR;
  for (int at = begin + mine; at < end; at += down) {
    for (int i = first; i < inner; i += across * VECTOR) STORE_PART(ZERO, y + ((size_t)at * inner + i), inner - i);
  }
  for (int k = 0; k < count; k++) {
    const int at = index[k];
    if (at < begin || at >= end || (at - begin) % down != mine) continue;
    for (int i = first; i < inner; i += across * VECTOR) {
      __global float *sum = y + ((size_t)at * inner + i);
      STORE_PART(LOAD_PART(sum, inner - i) + LOAD(x + ((size_t)k * inner + i)), sum, inner - i);
    }
  }
}

// y(n,classes) = 1 at the index of each, else 0                                groups(ceil(n · classes / CHUNK), 1, 1)
__kernel void one_hot(const int n, const int classes, __global const int *restrict index, __global float *restrict y) {
  const int end = min(n * classes, (GROUP(0) + 1) * CHUNK);
  for (int i = GROUP(0) * CHUNK + LANE; i < end; i += LOCAL) y[i] = index[i / classes] == i % classes ? 1.0f : 0.0f;
}

// Sums along an axis are cut into spans of SPAN places: the spans' own sums, summed along the axis in their turn, are
// what the next span begins with. A lane has one column of one span.
#define SPAN 128

// Adds a value to sum + lost, where `lost` is what the additions so far have rounded away.
static inline void add_kept(float *sum, float *lost, const float value) {
  IN_ORDER
  const float next = *sum + value;
  *lost += fabs(*sum) >= fabs(value) ? (*sum - next) + value : (value - next) + *sum;
  *sum = next;
}

// Beyond infinity there is nothing to correct.
static inline float corrected(const float sum, const float lost) { return isnan(lost) ? sum : sum + lost; }

// y(outer,spans - 1,inner) = the sums of all spans of x(outer,axis,inner) but the last, counted from the axis' end
// where isReversed; n of them                                                  groups(ceil(n / LOCAL), 1, 1)
__kernel void span_sums(const int n, const int axis, const int inner, const int isReversed,
                        __global const float *restrict x, __global float *restrict y) {
  const int at = GROUP(0) * LOCAL + LANE, whole = (axis - 1) / SPAN;
  if (at >= n) return;
  const int first = at / inner % whole * SPAN;
  x += (size_t)(at / inner / whole) * axis * inner + at % inner;
  float sum = 0.0f, lost = 0.0f;
  for (int step = first; step < first + SPAN; step++) {
    add_kept(&sum, &lost, x[(size_t)(isReversed ? axis - 1 - step : step) * inner]);
  }
  y[at] = corrected(sum, lost);
}

// y(outer,axis,inner) = the sum of x up to each place along the axis, or from it on; starts(outer,spans - 1,inner) are
// what all spans but the first begin with, and n = outer · spans · inner       groups(ceil(n / LOCAL), 1, 1)
__kernel void cumulative_sum(const int n, const int axis, const int inner, const int isReversed,
                             __global const float *restrict x, __global const float *restrict starts,
                             __global float *restrict y) {
  const int at = GROUP(0) * LOCAL + LANE, spans = (axis + SPAN - 1) / SPAN;
  if (at >= n) return;
  const int column = at % inner, span = at / inner % spans, block = at / inner / spans;
  const size_t begin = (size_t)block * axis * inner + column;
  float sum = span == 0 ? 0.0f : starts[((size_t)block * (spans - 1) + span - 1) * inner + column], lost = 0.0f;
  for (int step = span * SPAN; step < min(axis, (span + 1) * SPAN); step++) {
    const size_t place = begin + (size_t)(isReversed ? axis - 1 - step : step) * inner;
    add_kept(&sum, &lost, x[place]);
    y[place] = corrected(sum, lost);
  }
}

// Whether a at i comes before b at j: the larger first, NaN before all, of equals the earlier.
static inline int comes_before(const float a, const int i, const float b, const int j) {
  if (isnan(a) || isnan(b)) return isnan(a) && (!isnan(b) || i < j);
  return a > b || (a == b && i < j);
}

// values(rows,k), index(rows,k) = the k largest of x(rows,n) and where they stand, the largest first. Each turn finds the
// first of those that come behind the last one found.                                                groups(rows, 1, 1)
__kernel void top_k(const int n, const int k, __global const float *restrict x, __global float *restrict values,
                    __global int *restrict index) {
  __local float bestValues[LOCAL];
  __local int bestPlaces[LOCAL];
  x += (size_t)GROUP(0) * n;
  values += (size_t)GROUP(0) * k;
  index += (size_t)GROUP(0) * k;
  float last = 0.0f;
  int lastPlace = -1;
  for (int turn = 0; turn < k; turn++) {
    float best = 0.0f;
    int place = -1;
    for (int i = LANE; i < n; i += LOCAL) {
      const float value = x[i];
      if ((turn == 0 || comes_before(last, lastPlace, value, i)) && (place < 0 || comes_before(value, i, best, place))) {
        best = value;
        place = i;
      }
    }
    bestValues[LANE] = best;
    bestPlaces[LANE] = place;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int width = LOCAL / 2; width > 0; width /= 2) {
      if (LANE < width) {
        const float other = bestValues[LANE + width];
        const int otherPlace = bestPlaces[LANE + width];
        if (otherPlace >= 0 && (bestPlaces[LANE] < 0 || comes_before(other, otherPlace, bestValues[LANE], bestPlaces[LANE]))) {
          bestValues[LANE] = other;
          bestPlaces[LANE] = otherPlace;
        }
      }
      barrier(CLK_LOCAL_MEM_FENCE);
    }
    last = bestValues[0];
    lastPlace = bestPlaces[0];
    barrier(CLK_LOCAL_MEM_FENCE);
    if (LANE == 0) {
      values[turn] = last;
      index[turn] = lastPlace;
    }
  }
}

// MARK: whole numbers                                                                groups(ceil(n / CHUNK), 1, 1)

__kernel void int_to_float(const int n, __global const int *restrict x, __global float *restrict y) {
  FOR_ELEMENTS(i, n) y[i] = (float)x[i];
}

// Towards zero; NaN is 0, and what is too large for an int the last that fits.
__kernel void float_to_int(const int n, __global const float *restrict x, __global int *restrict y) {
  FOR_ELEMENTS(i, n) {
    y[i] = isnan(x[i]) ? 0 : (x[i] >= 2147483648.0f ? 2147483647 : (x[i] <= -2147483648.0f ? -2147483647 - 1 : (int)x[i]));
  }
}

// y(n) = 1 where x(n) is less than `value` (isLess), equal to it (isEqual) or more (isMore), else 0
__kernel void int_compare(const int n, const int value, const int isLess, const int isEqual, const int isMore,
                          __global const int *restrict x, __global float *restrict y) {
  FOR_ELEMENTS(i, n) y[i] = (x[i] < value && isLess) || (x[i] == value && isEqual) || (x[i] > value && isMore) ? 1.0f : 0.0f;
}

// MARK: matrix products
//
// C(M,N) = A(M,K) · B(K,N). B is read in panels of PANEL columns: in place (bStride = N, panelStride = PANEL), or
// packed by pack_panels (bStride = PANEL, panelStride = K · PANEL), which transposes on the way where B comes as (N,K).
//
//             N ──▶  panel 0   panel 1            unstaged: a work-item computes TILE_M rows x TILE_N vectors and
//          ┌─────┐ ┌────────┬────────┐            keeps them in registers; it reads A by TILE_M row pointers. A group
//        M │  A  │ │ TILE_M x TILE_N │            takes K by blocks of DEPTH: a panel's part stays in the first-level
//        ▼ │     │ │ of one item     │            cache while all tiles of GROUP_ROWS rows pass over it.
//          └─────┘ └────────┴────────┘            staged: a group computes GROUP_ROWS x PANEL; stages of TILE_K
//                                               columns of A and rows of B go through local memory.

// Both functions ask for what will be read next, where `aheadStep` says that it comes from beyond the caches: in each step of
// the depth for the line at `ahead`, which moves on by aheadStep floats, of a transposed A every 2^aheadShift steps. All at
// once, they would wait for each other.

#ifndef UNROLL_DEPTH
// In front of a loop over the depth whose own arithmetic shows beside a step's products.
#define UNROLL_DEPTH
#endif

// acc(TILE_M, vectors) += A(TILE_M, depth) · B(depth, vectors), A by its rows
static inline void multiply_rows(VEC acc[TILE_M][TILE_N], const int vectors, const int depth,
                                 __global const float *const rows[TILE_M], __global const float *b, const int bStride,
                                 __global const float *ahead, const int aheadStep) {
  UNROLL_DEPTH for (int k = 0; k < depth; k++, b += bStride) {
    if (aheadStep > 0) PREFETCH(ahead + (size_t)k * aheadStep, 1);
    VEC right[TILE_N];
    UNROLL for (int j = 0; j < TILE_N; j++) if (j < vectors) right[j] = LOAD(b + j * VECTOR);
    UNROLL for (int i = 0; i < TILE_M; i++) {
      const float left = rows[i][k];
      UNROLL for (int j = 0; j < TILE_N; j++) if (j < vectors) acc[i][j] += left * right[j];
    }
  }
}

// acc(TILE_M, vectors) += Aᵀ(TILE_M, depth) · B(depth, vectors), of which rows are aStride and bStride floats apart
static inline void multiply_transposed(VEC acc[TILE_M][TILE_N], const int vectors, const int depth, __global const float *a,
                                       const int aStride, __global const float *b, const int bStride,
                                       __global const float *ahead, const int aheadStep, const int aheadShift) {
  UNROLL_DEPTH for (int k = 0; k < depth; k++, a += aStride, b += bStride) {
    if (aheadStep > 0) PREFETCH(ahead + (size_t)(k >> aheadShift) * aheadStep, 1);
    VEC right[TILE_N];
    UNROLL for (int j = 0; j < TILE_N; j++) if (j < vectors) right[j] = LOAD(b + j * VECTOR);
    UNROLL for (int i = 0; i < TILE_M; i++) {
      const float left = a[i];
      UNROLL for (int j = 0; j < TILE_N; j++) if (j < vectors) acc[i][j] += left * right[j];
    }
  }
}

#if STAGED
#define ITEMS_M (LOCAL / ITEMS_N)
#define GROUP_ROWS (ITEMS_M * TILE_M)
#define PANEL (ITEMS_N * TILE_N * VECTOR)

// One group's tile. LEFT is A(m, k) and RIGHT B(k, n) for 0 <= k < depth, both 0 outside of the matrix; `acc` is the
// work-item's part: rows LANE / ITEMS_N · TILE_M + i, vectors j · ITEMS_N + LANE % ITEMS_N. The columns of a lane's
// vectors are apart so that neighbouring lanes read neighbouring banks.
#define STAGED_PRODUCT(acc, depth, LEFT, RIGHT)                                                                  \
  for (int k0 = 0; k0 < (depth); k0 += TILE_K) {                                                                 \
    for (int t = LANE; t < GROUP_ROWS * TILE_K; t += LOCAL) {                                                    \
      const int m = t / TILE_K, k = k0 + t % TILE_K;                                                             \
      left[t % TILE_K][m] = LEFT;                                                                                \
    }                                                                                                            \
    for (int t = LANE; t < PANEL * TILE_K; t += LOCAL) {                                                         \
      const int n = t % PANEL, k = k0 + t / PANEL;                                                               \
      right[t / PANEL][n] = RIGHT;                                                                               \
    }                                                                                                            \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                                \
    for (int k = 0; k < TILE_K; k++) {                                                                           \
      VEC b[TILE_N];                                                                                             \
      UNROLL for (int j = 0; j < TILE_N; j++) b[j] = LOAD(&right[k][(j * ITEMS_N + LANE % ITEMS_N) * VECTOR]);   \
      UNROLL for (int i = 0; i < TILE_M; i++) {                                                                  \
        const float a = left[k][LANE / ITEMS_N * TILE_M + i];                                                    \
        UNROLL for (int j = 0; j < TILE_N; j++) acc[i][j] += a * b[j];                                           \
      }                                                                                                          \
    }                                                                                                            \
    barrier(CLK_LOCAL_MEM_FENCE);                                                                                \
  }
#define STAGES                                                                                                   \
  __local float left[TILE_K][GROUP_ROWS + 1];                                                                    \
  __local float right[TILE_K][PANEL];
#define TILE_ROW(i) (LANE / ITEMS_N * TILE_M + (i))
#define TILE_COLUMN(j) (((j) * ITEMS_N + LANE % ITEMS_N) * VECTOR)

#else
#define GROUP_ROWS (8 * TILE_M)
#define PANEL (TILE_N * VECTOR)
#define DEPTH (PANEL < 64 ? 4096 / PANEL : 128) // rows of a panel that fill half of a first-level cache, or two thirds
#define TILE_ROW(i) (i)
#define TILE_COLUMN(j) ((j) * VECTOR)
#endif

// Runs `tile` with the number of vectors that `width` columns need, of `most`, as a constant, so that its loops unroll.
#define WITH_VECTORS_OF(most, width, tile)                                                                       \
  if (most > 3 && (width) > 3 * VECTOR) { const int vectors = 4; tile }                                          \
  else if (most > 2 && (width) > 2 * VECTOR) { const int vectors = 3; tile }                                     \
  else if (most > 1 && (width) > VECTOR) { const int vectors = 2; tile }                                         \
  else { const int vectors = 1; tile }
#define WITH_VECTORS(width, tile) WITH_VECTORS_OF(TILE_N, width, tile)

static inline void clear_tile(VEC acc[TILE_M][TILE_N]) {
  UNROLL for (int i = 0; i < TILE_M; i++) {
    UNROLL for (int j = 0; j < TILE_N; j++) acc[i][j] = (VEC)(0.0f);
  }
}

#if !STAGED
// acc = c(rows, columns), for the tile whose corner is c
static inline void load_tile(VEC acc[TILE_M][TILE_N], const int vectors, const int rows, const int columns,
                             __global const float *c, const int cStride) {
  if (rows >= TILE_M && columns >= vectors * VECTOR) {
    UNROLL for (int i = 0; i < TILE_M; i++) {
      UNROLL for (int j = 0; j < TILE_N; j++) if (j < vectors) acc[i][j] = LOAD(c + (size_t)i * cStride + j * VECTOR);
    }
    return;
  }
  UNROLL for (int i = 0; i < TILE_M; i++) {
    UNROLL for (int j = 0; j < TILE_N; j++) if (j < vectors) {
      acc[i][j] = LOAD_PART(c + (size_t)min(i, rows - 1) * cStride + j * VECTOR, columns - j * VECTOR);
    }
  }
}
#endif

// c(rows, columns) = activation(acc + bias), or what else `finish` says, for the tile whose corner is c, residual and bias;
// c and residual have cStride columns in all. isLarge says that c is, by IS_LARGE.
static inline void store_tile(VEC acc[TILE_M][TILE_N], const int vectors, const int rows, const int columns,
                              const int hasBias, const int kind, __global const float *bias,
                              __global const float *residual, __global float *c, const int cStride, const int isLarge) {
#if !STAGED
  // Most tiles are whole, and nothing is done to their sums.
  if (rows >= TILE_M && columns >= vectors * VECTOR && hasBias == OFFSET_NONE && kind == ACTIVATION_NONE) {
    UNROLL for (int i = 0; i < TILE_M; i++) {
      UNROLL for (int j = 0; j < TILE_N; j++) if (j < vectors) {
        STORE_LARGE(acc[i][j], c + (size_t)i * cStride + j * VECTOR, VECTOR, isLarge);
      }
    }
    return;
  }
#endif
  UNROLL for (int i = 0; i < TILE_M; i++) {
    if (TILE_ROW(i) < rows) {
      UNROLL for (int j = 0; j < TILE_N; j++) if (j < vectors) {
        const int column = TILE_COLUMN(j);
        if (column < columns) {
          const size_t at = (size_t)TILE_ROW(i) * cStride + column;
          STORE_LARGE(finish(acc[i][j], hasBias, kind, bias + column, cStride, residual + at), c + at, columns - column,
                      isLarge);
        }
      }
    }
  }
}

// Transposes VECTOR vectors in registers: each round puts the lanes of the first half between those of the second.
static inline void transpose_square(VEC square[VECTOR]) {
  VEC next[VECTOR];
  UNROLL for (int round = 1; round < VECTOR; round *= 2) {
    UNROLL for (int i = 0; i < VECTOR / 2; i++) {
      next[2 * i].even = square[i].lo;
      next[2 * i].odd = square[i + VECTOR / 2].lo;
      next[2 * i + 1].even = square[i].hi;
      next[2 * i + 1].odd = square[i + VECTOR / 2].hi;
    }
    UNROLL for (int i = 0; i < VECTOR; i++) square[i] = next[i];
  }
}

// to(group, panel, tap, row, PANEL) = from[first + group · groupStride + tap · tapStride + row · rowStride + column ·
// columnStride], zeros behind the last column.                              groups(panels, taps, groups)
__kernel void pack_panels(const int first, const int rows, const int columns, const int groupStride, const int tapStride,
                          const int rowStride, const int columnStride, __global const float *from,
                          __global float *to) {
  const int panel = GROUP(0), panels = get_num_groups(0), tap = GROUP(1), taps = get_num_groups(1);
  from += first + (size_t)GROUP(2) * groupStride + (size_t)tap * tapStride + (size_t)panel * PANEL * columnStride;
  to += (((size_t)GROUP(2) * panels + panel) * taps + tap) * rows * PANEL;
  const int width = min(columns - panel * PANEL, PANEL);
  if (columnStride == 1 && width == PANEL) {
    for (int t = LANE * VECTOR; t < rows * PANEL; t += LOCAL * VECTOR) {
      STORE(LOAD(from + (size_t)(t / PANEL) * rowStride + t % PANEL), to + t);
    }
  } else if (rowStride == 1) {
    for (int t = LANE; t < (rows + VECTOR - 1) / VECTOR * (PANEL / VECTOR); t += LOCAL) {
      const int row = t / (PANEL / VECTOR) * VECTOR, column = t % (PANEL / VECTOR) * VECTOR;
      VEC square[VECTOR];
      UNROLL for (int i = 0; i < VECTOR; i++) {
        square[i] = column + i < width ? LOAD_PART(from + (size_t)(column + i) * columnStride + row, rows - row) : (VEC)(0.0f);
      }
      transpose_square(square);
      UNROLL for (int i = 0; i < VECTOR; i++) {
        if (row + i < rows) STORE(square[i], to + (size_t)(row + i) * PANEL + column);
      }
    }
  } else {
    for (int t = LANE; t < rows * PANEL; t += LOCAL) {
      to[t] = t % PANEL < width ? from[(size_t)(t / PANEL) * rowStride + (size_t)(t % PANEL) * columnStride] : 0.0f;
    }
  }
}

// y(batch,columns,rows) = x(batch,rows,columns), by square tiles: lanes read and write neighbouring memory.
// groups(ceil(rows / SQUARE), ceil(columns / SQUARE), batch)
#define SQUARE 16
__kernel void transpose(const int rows, const int columns, __global const float *restrict x, __global float *restrict y) {
  __local float tile[SQUARE][SQUARE + 1];
  const int row0 = GROUP(0) * SQUARE, column0 = GROUP(1) * SQUARE;
  x += (size_t)GROUP(2) * rows * columns;
  y += (size_t)GROUP(2) * rows * columns;
  for (int t = LANE; t < SQUARE * SQUARE; t += LOCAL) {
    const int row = row0 + t / SQUARE, column = column0 + t % SQUARE;
    if (row < rows && column < columns) tile[t / SQUARE][t % SQUARE] = x[(size_t)row * columns + column];
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int t = LANE; t < SQUARE * SQUARE; t += LOCAL) {
    const int column = column0 + t / SQUARE, row = row0 + t % SQUARE;
    if (row < rows && column < columns) y[(size_t)column * rows + row] = tile[t % SQUARE][t / SQUARE];
  }
}

// c(batch,M,N) = activation(a(batch,M,K) · b(batch,K,N) + bias(N)). Rows of a and c are aPitch and cPitch floats apart: K and N,
// or more where they are some of the channels of a map, from its channel aFirst or cFirst on; then nothing but a bias is added.
// groups(ceil(M / GROUP_ROWS), ceil(panels of b / panels), batch)
__kernel void matmul(const int M, const int N, const int K, const int bStride, const int panelStride,
                     const int panels, const int aBatch, const int bBatch, const int aPitch, const int aFirst,
                     const int cPitch, const int cFirst, const int hasBias, const int kind,
                     __global const float *restrict a, __global const float *restrict b,
                     __global const float *restrict bias, __global const float *restrict residual,
                     __global float *restrict c) {
  a += aFirst + (size_t)GROUP(2) * aBatch;
  b += (size_t)GROUP(2) * bBatch;
  residual += (size_t)GROUP(2) * M * N;
  c += cFirst + (size_t)GROUP(2) * M * N;
  const int m0 = GROUP(0) * GROUP_ROWS, lastPanel = min((GROUP(1) + 1) * panels, (N + PANEL - 1) / PANEL);
#if STAGED
  STAGES
  for (int panel = GROUP(1) * panels; panel < lastPanel; panel++) {
    const int n0 = panel * PANEL;
    __global const float *columns = b + (size_t)panel * panelStride;
    VEC acc[TILE_M][TILE_N];
    clear_tile(acc);
    STAGED_PRODUCT(acc, K, m0 + m < M && k < K ? a[(size_t)(m0 + m) * aPitch + k] : 0.0f,
                   n0 + n < N && k < K ? columns[(size_t)k * bStride + n] : 0.0f)
    store_tile(acc, TILE_N, M - m0, N - n0, hasBias, kind, bias + n0, residual + (size_t)m0 * N + n0,
               c + (size_t)m0 * cPitch + n0, cPitch, 0);
  }
#else
  const int firstPanel = GROUP(1) * panels;
  const int isLarge = K <= DEPTH && IS_LARGE((size_t)M * N, N) && cPitch % VECTOR == 0 && cFirst % VECTOR == 0;
  // What comes next: where the group's panels take 512 KB and more, the next one's part, each tile of rows a share of it; else
  // the next group's rows, while this one's are multiplied by the first panels, each of them the more the fewer there are.
  const int asksPanels = panelStride != PANEL && (lastPanel - firstPanel) * PANEL * K >= 1 << 17 && K > DEPTH;
  const int share = PANEL / (GROUP_ROWS / TILE_M);
  const int rowStep = aPitch == K ? (TILE_M + lastPanel - firstPanel - 1) / (lastPanel - firstPanel) : 0;
  __global const float *nextRows = a + (size_t)(m0 + GROUP_ROWS) * K;
  for (int k = 0; k == 0 || k < K; k += DEPTH) {
    const int depth = min(K - k, DEPTH), isLast = k + depth == K;
    for (int panel = firstPanel; panel < lastPanel; panel++) {
      const int n = panel * PANEL;
      __global const float *columns = b + (size_t)panel * panelStride + (size_t)k * bStride;
      __global const float *nextPanel =
          panel + 1 < lastPanel ? columns + panelStride : b + (size_t)firstPanel * panelStride + (size_t)(k + DEPTH) * bStride;
      for (int m = m0 + LANE * TILE_M; m < min(M, m0 + GROUP_ROWS); m += LOCAL * TILE_M) {
        __global const float *rows[TILE_M];
        UNROLL for (int i = 0; i < TILE_M; i++) rows[i] = a + (size_t)min(m + i, M - 1) * aPitch + k;
        __global float *to = c + (size_t)m * cPitch + n;
        WITH_VECTORS(N - n, {
          VEC acc[TILE_M][TILE_N];
          if (k == 0) clear_tile(acc);
          else load_tile(acc, vectors, M - m, N - n, to, cPitch);
          multiply_rows(acc, vectors, depth, (__global const float *const *)rows, columns, bStride,
                        asksPanels ? nextPanel + (size_t)((m - m0) / TILE_M) * share * depth : nextRows,
                        asksPanels ? share : (panel - firstPanel) * rowStep < TILE_M ? rowStep : 0);
          nextRows += depth * rowStep;
          store_tile(acc, vectors, M - m, N - n, isLast ? hasBias : OFFSET_NONE, isLast ? kind : ACTIVATION_NONE, bias + n,
                     residual + (size_t)m * N + n, to, cPitch, isLarge);
        })
      }
    }
  }
#endif
}

// Products of few rows do little with what they read of b, so b is read as it lies: SKINNY_STEP whole rows side by side, whose
// sums wait in partial(chunks,batch,M,N), one for each chunk of the depth (split-K).
#define SKINNY_COLUMNS 1024
#define SKINNY_STEP 8

// Adds `depth` rows of b to the sums of columns first ..< last, or begins them.
static inline void add_rows(const int depth, const int begins, const int M, const int N, const int first, const int last,
                            const int aPitch, __global const float *a, __global const float *b, __global float *sums) {
  for (int n = first + LANE * VECTOR; n < last; n += LOCAL * VECTOR) {
    VEC rows[SKINNY_STEP];
    UNROLL for (int i = 0; i < depth; i++) rows[i] = LOAD(b + (size_t)i * N + n);
    for (int m = 0; m < M; m++) {
      __global float *to = sums + (size_t)m * N + n;
      VEC sum = begins ? (VEC)(0.0f) : LOAD_PART(to, last - n);
      UNROLL for (int i = 0; i < depth; i++) sum += a[(size_t)m * aPitch + i] * rows[i];
      STORE_PART(sum, to, last - n);
    }
  }
}

// groups(ceil(N / SKINNY_COLUMNS), chunks, batch)
__kernel void matmul_skinny(const int M, const int N, const int K, const int aBatch, const int aPitch, const int aFirst,
                          __global const float *restrict a, __global const float *restrict b,
                          __global float *restrict partial) {
  ROW_CHUNK(K, begin, end)
  const int first = GROUP(0) * SKINNY_COLUMNS, last = min(N, first + SKINNY_COLUMNS);
  a += aFirst + (size_t)GROUP(2) * aBatch;
  b += (size_t)GROUP(2) * K * N;
  partial += ((size_t)GROUP(1) * get_num_groups(2) + GROUP(2)) * M * N;
  int k = begin;
  for (; k + SKINNY_STEP <= end; k += SKINNY_STEP) {
    add_rows(SKINNY_STEP, k == begin, M, N, first, last, aPitch, a + k, b + (size_t)k * N, partial);
  }
  for (; k < end; k++) add_rows(1, k == begin, M, N, first, last, aPitch, a + k, b + (size_t)k * N, partial);
}

// c(batch,M,N) = activation(Σ partial(chunks,batch,M,N) + bias(N)), as matmul.        groups(M, ceil(N / SKINNY_COLUMNS), batch)
__kernel void matmul_skinny_finish(const int N, const int chunks, const int cPitch, const int cFirst, const int hasBias,
                                 const int kind, __global const float *restrict partial,
                                 __global const float *restrict bias, __global const float *restrict residual,
                                 __global float *restrict c) {
  const int M = get_num_groups(0), first = GROUP(1) * SKINNY_COLUMNS, last = min(N, first + SKINNY_COLUMNS);
  const size_t row = (size_t)GROUP(2) * M + GROUP(0), chunk = (size_t)get_num_groups(2) * M * N;
  partial += row * N;
  residual += row * N;
  c += cFirst + (size_t)GROUP(2) * M * N + (size_t)GROUP(0) * cPitch;
  for (int n = first + LANE * VECTOR; n < last; n += LOCAL * VECTOR) {
    VEC sum = LOAD(partial + n);
    for (int i = 1; i < chunks; i++) sum += LOAD(partial + i * chunk + n);
    STORE_PART(finish(sum, hasBias, kind, bias + n, N, residual + n), c + n, N - n);
  }
}

// sum(2,rows) from `place` on = a lane's part of rows of A(M,K) times two of B(N,K): ACROSS lanes pass along K side by side, and
// their sums are still to be added.
static inline void multiply_columns(const int rows, const int place, const int K, const int aPitch,
                                    __global const float *a, __global const float *const columns[2], VEC sum[2][4]) {
  VEC total[2][4];
  UNROLL for (int i = 0; i < rows; i++) total[0][i] = total[1][i] = (VEC)(0.0f);
  FOR_CHANNELS(k, K) {
    VEC row[4];
    UNROLL for (int i = 0; i < rows; i++) row[i] = LOAD_PART(a + (size_t)i * aPitch + k, K - k);
    UNROLL for (int j = 0; j < 2; j++) {
      const VEC column = LOAD_PART(columns[j] + k, K - k);
      UNROLL for (int i = 0; i < rows; i++) total[j][i] += row[i] * column;
    }
  }
  UNROLL for (int i = 0; i < rows; i++) {
    UNROLL for (int j = 0; j < 2; j++) sum[j][place + i] = total[j][i];
  }
}

// The same without anything added, of B(batch,N,K): two rows of it go once through the registers for four of A, or for one.
//                                                                    groups(ceil(N / SKINNY_ROWS), batch, 1)
#define SKINNY_ROWS 32
__kernel void matmul_skinny_transposed(const int M, const int N, const int K, const int aBatch, const int aPitch,
                                       const int aFirst, const int cPitch, const int cFirst,
                                       __global const float *restrict a, __global const float *restrict b,
                                       __global float *restrict c) {
  __local float scratch[LOCAL];
  const int last = min(N, (GROUP(0) + 1) * SKINNY_ROWS);
  a += aFirst + (size_t)GROUP(1) * aBatch;
  b += (size_t)GROUP(1) * N * K;
  c += cFirst + (size_t)GROUP(1) * M * N;
  for (int block = GROUP(0) * SKINNY_ROWS; block < last; block += DOWN * 2) {
    const int n = block + LANE / ACROSS * 2;
    __global const float *columns[2];
    UNROLL for (int j = 0; j < 2; j++) columns[j] = b + (size_t)min(n + j, N - 1) * K;
    // One loop, whose sums over lanes every round reaches: PoCL errs where a loop with barriers may have no round.
    for (int m = 0; m < M; m += 4) {
      const int rows = min(4, M - m);
      VEC sum[2][4];
      if (rows == 4) {
        multiply_columns(4, 0, K, aPitch, a + (size_t)m * aPitch, columns, sum);
      } else {
        for (int i = 0; i < rows; i++) multiply_columns(1, i, K, aPitch, a + (size_t)(m + i) * aPitch, columns, sum);
      }
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < 2; j++) {
          const float total = lanes_sum(sum_lanes(sum[j][i]), ACROSS, scratch);
          if (LANE % ACROSS == 0 && n + j < last) c[(size_t)(m + i) * cPitch + n + j] = total;
        }
      }
    }
  }
}

// MARK: convolution
//
// A convolution is a matrix product whose rows are output pixels and whose depth is (R, S, C). Its input gradient is
// another: rows are input pixels, weights are transposed, and taps step the other way. Both read, for output pixel
// (y, x) and tap (r, s), the pixel ((y · strideUp + r · dilation + offset) / strideDown, …) where that is whole and
// inside, else zero. Forward: strideUp = stride, strideDown = 1, offset = -padding; input gradient: strideUp = 1,
// strideDown = stride, offset = +padding, dilation negated.

// x(N,H,W,G·C), w(R,S,C,G·K), y(N,P,Q,G·K)
#define CONVOLUTION_SIZES                                                                                        \
  const int N, const int H, const int W, const int C, const int P, const int Q, const int K, const int R,        \
      const int S, const int G, const int strideY, const int strideX, const int dilationY, const int dilationX,  \
      const int offsetY, const int offsetX

// Where tap t of a pixel at `base` = pixel · strideUp + offset reads; -1 outside.
static inline int source(const int base, const int step, const int strideDown, const int size) {
  const int at = base + step;
  if (strideDown == 1) return at >= 0 && at < size ? at : -1;
  if (strideDown == 2) return at >= 0 && at % 2 == 0 && at / 2 < size ? at / 2 : -1; // needs no division
  return at >= 0 && at % strideDown == 0 && at / strideDown < size ? at / strideDown : -1;
}

// The pixels 0 ..< Q of a row whose tap at `shift` is inside.
static inline int first_inside(const int shift, const int stride) { return shift < 0 ? (stride - 1 - shift) / stride : 0; }
static inline int end_inside(const int shift, const int stride, const int W, const int Q) {
  return shift < W ? min(Q, (W - 1 - shift) / stride + 1) : 0;
}

#if STAGED
// The image of each of a group's output pixels, -1 behind the last, and where its first tap reads.
static inline void find_pixels(__local int pixels[3][GROUP_ROWS], const int m0, const int N, const int P, const int Q,
                               const int upY, const int upX, const int offsetY, const int offsetX) {
  for (int m = LANE; m < GROUP_ROWS; m += LOCAL) {
    const int pixel = m0 + m;
    pixels[0][m] = pixel < N * P * Q ? pixel / (P * Q) : -1;
    pixels[1][m] = pixel / Q % P * upY + offsetY;
    pixels[2][m] = pixel % Q * upX + offsetX;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
}
#else
// The pixel that comes at place m if each image's pixels are taken by their phase, the places modulo the strides: the same
// taps reach all pixels of a phase.
static inline int in_phases(const int m, const int P, const int Q, const int strideY, const int strideX) {
  if (strideY == 1 && strideX == 1) return m;
  int place = m % (P * Q), phaseY = 0, phaseX = 0, rows = (P - 1) / strideY + 1, columns = (Q - 1) / strideX + 1;
  for (; place >= rows * Q; rows = (P - 1 - phaseY) / strideY + 1) place -= rows * Q, phaseY++;
  for (; place >= rows * columns; columns = (Q - 1 - phaseX) / strideX + 1) place -= rows * columns, phaseX++;
  return (m / (P * Q) * P + place / columns * strideY + phaseY) * Q + place % columns * strideX + phaseX;
}
#endif

// `strideUp` and `strideDown` are 1 or the stride, as above.
static inline void convolve(CONVOLUTION_SIZES, const int xPitch, const int upY, const int upX, const int downY, const int downX,
                            const int bStride, const int tapStride, const int panelStride, const int groupStride,
                            const int panels, const int yPitch, const int hasBias, const int kind, const int isLarge,
                            __global const float *x, __global const float *w, __global const float *bias,
                            __global const float *residual, __global const float *zeros, __global float *y
#if STAGED
                            , __local float left[TILE_K][GROUP_ROWS + 1], __local float right[TILE_K][PANEL],
                            __local int pixels[3][GROUP_ROWS]
#endif
) {
  const int pixelCount = N * P * Q, m0 = GROUP(0) * GROUP_ROWS;
  const int lastPanel = min((GROUP(1) + 1) * panels, (K + PANEL - 1) / PANEL);
  x += GROUP(2) * C;
  w += (size_t)GROUP(2) * groupStride;
  bias += GROUP(2) * K;
  residual += GROUP(2) * K;
  y += GROUP(2) * K;
#if STAGED
  find_pixels(pixels, m0, N, P, Q, upY, upX, offsetY, offsetX);
  for (int panel = GROUP(1) * panels; panel < lastPanel; panel++) {
    const int n0 = panel * PANEL;
    __global const float *columns = w + (size_t)panel * panelStride;
    VEC acc[TILE_M][TILE_N];
    clear_tile(acc);
    for (int tap = 0; tap < R * S; tap++) {
      const int stepY = tap / S * dilationY, stepX = tap % S * dilationX;
      STAGED_PRODUCT(acc, C,
                     (k < C && pixels[0][m] >= 0 && source(pixels[1][m], stepY, downY, H) >= 0 &&
                              source(pixels[2][m], stepX, downX, W) >= 0
                          ? x[(((size_t)pixels[0][m] * H + source(pixels[1][m], stepY, downY, H)) * W +
                               source(pixels[2][m], stepX, downX, W)) * xPitch + k]
                          : 0.0f),
                     (n0 + n < K && k < C ? columns[(size_t)tap * tapStride + (size_t)k * bStride + n] : 0.0f))
    }
    store_tile(acc, TILE_N, pixelCount - m0, K - n0, hasBias, kind, bias + n0, residual + (size_t)m0 * yPitch + n0,
               y + (size_t)m0 * yPitch + n0, yPitch, 0);
  }
#else
  for (int m = m0 + LANE * TILE_M; m < min(pixelCount, m0 + GROUP_ROWS); m += LOCAL * TILE_M) {
    int pixels[TILE_M], baseY[TILE_M], baseX[TILE_M];
    __global const float *images[TILE_M];
    int pixel = 0, image = 0, atP = 0, atQ = Q;
    UNROLL for (int i = 0; i < TILE_M; i++) {
      // Divisions are slow: the next pixel of a row, and phase, is found without any.
      if (atQ + downX < Q) {
        pixel += downX;
        atQ += downX;
      } else {
        pixel = in_phases(min(m + i, pixelCount - 1), P, Q, downY, downX);
        image = pixel / (P * Q);
        atP = pixel / Q % P;
        atQ = pixel % Q;
      }
      pixels[i] = pixel;
      images[i] = x + (size_t)image * H * W * xPitch;
      baseY[i] = atP * upY + offsetY;
      baseX[i] = atQ * upX + offsetX;
    }
    for (int panel = GROUP(1) * panels; panel < lastPanel; panel++) {
      const int n = panel * PANEL;
      WITH_VECTORS(K - n, {
        VEC acc[TILE_M][TILE_N];
        clear_tile(acc);
        __global const float *columns = w + (size_t)panel * panelStride;
        for (int r = 0; r < R; r++) {
          int atY[TILE_M];
          int reaches = 0;
          UNROLL for (int i = 0; i < TILE_M; i++) {
            atY[i] = source(baseY[i], r * dilationY, downY, H);
            reaches |= atY[i] >= 0;
          }
          for (int s = 0; s < S; s++, columns += tapStride) {
            __global const float *rows[TILE_M];
            int inside = 0;
            UNROLL for (int i = 0; i < TILE_M; i++) if (reaches) {
              const int atX = source(baseX[i], s * dilationX, downX, W);
              const int isInside = atY[i] >= 0 && atX >= 0;
              rows[i] = isInside ? images[i] + ((size_t)atY[i] * W + atX) * xPitch : zeros;
              inside |= isInside;
            }
            if (inside) multiply_rows(acc, vectors, C, (__global const float *const *)rows, columns, bStride, columns, 0);
          }
        }
        if (downY == 1 && downX == 1) {
          store_tile(acc, vectors, pixelCount - m, K - n, hasBias, kind, bias + n, residual + (size_t)m * yPitch + n,
                     y + (size_t)m * yPitch + n, yPitch, isLarge);
        } else {
          UNROLL for (int i = 0; i < TILE_M; i++) if (m + i < pixelCount) {
            const size_t at = (size_t)pixels[i] * yPitch + n;
            UNROLL for (int j = 0; j < TILE_N; j++) if (j < vectors && n + j * VECTOR < K) {
              STORE_LARGE(finish(acc[i][j], hasBias, kind, bias + n + j * VECTOR, yPitch, residual + at + j * VECTOR),
                          y + at + j * VECTOR, K - n - j * VECTOR, isLarge);
            }
          }
        }
      })
    }
  }
#endif
}

#if STAGED
#define CONVOLVE_STAGES STAGES __local int pixels[3][GROUP_ROWS];
#define CONVOLVE_STAGE_ARGUMENTS , left, right, pixels
#else
#define CONVOLVE_STAGES
#define CONVOLVE_STAGE_ARGUMENTS
#endif

// y = activation(x * w + bias). `zeros` holds at least C zeros. Pixels of x are xPitch floats apart: G · C, or less where C
// stands for the channels of a whole row of taps, which are neighbours in memory. Those of y are yPitch floats apart: G · K, or
// more where y is some of the channels of a map, from its channel yFirst on; then nothing but a bias is added.
// groups(ceil(N·P·Q / GROUP_ROWS), ceil(panels of K / panels), G)
__kernel void conv2d(CONVOLUTION_SIZES, const int xPitch, const int yPitch, const int yFirst, const int bStride,
                     const int tapStride, const int panelStride, const int groupStride, const int panels, const int hasBias,
                     const int kind,
                     __global const float *restrict x, __global const float *restrict w,
                     __global const float *restrict bias, __global const float *restrict residual,
                     __global const float *restrict zeros, __global float *restrict y) {
  CONVOLVE_STAGES
  convolve(N, H, W, C, P, Q, K, R, S, G, strideY, strideX, dilationY, dilationX, offsetY, offsetX, xPitch, strideY, strideX,
           1, 1, bStride, tapStride, panelStride, groupStride, panels, yPitch, hasBias, kind,
           IS_LARGE((size_t)N * P * Q * G * K, K) && yPitch % VECTOR == 0 && yFirst % VECTOR == 0, x, w, bias, residual, zeros,
           y + yFirst CONVOLVE_STAGE_ARGUMENTS);
}

// The input gradient: here x is dy, y is dx, C and K have changed places, and w is packed transposed. It is the transposed
// convolution too, which may have a bias and an activation. x may be some of the channels of a map, as y above.
__kernel void conv2d_backward_input(CONVOLUTION_SIZES, const int xPitch, const int xFirst, const int bStride,
                                    const int tapStride, const int panelStride, const int groupStride, const int panels,
                                    const int hasBias, const int kind,
                                    __global const float *restrict x, __global const float *restrict w,
                                    __global const float *restrict bias, __global const float *restrict zeros,
                                    __global float *restrict y) {
  CONVOLVE_STAGES
  const int isLarge = IS_LARGE((size_t)N * P * Q * G * K, K);
  if (strideY == 1 && strideX == 1) {
    convolve(N, H, W, C, P, Q, K, R, S, G, strideY, strideX, dilationY, dilationX, offsetY, offsetX, xPitch, 1, 1, 1, 1,
             bStride, tapStride, panelStride, groupStride, panels, G * K, hasBias, kind, isLarge, x + xFirst, w, bias, bias,
             zeros, y CONVOLVE_STAGE_ARGUMENTS);
  } else {
    convolve(N, H, W, C, P, Q, K, R, S, G, strideY, strideX, dilationY, dilationX, offsetY, offsetX, xPitch, 1, 1, strideY,
             strideX, bStride, tapStride, panelStride, groupStride, panels, G * K, hasBias, kind, isLarge, x + xFirst, w, bias,
             bias, zeros, y CONVOLVE_STAGE_ARGUMENTS);
  }
}

// The input gradient where x has so few channels that they would leave a tile's columns nearly empty: columns(N,P,Q,R,S,C) are
// what each pixel of dy brings to its taps, a product of dy(pixels, K) and w(R,S,C, K) transposed; dx(N,H,W,C) from row
// `firstRow` on is their sum where taps meet, and a bias. Taps of a row are neighbours.                groups(N · H, 1, 1)
#define COL2IM_CHANNELS 4
__kernel void col2im(const int H, const int W, const int C, const int P, const int Q, const int R, const int S,
                     const int strideY, const int strideX, const int dilationY, const int paddingTop,
                     const int paddingLeft, const int firstRow, const int hasBias, const int kind,
                     __global const float *restrict columns, __global const float *restrict bias, __global float *dx) {
  columns += (size_t)(GROUP(0) / H) * P * Q * R * S * C;
  dx += ((size_t)firstRow + GROUP(0)) * W * C;
  const int top = GROUP(0) % H + paddingTop, count = W * C;
  if (LOCAL == 1) {
    // A row of taps at a time: its floats, and those that it is added to, are neighbours.
    for (int i = 0; i < count; i++) dx[i] = hasBias ? bias[i % C] : 0.0f;
    for (int r = 0; r < R; r++) {
      const int p = source(top, -r * dilationY, strideY, P);
      if (p < 0) continue;
      for (int q = 0; q < Q; q++) {
        const int begin = (q * strideX - paddingLeft) * C, end = min(begin + S * C, count);
        __global const float *from = columns + (((size_t)p * Q + q) * R + r) * S * C;
        for (int i = max(begin, 0); i < end; i += VECTOR) {
          STORE_PART(LOAD_PART(dx + i, end - i) + LOAD_PART(from + (i - begin), end - i), dx + i, end - i);
        }
      }
    }
    if (kind == ACTIVATION_NONE) return;
    for (int i = 0; i < count; i += VECTOR) STORE_PART(activate(LOAD_PART(dx + i, count - i), kind), dx + i, count - i);
    return;
  }
  for (int w = LANE; w < W; w += LOCAL) {
    float sums[VECTOR];
    UNROLL for (int c = 0; c < VECTOR; c++) sums[c] = hasBias && c < C ? bias[c] : 0.0f;
    // The last pixel of dy whose window may cover w; each one in front of it does so by a tap that is strideX further on.
    const int at = w + paddingLeft, last = at < 0 ? -1 : min(at / strideX, Q - 1);
    for (int r = 0; r < R; r++) {
      const int p = source(top, -r * dilationY, strideY, P);
      if (p < 0) continue;
      for (int q = last, tap = at - last * strideX; q >= 0 && tap < S; q--, tap += strideX) {
        __global const float *from = columns + ((((size_t)p * Q + q) * R + r) * S + tap) * C;
        UNROLL for (int c = 0; c < COL2IM_CHANNELS; c++) if (c < C) sums[c] += from[c];
      }
    }
    STORE_PART(activate(LOAD(sums), kind), dx + (size_t)w * C, C);
  }
}

// Weight gradient: dw(R,S,C,G·K) = Σ over pixels of x(pixel at tap, C) · dy(pixel, K), a product of a transposed matrix
// whose depth is the pixels. They are cut into `splits` ranges, whose sums go to partial(split,R,S,C,G·K), which
// reduce_columns then adds in order. Pixels of x are xPitch floats apart, as above; dy may be some of the channels of a map.
//
// Staged, a group sums a tile of one tap.                       groups(splits, R · S · ceil(C / GROUP_ROWS), G)
// Unstaged, it takes a range of the items (split, G, one of cBlocks blocks of C, one of kBlocks of K), and of each item
// block after block of pixels. It packs their dy, and x at one tap after the other, into its own part of `scratch`, so that
// both operands of a tile are contiguous. `taken` says whether it does so with x; it reads a pointwise convolution's x in place
// otherwise, and dy, unless packsY. Few channels fill a tile's rows badly: those of all taps of a pixel can be gathered in a row,
// which is then read in place.                                                     groups(ranges of items, 1, 1)
#define TAKEN_IN_PLACE 0
#define TAKEN_PACKED 1
#define TAKEN_GATHERED 2
#if !STAGED
#define BLOCK_PIXELS (PANEL < 64 ? 256 : 128) // a panel of them is half of a first-level cache, or two thirds
// A tile of x and a panel of dy in `scratch`, padded so that neighbours don't fall on the same lines of a cache.
#define LEFT_TILE (BLOCK_PIXELS * TILE_M + 16)
#define RIGHT_PANEL (BLOCK_PIXELS * PANEL + 16)

// left(tiles, pixels, TILE_M) = the channels 0 ..< C of x at the tap (stepY, stepX) of `count` output pixels from `first` on.
static inline void pack_pixels(const int first, const int count, const int C, const int H, const int W, const int P,
                               const int Q, const int strideY, const int strideX, const int stepY, const int stepX,
                               const int xPitch, __global const float *x, __global float *left) {
  for (int p = 0; p < count;) {
    const int row = (first + p) / Q, q0 = (first + p) % Q, length = min(Q - q0, count - p);
    const int atY = source(row % P * strideY, stepY, 1, H);
    __global const float *line = x + ((size_t)(row / P) * H + max(atY, 0)) * W * xPitch;
    for (int q = LANE; q < length; q += LOCAL) {
      const int atX = source((q0 + q) * strideX, stepX, 1, W);
      __global float *to = left + (p + q) * TILE_M;
      if (atY >= 0 && atX >= 0) {
        __global const float *from = line + (size_t)atX * xPitch;
        for (int c = 0; c < C; c += TILE_M, from += TILE_M, to += LEFT_TILE) {
          float channels[TILE_M]; // all are read before one is written, so that they move as vectors
          UNROLL for (int j = 0; j < TILE_M; j++) channels[j] = from[j];
          UNROLL for (int j = 0; j < TILE_M; j++) to[j] = channels[j];
        }
      } else {
        for (int c = 0; c < C; c += TILE_M, to += LEFT_TILE) {
          UNROLL for (int j = 0; j < TILE_M; j++) to[j] = 0.0f;
        }
      }
    }
    p += length;
  }
}

// rows(pixels,R,S,C), pitch floats apart, of `count` output pixels from `first` on
static inline void gather_pixels(const int first, const int count, CONVOLUTION_SIZES, const int xPitch, const int pitch,
                                 __global const float *x, __global float *rows) {
  for (int p = 0; p < count;) {
    const int row = (first + p) / Q, q0 = (first + p) % Q, length = min(Q - q0, count - p);
    for (int tap = 0; tap < R * S; tap++) {
      const int atY = source(row % P * strideY, tap / S * dilationY + offsetY, 1, H), stepX = tap % S * dilationX + offsetX;
      __global const float *line = x + ((long)(row / P) * H + max(atY, 0)) * W * xPitch;
      for (int c = 0; c < C; c += VECTOR) {
        const int at = tap * C + c;
        for (int q = LANE; q < length; q += LOCAL) {
          const int atX = (q0 + q) * strideX + stepX, isInside = atY >= 0 && atX >= 0 && atX < W;
          const VEC channels = isInside ? LOAD(line + atX * xPitch + c) : (VEC)(0.0f);
          __global float *to = rows + (p + q) * pitch + at;
          // The next tap covers what is too much.
          if (at + VECTOR <= pitch) STORE(channels, to);
          else STORE_PART(channels, to, pitch - at);
        }
      }
    }
    p += length;
  }
}
#endif

__kernel void conv2d_backward_weight(CONVOLUTION_SIZES, const int xPitch, const int yPitch, const int yFirst, const int splits,
                                     const int cBlocks, const int kBlocks, const int taken, const int packsY,
                                     __global const float *restrict x, __global const float *restrict dy,
                                     __global float *restrict scratch, __global float *restrict partial) {
  const int pixelCount = N * P * Q, outputs = G * K;
  dy += yFirst;
#if STAGED
  const int channelBlocks = (C + GROUP_ROWS - 1) / GROUP_ROWS;
  const int tap = GROUP(1) / channelBlocks, c0 = GROUP(1) % channelBlocks * GROUP_ROWS;
  const int r = tap / S, s = tap % S, split = GROUP(0), rowCount = min(C - c0, GROUP_ROWS);
  x += GROUP(2) * C + c0;
  dy += GROUP(2) * K;
  partial += (((size_t)split * R * S + tap) * C + c0) * outputs + GROUP(2) * K;
  STAGES
  const int begin = (int)((long)pixelCount * split / splits), depth = (int)((long)pixelCount * (split + 1) / splits) - begin;
  for (int n0 = 0; n0 < K; n0 += PANEL) {
    VEC acc[TILE_M][TILE_N];
    clear_tile(acc);
    STAGED_PRODUCT(acc, depth,
                   (k < depth && m < rowCount && source((begin + k) / Q % P * strideY + offsetY, r * dilationY, 1, H) >= 0 &&
                            source((begin + k) % Q * strideX + offsetX, s * dilationX, 1, W) >= 0
                        ? x[(((size_t)((begin + k) / (P * Q)) * H + (begin + k) / Q % P * strideY + offsetY + r * dilationY) * W +
                             (begin + k) % Q * strideX + offsetX + s * dilationX) * xPitch + m]
                        : 0.0f),
                   (k < depth && n0 + n < K ? dy[(size_t)(begin + k) * yPitch + n0 + n] : 0.0f))
    store_tile(acc, TILE_N, rowCount, K - n0, OFFSET_NONE, ACTIVATION_NONE, dy, dy, partial + n0, outputs, 0);
  }
#else
  // In place, operands fall on few sets of a cache: by blocks of 128, where packed ones may be longer.
  const int isPointwise = R * S == 1 && strideY == 1 && strideX == 1 && offsetY == 0 && offsetX == 0 && H == P && W == Q;
  const int isPackedX = taken == TAKEN_PACKED, isPackedY = packsY, isGathered = taken == TAKEN_GATHERED;
  const int block = isPackedX ? BLOCK_PIXELS : 128, taps = isGathered ? 1 : R * S, depth = isGathered ? R * S * C : C;
  const int items = splits * G * cBlocks * kBlocks, groups = get_num_groups(0);
  const int tiles = (depth + TILE_M - 1) / TILE_M, leftPitch = isGathered ? tiles * TILE_M : xPitch, panels = (K + PANEL - 1) / PANEL;
  const int leftSize = (tiles + cBlocks - 1) / cBlocks * LEFT_TILE, rightSize = (panels + kBlocks - 1) / kBlocks * RIGHT_PANEL;
  __global float *left = scratch + (size_t)GROUP(0) * (leftSize + rightSize), *right = left + leftSize;
  for (int item = (int)((long)items * GROUP(0) / groups); item < (int)((long)items * (GROUP(0) + 1) / groups); item++) {
    const int kBlock = item % kBlocks, cBlock = item / kBlocks % cBlocks;
    const int g = item / (kBlocks * cBlocks) % G, split = item / (kBlocks * cBlocks * G);
    const int k0 = panels * kBlock / kBlocks * PANEL, columns = min(K, panels * (kBlock + 1) / kBlocks * PANEL) - k0;
    const int c0 = tiles * cBlock / cBlocks * TILE_M, rows = min(depth, tiles * (cBlock + 1) / cBlocks * TILE_M) - c0;
    const int begin = (int)((long)pixelCount * split / splits), end = (int)((long)pixelCount * (split + 1) / splits);
    const int tilesDown = (rows + TILE_M - 1) / TILE_M, tilesAcross = (columns + PANEL - 1) / PANEL;
    for (int first = begin; first < end; first += block) {
      __global const float *pixels = x + (size_t)first * xPitch + g * C + c0;
      __global const float *gradients = dy + (size_t)first * yPitch + g * K + k0;
      const int count = min(end - first, block), vectors = (columns + VECTOR - 1) / VECTOR;
      for (int pixel = LANE; isPackedY && pixel < count; pixel += LOCAL) {
        __global const float *from = gradients + (size_t)pixel * yPitch;
        for (int v = 0; v < vectors; v++) {
          STORE(LOAD(from + v * VECTOR), right + v / TILE_N * RIGHT_PANEL + pixel * PANEL + v % TILE_N * VECTOR);
        }
      }
      // The next block's pixels are asked for meanwhile, since nothing is computed while they are packed: in a tile one line of
      // each, or where there are more tiles than lines, of a part of them, so that all tiles ask alike.
      const int tileCount = tilesDown * tilesAcross, linesY = (columns + 15) / 16, lines = linesY + (isPointwise ? (rows + 15) / 16 : 0);
      int aheadShift = 0;
      while (tileCount >> (aheadShift + 1) >= lines && count >> (aheadShift + 1) > 0) aheadShift++;
      if (isGathered) {
        gather_pixels(first, count, N, H, W, C, P, Q, K, R, S, G, strideY, strideX, dilationY, dilationX, offsetY, offsetX, xPitch,
                      leftPitch, x + g * C, left);
      }
      __global const float *leftRows = isGathered ? left : pixels;
      for (int tap = 0; tap < taps; tap++) {
        if (isPackedX) {
          pack_pixels(first, count, rows, H, W, P, Q, strideY, strideX, tap / S * dilationY + offsetY,
                      tap % S * dilationX + offsetX, xPitch, x + g * C + c0, left);
        }
        barrier(CLK_GLOBAL_MEM_FENCE);
        __global float *sums = partial + (((size_t)split * taps + tap) * depth + c0) * outputs + g * K + k0;
        for (int tile = LANE; tile < tileCount; tile += LOCAL) {
          const int c = tile % tilesDown, panel = tile / tilesDown, n = panel * PANEL;
          __global float *to = sums + (size_t)(c * TILE_M) * outputs + n;
          const int line = tile >> aheadShift, isOfY = line < linesY;
          const int aheadStep = tap > 0 || line >= lines ? 0 : isOfY ? yPitch : xPitch;
          const int part = (tile & ((1 << aheadShift) - 1)) * (count >> aheadShift);
          __global const float *ahead =
              (isOfY ? gradients + line * 16 : pixels + (line - linesY) * 16) + (size_t)(count + part) * aheadStep;
          __global const float *rightTile = isPackedY ? right + panel * RIGHT_PANEL : gradients + n;
          const int rightStep = isPackedY ? PANEL : yPitch;
          WITH_VECTORS(columns - n, {
            VEC acc[TILE_M][TILE_N];
            if (first == begin) clear_tile(acc);
            else load_tile(acc, vectors, rows - c * TILE_M, columns - n, to, outputs);
            if (isPackedX) {
              multiply_transposed(acc, vectors, count, left + c * LEFT_TILE, TILE_M, rightTile, rightStep, ahead, aheadStep,
                                  aheadShift);
            } else {
              multiply_transposed(acc, vectors, count, leftRows + c * TILE_M, leftPitch, rightTile, rightStep, ahead, aheadStep,
                                  aheadShift);
            }
            store_tile(acc, vectors, rows - c * TILE_M, columns - n, OFFSET_NONE, ACTIVATION_NONE, dy, dy, to, outputs, 0);
          })
        }
        barrier(CLK_GLOBAL_MEM_FENCE);
      }
    }
  }
#endif
}

// MARK: Winograd convolution                                          x(N,H,W,C), w(3,3,C,K), y(N,P,Q,K), stride 1
//
// F(4x4,3x3) of Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2016). The output is cut into tiles
// of 4 x 4 pixels, numbered through all images; a tile needs 6 x 6 pixels of the input, d, and with the filter g
//   y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A,
// so that 36 products of channels do the work of 144. All tiles' products at one of the 36 places are a matrix product.
//
//   winograd_filter   w ──G g Gᵀ──▶ u(panel,36,C,PANEL), once
//   winograd_conv2d   a group takes blocks of tiles, and for each: x ──Bᵀ d B──▶ v(36,tiles,C), then for each panel
//                     v · u ──▶ m(36,tiles,PANEL) ──Aᵀ m A, bias, activation──▶ y
//
// v and m are the group's own part of `scratch`, small enough for a core's second-level cache.
//
// The points of interpolation are 0, ±11/16, ±23/16 and ∞, whose coefficients of Bᵀ and Aᵀ are exact in floats and whose
// error is half of that of the usual 0, ±1, ±2, ∞ (docs/winograd.md).

#define WINOGRAD_A 0.6875f
#define WINOGRAD_B 1.4375f
#define WINOGRAD_AA 0.47265625f // a²
#define WINOGRAD_BB 2.06640625f
#define WINOGRAD_AABB 0.9766998291015625f
#define WINOGRAD_SUM 2.5390625f // a² + b²
#define WINOGRAD_DEPTH 32 // channels that are summed before they are added to the total: Aᵀ m A magnifies m's roundings
// A matrix of `rows` rows, padded so that neighbouring places of 36 don't fall on the same lines of a cache.
#define WINOGRAD_MATRIX(rows, pitch) ((rows) * (pitch) + 16)
#define WINOGRAD_PITCH(C) (((C) + VECTOR - 1) / VECTOR * VECTOR)

// Bᵀ d of one line of six
static inline void winograd_input(VEC d[6]) {
  const VEC evenA = d[4] - WINOGRAD_BB * d[2], oddA = WINOGRAD_A * (d[3] - WINOGRAD_BB * d[1]);
  const VEC evenB = d[4] - WINOGRAD_AA * d[2], oddB = WINOGRAD_B * (d[3] - WINOGRAD_AA * d[1]);
  d[0] = d[4] - WINOGRAD_SUM * d[2] + WINOGRAD_AABB * d[0];
  d[5] = d[5] - WINOGRAD_SUM * d[3] + WINOGRAD_AABB * d[1];
  d[1] = evenA + oddA;
  d[2] = evenA - oddA;
  d[3] = evenB + oddB;
  d[4] = evenB - oddB;
}

// Aᵀ m: six to four
static inline void winograd_output(const VEC m[6], VEC y[4]) {
  const VEC sumA = m[1] + m[2], differenceA = WINOGRAD_A * (m[1] - m[2]);
  const VEC sumB = m[3] + m[4], differenceB = WINOGRAD_B * (m[3] - m[4]);
  y[0] = m[0] + sumA + sumB;
  y[1] = differenceA + differenceB;
  y[2] = WINOGRAD_AA * sumA + WINOGRAD_BB * sumB;
  y[3] = WINOGRAD_AA * differenceA + WINOGRAD_BB * differenceB + m[5];
}

// G g: three to six
static inline void winograd_weights(const VEC g[3], VEC u[6]) {
  const float scaleA = 0.5f / (WINOGRAD_AA * (WINOGRAD_AA - WINOGRAD_BB));
  const float scaleB = 0.5f / (WINOGRAD_BB * (WINOGRAD_BB - WINOGRAD_AA));
  const VEC evenA = scaleA * (g[0] + WINOGRAD_AA * g[2]), oddA = (scaleA * WINOGRAD_A) * g[1];
  const VEC evenB = scaleB * (g[0] + WINOGRAD_BB * g[2]), oddB = (scaleB * WINOGRAD_B) * g[1];
  u[0] = (1.0f / WINOGRAD_AABB) * g[0];
  u[1] = evenA + oddA;
  u[2] = evenA - oddA;
  u[3] = evenB + oddB;
  u[4] = evenB - oddB;
  u[5] = g[2];
}

// u(panel,36,rows,PANEL) of the filters w[panel · panelStride + tap · tapStride + row · rowStride + column], of which
// the first tap stands at `first`: with a negative tapStride they are turned by half a turn, as the input gradient needs.
// groups(panels, chunks of rows, 1)
__kernel void winograd_filter(const int rows, const int columns, const int first, const int panelStride,
                              const int tapStride, const int rowStride, __global const float *restrict w,
                              __global float *restrict u) {
  const int panel = GROUP(0), chunk = GROUP(1), chunks = get_num_groups(1);
  w += first + (size_t)panel * panelStride;
  u += (size_t)panel * 36 * rows * PANEL;
  FOR_ROWS(row, (int)((long)rows * chunk / chunks), (int)((long)rows * (chunk + 1) / chunks)) {
    FOR_CHANNELS(n, PANEL) {
      VEC lines[6][3];
      UNROLL for (int s = 0; s < 3; s++) {
        VEC g[3], line[6];
        UNROLL for (int r = 0; r < 3; r++) {
          g[r] = panel * PANEL + n < columns ? LOAD(w + (r * 3 + s) * tapStride + row * rowStride + n) : (VEC)(0.0f);
        }
        winograd_weights(g, line);
        UNROLL for (int i = 0; i < 6; i++) lines[i][s] = line[i];
      }
      UNROLL for (int i = 0; i < 6; i++) {
        VEC line[6];
        winograd_weights(lines[i], line);
        UNROLL for (int j = 0; j < 6; j++) STORE(line[j], u + ((size_t)(i * 6 + j) * rows + row) * PANEL + n);
      }
    }
  }
}

// v(36,tiles,pitch) of `count` tiles from `first` on, of the first C channels of x, whose pixels are xPitch floats apart
static inline void winograd_transform(const int first, const int count, const int H, const int W, const int C,
                                      const int xPitch, const int down, const int across, const int offsetY,
                                      const int offsetX, const int pitch, const int matrix, __global const float *x,
                                      __global const float *zeros, __global float *v) {
  FOR_ROWS(t, 0, count) {
    const int tile = first + t, y0 = tile / across % down * 4 + offsetY, x0 = tile % across * 4 + offsetX;
    __global const float *image = x + (size_t)(tile / (across * down)) * H * W * xPitch;
    __global const float *pixels[36];
    UNROLL for (int i = 0; i < 6; i++) {
      UNROLL for (int j = 0; j < 6; j++) {
        const int isInside = y0 + i >= 0 && y0 + i < H && x0 + j >= 0 && x0 + j < W;
        pixels[i * 6 + j] = isInside ? image + (size_t)((y0 + i) * W + x0 + j) * xPitch : zeros;
      }
    }
    FOR_CHANNELS(c, C) {
      VEC lines[6][6];
      UNROLL for (int j = 0; j < 6; j++) {
        VEC line[6];
        UNROLL for (int i = 0; i < 6; i++) line[i] = LOAD(pixels[i * 6 + j] + c);
        winograd_input(line);
        UNROLL for (int i = 0; i < 6; i++) lines[i][j] = line[i];
      }
      __global float *to = v + t * pitch + c;
      UNROLL for (int i = 0; i < 6; i++) {
        winograd_input(lines[i]);
        UNROLL for (int j = 0; j < 6; j++) STORE(lines[i][j], to + (size_t)(i * 6 + j) * matrix);
      }
    }
  }
}

// y = activation(x * w + bias), from u of w. `zeros` holds at least C zeros, scratch(groups, vSize + mSize) nothing. x and y may
// be some of the channels of a map, from xFirst or yFirst on; if y is, nothing but a bias is added.
// Group x takes one of the ranges of blocks of `tiles` tiles, a multiple of TILE_M; group y one of the ranges of panels,
// for which it transforms the input anew.                                  groups(ranges of blocks, ranges of panels, 1)
__kernel void winograd_conv2d(const int N, const int H, const int W, const int C, const int P, const int Q, const int K,
                              const int offsetY, const int offsetX, const int xPitch, const int xFirst, const int yPitch,
                              const int yFirst, const int tiles, const int hasBias, const int kind,
                              __global const float *restrict x, __global const float *restrict u,
                              __global const float *restrict bias, __global const float *restrict residual,
                              __global const float *restrict zeros, __global float *restrict scratch,
                              __global float *restrict y) {
  const int down = (P + 3) / 4, across = (Q + 3) / 4, tileCount = N * down * across;
  const int blocks = (tileCount + tiles - 1) / tiles, panels = (K + PANEL - 1) / PANEL;
  const int pitch = WINOGRAD_PITCH(C), vMatrix = WINOGRAD_MATRIX(tiles, pitch), mMatrix = WINOGRAD_MATRIX(tiles, PANEL);
  const int xGroups = get_num_groups(0), yGroups = get_num_groups(1);
  const int isLarge = IS_LARGE((size_t)N * P * Q * K, K) && yPitch % VECTOR == 0 && yFirst % VECTOR == 0;
  __global float *v = scratch + (size_t)(GROUP(1) * xGroups + GROUP(0)) * 36 * (vMatrix + mMatrix), *m = v + 36 * vMatrix;
  const int lastBlock = (int)((long)blocks * (GROUP(0) + 1) / xGroups);
  const int firstPanel = panels * GROUP(1) / yGroups, lastPanel = panels * (GROUP(1) + 1) / yGroups;
  // What comes next is asked for while tiles are multiplied: the next place of a large u, or the next block's part of a large x,
  // some five rows further than its tiles' share of the image, which is about what they will be the first to read.
  const int asksFilters = IS_LARGE((size_t)36 * C * K, VECTOR), asksPixels = !asksFilters && IS_LARGE((size_t)N * H * W * C, VECTOR);
  for (int block = (int)((long)blocks * GROUP(0) / xGroups); block < lastBlock; block++) {
    const int first = block * tiles, count = min(tiles, tileCount - first);
    winograd_transform(first, count, H, W, C, xPitch, down, across, offsetY, offsetX, pitch, vMatrix, x + xFirst, zeros, v);
    barrier(CLK_GLOBAL_MEM_FENCE);
    const int rowTiles = (count + TILE_M - 1) / TILE_M, columnTiles = PANEL / (TILE_N * VECTOR);
    const long nextPixel = (long)(first + count) * H * W / (down * across) + 5 * W, pixelCount = (long)count * H * W / (down * across);
    const int stepX = (int)(pixelCount / (36 * rowTiles * (lastPanel - firstPanel))) + 1, stepU = max(1, PANEL / rowTiles);
    for (int panel = firstPanel; panel < lastPanel; panel++) {
      // Row tiles first, so that a place's part of u stays in the first-level cache.
      for (int t = LANE; t < 36 * columnTiles * rowTiles; t += LOCAL) {
        const int place = t / (columnTiles * rowTiles), row = t % rowTiles * TILE_M;
        const int column = t / rowTiles % columnTiles * (TILE_N * VECTOR);
        __global const float *rows[TILE_M];
        UNROLL for (int i = 0; i < TILE_M; i++) rows[i] = v + place * vMatrix + min(row + i, count - 1) * pitch;
        __global float *to = m + place * mMatrix + row * PANEL + column;
        const int tile = (panel - firstPanel) * 36 * rowTiles + place * rowTiles + row / TILE_M;
        __global const float *ahead = asksFilters ? u + (((size_t)panel * 36 + place + 1) * PANEL + row / TILE_M * stepU) * C
                                                  : x + xFirst + (nextPixel + (size_t)tile * stepX) * xPitch;
        const int aheadStep = asksFilters ? stepU : asksPixels ? stepX : 0;
        for (int c = 0; c < C; c += WINOGRAD_DEPTH) {
          VEC acc[TILE_M][TILE_N];
          clear_tile(acc);
          multiply_rows(acc, TILE_N, min(C - c, WINOGRAD_DEPTH), (__global const float *const *)rows,
                        u + (((size_t)panel * 36 + place) * C + c) * PANEL + column, PANEL, ahead + c * aheadStep, aheadStep);
          UNROLL for (int i = 0; i < TILE_M; i++) {
            rows[i] += WINOGRAD_DEPTH;
            UNROLL for (int j = 0; j < TILE_N; j++) {
              __global float *sum = to + i * PANEL + j * VECTOR;
              STORE(c > 0 ? LOAD(sum) + acc[i][j] : acc[i][j], sum);
            }
          }
        }
      }
      barrier(CLK_GLOBAL_MEM_FENCE);
      for (int t = LANE; t < count * (PANEL / VECTOR); t += LOCAL) {
        const int tile = first + t / (PANEL / VECTOR), column = t % (PANEL / VECTOR) * VECTOR, n = panel * PANEL + column;
        if (n >= K) continue;
        const int y0 = tile / across % down * 4, x0 = tile % across * 4;
        __global const float *from = m + t / (PANEL / VECTOR) * PANEL + column;
        const size_t at = yFirst + (((size_t)(tile / (across * down)) * P + y0) * Q + x0) * yPitch + n;
        VEC lines[4][6];
        UNROLL for (int j = 0; j < 6; j++) {
          VEC line[6], result[4];
          UNROLL for (int i = 0; i < 6; i++) line[i] = LOAD(from + (i * 6 + j) * mMatrix);
          winograd_output(line, result);
          UNROLL for (int i = 0; i < 4; i++) lines[i][j] = result[i];
        }
        UNROLL for (int i = 0; i < 4; i++) {
          if (y0 + i < P) {
            VEC result[4];
            winograd_output(lines[i], result);
            UNROLL for (int j = 0; j < 4; j++) {
              const size_t pixel = at + ((size_t)i * Q + j) * yPitch;
              if (x0 + j < Q) {
                STORE_LARGE(finish(result[j], hasBias, kind, bias + n, K, residual + pixel), y + pixel, K - n, isLarge);
              }
            }
          }
        }
      }
      barrier(CLK_GLOBAL_MEM_FENCE);
    }
  }
}

// MARK: Winograd weight gradient                             dw(3,3,C,K) of x(N,H,W,C) and dy(N,P,Q,K), stride 1
//
// The method above transposed: for tiles of 4 x 4 pixels of dy, which met 6 x 6 pixels of x, d,
//   dw = Gᵀ [Σ over tiles of (Bᵀ d B) ⊙ (A dy Aᵀ)] G,
// so that each of the 36 places is a product vᵀ · z whose depth is the tiles. These are cut into `splits` ranges, whose
// results go to partial(split,3,3,C,K), which reduce_columns then adds in order.

#define WINOGRAD_BLOCK 64 // channels of x, and of dy, that an item takes
#define WINOGRAD_BLOCK_PITCH (WINOGRAD_BLOCK + 16) // the last tile's rows may lie behind the block

// A y: four to six
static inline void winograd_spread(const VEC y[4], VEC z[6]) {
  const VEC evenA = y[0] + WINOGRAD_AA * y[2], oddA = WINOGRAD_A * (y[1] + WINOGRAD_AA * y[3]);
  const VEC evenB = y[0] + WINOGRAD_BB * y[2], oddB = WINOGRAD_B * (y[1] + WINOGRAD_BB * y[3]);
  z[0] = y[0];
  z[1] = evenA + oddA;
  z[2] = evenA - oddA;
  z[3] = evenB + oddB;
  z[4] = evenB - oddB;
  z[5] = y[3];
}

// Gᵀ m: six to three
static inline void winograd_gather(const VEC m[6], VEC g[3]) {
  const float scaleA = 0.5f / (WINOGRAD_AA * (WINOGRAD_AA - WINOGRAD_BB));
  const float scaleB = 0.5f / (WINOGRAD_BB * (WINOGRAD_BB - WINOGRAD_AA));
  const VEC sumA = scaleA * (m[1] + m[2]), sumB = scaleB * (m[3] + m[4]);
  g[0] = (1.0f / WINOGRAD_AABB) * m[0] + sumA + sumB;
  g[1] = (scaleA * WINOGRAD_A) * (m[1] - m[2]) + (scaleB * WINOGRAD_B) * (m[3] - m[4]);
  g[2] = WINOGRAD_AA * sumA + WINOGRAD_BB * sumB + m[5];
}

// z(36,tiles,WINOGRAD_BLOCK_PITCH) of `count` tiles from `first` on, of the first K channels of dy
static inline void winograd_transform_gradient(const int first, const int count, const int P, const int Q, const int K,
                                               const int yPitch, const int down, const int across, const int matrix,
                                               __global const float *dy, __global const float *zeros, __global float *z) {
  FOR_ROWS(t, 0, count) {
    const int tile = first + t, y0 = tile / across % down * 4, x0 = tile % across * 4;
    __global const float *image = dy + (size_t)(tile / (across * down)) * P * Q * yPitch;
    __global const float *pixels[16];
    UNROLL for (int i = 0; i < 4; i++) {
      UNROLL for (int j = 0; j < 4; j++) {
        pixels[i * 4 + j] = y0 + i < P && x0 + j < Q ? image + (size_t)((y0 + i) * Q + x0 + j) * yPitch : zeros;
      }
    }
    FOR_CHANNELS(k, K) {
      VEC lines[6][4];
      UNROLL for (int j = 0; j < 4; j++) {
        VEC line[4], spread[6];
        UNROLL for (int i = 0; i < 4; i++) line[i] = LOAD(pixels[i * 4 + j] + k);
        winograd_spread(line, spread);
        UNROLL for (int i = 0; i < 6; i++) lines[i][j] = spread[i];
      }
      __global float *to = z + t * WINOGRAD_BLOCK_PITCH + k;
      UNROLL for (int i = 0; i < 6; i++) {
        VEC spread[6];
        winograd_spread(lines[i], spread);
        UNROLL for (int j = 0; j < 6; j++) STORE(spread[j], to + (size_t)(i * 6 + j) * matrix);
      }
    }
  }
}

// `zeros` holds at least max(C, K) zeros, scratch(groups, 36, 2 · vSize + mSize) nothing. A group takes a range of the
// items (split, block of C, block of K), and of each item block after block of at most `tiles` tiles.
// groups(ranges of items, 1, 1)
__kernel void winograd_backward_weight(const int N, const int H, const int W, const int C, const int P, const int Q,
                                       const int K, const int offsetY, const int offsetX, const int yPitch,
                                       const int yFirst, const int tiles, const int splits,
                                       __global const float *restrict x, __global const float *restrict dy,
                                       __global const float *restrict zeros, __global float *restrict scratch,
                                       __global float *restrict partial) {
  const int down = (P + 3) / 4, across = (Q + 3) / 4, tileCount = N * down * across, groups = get_num_groups(0);
  const int cBlocks = (C + WINOGRAD_BLOCK - 1) / WINOGRAD_BLOCK, kBlocks = (K + WINOGRAD_BLOCK - 1) / WINOGRAD_BLOCK;
  const int items = splits * cBlocks * kBlocks, matrix = WINOGRAD_MATRIX(tiles, WINOGRAD_BLOCK_PITCH);
  const int asks = (size_t)N * (H * W * C + P * Q * K) >= 2097152; // less is in caches anyway
  const int mMatrix = WINOGRAD_MATRIX(WINOGRAD_BLOCK + TILE_M, WINOGRAD_BLOCK);
  __global float *v = scratch + (size_t)GROUP(0) * 36 * (2 * matrix + mMatrix), *z = v + 36 * matrix, *m = z + 36 * matrix;
  for (int item = (int)((long)items * GROUP(0) / groups); item < (int)((long)items * (GROUP(0) + 1) / groups); item++) {
    const int k0 = item % kBlocks * WINOGRAD_BLOCK, c0 = item / kBlocks % cBlocks * WINOGRAD_BLOCK;
    const int split = item / (kBlocks * cBlocks), rows = min(C - c0, WINOGRAD_BLOCK), columns = min(K - k0, WINOGRAD_BLOCK);
    const int rowTiles = (rows + TILE_M - 1) / TILE_M, columnTiles = (columns + TILE_N * VECTOR - 1) / (TILE_N * VECTOR);
    const int begin = (int)((long)tileCount * split / splits), end = (int)((long)tileCount * (split + 1) / splits);
    const int linesX = (rows + 15) / 16, linesY = (columns + 15) / 16;
    for (int first = begin; first < end; first += tiles) {
      const int count = min(end - first, tiles);
      winograd_transform(first, count, H, W, rows, C, down, across, offsetY, offsetX, WINOGRAD_BLOCK_PITCH, matrix, x + c0,
                         zeros, v);
      winograd_transform_gradient(first, count, P, Q, columns, yPitch, down, across, matrix, dy + yFirst + k0, zeros, z);
      barrier(CLK_GLOBAL_MEM_FENCE);
      // The next block's pixels are asked for meanwhile, a line of some of them in each tile: by their tiles' share of the image,
      // and some rows further, which is about what they will be the first to read.
      const int next = (first + count) * 16, blockTiles = 36 * columnTiles * rowTiles;
      __global const float *nextX = x + c0 + ((long)next * W / (4 * across) * H / (4 * down) + 5 * W) * C;
      __global const float *nextY = dy + yFirst + k0 + ((long)next * Q / (4 * across) * P / (4 * down) + 4 * Q) * yPitch;
      int aheadShift = 0;
      while ((count >> (aheadShift + 1)) * (blockTiles / (linesX + linesY)) >= 16 * count) aheadShift++;
      for (int t = LANE; t < blockTiles; t += LOCAL) {
        const int place = t / (columnTiles * rowTiles), row = t % rowTiles * TILE_M;
        const int column = t / rowTiles % columnTiles * (TILE_N * VECTOR);
        const int line = t % (linesX + linesY), pixel = t / (linesX + linesY) * (count >> aheadShift);
        __global const float *ahead = line < linesX ? nextX + (size_t)pixel * C + line * 16
                                                    : nextY + (size_t)pixel * yPitch + (line - linesX) * 16;
        VEC acc[TILE_M][TILE_N];
        clear_tile(acc);
        multiply_transposed(acc, TILE_N, count, v + place * matrix + row, WINOGRAD_BLOCK_PITCH, z + place * matrix + column,
                            WINOGRAD_BLOCK_PITCH, ahead, asks ? (line < linesX ? C : yPitch) : 0, aheadShift);
        UNROLL for (int i = 0; i < TILE_M; i++) {
          UNROLL for (int j = 0; j < TILE_N; j++) {
            __global float *sum = m + place * mMatrix + (row + i) * WINOGRAD_BLOCK + column + j * VECTOR;
            STORE(first > begin ? LOAD(sum) + acc[i][j] : acc[i][j], sum);
          }
        }
      }
      barrier(CLK_GLOBAL_MEM_FENCE);
    }
    FOR_ROWS(row, 0, rows) {
      FOR_CHANNELS(k, columns) {
        VEC lines[3][6];
        UNROLL for (int j = 0; j < 6; j++) {
          VEC line[6], gathered[3];
          UNROLL for (int i = 0; i < 6; i++) line[i] = LOAD(m + (i * 6 + j) * mMatrix + row * WINOGRAD_BLOCK + k);
          winograd_gather(line, gathered);
          UNROLL for (int i = 0; i < 3; i++) lines[i][j] = gathered[i];
        }
        UNROLL for (int i = 0; i < 3; i++) {
          VEC taps[3];
          winograd_gather(lines[i], taps);
          UNROLL for (int j = 0; j < 3; j++) {
            STORE_PART(taps[j], partial + (((size_t)split * 9 + i * 3 + j) * C + c0 + row) * K + k0 + k, columns - k);
          }
        }
      }
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
  }
}

// MARK: depthwise convolution                                        x(N,H,W,C), w(R,S,C), y(N,P,Q,C)
//
// As above with one filter a channel: vectors run over channels. The taps that reach a result depend on the result's
// phase, its place modulo strideDown; within a phase, results and taps step evenly, and the input gradient of a strided
// convolution is strideDown dense convolutions with some of the taps each. Along a row, a work-item keeps
// DEPTHWISE_PIXELS neighbouring pixels of a phase in registers, so that each weight is loaded once for all of them, and
// where taps are neighbours in both directions as many of the next row, so that each input is, too.

#define DEPTHWISE_SIZES                                                                                          \
  const int N, const int H, const int W, const int C, const int P, const int Q, const int R, const int S,        \
      const int strideY, const int strideX, const int dilationY, const int dilationX, const int offsetY, const int offsetX
#define DEPTHWISE_PIXELS 4
#define DEPTHWISE_ROWS 2
#define DEPTHWISE_TAPS 14 // of the weight gradient, at most, that are summed together

// Of `taps` taps, those that reach results phase, phase + down, …: the first, each how many behind the last, how many.
// Result phase + i · down reads at the first tap the pixel i · up + `base`, and at each next one `step` pixels behind.
#define FIND_TAPS(first, spacing, count, base, step, phase, taps, up, down, dilation, offset)                    \
  int first = 0, spacing = 1;                                                                                    \
  while (spacing * (dilation) % (down) != 0) spacing++;                                                          \
  while (first < spacing && ((phase) * (up) + first * (dilation) + (offset)) % (down) != 0) first++;             \
  const int count = first < min(spacing, taps) ? ((taps) - first + spacing - 1) / spacing : 0;                   \
  const int base = ((phase) * (up) + first * (dilation) + (offset)) / (down), step = spacing * (dilation) / (down);

// Of `count` taps that read at base + tap · step, those inside 0 ..< size: from ..< to.
#define TAPS_INSIDE(from, to, base, step, count, size)                                                           \
  int from = 0, to = count;                                                                                      \
  while (from < to && ((base) + from * (step) < 0 || (base) + from * (step) >= (size))) from++;                  \
  while (from < to && ((base) + (to - 1) * (step) < 0 || (base) + (to - 1) * (step) >= (size))) to--;

// A row's `results` pixels in units of DEPTHWISE_PIXELS pixels whose taps are all inside, from ..< to, and single ones.
#define DEPTHWISE_UNITS(results, from, to) ((results) - ((to) - (from)) / DEPTHWISE_PIXELS * (DEPTHWISE_PIXELS - 1))
#define UNIT_BEGIN(unit, from, to)                                                                               \
  ((unit) + max(0, min((unit) - (from), ((to) - (from)) / DEPTHWISE_PIXELS)) * (DEPTHWISE_PIXELS - 1))
#define IS_BLOCK(unit, from, to) ((unit) >= (from) && (unit) < (from) + ((to) - (from)) / DEPTHWISE_PIXELS)

// Runs `work(pixels, taps, step, tapStep)` of a block with constants where there are some, so that loops unroll and each
// input is loaded once for all the taps that it meets.
#define WITH_TAPS(work, taps, step, tapStep)                                                                     \
  if (taps == 3 && tapStep == 1 && step == 1) { work(DEPTHWISE_PIXELS, 3, 1, 1) }                                \
  else if (taps == 3 && tapStep == 1 && step == 2) { work(DEPTHWISE_PIXELS, 3, 2, 1) }                           \
  else if (taps == 5 && tapStep == 1 && step == 1) { work(DEPTHWISE_PIXELS, 5, 1, 1) }                           \
  else if (taps == 5 && tapStep == 1 && step == 2) { work(DEPTHWISE_PIXELS, 5, 2, 1) }                           \
  else { work(DEPTHWISE_PIXELS, taps, step, tapStep) }

// The taps of `rows` rows of the filter for some pixels, for all channels: x is the first pixel at the first tap. Rows are
// xRow and wRow floats apart, taps of a row wTap, results yStep. With each vector of channels it asks for what the next group
// will be the first to read below them: in aheadRows rows from `ahead` on, aheadRow floats apart.
static inline void depthwise_block(const int pixels, const int taps, const int step, const int tapStep, const int C,
                                   const int rows, const int xRow, const int wRow, const int wTap, const int yStep,
                                   const int isLarge, const int hasBias, const int kind, __global const float *ahead,
                                   const int aheadRows, const int aheadRow, __global const float *x,
                                   __global const float *w, __global const float *bias, __global float *y) {
  FOR_CHANNELS(c, C) {
    VEC acc[DEPTHWISE_PIXELS];
    UNROLL for (int i = 0; i < pixels; i++) acc[i] = (VEC)(0.0f);
    for (int r = 0; r < aheadRows; r++) {
      UNROLL for (int i = 0; i < pixels * step; i++) PREFETCH(ahead + r * aheadRow + i * C + c, 1);
    }
    for (int r = 0; r < rows; r++) {
      __global const float *inputs = x + r * xRow + c, *weights = w + r * wRow + c;
      for (int s = 0; s < taps; s++) {
        const VEC weight = LOAD(weights + s * wTap);
        UNROLL for (int i = 0; i < pixels; i++) acc[i] += weight * LOAD(inputs + (i * step + s * tapStep) * C);
      }
    }
    UNROLL for (int i = 0; i < pixels; i++) {
      STORE_LARGE(finish(acc[i], hasBias, kind, bias + c, C, y), y + i * yStep + c, C - c, isLarge);
    }
  }
}

// Row `row` of all N · P.
static inline void depthwise_row(DEPTHWISE_SIZES, const int upY, const int upX, const int downY, const int downX,
                                 const int row, const int hasBias, const int kind, __global const float *x,
                                 __global const float *w, __global const float *bias, __global float *y) {
  const int p = row % P, isLarge = IS_LARGE((size_t)N * P * Q * C, C);
  x += (size_t)(row / P) * H * W * C;
  y += (size_t)row * Q * C;
  FIND_TAPS(firstR, spacingR, countR, top, stepY, p % downY, R, upY, downY, dilationY, offsetY)
  const int y0 = top + p / downY * upY;
  TAPS_INSIDE(fromR, toR, y0, stepY, countR, H)
  // Rows of x that the next row of results will be the first to read, in the next image after the last.
  const int nextRow = row / P * H + y0 + max(fromR * stepY, (toR - 1) * stepY) + 1;
  for (int phase = 0; phase < min(downX, Q); phase++) {
    FIND_TAPS(firstS, spacingS, countS, left, stepX, phase, S, upX, downX, dilationX, offsetX)
    // From left to right, whichever way the taps step.
    const int isReversed = stepX < 0, last = max(0, countS - 1);
    const int x0 = isReversed ? left + last * stepX : left, tapStep = isReversed ? -stepX : stepX;
    const int wTap = (isReversed ? -spacingS : spacingS) * C, yStep = downX * C;
    const int results = (Q - phase + downX - 1) / downX;
    const int from = min(results, first_inside(x0, upX)), to = max(from, end_inside(x0 + last * tapStep, upX, W, results));
    __global const float *weights = w + ((firstR + fromR * spacingR) * S + firstS + (isReversed ? last * spacingS : 0)) * C;
    const int xRow = stepY * W * C, wRow = spacingR * S * C, rows = toR - fromR;
    __global const float *line = x + (long)(y0 + fromR * stepY) * W * C;
    FOR_ROWS(unit, 0, DEPTHWISE_UNITS(results, from, to)) {
      const int i = UNIT_BEGIN(unit, from, to), isBlock = IS_BLOCK(unit, from, to), atX = i * upX + x0;
      __global const float *inputs = line + atX * C, *taken = weights;
      __global float *result = y + (phase + i * downX) * C;
      __global const float *ahead = x + ((long)(nextRow - row / P * H) * W + atX) * C;
      const int aheadRows = atX < 0 ? 0 : max(0, min(N * H - nextRow, upY));
#define BLOCK(pixels, taps, step, tapStep)                                                                       \
  depthwise_block(pixels, taps, step, tapStep, C, rows, xRow, wRow, wTap, yStep, isLarge, hasBias, kind, ahead,  \
                  aheadRows, W * C, inputs, taken, bias, result);
      if (isBlock) {
        WITH_TAPS(BLOCK, countS, upX, tapStep)
      } else {
        TAPS_INSIDE(fromS, toS, atX, tapStep, countS, W)
        inputs += fromS * tapStep * C;
        taken += fromS * wTap;
        BLOCK(1, toS - fromS, 1, tapStep)
      }
#undef BLOCK
    }
  }
}

// Up to DEPTHWISE_PIXELS pixels of `rows` neighbouring rows, one or two, whose taps are neighbours, for all channels: x is the
// first pixel at the first tap of the upper row, w that tap. Of the R + 1 rows of x that two need, those from `begin` to `end`
// are inside, and of the columns those from `left` to `right`: all where isInside says so, and then all pixels are there. So many
// lanes take neighbouring channels.
static inline void depthwise_dense_block(const int isInside, const int left, const int right, const int pixels,
                                         const int rows, const int taps, const int across, const int C, const int R,
                                         const int begin, const int end, const int xRow, const int wRow, const int wTap,
                                         const int yRow, const int isLarge, const int hasBias, const int kind,
                                         __global const float *x, __global const float *w, __global const float *bias,
                                         __global float *y) {
  for (int c = LANE % across * VECTOR; c < C; c += across * VECTOR) {
    VEC acc[DEPTHWISE_ROWS][DEPTHWISE_PIXELS];
    UNROLL for (int i = 0; i < DEPTHWISE_PIXELS; i++) acc[0][i] = acc[1][i] = (VEC)(0.0f);
    // What the next group will be the first to read.
    UNROLL for (int i = 0; i < DEPTHWISE_ROWS * DEPTHWISE_PIXELS; i++) {
      PREFETCH(x + (end + i / DEPTHWISE_PIXELS) * xRow + i % DEPTHWISE_PIXELS * C + c, 1);
    }
    for (int r = begin; r < end; r++) {
      __global const float *inputs = x + r * xRow + c, *weights = w + r * wRow + c;
      UNROLL for (int column = 0; column < DEPTHWISE_PIXELS + taps - 1; column++) {
        if (!isInside && (column < left || column >= right)) continue;
        const VEC input = LOAD(inputs + column * C);
        UNROLL for (int i = 0; i < DEPTHWISE_PIXELS; i++) {
          const int s = column - i;
          if (s < 0 || s >= taps) continue;
          if (r < R) acc[0][i] += LOAD(weights + s * wTap) * input;
          if (r > 0) acc[1][i] += LOAD(weights + s * wTap - wRow) * input;
        }
      }
    }
    UNROLL for (int row = 0; row < DEPTHWISE_ROWS; row++) if (row < rows) {
      UNROLL for (int i = 0; i < DEPTHWISE_PIXELS; i++) if (isInside || i < pixels) {
        STORE_LARGE(finish(acc[row][i], hasBias, kind, bias + c, C, y), y + row * yRow + i * C + c, C - c, isLarge);
      }
    }
  }
}

// `rows` rows from `row` on of all N · P, of one image. Not inline: beside it, compilers make less of what strided filters take.
static void depthwise_dense_rows(DEPTHWISE_SIZES, const int row, const int rows, const int hasBias, const int kind,
                                 __global const float *x, __global const float *w, __global const float *bias,
                                 __global float *y) {
  const int isLarge = IS_LARGE((size_t)N * P * Q * C, C);
  // From top to bottom and from left to right, whichever way the taps step.
  const int flipY = dilationY < 0 ? R - 1 : 0, flipX = dilationX < 0 ? S - 1 : 0;
  const int top = row % P + offsetY - flipY, first = offsetX - flipX;
  const int begin = max(0, -top), end = max(begin, min(R + rows - 1, H - top));
  const int xRow = W * C, wRow = dilationY * S * C, wTap = dilationX * C;
  w += (flipY * S + flipX) * C;
  x += ((long)(row / P) * H + top) * W * C;
  const int blocks = (Q + DEPTHWISE_PIXELS - 1) / DEPTHWISE_PIXELS;
  int across = LOCAL; // as many as leave some for each block
  while (across > 16 && LOCAL / across < blocks) across /= 2;
  for (int block = LANE / across; block < blocks; block += LOCAL / across) {
    const int q = block * DEPTHWISE_PIXELS, atX = q + first, left = -atX, right = W - atX;
    const int isInside = q + DEPTHWISE_PIXELS <= Q && left <= 0 && right >= DEPTHWISE_PIXELS + S - 1;
#define BLOCK(isInside, R, S, begin, end)                                                                        \
  depthwise_dense_block(isInside, left, right, Q - q, rows, S, across, C, R, begin, end, xRow, wRow, wTap, Q * C, \
                        isLarge, hasBias, kind, x + (long)atX * C, w, bias, y + ((size_t)row * Q + q) * C);
    // For the most usual filters, constants where all rows are inside, so that each weight is loaded once for both rows.
#define BLOCKS(R, S) if (isInside) BLOCK(1, R, S, begin, end) else BLOCK(0, R, S, begin, end)
    if (isInside && S == 3 && begin == 0 && end == 4) BLOCK(1, 3, 3, 0, 4)
    else if (S == 3) BLOCKS(3, 3)
    else if (S == 5) BLOCKS(5, 5)
    else BLOCKS(7, 7)
#undef BLOCKS
#undef BLOCK
  }
}

static inline void depthwise(DEPTHWISE_SIZES, const int upY, const int upX, const int downY, const int downX,
                             const int hasBias, const int kind, __global const float *x, __global const float *w,
                             __global const float *bias, __global float *y) {
  const int groups = (P + DEPTHWISE_ROWS - 1) / DEPTHWISE_ROWS, p = GROUP(0) % groups * DEPTHWISE_ROWS;
  const int row = GROUP(0) / groups * P + p, rows = min(DEPTHWISE_ROWS, P - p);
  const int isDense = upY * upX * downY * downX * dilationY * dilationY * dilationX * dilationX == 1 && R == S &&
                      (S == 3 || S == 5 || S == 7);
  if (isDense) {
    depthwise_dense_rows(N, H, W, C, P, Q, R, S, strideY, strideX, dilationY, dilationX, offsetY, offsetX, row, rows,
                         hasBias, kind, x, w, bias, y);
    return;
  }
  for (int i = 0; i < rows; i++) {
    depthwise_row(N, H, W, C, P, Q, R, S, strideY, strideX, dilationY, dilationX, offsetY, offsetX, upY, upX, downY,
                  downX, row + i, hasBias, kind, x, w, bias, y);
  }
}

// groups(N · ceil(P / DEPTHWISE_ROWS), 1, 1)
__kernel void depthwise_conv2d(DEPTHWISE_SIZES, const int hasBias, const int kind, __global const float *restrict x,
                               __global const float *restrict w, __global const float *restrict bias,
                               __global float *restrict y) {
  depthwise(N, H, W, C, P, Q, R, S, strideY, strideX, dilationY, dilationX, offsetY, offsetX, strideY, strideX, 1, 1,
            hasBias, kind, x, w, bias, y);
}

// The input gradient: x is dy, y is dx, as in conv2d_backward_input.
__kernel void depthwise_conv2d_backward_input(DEPTHWISE_SIZES, const int hasBias, const int kind,
                                              __global const float *restrict x, __global const float *restrict w,
                                              __global const float *restrict bias, __global float *restrict y) {
  depthwise(N, H, W, C, P, Q, R, S, strideY, strideX, dilationY, dilationX, offsetY, offsetX, 1, 1, strideY, strideX,
            hasBias, kind, x, w, bias, y);
}

// Adds to `rows` rows of the weight gradient, sums(rows,taps,C), the products of `lines` rows of dy with x at their taps: x is
// pixel 0 at the first tap. Taps are neighbours, and those of pixels from ..< to are all inside.
static inline void depthwise_weight_rows(const int lines, const int rows, const int taps, const int step, const int C,
                                         const int n, const int from, const int to, const int offset, const int W,
                                         const int Q, const int xRow, const int sumRow, __global const float *x,
                                         __global const float *dy, __global float *sums) {
  VEC sum[DEPTHWISE_TAPS];
  UNROLL for (int i = 0; i < rows * taps; i++) sum[i] = LOAD_PART(sums + i / taps * sumRow + i % taps * C, n);
  for (int border = 0; border < from + Q - to; border++) {
    const int q = border < from ? border : border - from + to;
    UNROLL for (int s = 0; s < taps; s++) {
      const int at = q * step + s;
      if (at + offset < 0 || at + offset >= W) continue;
      UNROLL for (int i = 0; i < lines * rows; i++) {
        sum[i % rows * taps + s] += LOAD(x + (i / rows + i % rows) * xRow + at * C) * LOAD(dy + (i / rows * Q + q) * C);
      }
    }
  }
  for (int q = from; q < to; q++) {
    // What comes next, for three rows of taps the next rows of dy; strided, it was faster not to ask.
    if (step == 1) {
      UNROLL for (int line = 0; line < lines; line++) {
        PREFETCH(x + (rows + lines - 1 + line) * xRow + q * C, 1);
        PREFETCH(dy + ((lines + line) * Q + q) * C, 1);
      }
    }
    UNROLL for (int i = 0; i < lines * rows * taps; i++) {
      const int tap = i % (rows * taps), line = i / (rows * taps);
      sum[tap] += LOAD(x + (line + tap / taps) * xRow + (q * step + tap % taps) * C) * LOAD(dy + (line * Q + q) * C);
    }
  }
  UNROLL for (int i = 0; i < rows * taps; i++) STORE_PART(sum[i], sums + i / taps * sumRow + i % taps * C, n);
}

// partial(split,R,S,C) = Σ over a split's output rows of x · dy. A lane comes back to its own sums only, so no barrier is
// needed between rows.                                                                groups(splits, parts of C, 1)
__kernel void depthwise_conv2d_backward_weight(DEPTHWISE_SIZES, __global const float *restrict x,
                                               __global const float *restrict dy, __global float *restrict partial) {
  const int split = GROUP(0), splits = get_num_groups(0);
  const int begin = (int)((long)N * P * split / splits), end = (int)((long)N * P * (split + 1) / splits);
  const int parts = get_num_groups(1), channels = ((C + parts - 1) / parts + VECTOR - 1) / VECTOR * VECTOR;
  const int cBegin = GROUP(1) * channels, cEnd = min(C, cBegin + channels);
  const int isDense = strideY == 1 && strideX == 1 && dilationY == 1 && dilationX == 1 && R == 3 && S == 3;
  partial += (size_t)split * R * S * C;
  for (int tap = 0; tap < R * S; tap++) {
    for (int c = cBegin + LANE * VECTOR; c < cEnd; c += LOCAL * VECTOR) STORE_PART((VEC)(0.0f), partial + tap * C + c, C - c);
  }
  for (int row = begin, lines; row < end; row += lines) {
    const int y0 = row % P * strideY + offsetY;
    TAPS_INSIDE(fromR, toR, y0, dilationY, R, H)
    // The next row with this one, where the taps of both are inside.
    lines = isDense && toR - fromR == 3 && row + 1 < end && row % P + 1 < P && y0 + 3 < H ? 2 : 1;
    for (int s = 0, taps = 1; s < S; s += taps) {
      // Of the filter's taps, those that there is code to sum together, in registers.
      if (dilationX == 1 && strideX < 3) taps = S - s == 5 || S - s == 7 ? S - s : S - s >= 3 ? 3 : 1;
      const int offset = offsetX + s * dilationX;
      const int begun = min(Q, first_inside(offset, strideX)), ended = end_inside(offset + (taps - 1) * dilationX, strideX, W, Q);
      const int from = begun < ended ? begun : 0, to = begun < ended ? ended : 0;
      for (int c = cBegin + LANE * VECTOR; c < cEnd; c += LOCAL * VECTOR) {
        for (int r = fromR, rows; r < toR; r += rows) {
          rows = taps == 3 && toR - r >= 3 ? 3 : taps >= 5 && toR - r >= 2 ? 2 : 1;
#define ROWS(lines, rows, taps, step)                                                                            \
  depthwise_weight_rows(lines, rows, taps, step, C, C - c, from, to, offset, W, Q, dilationY * W * C, S * C,     \
                        x + (((long)(row / P) * H + y0 + r * dilationY) * W + offset) * C + c,                   \
                        dy + (size_t)row * Q * C + c, partial + (r * S + s) * C + c);
#define STEPS(rows, taps)                                                                                        \
  { if (strideX == 1) ROWS(1, rows, taps, 1) else ROWS(1, rows, taps, 2) }
          if (lines == 2) ROWS(2, 3, 3, 1)
          else if (taps == 3 && rows == 3) STEPS(3, 3)
          else if (taps == 3) STEPS(1, 3)
          else if (taps == 5 && rows == 2) STEPS(2, 5)
          else if (taps == 5) STEPS(1, 5)
          else if (taps == 7 && rows == 2) STEPS(2, 7)
          else if (taps == 7) STEPS(1, 7)
          else ROWS(1, 1, 1, strideX)
#undef ROWS
#undef STEPS
        }
      }
    }
  }
}

// MARK: grouped convolution                       x(N,H,W,G·D), w(R,TAPS,D,G·D) in packed panels, y(N,P,Q,G·D)
//
// A convolution whose groups have as many inputs as outputs, D, and so few that a product's tiles would be nearly empty. Vectors
// run over outputs, as in depthwise convolutions, and each lane of a vector takes input c of its own output's group: one number
// for all lanes where D fills vectors (isWide), or what a permutation brings there, from lane lanes + c. Along a row,
// GROUPED_PIXELS neighbouring results stay in registers, and an input is brought once for all the taps that it meets.

#if VECTOR == 16
#define GROUPED_PIXELS 8
#else
#define GROUPED_PIXELS 6 // with the weights and what is brought, as many as 16 registers hold
#endif
#define GROUPED_TAPS 3 // of a row, next to each other
#define GROUPED_CHANNELS 256 // of a work-group

// Runs `work(isInside, step, isWide)` of a block with constants, so that its loops unroll.
#define WITH_GROUPED_KIND(work, isInside, step, isWide)                                                          \
  if (step == 1 && isWide) { if (isInside) work(1, 1, 1) else work(0, 1, 1) }                                    \
  else if (step == 1) { if (isInside) work(1, 1, 0) else work(0, 1, 0) }                                         \
  else if (isWide) { if (isInside) work(1, 2, 1) else work(0, 2, 1) }                                            \
  else { if (isInside) work(1, 2, 0) else work(0, 2, 0) }

// The lane of a vector in which the group of each lane's output begins.
static inline IVEC group_starts(const int D) {
  float starts[VECTOR];
  for (int j = 0; j < VECTOR; j++) starts[j] = j / D * D;
  return TO_INTS(LOAD(starts));
}

// acc(GROUPED_PIXELS) = the sum over `rows` rows of taps and D inputs. x is the pixel that the first result reads at the first
// tap, pixel `at` of the W of its row; pixels are pitch floats apart, rows xRow. w is the first tap's weights.
static inline void grouped_block(VEC acc[GROUPED_PIXELS], const int isInside, const int step, const int isWide, const int D,
                                 const int rows, const int at, const int W, const int xRow, const int pitch,
                                 const IVEC lanes, __global const float *x, __global const float *w) {
  UNROLL for (int i = 0; i < GROUPED_PIXELS; i++) acc[i] = (VEC)(0.0f);
  for (int r = 0; r < rows; r++) {
    __global const float *inputs = x + (size_t)r * xRow;
    VEC row[(GROUPED_PIXELS - 1) * 2 + GROUPED_TAPS];
    UNROLL for (int j = 0; j < (GROUPED_PIXELS - 1) * step + GROUPED_TAPS; j++) {
      if (!isWide) row[j] = isInside || (at + j >= 0 && at + j < W) ? LOAD(inputs + j * pitch) : (VEC)(0.0f);
    }
    for (int c = 0; c < D; c++) {
      VEC weight[GROUPED_TAPS];
      UNROLL for (int s = 0; s < GROUPED_TAPS; s++) weight[s] = LOAD(w + ((r * GROUPED_TAPS + s) * D + c) * PANEL);
      UNROLL for (int j = 0; j < (GROUPED_PIXELS - 1) * step + GROUPED_TAPS; j++) {
        VEC input = (VEC)(0.0f);
        if (!isWide) input = PERMUTED(row[j], lanes + c);
        else if (isInside || (at + j >= 0 && at + j < W)) input = (VEC)(inputs[j * pitch + c]);
        UNROLL for (int s = 0; s < GROUPED_TAPS; s++) {
          if (j >= s && (j - s) % step == 0 && (j - s) / step < GROUPED_PIXELS) acc[(j - s) / step] += input * weight[s];
        }
      }
    }
  }
}

// D is C and K, S is GROUPED_TAPS, strideX 1 or 2, dilationX 1.           groups(N · P, ceil(G · D / GROUPED_CHANNELS), 1)
__kernel void grouped_conv2d(CONVOLUTION_SIZES, const int xPitch, const int xFirst, const int yPitch, const int yFirst,
                             const int hasBias, const int kind, __global const float *restrict x,
                             __global const float *restrict w, __global const float *restrict bias,
                             __global const float *restrict residual, __global float *restrict y) {
  const int D = C, outputs = G * D, row = GROUP(0), y0 = row % P * strideY + offsetY;
  const int isLarge = IS_LARGE((size_t)N * P * Q * outputs, outputs) && yPitch % VECTOR == 0 && yFirst % VECTOR == 0;
  TAPS_INSIDE(fromR, toR, y0, dilationY, R, H)
  x += xFirst + (long)(row / P * H + y0 + fromR * dilationY) * W * xPitch;
  y += yFirst + (size_t)row * Q * yPitch;
  residual += (size_t)row * Q * outputs;
  const int rows = toR - fromR, xRow = dilationY * W * xPitch, isWide = D % VECTOR == 0;
  w += fromR * GROUPED_TAPS * D * PANEL;
  const IVEC lanes = group_starts(D);
  const int last = min(outputs, (GROUP(1) + 1) * GROUPED_CHANNELS);
  for (int k = GROUP(1) * GROUPED_CHANNELS + LANE % ACROSS * VECTOR; k < last; k += ACROSS * VECTOR) {
    FOR_ROWS(block, 0, (Q + GROUPED_PIXELS - 1) / GROUPED_PIXELS) {
      const int q = block * GROUPED_PIXELS, at = q * strideX + offsetX;
      const int isInside = at >= 0 && at + (GROUPED_PIXELS - 1) * strideX + GROUPED_TAPS <= W;
      __global const float *inputs = x + (isWide ? k / D * D : k) + (long)at * xPitch;
      __global const float *weights = w + (size_t)(k / PANEL) * R * GROUPED_TAPS * D * PANEL + k % PANEL;
      VEC acc[GROUPED_PIXELS];
#define BLOCK(isInside, step, isWide)                                                                            \
  grouped_block(acc, isInside, step, isWide, D, rows, at, W, xRow, xPitch, lanes, inputs, weights);
      WITH_GROUPED_KIND(BLOCK, isInside, strideX, isWide)
#undef BLOCK
      UNROLL for (int i = 0; i < GROUPED_PIXELS; i++) {
        if (q + i < Q) {
          const VEC result = finish(acc[i], hasBias, kind, bias + k, outputs, residual + (q + i) * outputs + k);
          STORE_LARGE(result, y + (size_t)(q + i) * yPitch + k, outputs - k, isLarge);
        }
      }
    }
  }
}

// Adds to sums(TAPS,inputs) of a vector's outputs the products of GROUPED_STEP pixels of dy, of which `left` are in the row,
// with x at their taps, as above.
#define GROUPED_STEP 4
#define GROUPED_INPUTS (VECTOR == 16 ? 4 : 2) // summed together, in registers
static inline void grouped_weight_block(VEC sums[GROUPED_TAPS][GROUPED_INPUTS], const int isInside, const int step,
                                        const int isWide, const int left, const int at, const int W, const int xPitch,
                                        const int yPitch, const IVEC lanes, __global const float *x,
                                        __global const float *dy) {
  VEC gradient[GROUPED_STEP];
  UNROLL for (int i = 0; i < GROUPED_STEP; i++) gradient[i] = isInside || i < left ? LOAD(dy + i * yPitch) : (VEC)(0.0f);
  UNROLL for (int j = 0; j < (GROUPED_STEP - 1) * step + GROUPED_TAPS; j++) {
    if (isInside || (at + j >= 0 && at + j < W)) {
      __global const float *inputs = x + j * xPitch;
      UNROLL for (int c = 0; c < GROUPED_INPUTS; c++) {
        const VEC input = isWide ? (VEC)(inputs[c]) : PERMUTED(LOAD(inputs), lanes + c);
        UNROLL for (int s = 0; s < GROUPED_TAPS; s++) {
          const int i = (j - s) / step;
          if (j >= s && (j - s) % step == 0 && i < GROUPED_STEP && (isInside || i < left)) sums[s][c] += input * gradient[i];
        }
      }
    }
  }
}

// partial(split,R,TAPS,D,G·D) = Σ over a split's output rows of x · dy; D is a multiple of GROUPED_INPUTS. A lane comes back
// to its own sums only.                                            groups(splits, ceil(G · D / GROUPED_CHANNELS), 1)
__kernel void grouped_conv2d_backward_weight(CONVOLUTION_SIZES, const int yPitch, const int yFirst,
                                             __global const float *restrict x, __global const float *restrict dy,
                                             __global float *restrict partial) {
  const int D = C, outputs = G * D, split = GROUP(0), splits = get_num_groups(0), isWide = D % VECTOR == 0;
  const int begin = (int)((long)N * P * split / splits), end = (int)((long)N * P * (split + 1) / splits);
  const int kBegin = GROUP(1) * GROUPED_CHANNELS, kEnd = min(outputs, kBegin + GROUPED_CHANNELS);
  const IVEC lanes = group_starts(D);
  dy += yFirst;
  partial += (size_t)split * R * GROUPED_TAPS * D * outputs;
  for (int i = 0; i < R * GROUPED_TAPS * D; i++) {
    for (int k = kBegin + LANE * VECTOR; k < kEnd; k += LOCAL * VECTOR) {
      STORE_PART((VEC)(0.0f), partial + (size_t)i * outputs + k, outputs - k);
    }
  }
  for (int row = begin; row < end; row++) {
    const int y0 = row % P * strideY + offsetY;
    for (int r = 0; r < R; r++) {
      const int atY = y0 + r * dilationY;
      if (atY < 0 || atY >= H) continue;
      for (int k = kBegin + LANE * VECTOR; k < kEnd; k += LOCAL * VECTOR) {
        for (int c = 0; c < D; c += GROUPED_INPUTS) {
          __global float *to = partial + (size_t)(r * GROUPED_TAPS * D + c) * outputs + k;
          VEC sums[GROUPED_TAPS][GROUPED_INPUTS];
          UNROLL for (int i = 0; i < GROUPED_TAPS * GROUPED_INPUTS; i++) {
            sums[i / GROUPED_INPUTS][i % GROUPED_INPUTS] =
                LOAD_PART(to + (size_t)(i / GROUPED_INPUTS * D + i % GROUPED_INPUTS) * outputs, outputs - k);
          }
          for (int q = 0; q < Q; q += GROUPED_STEP) {
            const int at = q * strideX + offsetX, left = Q - q;
            const int isInside = left >= GROUPED_STEP && at >= 0 && at + (GROUPED_STEP - 1) * strideX + GROUPED_TAPS <= W;
            __global const float *inputs =
                x + ((long)(row / P * H + atY) * W + at) * outputs + (isWide ? k / D * D + c : k);
            __global const float *gradients = dy + ((size_t)row * Q + q) * yPitch + k;
            const IVEC from = lanes + c;
#define BLOCK(isInside, step, isWide)                                                                            \
  grouped_weight_block(sums, isInside, step, isWide, left, at, W, outputs, yPitch, from, inputs, gradients);
            WITH_GROUPED_KIND(BLOCK, isInside, strideX, isWide)
#undef BLOCK
          }
          UNROLL for (int i = 0; i < GROUPED_TAPS * GROUPED_INPUTS; i++) {
            STORE_PART(sums[i / GROUPED_INPUTS][i % GROUPED_INPUTS],
                       to + (size_t)(i / GROUPED_INPUTS * D + i % GROUPED_INPUTS) * outputs, outputs - k);
          }
        }
      }
    }
  }
}

// MARK: reductions                                       x(outer,axis,inner) is summed along the middle axis
//
// Columns (inner > 1): a group takes COLUMNS neighbouring columns and one of `chunks` ranges of the axis; lanes split
// the range, and the launch is repeated on the chunks' sums. Two levels of partial sums keep long columns accurate.

#define COLUMNS (COLUMN_VECTORS * VECTOR * ACROSS)
#define COLUMN_BLOCK 64 // rows that are summed before they are added to the total

// Sums `count` quantities of each column over rows begin ..< end: ADD adds row `row`, columns `column` … of vector j, to
// part[0…count-1][j]; the totals end in total[…][j] of the lanes with LANE / ACROSS == 0.
#define SUM_COLUMNS(count, columnBlock, columnCount, begin, end, ADD)                                                         \
  __local float scratch[count][DOWN][COLUMNS];                                                                   \
  const int firstColumn = (columnBlock) * COLUMNS + LANE % ACROSS * (COLUMN_VECTORS * VECTOR);                        \
  const int localColumn = LANE % ACROSS * (COLUMN_VECTORS * VECTOR);                                             \
  VEC total[count][COLUMN_VECTORS];                                                                              \
  UNROLL for (int q = 0; q < count; q++) UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) total[q][j] = (VEC)(0.0f); \
  for (int block = (begin) + LANE / ACROSS; block < (end); block += COLUMN_BLOCK * DOWN) {                       \
    VEC part[count][COLUMN_VECTORS];                                                                             \
    UNROLL for (int q = 0; q < count; q++) UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) part[q][j] = (VEC)(0.0f); \
    for (int row = block; row < min(end, block + COLUMN_BLOCK * DOWN); row += DOWN) {                            \
      UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) {                                                          \
        const int column = firstColumn + j * VECTOR;                                                             \
        if (column < columnCount) { ADD }                                                                        \
      }                                                                                                          \
    }                                                                                                            \
    UNROLL for (int q = 0; q < count; q++) UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) total[q][j] += part[q][j]; \
  }                                                                                                              \
  UNROLL for (int q = 0; q < count; q++) {                                                                       \
    UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) {                                                            \
      STORE(total[q][j], &scratch[q][LANE / ACROSS][localColumn + j * VECTOR]);                                  \
    }                                                                                                            \
  }                                                                                                              \
  barrier(CLK_LOCAL_MEM_FENCE);                                                                                  \
  if (LANE / ACROSS == 0) {                                                                                      \
    for (int down = 1; down < DOWN; down++) {                                                                    \
      UNROLL for (int q = 0; q < count; q++) {                                                                   \
        UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) total[q][j] += LOAD(&scratch[q][down][localColumn + j * VECTOR]); \
      }                                                                                                          \
    }                                                                                                            \
  }

// Stores total[q] to the columns of `to` that exist.
#define STORE_COLUMNS(q, to, columnCount)                                                                        \
  if (LANE / ACROSS == 0) {                                                                                      \
    UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) {                                                            \
      const int column = firstColumn + j * VECTOR;                                                               \
      if (column < columnCount) STORE_PART(total[q][j], (to) + column, columnCount - column);                    \
    }                                                                                                            \
  }

// y(outer,chunks,inner) = scale · Σ over a chunk of the axis          groups(outer · ceil(inner / COLUMNS), chunks, 1)
__kernel void reduce_columns(const int axis, const int inner, const float scale, __global const float *restrict x,
                             __global float *restrict y) {
  ROW_CHUNK(axis, begin, end)
  const int columnBlocks = (inner + COLUMNS - 1) / COLUMNS, outer = GROUP(0) / columnBlocks;
  x += (size_t)outer * axis * inner;
  y += ((size_t)outer * get_num_groups(1) + GROUP(1)) * inner;
  SUM_COLUMNS(1, GROUP(0) % columnBlocks, inner, begin, end, part[0][j] += LOAD(x + (size_t)row * inner + column);)
  UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) total[0][j] *= scale;
  STORE_COLUMNS(0, y, inner)
}

// g(rows,C) = dy where the activation with the output y let it through, and partial(chunks,C) = Σ g: the gradient of a bias.
// groups(ceil(C / COLUMNS), chunks, 1)
__kernel void activation_backward_sums(const int rows, const int C, const int kind, __global const float *restrict y,
                                       __global const float *restrict dy, __global float *restrict g,
                                       __global float *restrict partial) {
  ROW_CHUNK(rows, begin, end)
  SUM_COLUMNS(1, GROUP(0), C, begin, end, {
    const size_t at = (size_t)row * C + column;
    const VEC gradient = activate_backward(LOAD(y + at), LOAD(dy + at), kind);
    STORE_LARGE(gradient, g + at, C - column, IS_LARGE((size_t)rows * C, C));
    part[0][j] += gradient;
  })
  STORE_COLUMNS(0, partial + (size_t)GROUP(1) * C, C)
}

// Rows (inner = 1): y(outer,chunks) = scale · Σ over a chunk of the axis                  groups(outer, chunks, 1)
__kernel void reduce_rows(const int axis, const float scale, __global const float *restrict x,
                          __global float *restrict y) {
  __local float scratch[LOCAL];
  ROW_CHUNK(axis, begin, end)
  x += (size_t)GROUP(0) * axis;
  VEC sum[4];
  UNROLL for (int j = 0; j < 4; j++) sum[j] = (VEC)(0.0f);
  int i = begin + LANE * 4 * VECTOR;
  for (; i + 4 * VECTOR <= end; i += LOCAL * 4 * VECTOR) {
    UNROLL for (int j = 0; j < 4; j++) sum[j] += LOAD(x + i + j * VECTOR);
  }
  float rest = 0.0f;
  for (; i < end; i++) rest += x[i]; // at most one lane has part of a stretch left
  const float total = group_sum(sum_lanes((sum[0] + sum[1]) + (sum[2] + sum[3])) + rest, scratch);
  if (LANE == 0) y[(size_t)GROUP(0) * get_num_groups(1) + GROUP(1)] = total * scale;
}

// y(outer,inner), index(outer,inner) = the largest along the axis and where it first stands; NaN counts as largest.
// groups(outer, ceil(inner / LOCAL), 1)
__kernel void reduce_max(const int axis, const int inner, __global const float *restrict x, __global float *restrict y,
                         __global int *restrict index) {
  const int i = GROUP(1) * LOCAL + LANE;
  if (i >= inner) return;
  x += (size_t)GROUP(0) * axis * inner + i;
  float largest = x[0];
  int at = 0;
  for (int a = 1; a < axis; a++) {
    const float value = x[(size_t)a * inner];
    if (value > largest || (isnan(value) && !isnan(largest))) {
      largest = value;
      at = a;
    }
  }
  y[(size_t)GROUP(0) * inner + i] = largest;
  index[(size_t)GROUP(0) * inner + i] = at;
}

// dx(outer,axis,inner) = dy where the largest stood, else 0                     groups(outer, ceil(inner / LOCAL), 1)
__kernel void reduce_max_backward(const int axis, const int inner, __global const int *restrict index,
                                  __global const float *restrict dy, __global float *restrict dx) {
  const int i = GROUP(1) * LOCAL + LANE;
  if (i >= inner) return;
  const size_t at = (size_t)GROUP(0) * inner + i;
  dx += (size_t)GROUP(0) * axis * inner + i;
  for (int a = 0; a < axis; a++) dx[(size_t)a * inner] = a == index[at] ? dy[at] : 0.0f;
}

// The gradient of a sum: y(outer,axis,inner) = scale · x(outer,inner)                       groups(outer · axis, 1, 1)
__kernel void broadcast_axis(const int axis, const int inner, const float scale, __global const float *restrict x,
                             __global float *restrict y) {
  x += (size_t)(GROUP(0) / axis) * inner;
  y += (size_t)GROUP(0) * inner;
  for (int i = LANE * VECTOR; i < inner; i += LOCAL * VECTOR) STORE_PART(scale * LOAD(x + i), y + i, inner - i);
}

// MARK: batch normalization                                                      x(rows,C), rows = N · H · W
//
// statistics(4,C): mean, 1 / standard deviation, and the scale and shift that normalise: y = scale · x + shift.
// Sums are taken about the first row, so that a large mean costs no digits.

// partial(chunks,2,C) = Σ (x - pivot), Σ (x - pivot)²                               groups(ceil(C / COLUMNS), chunks, 1)
__kernel void batch_norm_sums(const int rows, const int C, __global const float *restrict x,
                              __global float *restrict partial) {
  ROW_CHUNK(rows, begin, end)
  SUM_COLUMNS(2, GROUP(0), C, begin, end, {
    const VEC value = LOAD(x + (size_t)row * C + column) - LOAD(x + column);
    part[0][j] += value;
    part[1][j] += value * value;
  })
  partial += (size_t)GROUP(1) * 2 * C;
  STORE_COLUMNS(0, partial, C)
  STORE_COLUMNS(1, partial + C, C)
}

// One of the two sums of a channel over all chunks.
static inline float add_chunks(__global const float *partial, const int chunks, const int C) {
  float sum = 0.0f;
  for (int chunk = 0; chunk < chunks; chunk++) sum += partial[(size_t)chunk * 2 * C];
  return sum;
}

// Writes the statistics, and moves the running ones towards them as PyTorch does, with the unbiased variance.
// groups(ceil(C / LOCAL), 1, 1)
__kernel void batch_norm_finish(const int C, const int chunks, const int rows, const float epsilon,
                                const float momentum, __global const float *restrict partial,
                                __global const float *restrict x, __global const float *restrict gamma,
                                __global const float *restrict beta, __global float *restrict runningMean,
                                __global float *restrict runningVariance, __global float *restrict statistics) {
  const int c = GROUP(0) * LOCAL + LANE;
  if (c >= C) return;
  const float sum = add_chunks(partial + c, chunks, C), squares = add_chunks(partial + C + c, chunks, C);
  const float offset = sum / rows, mean = x[c] + offset;
  const float variance = fmax(squares / rows - offset * offset, 0.0f);
  const float scale = gamma[c] / sqrt(variance + epsilon);
  statistics[c] = mean;
  statistics[C + c] = 1.0f / sqrt(variance + epsilon);
  statistics[2 * C + c] = scale;
  statistics[3 * C + c] = beta[c] - mean * scale;
  runningMean[c] += momentum * (mean - runningMean[c]);
  runningVariance[c] += momentum * (variance * rows / max(rows - 1, 1) - runningVariance[c]);
}

// The statistics of evaluation and of frozen layers, from the running ones              groups(ceil(C / LOCAL), 1, 1)
__kernel void batch_norm_running(const int C, const float epsilon, __global const float *restrict gamma,
                                 __global const float *restrict beta, __global const float *restrict runningMean,
                                 __global const float *restrict runningVariance, __global float *restrict statistics) {
  const int c = GROUP(0) * LOCAL + LANE;
  if (c >= C) return;
  const float scale = gamma[c] / sqrt(runningVariance[c] + epsilon);
  statistics[c] = runningMean[c];
  statistics[C + c] = 1.0f / sqrt(runningVariance[c] + epsilon);
  statistics[2 * C + c] = scale;
  statistics[3 * C + c] = beta[c] - runningMean[c] * scale;
}

// y = activation(scale · x + shift [+ residual])                                              groups(1, chunks, 1)
__kernel void batch_norm_apply(const int rows, const int C, const int hasResidual, const int kind,
                               __global const float *restrict x, __global const float *restrict statistics,
                               __global const float *restrict residual, __global float *restrict y) {
  ROW_CHUNK(rows, begin, end)
  FOR_ROWS(row, begin, end) {
    FOR_CHANNELS(c, C) {
      const size_t at = (size_t)row * C + c;
      VEC value = LOAD(statistics + 2 * C + c) * LOAD(x + at) + LOAD(statistics + 3 * C + c);
      if (hasResidual) value += LOAD(residual + at);
      STORE_LARGE(activate(value, kind), y + at, C - c, IS_LARGE((size_t)rows * C, C));
    }
  }
}

// With g = dy where the activation let it through: partial(chunks,2,C) = Σ g, Σ g · (x - mean)
// groups(ceil(C / COLUMNS), chunks, 1)
__kernel void batch_norm_backward_sums(const int rows, const int C, const int kind, __global const float *restrict x,
                                       __global const float *restrict statistics, __global const float *restrict dy,
                                       __global float *restrict partial) {
  ROW_CHUNK(rows, begin, end)
  SUM_COLUMNS(2, GROUP(0), C, begin, end, {
    const VEC value = LOAD(x + (size_t)row * C + column);
    const VEC normalized = LOAD(statistics + 2 * C + column) * value + LOAD(statistics + 3 * C + column);
    const VEC g = activate_backward(normalized, LOAD(dy + (size_t)row * C + column), kind);
    part[0][j] += g;
    part[1][j] += g * (value - LOAD(statistics + column));
  })
  partial += (size_t)GROUP(1) * 2 * C;
  STORE_COLUMNS(0, partial, C)
  STORE_COLUMNS(1, partial + C, C)
}

// The same behind a residual: the activation is judged by its output y, dy is the sum of one or two gradients, and g, which
// is the residual's gradient too, is stored.                                        groups(ceil(C / COLUMNS), chunks, 1)
__kernel void batch_norm_backward_residual_sums(const int rows, const int C, const int kind, const int hasOther,
                                                __global const float *restrict x, __global const float *restrict statistics,
                                                __global const float *restrict y, __global const float *restrict dy,
                                                __global const float *restrict other, __global float *restrict g,
                                                __global float *restrict partial) {
  ROW_CHUNK(rows, begin, end)
  SUM_COLUMNS(2, GROUP(0), C, begin, end, {
    const size_t at = (size_t)row * C + column;
    VEC gradient = LOAD(dy + at);
    if (hasOther) gradient += LOAD(other + at);
    gradient = activate_backward(LOAD(y + at), gradient, kind);
    STORE_LARGE(gradient, g + at, C - column, IS_LARGE((size_t)rows * C, C));
    part[0][j] += gradient;
    part[1][j] += gradient * (LOAD(x + at) - LOAD(statistics + column));
  })
  partial += (size_t)GROUP(1) * 2 * C;
  STORE_COLUMNS(0, partial, C)
  STORE_COLUMNS(1, partial + C, C)
}

// dgamma(C), dbeta(C), and coefficients(2,C) of dx = scale · g + coefficient₀ · (x - mean) + coefficient₁
// groups(ceil(C / LOCAL), 1, 1)
__kernel void batch_norm_backward_finish(const int C, const int chunks, const int rows,
                                         __global const float *restrict partial,
                                         __global const float *restrict statistics, __global float *restrict dgamma,
                                         __global float *restrict dbeta, __global float *restrict coefficients) {
  const int c = GROUP(0) * LOCAL + LANE;
  if (c >= C) return;
  const float sum = add_chunks(partial + c, chunks, C), products = add_chunks(partial + C + c, chunks, C);
  const float inverse = statistics[C + c], scale = statistics[2 * C + c];
  dgamma[c] = products * inverse;
  dbeta[c] = sum;
  coefficients[c] = -scale * inverse * inverse * products / rows;
  coefficients[C + c] = -scale * sum / rows;
}

// dx = scale · g [+ coefficient₀ · (x - mean) + coefficient₁, where the statistics are the batch's own]
// groups(1, chunks, 1)
__kernel void batch_norm_backward_apply(const int rows, const int C, const int kind, const int isBatch,
                                        __global const float *restrict x, __global const float *restrict statistics,
                                        __global const float *restrict coefficients, __global const float *restrict dy,
                                        __global float *restrict dx) {
  ROW_CHUNK(rows, begin, end)
  FOR_ROWS(row, begin, end) {
    FOR_CHANNELS(c, C) {
      const size_t at = (size_t)row * C + c;
      const VEC value = LOAD(x + at), scale = LOAD(statistics + 2 * C + c);
      const VEC g = activate_backward(scale * value + LOAD(statistics + 3 * C + c), LOAD(dy + at), kind);
      VEC result = scale * g;
      if (isBatch) result += LOAD(coefficients + c) * (value - LOAD(statistics + c)) + LOAD(coefficients + C + c);
      STORE_LARGE(result, dx + at, C - c, IS_LARGE((size_t)rows * C, C));
    }
  }
}

// MARK: pooling                                                              x(N,H,W,C), y(N,P,Q,C); groups(N · P, 1, 1)

#define POOL_SIZES                                                                                               \
  const int H, const int W, const int C, const int P, const int Q, const int R, const int S, const int strideY,  \
      const int strideX, const int top, const int left

// Whole numbers lie in memory as floats do.
#define LOAD_INTS(p) BITS(LOAD((__global const float *)(p)))
#define STORE_INTS_PART(v, p, n) STORE_PART(FROM_BITS(v), (__global float *)(p), n)

// index(N,P,Q,C): where in the H · W plane the largest stood; the first of equals, NaN above all.
__kernel void max_pool(POOL_SIZES, __global const float *restrict x, __global float *restrict y,
                       __global int *restrict index) {
  const int row = GROUP(0), y0 = row % P * strideY - top;
  const int asks = IS_LARGE((size_t)get_num_groups(0) / P * H * W * C, VECTOR);
  x += (size_t)(row / P) * H * W * C;
  FOR_ROWS(q, 0, Q) {
    const int x0 = q * strideX - left;
    FOR_CHANNELS(c, C) {
      // What the next group will be the first to read, below this window.
      for (int t = 0; asks && t < strideY * strideX; t++) {
        PREFETCH(x + (long)((y0 + R + t / strideX) * W + x0 + t % strideX) * C + c, 1);
      }
      VEC largest = SPLAT(-INFINITY);
      IVEC at = (IVEC)(max(y0, 0) * W + max(x0, 0));
      for (int i = max(y0, 0); i < min(y0 + R, H); i++) {
        for (int j = max(x0, 0); j < min(x0 + S, W); j++) {
          const VEC value = LOAD(x + (size_t)(i * W + j) * C + c);
          const IVEC isLarger = (value > largest) | (value != value);
          largest = isLarger ? value : largest;
          at = isLarger ? (IVEC)(i * W + j) : at;
        }
      }
      const size_t to = ((size_t)row * Q + q) * C + c;
      STORE_PART(largest, y + to, C - c);
      STORE_INTS_PART(at, index + to, C - c);
    }
  }
}

// groups(N · H, 1, 1): each input pixel asks the windows that cover it
__kernel void max_pool_backward(POOL_SIZES, __global const int *restrict index, __global const float *restrict dy,
                                __global float *restrict dx) {
  const int row = GROUP(0), i = row % H;
  index += (size_t)(row / H) * P * Q * C;
  dy += (size_t)(row / H) * P * Q * C;
  const int p0 = max(0, (i + top - R + strideY) / strideY), p1 = min(P - 1, (i + top) / strideY);
  const int isLarge = IS_LARGE((size_t)get_num_groups(0) * W * C, C);
  FOR_ROWS(j, 0, W) {
    const int q0 = max(0, (j + left - S + strideX) / strideX), q1 = min(Q - 1, (j + left) / strideX);
    FOR_CHANNELS(c, C) {
      VEC sum = SPLAT(0.0f);
      for (int p = p0; p <= p1; p++) {
        for (int q = q0; q <= q1; q++) {
          const size_t at = (size_t)(p * Q + q) * C + c;
          sum += LOAD_INTS(index + at) == (IVEC)(i * W + j) ? LOAD(dy + at) : SPLAT(0.0f);
        }
      }
      STORE_LARGE(sum, dx + ((size_t)row * W + j) * C + c, C - c, isLarge);
    }
  }
}

// The pixels that an average divides by: those of its window that lie in rows countedTop ..< countedBottom and columns
// countedLeft ..< countedRight, which bound the image, or the image with its padding.
#define COUNTED const int countedTop, const int countedLeft, const int countedBottom, const int countedRight

static inline float pool_count(const int y0, const int x0, const int R, const int S, COUNTED) {
  return (min(y0 + R, countedBottom) - max(y0, countedTop)) * (min(x0 + S, countedRight) - max(x0, countedLeft));
}

__kernel void average_pool(POOL_SIZES, COUNTED, __global const float *restrict x,
                           __global float *restrict y) {
  const int row = GROUP(0), y0 = row % P * strideY - top;
  x += (size_t)(row / P) * H * W * C;
  FOR_ROWS(q, 0, Q) {
    const int x0 = q * strideX - left;
    const float count = pool_count(y0, x0, R, S, countedTop, countedLeft, countedBottom, countedRight);
    FOR_CHANNELS(c, C) {
      VEC sum = SPLAT(0.0f);
      for (int i = max(y0, 0); i < min(y0 + R, H); i++) {
        for (int j = max(x0, 0); j < min(x0 + S, W); j++) sum += LOAD(x + (size_t)(i * W + j) * C + c);
      }
      STORE_PART(sum / count, y + ((size_t)row * Q + q) * C + c, C - c);
    }
  }
}

// groups(N · H, 1, 1)
__kernel void average_pool_backward(POOL_SIZES, COUNTED, __global const float *restrict dy,
                                    __global float *restrict dx) {
  const int row = GROUP(0), i = row % H;
  dy += (size_t)(row / H) * P * Q * C;
  const int p0 = max(0, (i + top - R + strideY) / strideY), p1 = min(P - 1, (i + top) / strideY);
  FOR_ROWS(j, 0, W) {
    const int q0 = max(0, (j + left - S + strideX) / strideX), q1 = min(Q - 1, (j + left) / strideX);
    FOR_CHANNELS(c, C) {
      VEC sum = SPLAT(0.0f);
      for (int p = p0; p <= p1; p++) {
        for (int q = q0; q <= q1; q++) {
          sum += LOAD(dy + (size_t)(p * Q + q) * C + c) /
                 pool_count(p * strideY - top, q * strideX - left, R, S, countedTop, countedLeft, countedBottom, countedRight);
        }
      }
      STORE_PART(sum, dx + ((size_t)row * W + j) * C + c, C - c);
    }
  }
}

// MARK: resampling                                                    x(N,H,W,C), y(N,P,Q,C); groups(N · P, 1, 1)

// y = the mean of bin p, rows ⌊p · H / P⌋ ..< ⌈(p + 1) · H / P⌉, columns likewise: PyTorch's bins, which may overlap.
static inline int bin_begin(const int p, const int size, const int bins) { return p * size / bins; }
static inline int bin_end(const int p, const int size, const int bins) { return ((p + 1) * size + bins - 1) / bins; }

__kernel void adaptive_average_pool(const int H, const int W, const int C, const int P, const int Q,
                                    __global const float *restrict x, __global float *restrict y) {
  const int row = GROUP(0), y0 = bin_begin(row % P, H, P), y1 = bin_end(row % P, H, P);
  x += (size_t)(row / P) * H * W * C;
  for (int t = LANE; t < Q * C; t += LOCAL) {
    const int c = t % C, x0 = bin_begin(t / C, W, Q), x1 = bin_end(t / C, W, Q);
    float sum = 0.0f;
    for (int i = y0; i < y1; i++) {
      for (int j = x0; j < x1; j++) sum += x[(size_t)(i * W + j) * C + c];
    }
    y[(size_t)row * Q * C + t] = sum / ((y1 - y0) * (x1 - x0));
  }
}

// The bins that row i is in are those of an adaptive pooling from P back to H.                    groups(N · H, 1, 1)
__kernel void adaptive_average_pool_backward(const int H, const int W, const int C, const int P, const int Q,
                                             __global const float *restrict dy, __global float *restrict dx) {
  const int row = GROUP(0), p0 = bin_begin(row % H, P, H), p1 = bin_end(row % H, P, H);
  dy += (size_t)(row / H) * P * Q * C;
  for (int t = LANE; t < W * C; t += LOCAL) {
    const int c = t % C, q0 = bin_begin(t / C, Q, W), q1 = bin_end(t / C, Q, W);
    float sum = 0.0f;
    for (int p = p0; p < p1; p++) {
      for (int q = q0; q < q1; q++) {
        sum += dy[(size_t)(p * Q + q) * C + c] /
               ((bin_end(p, H, P) - bin_begin(p, H, P)) * (bin_end(q, W, Q) - bin_begin(q, W, Q)));
      }
    }
    dx[(size_t)row * W * C + t] = sum;
  }
}

// Output p reads between rows i and i + 1 at i + fraction = max(0, p · up + offset) / down: whole numbers, so that every
// device reads at the same place. Nearest reads row i alone. Columns likewise.
#define RESIZE_SIZES                                                                                             \
  const int H, const int W, const int C, const int P, const int Q, const int upY, const int upX,                 \
      const int offsetY, const int offsetX, const int downY, const int downX, const int isLinear

// What output p takes of row i.
static inline float resize_weight(const int p, const int i, const int size, const int up, const int offset,
                                  const int down, const int isLinear) {
  const int at = max(0, p * up + offset), first = at / down;
  const float fraction = isLinear ? (float)(at % down) / down : 0.0f;
  return (first == i ? 1.0f - fraction : 0.0f) + (min(first + 1, size - 1) == i ? fraction : 0.0f);
}

__kernel void resize(RESIZE_SIZES, __global const float *restrict x, __global float *restrict y) {
  const int row = GROUP(0), atY = max(0, row % P * upY + offsetY);
  const int i0 = atY / downY, i1 = min(i0 + 1, H - 1);
  const float below = isLinear ? (float)(atY % downY) / downY : 0.0f;
  x += (size_t)(row / P) * H * W * C;
  for (int t = LANE; t < Q * C; t += LOCAL) {
    const int c = t % C, atX = max(0, t / C * upX + offsetX);
    const int j0 = atX / downX, j1 = min(j0 + 1, W - 1);
    const float right = isLinear ? (float)(atX % downX) / downX : 0.0f;
    float value = x[(size_t)(i0 * W + j0) * C + c];
    if (isLinear) {
      value = (1.0f - below) * ((1.0f - right) * value + right * x[(size_t)(i0 * W + j1) * C + c]) +
              below * ((1.0f - right) * x[(size_t)(i1 * W + j0) * C + c] + right * x[(size_t)(i1 * W + j1) * C + c]);
    }
    y[(size_t)row * Q * C + t] = value;
  }
}

// The outputs that may read row i; resize_weight is 0 for those that don't. They read at i - 1 < … < i + 1.
static inline int first_reader(const int i, const int up, const int offset, const int down) {
  return up == 0 ? 0 : max(0, ((i - 1) * down - offset) / up - 1);
}
static inline int last_reader(const int i, const int up, const int offset, const int down, const int count) {
  return up == 0 ? count - 1 : min(count - 1, ((i + 1) * down - offset) / up + 1);
}

// groups(N · H, 1, 1)
__kernel void resize_backward(RESIZE_SIZES, __global const float *restrict dy, __global float *restrict dx) {
  const int row = GROUP(0), i = row % H;
  const int p0 = first_reader(i, upY, offsetY, downY), p1 = last_reader(i, upY, offsetY, downY, P);
  dy += (size_t)(row / H) * P * Q * C;
  for (int t = LANE; t < W * C; t += LOCAL) {
    const int c = t % C, j = t / C;
    const int q0 = first_reader(j, upX, offsetX, downX), q1 = last_reader(j, upX, offsetX, downX, Q);
    float sum = 0.0f;
    for (int p = p0; p <= p1; p++) {
      const float down = resize_weight(p, i, H, upY, offsetY, downY, isLinear);
      if (down == 0.0f) continue;
      for (int q = q0; q <= q1; q++) {
        const float across = resize_weight(q, j, W, upX, offsetX, downX, isLinear);
        if (across != 0.0f) sum += down * across * dy[(size_t)(p * Q + q) * C + c];
      }
    }
    dx[(size_t)row * W * C + t] = sum;
  }
}

// MARK: softmax                                                        logits(rows,classes); groups(rows, 1, 1)

// The row's whole vectors, then the numbers that are left.
#define FOR_ROW_VECTORS(k, count) for (int k = LANE * VECTOR; k + VECTOR <= (count); k += LOCAL * VECTOR)
#define FOR_ROW_REST(k, count) for (int k = (count) / VECTOR * VECTOR + LANE; k < (count); k += LOCAL)

// The largest logit of the group's row and the sum of exp(logit - largest). EACH sees the exponentials of vector k, of which
// the first `count` belong to the row: fewer than all at its end, which is one lane's.
#define SOFTMAX_ROW_WITH(logits, classes, EACH)                                                                  \
  __local float scratch[LOCAL];                                                                                  \
  VEC maxima = SPLAT(-INFINITY);                                                                                 \
  FOR_ROW_VECTORS(k, classes) maxima = fmax(maxima, LOAD(logits + k));                                           \
  float largest = largest_lane(maxima);                                                                          \
  FOR_ROW_REST(k, classes) largest = fmax(largest, logits[k]);                                                   \
  largest = group_max(largest, scratch);                                                                         \
  VEC sums = SPLAT(0.0f);                                                                                        \
  FOR_ROW_VECTORS(k, classes) {                                                                                  \
    const int count = VECTOR;                                                                                    \
    const VEC power = exp_vector(LOAD(logits + k) - largest);                                                    \
    sums += power;                                                                                               \
    EACH                                                                                                         \
  }                                                                                                              \
  float sum = sum_lanes(sums);                                                                                   \
  if (LANE == 0 && (classes) % VECTOR > 0) {                                                                     \
    const int count = (classes) % VECTOR, k = (classes) - count;                                                 \
    float powers[VECTOR];                                                                                        \
    const VEC power = exp_vector(LOAD_PART(logits + k, count) - largest);                                        \
    STORE(power, powers);                                                                                        \
    for (int i = 0; i < count; i++) sum += powers[i];                                                            \
    EACH                                                                                                         \
  }                                                                                                              \
  sum = group_sum(sum, scratch);
#define SOFTMAX_ROW(logits, classes) SOFTMAX_ROW_WITH(logits, classes, (void)count;)

__kernel void softmax(const int classes, __global const float *restrict logits, __global float *restrict y) {
  logits += (size_t)GROUP(0) * classes;
  y += (size_t)GROUP(0) * classes;
  SOFTMAX_ROW_WITH(logits, classes, STORE_PART(power, y + k, count);)
  const float share = 1.0f / sum;
  FOR_ROW_VECTORS(k, classes) STORE(LOAD(y + k) * share, y + k);
  if (LANE == 0 && classes % VECTOR > 0) {
    const int k = classes / VECTOR * VECTOR;
    STORE_PART(LOAD_PART(y + k, classes - k) * share, y + k, classes - k);
  }
}

// dx = y · (dy - Σ y · dy)
__kernel void softmax_backward(const int classes, __global const float *restrict y, __global const float *restrict dy,
                               __global float *restrict dx) {
  __local float scratch[LOCAL];
  y += (size_t)GROUP(0) * classes;
  dy += (size_t)GROUP(0) * classes;
  dx += (size_t)GROUP(0) * classes;
  VEC sums = SPLAT(0.0f);
  FOR_ROW_VECTORS(k, classes) sums += LOAD(y + k) * LOAD(dy + k);
  float sum = sum_lanes(sums);
  FOR_ROW_REST(k, classes) sum += y[k] * dy[k];
  sum = group_sum(sum, scratch);
  FOR_ROW_VECTORS(k, classes) STORE(LOAD(y + k) * (LOAD(dy + k) - sum), dx + k);
  FOR_ROW_REST(k, classes) dx[k] = y[k] * (dy[k] - sum);
}

// y = log softmax(logits)
__kernel void log_softmax(const int classes, __global const float *restrict logits, __global float *restrict y) {
  logits += (size_t)GROUP(0) * classes;
  y += (size_t)GROUP(0) * classes;
  SOFTMAX_ROW(logits, classes)
  const float logSum = log(sum);
  FOR_ROW_VECTORS(k, classes) STORE(LOAD(logits + k) - largest - logSum, y + k);
  FOR_ROW_REST(k, classes) y[k] = logits[k] - largest - logSum;
}

// dx = dy - exp(y) · Σ dy
__kernel void log_softmax_backward(const int classes, __global const float *restrict y,
                                   __global const float *restrict dy, __global float *restrict dx) {
  __local float scratch[LOCAL];
  y += (size_t)GROUP(0) * classes;
  dy += (size_t)GROUP(0) * classes;
  dx += (size_t)GROUP(0) * classes;
  VEC sums = SPLAT(0.0f);
  FOR_ROW_VECTORS(k, classes) sums += LOAD(dy + k);
  float sum = sum_lanes(sums);
  FOR_ROW_REST(k, classes) sum += dy[k];
  sum = group_sum(sum, scratch);
  FOR_ROW_VECTORS(k, classes) STORE(LOAD(dy + k) - exp_vector(LOAD(y + k)) * sum, dx + k);
  FOR_ROW_REST(k, classes) dx[k] = dy[k] - exp(y[k]) * sum;
}

// MARK: cross-entropy                                                  logits(rows,classes); groups(rows, 1, 1)
//
// As PyTorch defines it, weights(classes) and smoothing included:
//   loss(rows) = -Σ share(k) · log softmax(logits)(k),   share = weight · ((1 - smoothing) · target + smoothing / classes)
// A target is 1 at the row's label, or a row of targets(rows,classes). Where a share is 0, a logit may be -INFINITY.

#define SHARE(target) ((hasWeights ? weights[k] : 1.0f) * ((1.0f - smoothing) * (target) + smoothing / classes))
#define LABEL_SHARE SHARE(k == label ? 1.0f : 0.0f)
#define SOFT_SHARE SHARE(targets[k])

#define CROSS_ENTROPY(result, share)                                                                             \
  SOFTMAX_ROW(logits, classes)                                                                                   \
  const float logSum = log(sum);                                                                                 \
  float result = 0.0f;                                                                                           \
  for (int k = LANE; k < classes; k += LOCAL) {                                                                  \
    const float part = share;                                                                                    \
    if (part != 0.0f) result += part * (logSum - (logits[k] - largest));                                         \
  }                                                                                                              \
  result = group_sum(result, scratch);

// dlogits = dloss · (Σ share · softmax - share); dloss(rows), or one number for all rows where its stride is 0
#define CROSS_ENTROPY_BACKWARD(share, total)                                                                     \
  for (int k = LANE; k < classes; k += LOCAL) {                                                                  \
    dlogits[k] = dloss[GROUP(0) * dlossStride] * (exp(logits[k] - largest) / sum * total - share);               \
  }

static inline int is_class(const int label, const int classes) { return label >= 0 && label < classes; }

// weight(rows) is what a mean divides by: the label's weight, 0 where the label is `ignored` and the loss 0 with it. Any
// other label outside of 0 ..< classes makes the loss NaN.
__kernel void cross_entropy(const int classes, const float smoothing, const int ignored, const int hasWeights,
                            __global const float *restrict logits, __global const int *restrict labels,
                            __global const float *restrict weights, __global float *restrict loss,
                            __global float *restrict weight) {
  logits += (size_t)GROUP(0) * classes;
  const int label = labels[GROUP(0)];
  CROSS_ENTROPY(result, LABEL_SHARE)
  if (LANE == 0) {
    const int isClass = is_class(label, classes);
    loss[GROUP(0)] = label == ignored ? 0.0f : isClass ? result : NAN;
    weight[GROUP(0)] = label == ignored ? 0.0f : hasWeights && isClass ? weights[label] : 1.0f;
  }
}

__kernel void cross_entropy_backward(const int classes, const float smoothing, const int ignored, const int hasWeights,
                                     const int dlossStride, __global const float *restrict logits,
                                     __global const int *restrict labels, __global const float *restrict weights,
                                     __global const float *restrict dloss, __global float *restrict dlogits) {
  logits += (size_t)GROUP(0) * classes;
  dlogits += (size_t)GROUP(0) * classes;
  const int label = labels[GROUP(0)];
  SOFTMAX_ROW(logits, classes)
  float total = 0.0f;
  for (int k = LANE; k < classes; k += LOCAL) total += LABEL_SHARE;
  total = group_sum(total, scratch);
  if (!hasWeights) total = 1.0f;
  if (label == ignored) {
    for (int k = LANE; k < classes; k += LOCAL) dlogits[k] = 0.0f;
  } else {
    if (!is_class(label, classes)) total = NAN;
    CROSS_ENTROPY_BACKWARD(LABEL_SHARE, total)
  }
}

__kernel void cross_entropy_soft(const int classes, const float smoothing, const int hasWeights,
                                 __global const float *restrict logits, __global const float *restrict targets,
                                 __global const float *restrict weights, __global float *restrict loss) {
  logits += (size_t)GROUP(0) * classes;
  targets += (size_t)GROUP(0) * classes;
  CROSS_ENTROPY(result, SOFT_SHARE)
  if (LANE == 0) loss[GROUP(0)] = result;
}

__kernel void cross_entropy_soft_backward(const int classes, const float smoothing, const int hasWeights,
                                          const int dlossStride, __global const float *restrict logits,
                                          __global const float *restrict targets,
                                          __global const float *restrict weights,
                                          __global const float *restrict dloss, __global float *restrict dlogits) {
  logits += (size_t)GROUP(0) * classes;
  targets += (size_t)GROUP(0) * classes;
  dlogits += (size_t)GROUP(0) * classes;
  SOFTMAX_ROW(logits, classes)
  float total = 0.0f;
  for (int k = LANE; k < classes; k += LOCAL) total += SOFT_SHARE;
  total = group_sum(total, scratch);
  CROSS_ENTROPY_BACKWARD(SOFT_SHARE, total)
}

// mean = sum / weight and inverse = 1 / weight, both 0 where no row has a weight                      groups(1, 1, 1)
__kernel void weighted_mean(__global const float *restrict sum, __global const float *restrict weight,
                            __global float *restrict mean, __global float *restrict inverse) {
  if (LANE > 0) return;
  mean[0] = weight[0] != 0.0f ? sum[0] / weight[0] : 0.0f;
  inverse[0] = weight[0] != 0.0f ? 1.0f / weight[0] : 0.0f;
}

// MARK: losses of single elements                         x(n) against target(n); groups(ceil(n / CHUNK), 1, 1)

#define LOSS_SQUARED 0  // d²                               d = x - target
#define LOSS_ABSOLUTE 1 // |d|
#define LOSS_HUBER 2    // d² / 2, and beyond |d| = knee: knee · (|d| - knee / 2)
#define LOSS_SMOOTH 3   // d² / (2 knee), and beyond |d| = knee: |d| - knee / 2
#define LOSS_BINARY 4   // the cross-entropy of a probability logistic(x) against the target

// 1 / (1 + exp(-x)), and tanh by the same exponential: right to a rounding of 1, for any x.
static inline float logistic(const float x) { return 1.0f / (1.0f + exp(-x)); }
static inline float hyperbolic_tangent(const float x) { return 1.0f - 2.0f / (exp(2.0f * x) + 1.0f); }

static inline float element_loss_of(const int kind, const float knee, const float x, const float target) {
  const float d = x - target, size = d < 0.0f ? -d : d;
  switch (kind) {
    case LOSS_SQUARED: return d * d;
    case LOSS_HUBER: return size <= knee ? 0.5f * d * d : knee * (size - 0.5f * knee);
    case LOSS_SMOOTH: return size < knee ? 0.5f * d * d / knee : size - 0.5f * knee;
    case LOSS_BINARY: return fmax(x, 0.0f) - x * target + log(1.0f + exp(x < 0.0f ? x : -x));
    default: return size;
  }
}

static inline float element_loss_slope(const int kind, const float knee, const float x, const float target) {
  const float d = x - target, size = d < 0.0f ? -d : d, sign = d > 0.0f ? 1.0f : d < 0.0f ? -1.0f : d;
  switch (kind) {
    case LOSS_SQUARED: return 2.0f * d;
    case LOSS_HUBER: return size <= knee ? d : knee * sign;
    case LOSS_SMOOTH: return size < knee ? d / knee : sign;
    case LOSS_BINARY: return logistic(x) - target;
    default: return sign;
  }
}

__kernel void element_loss(const int n, const int kind, const float knee, __global const float *restrict x,
                           __global const float *restrict target, __global float *restrict y) {
  FOR_ELEMENTS(i, n) y[i] = element_loss_of(kind, knee, x[i], target[i]);
}

__kernel void element_loss_backward(const int n, const int kind, const float knee, __global const float *restrict x,
                                    __global const float *restrict target, __global const float *restrict dy,
                                    __global float *restrict dx) {
  FOR_ELEMENTS(i, n) dx[i] = dy[i] * element_loss_slope(kind, knee, x[i], target[i]);
}

// MARK: connectionist temporal classification                                                     groups(N, 1, 1)
//
// Graves et al. 2006, in logarithms. A sequence's states are its labels with a blank before, between and behind them:
// states = 2 · targetLength + 1 of at most 2 · S + 1. alpha(N,T,2S+1) is the logarithm of the probability of all paths
// that are in a state at a step; beta that of all ways on from there.

#define CTC_SIZES const int T, const int N, const int C, const int S, const int blank
#define CTC_SEQUENCE                                                                                             \
  const int n = GROUP(0), steps = inputLengths[n], states = 2 * targetLengths[n] + 1, pitch = 2 * S + 1;         \
  targets += (size_t)n * S;                                                                                      \
  logits += (size_t)n * C;                                                                                       \
  alpha += (size_t)n * T * pitch;

static inline int ctc_label(const int state, const int blank, __global const int *targets) {
  return state % 2 == 0 ? blank : targets[state / 2];
}

static inline float ctc_logit(const int label, const int C, __global const float *row) {
  return is_class(label, C) ? row[label] : NAN;
}

// Whether a path may step from `state` - 2 over the blank between: only to another label.
static inline int ctc_skips(const int state, __global const int *targets) {
  return state % 2 == 1 && state > 1 && targets[state / 2] != targets[state / 2 - 1];
}

// log(exp a + exp b + exp c)
static inline float log_sum(const float a, const float b, const float c) {
  const float largest = fmax(a, fmax(b, c));
  return largest == -INFINITY ? largest : largest + log(exp(a - largest) + exp(b - largest) + exp(c - largest));
}

// loss(N) = -log P(targets); `logits` are log-probabilities (T,N,C). INFINITY where no path is long enough.
__kernel void ctc(CTC_SIZES, __global const float *restrict logits, __global const int *restrict targets,
                  __global const int *restrict inputLengths, __global const int *restrict targetLengths,
                  __global float *alpha, __global float *restrict loss) {
  CTC_SEQUENCE
  for (int t = 0; t < steps; t++) {
    __global const float *row = logits + (size_t)t * N * C, *before = alpha + (size_t)max(t - 1, 0) * pitch;
    for (int s = LANE; s < states; s += LOCAL) {
      float way = s < 2 ? 0.0f : -INFINITY;
      if (t > 0) {
        way = log_sum(before[s], s > 0 ? before[s - 1] : -INFINITY, ctc_skips(s, targets) ? before[s - 2] : -INFINITY);
      }
      alpha[(size_t)t * pitch + s] = way + ctc_logit(ctc_label(s, blank, targets), C, row);
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
  }
  if (LANE == 0) {
    __global const float *last = alpha + (size_t)(steps - 1) * pitch;
    loss[n] = -log_sum(last[states - 1], states > 1 ? last[states - 2] : -INFINITY, -INFINITY);
  }
}

// dlogits(T,N,C) = -dloss · P(the label stands here | targets), 0 behind a sequence's end and where no path exists.
// beta(N,2,2S+1) holds two steps; next(N,2S+1) is the next state of the same label, 0 if none, ~next but for its first.
__kernel void ctc_backward(CTC_SIZES, __global const float *restrict logits, __global const int *restrict targets,
                           __global const int *restrict inputLengths, __global const int *restrict targetLengths,
                           __global const float *restrict alpha, __global const float *restrict loss,
                           __global const float *restrict dloss, __global float *beta, __global int *next,
                           __global float *dlogits) {
  CTC_SEQUENCE
  beta += (size_t)n * 2 * pitch;
  next += (size_t)n * pitch;
  dlogits += (size_t)n * C;
  for (int s = LANE; s < states; s += LOCAL) {
    const int label = ctc_label(s, blank, targets);
    int later = s + 1, earlier = s - 1;
    while (later < states && ctc_label(later, blank, targets) != label) later++;
    while (earlier >= 0 && ctc_label(earlier, blank, targets) != label) earlier--;
    later = later < states ? later : 0;
    next[s] = earlier >= 0 ? ~later : later;
  }
  for (int t = T - 1; t >= 0; t--) {
    __global float *now = beta + t % 2 * pitch, *drow = dlogits + (size_t)t * N * C;
    __global const float *after = beta + (t + 1) % 2 * pitch, *row = logits + (size_t)(t + 1) * N * C;
    for (int c = LANE; c < C; c += LOCAL) drow[c] = 0.0f;
    for (int s = LANE; s < (t < steps ? states : 0); s += LOCAL) {
      float way = s >= states - 2 ? 0.0f : -INFINITY;
      if (t < steps - 1) {
        float ways[3];
        for (int j = 0; j < 3; j++) {
          const int to = s + j, isOpen = to < states && (j < 2 || ctc_skips(to, targets));
          ways[j] = isOpen ? after[to] + ctc_logit(ctc_label(to, blank, targets), C, row) : -INFINITY;
        }
        way = log_sum(ways[0], ways[1], ways[2]);
      }
      now[s] = way;
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
    for (int s = LANE; s < (t < steps && loss[n] < INFINITY ? states : 0); s += LOCAL) {
      const int label = ctc_label(s, blank, targets);
      if (next[s] < 0 || !is_class(label, C)) continue;
      float sum = 0.0f;
      int at = s;
      do {
        sum += exp(alpha[(size_t)t * pitch + at] + now[at] + loss[n]);
        at = at == s ? next[at] : ~next[at];
      } while (at > 0);
      drow[label] = -dloss[n] * sum;
    }
    barrier(CLK_GLOBAL_MEM_FENCE);
  }
}

// MARK: moments                                                                   x(outer,axis,inner), its middle axis
//
// The mean and square = Σ (x - mean)² of a chunk of the axis, by Chan, Golub and LeVeque 1979, who also merge chunks: one
// text does both. An entry stands for `unit` numbers, the axis's last one for what is left of `total`; where each stands
// for one (isMerge = 0), square and rest are 0. A large mean costs no digits: differences are taken first, and `rest` is
// what rounding took from the mean, to be added to it.

#define UNITS(i) ((float)min(unit, total - (i) * unit))

#define AWAY_FROM(TYPE, name)                                                                                    \
  static inline TYPE name(const TYPE mean, const TYPE centre, const TYPE rest) {                                 \
    IN_ORDER                                                                                                     \
    return (mean - centre) + rest;                                                                               \
  }
AWAY_FROM(float, away_from)
AWAY_FROM(VEC, vector_away_from)

// inner = 1                                                                                  groups(chunks, outer, 1)
__kernel void row_moments(const int axis, const int chunk, const int unit, const int total, const int isMerge,
                          const float scale, __global const float *restrict means,
                          __global const float *restrict rests, __global const float *restrict squares,
                          __global float *restrict mean, __global float *restrict rest,
                          __global float *restrict square) {
  __local float scratch[LOCAL];
  const int begin = GROUP(0) * chunk, end = min(axis, begin + chunk);
  means += (size_t)GROUP(1) * axis;
  rests += (size_t)GROUP(1) * axis;
  squares += (size_t)GROUP(1) * axis;
  float count = 0.0f, shift = 0.0f, drift = 0.0f, sum = 0.0f;
  for (int i = begin + LANE; i < end; i += LOCAL) {
    count += UNITS(i);
    shift += UNITS(i) * (means[i] - means[begin]);
  }
  count = group_sum(count, scratch);
  const float centre = means[begin] + group_sum(shift, scratch) / count;
  for (int i = begin + LANE; i < end; i += LOCAL) {
    const float d = away_from(means[i], centre, isMerge ? rests[i] : 0.0f);
    drift += UNITS(i) * d;
    sum += UNITS(i) * d * d;
    if (isMerge) sum += squares[i];
  }
  drift = group_sum(drift, scratch);
  sum = group_sum(sum, scratch);
  if (LANE == 0) {
    const size_t at = (size_t)GROUP(1) * get_num_groups(0) + GROUP(0);
    mean[at] = centre;
    rest[at] = drift / count;
    square[at] = scale * fmax(sum - drift * drift / count, 0.0f);
  }
}

// inner > 1                                                       groups(ceil(inner / (LOCAL · VECTOR)), chunks, outer)
__kernel void column_moments(const int axis, const int inner, const int chunk, const int unit, const int total,
                             const int isMerge, const float scale, __global const float *restrict means,
                             __global const float *restrict rests, __global const float *restrict squares,
                             __global float *restrict mean, __global float *restrict rest,
                             __global float *restrict square) {
  const int column = (GROUP(0) * LOCAL + LANE) * VECTOR;
  if (column >= inner) return;
  const int begin = GROUP(1) * chunk, end = min(axis, begin + chunk);
  means += (size_t)GROUP(2) * axis * inner + column;
  rests += (size_t)GROUP(2) * axis * inner + column;
  squares += (size_t)GROUP(2) * axis * inner + column;
  const VEC pivot = LOAD(means + (size_t)begin * inner);
  float count = 0.0f;
  VEC shift = (VEC)(0.0f), drift = (VEC)(0.0f), sum = (VEC)(0.0f);
  for (int i = begin; i < end; i++) {
    count += UNITS(i);
    shift += UNITS(i) * (LOAD(means + (size_t)i * inner) - pivot);
  }
  const VEC centre = pivot + shift / count;
  for (int i = begin; i < end; i++) {
    VEC small = (VEC)(0.0f);
    if (isMerge) small = LOAD(rests + (size_t)i * inner);
    const VEC d = vector_away_from(LOAD(means + (size_t)i * inner), centre, small);
    drift += UNITS(i) * d;
    sum += UNITS(i) * d * d;
    if (isMerge) sum += LOAD(squares + (size_t)i * inner);
  }
  const size_t at = ((size_t)GROUP(2) * get_num_groups(1) + GROUP(1)) * inner + column;
  STORE_PART(centre, mean + at, inner - column);
  STORE_PART(drift / count, rest + at, inner - column);
  STORE_PART(scale * fmax(sum - drift * drift / count, (VEC)(0.0f)), square + at, inner - column);
}

// MARK: group normalization                                                x(N,pixels,C), G groups of C / G channels
//
// Layer normalization is the same with one pixel and one group. statistics(N,G,2): mean, 1 / standard deviation.
// groups(N · G, 1, 1): a work-group has the numbers of one group of channels. Its lanes take neighbouring channels of
// neighbouring pixels, or where there is one pixel, channels alone.

#define NORM_SIZES const int pixels, const int C, const int G
#define NORM_GROUP                                                                                               \
  const int channels = C / G, firstChannel = GROUP(0) % G * channels, across = pixels == 1 ? LOCAL : ACROSS;     \
  const float count = (float)pixels * channels;                                                                  \
  const size_t start = (size_t)(GROUP(0) / G) * pixels * C + firstChannel;
#define FOR_PIXELS(p) for (int p = LANE / across; p < pixels; p += LOCAL / across)
#define FOR_GROUP_CHANNELS(c) for (int c = LANE % across; c < channels; c += across)

// y = (x - mean) / standard deviation · gamma + beta
__kernel void group_norm(NORM_SIZES, const float epsilon, __global const float *restrict x,
                         __global const float *restrict gamma, __global const float *restrict beta,
                         __global float *restrict y, __global float *restrict statistics) {
  __local float scratch[LOCAL];
  NORM_GROUP
  x += start;
  y += start;
  gamma += firstChannel;
  beta += firstChannel;
  float shift = 0.0f, squares = 0.0f;
  FOR_PIXELS(p) {
    float part = 0.0f;
    FOR_GROUP_CHANNELS(c) part += x[(size_t)p * C + c] - x[0];
    shift += part;
  }
  const float mean = x[0] + group_sum(shift, scratch) / count;
  FOR_PIXELS(p) {
    float part = 0.0f;
    FOR_GROUP_CHANNELS(c) part += (x[(size_t)p * C + c] - mean) * (x[(size_t)p * C + c] - mean);
    squares += part;
  }
  const float inverse = 1.0f / sqrt(group_sum(squares, scratch) / count + epsilon);
  FOR_PIXELS(p) {
    FOR_GROUP_CHANNELS(c) y[(size_t)p * C + c] = (x[(size_t)p * C + c] - mean) * inverse * gamma[c] + beta[c];
  }
  if (LANE == 0) {
    statistics[2 * GROUP(0)] = mean;
    statistics[2 * GROUP(0) + 1] = inverse;
  }
}

// dx = (g - mean of g - x̂ · mean of g · x̂) / standard deviation,   g = dy · gamma, x̂ the normalised x
__kernel void group_norm_backward(NORM_SIZES, __global const float *restrict x, __global const float *restrict gamma,
                                  __global const float *restrict statistics, __global const float *restrict dy,
                                  __global float *restrict dx) {
  __local float scratch[LOCAL];
  NORM_GROUP
  x += start;
  dy += start;
  dx += start;
  gamma += firstChannel;
  const float mean = statistics[2 * GROUP(0)], inverse = statistics[2 * GROUP(0) + 1];
  float sum = 0.0f, products = 0.0f;
  FOR_PIXELS(p) {
    float sumPart = 0.0f, productPart = 0.0f;
    FOR_GROUP_CHANNELS(c) {
      const float g = dy[(size_t)p * C + c] * gamma[c];
      sumPart += g;
      productPart += g * ((x[(size_t)p * C + c] - mean) * inverse);
    }
    sum += sumPart;
    products += productPart;
  }
  sum = group_sum(sum, scratch) / count;
  products = group_sum(products, scratch) / count;
  FOR_PIXELS(p) {
    FOR_GROUP_CHANNELS(c) {
      const float normalized = (x[(size_t)p * C + c] - mean) * inverse;
      dx[(size_t)p * C + c] = inverse * (dy[(size_t)p * C + c] * gamma[c] - sum - normalized * products);
    }
  }
}

// dgamma(chunks,C) = Σ dy · x̂ and dbeta(chunks,C) = Σ dy over ranges of the rows = N · pixels
// groups(ceil(C / G / COLUMNS), chunks, G)
__kernel void group_norm_backward_sums(const int rows, NORM_SIZES, __global const float *restrict x,
                                       __global const float *restrict statistics, __global const float *restrict dy,
                                       __global float *restrict dgamma, __global float *restrict dbeta) {
  const int channels = C / G;
  ROW_CHUNK(rows, begin, end)
  x += (size_t)GROUP(2) * channels;
  dy += (size_t)GROUP(2) * channels;
  SUM_COLUMNS(2, GROUP(0), channels, begin, end, {
    __global const float *numbers = statistics + 2 * (row / pixels * G + GROUP(2));
    const VEC g = LOAD(dy + (size_t)row * C + column);
    part[0][j] += g * ((LOAD(x + (size_t)row * C + column) - numbers[0]) * numbers[1]);
    part[1][j] += g;
  })
  const size_t at = (size_t)GROUP(1) * C + GROUP(2) * channels;
  STORE_COLUMNS(0, dgamma + at, channels)
  STORE_COLUMNS(1, dbeta + at, channels)
}

// MARK: attention                                                    q and y(batch,T,H,D), k and v(batch,S,H,D)
//
// y = softmax(scale · q · kᵀ) · v without the matrix of scores (Dao et al. 2022): a group has ATTENTION_ROWS queries and
// passes over the keys by blocks, whose scores lie in local memory; what came before is shrunk when a larger score
// comes. logSums(batch,H,T) = log Σ exp(score), from which the backward pass makes the same probabilities anew. Both
// products of a block go by tiles in registers, as all matrix products do, the scores' with keys in packed panels:
// a name that ends in Panels is packed from what it begins with. Where isCausal, a query sees keys up to its own place.
// Each token's H heads lie side by side. q may be some of the channels of a map: a token takes qPitch floats of that, and
// H · D of them from qFirst on are q's; likewise k, v and the gradients. A group is of one head.

#if LOCAL == 1
#define ATTENTION_M TILE_M
#define ATTENTION_N TILE_N
#define ATTENTION_ROWS (4 * TILE_M)
#define ATTENTION_BLOCK 64
#define ATTENTION_WIDTH (64 + VECTOR) // of the last block: images often have one token more than patches
#else
#define ATTENTION_M 4
#define ATTENTION_N 1
#define ATTENTION_ROWS 32
#define ATTENTION_BLOCK (LOCAL < 64 ? 32 : LOCAL / 2) // a tile for each lane of 64 and more, where vectors are of 4
#define ATTENTION_WIDTH ATTENTION_BLOCK
#endif
// How many of the keys or queries that are left make the next block.
#define BLOCK_OF(left) ((left) <= ATTENTION_WIDTH ? (left) : ATTENTION_BLOCK)
#define ATTENTION_SIZES const int T, const int S, const int H, const int D, const int isCausal, const float scale

// A group's first token, and its head of all in the batch, of which each has enough groups for so many tokens.
#define FIND_HEAD(tokens)                                                                                        \
  const int blocks = ((tokens) + ATTENTION_ROWS - 1) / ATTENTION_ROWS, head = GROUP(0) / blocks;                 \
  const int first = GROUP(0) % blocks * ATTENTION_ROWS, rows = min(ATTENTION_ROWS, (tokens) - first);
// Where the head begins, in so many tokens of one of the batch, in its panels, and in what has one number a token.
#define HEAD(tokens, pitch, first) ((size_t)(head / H) * (tokens) * (pitch) + (first) + head % H * D)
#define HEAD_PANELS(tokens) (((size_t)(head / H) * (((tokens) + PANEL - 1) / PANEL) * H + head % H) * D * PANEL)
#define HEAD_NUMBERS(tokens) ((size_t)head * (tokens))

// A lane's tiles of a matrix of so many rows and columns: where they begin.
#define FOR_TILES(row, column, rows, columns)                                                                    \
  for (int tile = LANE, tileRows = ((rows) + ATTENTION_M - 1) / ATTENTION_M, row, column;                        \
       row = tile % tileRows * ATTENTION_M, column = tile / tileRows * ATTENTION_N * VECTOR, column < (columns); \
       tile += LOCAL)

// Each score row belongs to so many neighbouring lanes; all lanes pass over the rows equally often, for their sums' sake.
#define ROW_LANES (LOCAL < ATTENTION_ROWS ? 1 : LOCAL / ATTENTION_ROWS)
#define FOR_SCORE_ROWS(i, rows)                                                                                  \
  for (int i = LANE / ROW_LANES; i < ((rows) + LOCAL / ROW_LANES - 1) / (LOCAL / ROW_LANES) * (LOCAL / ROW_LANES); \
       i += LOCAL / ROW_LANES)
#define FOR_SCORES(j, count) for (int j = LANE % ROW_LANES * VECTOR; j < (count); j += ROW_LANES * VECTOR)

// acc(ATTENTION_M, vectors) += left(ATTENTION_M, depth) · right(depth, vectors); left(i) is a row's address.
#define ADD_PRODUCT(acc, vectors, depth, left, right, rightStride)                                               \
  for (int k = 0; k < (depth); k++) {                                                                            \
    VEC row[ATTENTION_N];                                                                                        \
    UNROLL for (int j = 0; j < ATTENTION_N; j++) if (j < vectors) {                                              \
      row[j] = LOAD((right) + (size_t)k * (rightStride) + j * VECTOR);                                           \
    }                                                                                                            \
    UNROLL for (int i = 0; i < ATTENTION_M; i++) {                                                               \
      const float weight = (left)[k];                                                                            \
      UNROLL for (int j = 0; j < ATTENTION_N; j++) if (j < vectors) acc[i][j] += weight * row[j];                \
    }                                                                                                            \
  }
#define CLEAR(acc)                                                                                               \
  UNROLL for (int i = 0; i < ATTENTION_M; i++) {                                                                 \
    UNROLL for (int j = 0; j < ATTENTION_N; j++) acc[i][j] = (VEC)(0.0f);                                        \
  }

// Intel's runtime for processors makes functions of these that read wrong places, if it is not told to inline them.
#define INLINED static inline __attribute__((always_inline))

// scores(rows, count) = a(rows,D) · b(j0 ..< j0 + count,D)ᵀ, b in panels; or, where hasWeights, the slopes in front of a softmax
// whose weights are what the scores have been until now: scale · weight · (that - delta), delta by rows or, where
// deltasAcross, by columns.
INLINED void attention_scores(const int rows, const int count, const int j0, const int H, const int D,
                              __global const float *a, const int pitch, __global const float *panels, const int hasWeights,
                              const int deltasAcross, const float scale, __global const float *delta,
                              __local float scores[ATTENTION_ROWS][ATTENTION_WIDTH]) {
  FOR_TILES(m, column, rows, count) {
    __global const float *lefts[ATTENTION_M];
    UNROLL for (int i = 0; i < ATTENTION_M; i++) lefts[i] = a + (size_t)min(m + i, rows - 1) * pitch;
    __global const float *right = panels + (size_t)((j0 + column) / PANEL) * H * D * PANEL + (j0 + column) % PANEL;
    WITH_VECTORS_OF(ATTENTION_N, count - column, {
      VEC acc[ATTENTION_M][ATTENTION_N];
      CLEAR(acc)
      ADD_PRODUCT(acc, vectors, D, lefts[i], right, PANEL)
      UNROLL for (int i = 0; i < ATTENTION_M; i++) {
        UNROLL for (int j = 0; j < ATTENTION_N; j++) if (j < vectors) {
          const int at = column + j * VECTOR;
          __local float *to = &scores[m + i][at];
          VEC value = acc[i][j];
          if (hasWeights && deltasAcross) value = scale * LOAD(to) * (value - LOAD_PART(delta + j0 + at, count - at));
          else if (hasWeights) value = scale * LOAD(to) * (value - delta[min(m + i, rows - 1)]);
          STORE(value, to);
        }
      }
    })
  }
}

// sums(rows,D) += scores(rows, count) · values(count,D), tokens valuePitch and pitch floats apart; nothing comes before the first.
// Where isSoftmax, what came before shrinks, by shrink(rows), and the last is divided by totals(rows).
INLINED void add_attention(const int rows, const int count, const int D, const int isFirst, const int isSoftmax, const int isLast,
                           __local const float *shrink, __local const float *totals,
                           __local float scores[ATTENTION_ROWS][ATTENTION_WIDTH], __global const float *values,
                           const int valuePitch, __global float *sums, const int pitch) {
  FOR_TILES(m, column, rows, D) {
    __global const float *right = values + column;
    WITH_VECTORS_OF(ATTENTION_N, D - column, {
      VEC acc[ATTENTION_M][ATTENTION_N];
      CLEAR(acc)
      ADD_PRODUCT(acc, vectors, count, scores[m + i], right, valuePitch)
      UNROLL for (int i = 0; i < ATTENTION_M; i++) if (m + i < rows) {
        UNROLL for (int j = 0; j < ATTENTION_N; j++) if (j < vectors) {
          const int at = column + j * VECTOR;
          __global float *to = sums + (size_t)(m + i) * pitch + at;
          VEC sum = acc[i][j];
          if (!isFirst) sum += (isSoftmax ? shrink[m + i] : 1.0f) * LOAD_PART(to, D - at);
          if (isSoftmax && isLast) sum /= totals[m + i];
          STORE_PART(sum, to, D - at);
        }
      }
    })
  }
}

// The floats begin ..< end of v, and others around them.
static inline VEC floats_between(const int begin, const int end, VEC v, const float others) {
  if (begin <= 0 && end >= VECTOR) return v;
  float lanes[VECTOR];
  STORE(v, lanes);
  for (int j = 0; j < VECTOR; j++) lanes[j] = j >= begin && j < end ? lanes[j] : others;
  return LOAD(lanes);
}

// groups(ceil(T / ATTENTION_ROWS) · batch · H, 1, 1)
__kernel void attention(ATTENTION_SIZES, const int qPitch, const int qFirst, const int vPitch, const int vFirst,
                        __global const float *restrict q, __global const float *restrict kPanels,
                        __global const float *restrict v, __global float *y, __global float *restrict logSums) {
  __local float scratch[LOCAL], scores[ATTENTION_ROWS][ATTENTION_WIDTH];
  __local float largest[ATTENTION_ROWS + VECTOR], totals[ATTENTION_ROWS], shrink[ATTENTION_ROWS + VECTOR];
  FIND_HEAD(T)
  const int yPitch = H * D;
  q += HEAD(T, qPitch, qFirst) + (size_t)first * qPitch;
  y += HEAD(T, yPitch, 0) + (size_t)first * yPitch;
  kPanels += HEAD_PANELS(S);
  v += HEAD(S, vPitch, vFirst);
  logSums += HEAD_NUMBERS(T) + first;
  for (int i = LANE; i < ATTENTION_ROWS; i += LOCAL) {
    largest[i] = -0x1.fffffep127f; // an infinite one would make NaN of a block without a finite score
    totals[i] = 0.0f;
  }
  const int end = isCausal ? min(S, first + rows) : S;
  for (int j0 = 0, count; j0 < end; j0 += count) {
    count = BLOCK_OF(end - j0);
    attention_scores(rows, count, j0, H, D, q, qPitch, kPanels, 0, 0, scale, logSums, scores);
    barrier(CLK_LOCAL_MEM_FENCE);
    FOR_SCORE_ROWS(i, rows) {
      const int visible = isCausal ? min(count, first + i + 1 - j0) : count;
      VEC tops = (VEC)(-INFINITY);
      FOR_SCORES(j, count) {
        const VEC score = floats_between(0, visible - j, scale * LOAD(&scores[i][j]), -INFINITY);
        STORE(score, &scores[i][j]);
        tops = fmax(tops, score);
      }
      const float top = lanes_max(fmax(largest[i], largest_lane(tops)), ROW_LANES, scratch);
      if (LANE % ROW_LANES == 0) {
        shrink[i] = largest[i];
        largest[i] = top;
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int i = LANE * VECTOR; i < rows; i += LOCAL * VECTOR) {
      STORE(exp_vector(LOAD(&shrink[i]) - LOAD(&largest[i])), &shrink[i]);
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    FOR_SCORE_ROWS(i, rows) {
      VEC sum = (VEC)(0.0f);
      FOR_SCORES(j, count) {
        const VEC weight = exp_vector(LOAD(&scores[i][j]) - largest[i]);
        STORE(weight, &scores[i][j]);
        sum += weight;
      }
      const float total = lanes_sum(sum_lanes(sum), ROW_LANES, scratch);
      if (LANE % ROW_LANES == 0) totals[i] = totals[i] * shrink[i] + total;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    add_attention(rows, count, D, j0 == 0, 1, j0 + count == end, shrink, totals, scores, v + (size_t)j0 * vPitch, vPitch, y,
                  yPitch);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  for (int i = LANE; i < rows; i += LOCAL) logSums[i] = largest[i] + log(totals[i]);
}

// dq = scale · ds · k,   ds = p · (dy · vᵀ - delta), p the probabilities; delta(batch,H,T) = Σ dy · y along D
// groups(ceil(T / ATTENTION_ROWS) · batch · H, 1, 1)
__kernel void attention_backward_queries(ATTENTION_SIZES, const int qPitch, const int qFirst, const int kPitch,
                                         const int kFirst, const int dqPitch, const int dqFirst,
                                         __global const float *restrict q, __global const float *restrict k,
                                         __global const float *restrict kPanels, __global const float *restrict vPanels,
                                         __global const float *restrict y, __global const float *restrict logSums,
                                         __global const float *restrict dy, __global float *delta, __global float *dq) {
  __local float scratch[LOCAL], scores[ATTENTION_ROWS][ATTENTION_WIDTH];
  FIND_HEAD(T)
  const int yPitch = H * D;
  q += HEAD(T, qPitch, qFirst) + (size_t)first * qPitch;
  dq += HEAD(T, dqPitch, dqFirst) + (size_t)first * dqPitch;
  y += HEAD(T, yPitch, 0) + (size_t)first * yPitch;
  dy += HEAD(T, yPitch, 0) + (size_t)first * yPitch;
  k += HEAD(S, kPitch, kFirst);
  kPanels += HEAD_PANELS(S);
  vPanels += HEAD_PANELS(S);
  logSums += HEAD_NUMBERS(T) + first;
  delta += HEAD_NUMBERS(T) + first;
  FOR_SCORE_ROWS(i, rows) {
    VEC sum = (VEC)(0.0f);
    FOR_SCORES(d, D) {
      const size_t at = (size_t)min(i, rows - 1) * yPitch + d;
      sum += LOAD_PART(dy + at, D - d) * LOAD_PART(y + at, D - d);
    }
    const float total = lanes_sum(sum_lanes(sum), ROW_LANES, scratch);
    if (LANE % ROW_LANES == 0 && i < rows) delta[i] = total;
  }
  barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);
  const int end = isCausal ? min(S, first + rows) : S;
  for (int j0 = 0, count; j0 < end; j0 += count) {
    count = BLOCK_OF(end - j0);
    attention_scores(rows, count, j0, H, D, q, qPitch, kPanels, 0, 0, scale, delta, scores);
    barrier(CLK_LOCAL_MEM_FENCE);
    FOR_SCORE_ROWS(i, rows) {
      const int visible = isCausal ? min(count, first + i + 1 - j0) : count;
      const float logSum = logSums[min(i, rows - 1)];
      FOR_SCORES(j, count) {
        const VEC weight = exp_vector(scale * LOAD(&scores[i][j]) - logSum);
        STORE(floats_between(0, visible - j, weight, 0.0f), &scores[i][j]);
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    attention_scores(rows, count, j0, H, D, dy, yPitch, vPanels, 1, 0, scale, delta, scores);
    barrier(CLK_LOCAL_MEM_FENCE);
    add_attention(rows, count, D, j0 == 0, 0, 0, scores[0], scores[0], scores, k + (size_t)j0 * kPitch, kPitch, dq,
                  dqPitch);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
}

// dk = scale · dsᵀ · q and dv = pᵀ · dy: a group has ATTENTION_ROWS keys and passes over the queries that see them
// groups(ceil(S / ATTENTION_ROWS) · batch · H, 1, 1)
__kernel void attention_backward_keys(ATTENTION_SIZES, const int qPitch, const int qFirst, const int kPitch,
                                      const int kFirst, const int vPitch, const int vFirst, const int dkPitch,
                                      const int dkFirst, const int dvPitch, const int dvFirst,
                                      __global const float *restrict q, __global const float *restrict qPanels,
                                      __global const float *restrict k, __global const float *restrict v,
                                      __global const float *restrict logSums, __global const float *restrict delta,
                                      __global const float *restrict dy, __global const float *restrict dyPanels,
                                      __global float *dk, __global float *dv) {
  __local float scores[ATTENTION_ROWS][ATTENTION_WIDTH];
  FIND_HEAD(S)
  const int yPitch = H * D;
  k += HEAD(S, kPitch, kFirst) + (size_t)first * kPitch;
  v += HEAD(S, vPitch, vFirst) + (size_t)first * vPitch;
  dk += HEAD(S, dkPitch, dkFirst) + (size_t)first * dkPitch;
  dv += HEAD(S, dvPitch, dvFirst) + (size_t)first * dvPitch;
  q += HEAD(T, qPitch, qFirst);
  dy += HEAD(T, yPitch, 0);
  qPanels += HEAD_PANELS(T);
  dyPanels += HEAD_PANELS(T);
  logSums += HEAD_NUMBERS(T);
  delta += HEAD_NUMBERS(T);
  // At least one pass, if need be of queries that see none of the keys, which so get zeros. It begins with a whole panel, since
  // tiles don't reach from one into the next.
  const int begin = isCausal ? min(first, T - 1) / PANEL * PANEL : 0;
  for (int t0 = begin, count; t0 < T; t0 += count) {
    count = BLOCK_OF(T - t0);
    attention_scores(rows, count, t0, H, D, k, kPitch, qPanels, 0, 0, scale, delta, scores);
    barrier(CLK_LOCAL_MEM_FENCE);
    FOR_SCORE_ROWS(i, rows) {
      // The queries in front of key first + i don't see it.
      const int hidden = isCausal ? first + i - t0 : 0;
      FOR_SCORES(j, count) {
        const VEC weight = exp_vector(scale * LOAD(&scores[i][j]) - LOAD_PART(logSums + t0 + j, count - j));
        STORE(floats_between(hidden - j, VECTOR, weight, 0.0f), &scores[i][j]);
      }
    }
    barrier(CLK_LOCAL_MEM_FENCE);
    add_attention(rows, count, D, t0 == begin, 0, 0, scores[0], scores[0], scores, dy + (size_t)t0 * yPitch, yPitch, dv,
                  dvPitch);
    barrier(CLK_LOCAL_MEM_FENCE);
    attention_scores(rows, count, t0, H, D, v, vPitch, dyPanels, 1, 1, scale, delta, scores);
    barrier(CLK_LOCAL_MEM_FENCE);
    add_attention(rows, count, D, t0 == begin, 0, 0, scores[0], scores[0], scores, q + (size_t)t0 * qPitch, qPitch, dk,
                  dkPitch);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
}

// MARK: recurrent steps                                                                            groups(N, 1, 1)
//
// Step t of a sequence of T, gates in PyTorch's order. `gates` comes as the inputs' part, x · weight_ih + bias_ih for all
// steps, and is left as the gates' values; recurrent(N,…) = hidden · weight_hh + bias_hh. hidden(N,H) moves on from
// step to step; previous(N,T,H) keeps what it was, for the gradient of weight_hh.

#define STEP const int T, const int t, const int H
#define FOR_UNITS(h) for (int h = LANE; h < H; h += LOCAL)

// Gates i, f, g, o: cell = f · cell + i · g, hidden = o · tanh(cell). gates(N,T,4H), cells(N,T,H)
__kernel void lstm_step(STEP, __global const float *restrict recurrent, __global float *restrict gates,
                        __global float *cells, __global float *restrict hidden, __global float *restrict previous,
                        __global float *restrict y) {
  const size_t at = ((size_t)GROUP(0) * T + t) * H;
  recurrent += (size_t)GROUP(0) * 4 * H;
  gates += 4 * at;
  hidden += (size_t)GROUP(0) * H;
  FOR_UNITS(h) {
    const float i = logistic(gates[h] + recurrent[h]), f = logistic(gates[H + h] + recurrent[H + h]);
    const float g = hyperbolic_tangent(gates[2 * H + h] + recurrent[2 * H + h]);
    const float o = logistic(gates[3 * H + h] + recurrent[3 * H + h]);
    const float cell = (t > 0 ? f * cells[at - H + h] : 0.0f) + i * g;
    gates[h] = i;
    gates[H + h] = f;
    gates[2 * H + h] = g;
    gates[3 * H + h] = o;
    cells[at + h] = cell;
    previous[at + h] = hidden[h];
    hidden[h] = o * hyperbolic_tangent(cell);
    y[at + h] = hidden[h];
  }
}

// dgates(N,T,4H), and this step's alone as dstep(N,4H). dhidden(N,H) is what flows back from the step after, through
// weight_hh; dcell(N,H) moves on.
__kernel void lstm_step_backward(STEP, __global const float *restrict gates, __global const float *restrict cells,
                                 __global const float *restrict dy, __global const float *restrict dhidden,
                                 __global float *restrict dcell, __global float *restrict dgates,
                                 __global float *restrict dstep) {
  const size_t at = ((size_t)GROUP(0) * T + t) * H, place = (size_t)GROUP(0) * H;
  gates += 4 * at;
  dgates += 4 * at;
  dstep += 4 * place;
  FOR_UNITS(h) {
    const float i = gates[h], f = gates[H + h], g = gates[2 * H + h], o = gates[3 * H + h];
    const float cell = hyperbolic_tangent(cells[at + h]), before = t > 0 ? cells[at - H + h] : 0.0f;
    const float dh = dy[at + h] + dhidden[place + h];
    const float dc = dcell[place + h] + dh * o * (1.0f - cell * cell);
    dcell[place + h] = dc * f;
    dgates[h] = dstep[h] = dc * g * i * (1.0f - i);
    dgates[H + h] = dstep[H + h] = dc * before * f * (1.0f - f);
    dgates[2 * H + h] = dstep[2 * H + h] = dc * i * (1.0f - g * g);
    dgates[3 * H + h] = dstep[3 * H + h] = dh * cell * o * (1.0f - o);
  }
}

// Gates r, z, n: n = tanh(input's part + r · recurrent's part), hidden = (1 - z) · n + z · hidden. gates(N,T,3H);
// candidates(N,T,H) keeps the recurrent's part of n.
__kernel void gru_step(STEP, __global const float *restrict recurrent, __global float *restrict gates,
                       __global float *restrict candidates, __global float *restrict hidden,
                       __global float *restrict previous, __global float *restrict y) {
  const size_t at = ((size_t)GROUP(0) * T + t) * H;
  recurrent += (size_t)GROUP(0) * 3 * H;
  gates += 3 * at;
  hidden += (size_t)GROUP(0) * H;
  FOR_UNITS(h) {
    const float r = logistic(gates[h] + recurrent[h]), z = logistic(gates[H + h] + recurrent[H + h]);
    const float candidate = recurrent[2 * H + h], n = hyperbolic_tangent(gates[2 * H + h] + r * candidate);
    gates[h] = r;
    gates[H + h] = z;
    gates[2 * H + h] = n;
    candidates[at + h] = candidate;
    previous[at + h] = hidden[h];
    hidden[h] = (1.0f - z) * n + z * hidden[h];
    y[at + h] = hidden[h];
  }
}

// dinput(N,T,3H) is the gradient of the input's part, drecurrent(N,T,3H) of the recurrent's, dstep(N,3H) this step's of
// it; dhidden as above, dcarry(N,H) what flows back by z alone.
__kernel void gru_step_backward(STEP, __global const float *restrict gates, __global const float *restrict candidates,
                                __global const float *restrict previous, __global const float *restrict dy,
                                __global const float *restrict dhidden, __global float *restrict dcarry,
                                __global float *restrict dinput, __global float *restrict drecurrent,
                                __global float *restrict dstep) {
  const size_t at = ((size_t)GROUP(0) * T + t) * H, place = (size_t)GROUP(0) * H;
  gates += 3 * at;
  dinput += 3 * at;
  drecurrent += 3 * at;
  dstep += 3 * place;
  FOR_UNITS(h) {
    const float r = gates[h], z = gates[H + h], n = gates[2 * H + h];
    const float dh = dy[at + h] + dhidden[place + h] + dcarry[place + h];
    const float dn = dh * (1.0f - z) * (1.0f - n * n);
    dcarry[place + h] = dh * z;
    dinput[h] = drecurrent[h] = dstep[h] = dn * candidates[at + h] * r * (1.0f - r);
    dinput[H + h] = drecurrent[H + h] = dstep[H + h] = dh * (previous[at + h] - n) * z * (1.0f - z);
    dinput[2 * H + h] = dn;
    drecurrent[2 * H + h] = dstep[2 * H + h] = dn * r;
  }
}

// MARK: optimizer steps
//
// One launch moves up to eight tensors: a network has hundreds of small ones. groups(ceil(largest n / CHUNK), 8, 1)

#define EIGHT(what) what(0), what(1), what(2), what(3), what(4), what(5), what(6), what(7)
#define EACH_OF_EIGHT(what)                                                                                      \
  switch (GROUP(1)) {                                                                                            \
    case 0: what(0) break;                                                                                       \
    case 1: what(1) break;                                                                                       \
    case 2: what(2) break;                                                                                       \
    case 3: what(3) break;                                                                                       \
    case 4: what(4) break;                                                                                       \
    case 5: what(5) break;                                                                                       \
    case 6: what(6) break;                                                                                       \
    case 7: what(7) break;                                                                                       \
  }

static inline void sgd_tensor(const float rate, const float momentum, const float decay, const int nesterov, const int n,
                              __global const float *g, __global float *w, __global float *m) {
  FOR_VECTORS(i, n) {
    const VEC weight = LOAD(w + i), gradient = LOAD(g + i) + decay * weight;
    const VEC velocity = momentum * LOAD(m + i) + gradient;
    STORE_PART(velocity, m + i, n - i);
    STORE_PART(weight - rate * (nesterov ? gradient + momentum * velocity : velocity), w + i, n - i);
  }
}

// PyTorch's SGD: m = momentum · m + (g + decay · w); w -= rate · m
#define SGD_TENSOR(t) const int n##t, __global const float *g##t, __global float *w##t, __global float *m##t
#define SGD_STEP(t) sgd_tensor(rate, momentum, decay, nesterov, n##t, g##t, w##t, m##t);
__kernel void sgd(const float rate, const float momentum, const float decay, const int nesterov, EIGHT(SGD_TENSOR)) {
  EACH_OF_EIGHT(SGD_STEP)
}

static inline void average_tensor(const float share, const int n, __global const float *w, __global float *a) {
  FOR_VECTORS(i, n) {
    const VEC average = LOAD(a + i);
    STORE_PART(average + share * (LOAD(w + i) - average), a + i, n - i);
  }
}

// A running average of weights: a += share · (w - a)
#define AVERAGE_TENSOR(t) const int n##t, __global const float *w##t, __global float *a##t
#define AVERAGE_STEP(t) average_tensor(share, n##t, w##t, a##t);
__kernel void average(const float share, EIGHT(AVERAGE_TENSOR)) { EACH_OF_EIGHT(AVERAGE_STEP) }

static inline void exchange_tensor(const int n, __global float *a, __global float *b) {
  FOR_VECTORS(i, n) {
    const VEC x = LOAD(a + i), y = LOAD(b + i);
    STORE_PART(y, a + i, n - i);
    STORE_PART(x, b + i, n - i);
  }
}

// a and b change places.
#define EXCHANGE_TENSOR(t) const int n##t, __global float *a##t, __global float *b##t
#define EXCHANGE_STEP(t) exchange_tensor(n##t, a##t, b##t);
__kernel void exchange(EIGHT(EXCHANGE_TENSOR)) { EACH_OF_EIGHT(EXCHANGE_STEP) }

// Adam and its kin: m = beta1 · m + (1 - beta1) · g, v = beta2 · v + (1 - beta2) · g², with g + decay · w as g, then
// w = shrink · w - (fromGradient · g + fromMean · m) / (√v · correction + epsilon). The host makes of it
//   Adam and AdamW   fromMean = rate / (1 - beta1^t), correction = 1 / √(1 - beta2^t); shrink = 1 - rate · decoupled decay
//   AMSGrad          the same with the largest v so far
//   NAdam            fromGradient and fromMean from its products of momenta
//   RAdam            fromMean with the rectification, correction = 1; at first correction = 0 and epsilon = 1
static inline void adam_tensor(const float beta1, const float beta2, const float epsilon, const float decay,
                               const float shrink, const float fromGradient, const float fromMean,
                               const float correction, const int hasLargest, const int n, __global const float *g,
                               __global float *w, __global float *m, __global float *v, __global float *largest) {
  FOR_VECTORS(i, n) {
    const VEC weight = LOAD(w + i), gradient = LOAD(g + i) + decay * weight;
    const VEC mean = beta1 * LOAD(m + i) + (1.0f - beta1) * gradient;
    VEC square = beta2 * LOAD(v + i) + (1.0f - beta2) * gradient * gradient;
    STORE_PART(mean, m + i, n - i);
    STORE_PART(square, v + i, n - i);
    if (hasLargest) {
      const VEC before = LOAD(largest + i);
      square = before > square ? before : square;
      STORE_PART(square, largest + i, n - i);
    }
    STORE_PART(shrink * weight - (fromGradient * gradient + fromMean * mean) / (sqrt(square) * correction + epsilon), w + i,
               n - i);
  }
}

#define ADAM_SCALARS                                                                                             \
  const float beta1, const float beta2, const float epsilon, const float decay, const float shrink,              \
      const float fromGradient, const float fromMean, const float correction
#define ADAM_TENSOR(t) \
  const int n##t, __global const float *g##t, __global float *w##t, __global float *m##t, __global float *v##t
#define ADAM_STEP(t)                                                                                             \
  adam_tensor(beta1, beta2, epsilon, decay, shrink, fromGradient, fromMean, correction, 0, n##t, g##t, w##t, m##t, v##t, v##t);
__kernel void adam(ADAM_SCALARS, EIGHT(ADAM_TENSOR)) {
  EACH_OF_EIGHT(ADAM_STEP)
}

#define AMSGRAD_TENSOR(t) ADAM_TENSOR(t), __global float *largest##t
#define AMSGRAD_STEP(t)                                                                                          \
  adam_tensor(beta1, beta2, epsilon, decay, shrink, fromGradient, fromMean, correction, 1, n##t, g##t, w##t, m##t, v##t, \
              largest##t);
__kernel void amsgrad(ADAM_SCALARS, EIGHT(AMSGRAD_TENSOR)) {
  EACH_OF_EIGHT(AMSGRAD_STEP)
}

static inline void rmsprop_tensor(const float rate, const float alpha, const float momentum, const float epsilon,
                                  const float decay, const int n, __global const float *g, __global float *w,
                                  __global float *v, __global float *m) {
  FOR_VECTORS(i, n) {
    const VEC weight = LOAD(w + i), gradient = LOAD(g + i) + decay * weight;
    const VEC square = alpha * LOAD(v + i) + (1.0f - alpha) * gradient * gradient;
    const VEC velocity = momentum * LOAD(m + i) + gradient / (sqrt(square) + epsilon);
    STORE_PART(square, v + i, n - i);
    STORE_PART(velocity, m + i, n - i);
    STORE_PART(weight - rate * velocity, w + i, n - i);
  }
}

// PyTorch's RMSprop: v = alpha · v + (1 - alpha) · g²; m = momentum · m + g / (√v + epsilon); w -= rate · m
#define RMSPROP_TENSOR(t) \
  const int n##t, __global const float *g##t, __global float *w##t, __global float *v##t, __global float *m##t
#define RMSPROP_STEP(t) rmsprop_tensor(rate, alpha, momentum, epsilon, decay, n##t, g##t, w##t, v##t, m##t);
__kernel void rmsprop(const float rate, const float alpha, const float momentum, const float epsilon, const float decay,
                      EIGHT(RMSPROP_TENSOR)) {
  EACH_OF_EIGHT(RMSPROP_STEP)
}

static inline void adagrad_tensor(const float rate, const float epsilon, const float decay, const int n,
                                  __global const float *g, __global float *w, __global float *v) {
  FOR_VECTORS(i, n) {
    const VEC weight = LOAD(w + i), gradient = LOAD(g + i) + decay * weight;
    const VEC square = LOAD(v + i) + gradient * gradient;
    STORE_PART(square, v + i, n - i);
    STORE_PART(weight - rate * gradient / (sqrt(square) + epsilon), w + i, n - i);
  }
}

// v += g²; w -= rate · g / (√v + epsilon)
#define ADAGRAD_TENSOR(t) const int n##t, __global const float *g##t, __global float *w##t, __global float *v##t
#define ADAGRAD_STEP(t) adagrad_tensor(rate, epsilon, decay, n##t, g##t, w##t, v##t);
__kernel void adagrad(const float rate, const float epsilon, const float decay, EIGHT(ADAGRAD_TENSOR)) {
  EACH_OF_EIGHT(ADAGRAD_STEP)
}

static inline void lion_tensor(const float rate, const float beta1, const float beta2, const float shrink, const int n,
                               __global const float *g, __global float *w, __global float *m) {
  FOR_VECTORS(i, n) {
    const VEC gradient = LOAD(g + i), mean = LOAD(m + i), zero = (VEC)(0.0f);
    const VEC direction = beta1 * mean + (1.0f - beta1) * gradient;
    // What is neither above nor below 0 is 0, or NaN, which stays.
    const VEC sign = direction > zero ? (VEC)(1.0f) : direction < zero ? (VEC)(-1.0f) : direction;
    STORE_PART(beta2 * mean + (1.0f - beta2) * gradient, m + i, n - i);
    STORE_PART(shrink * LOAD(w + i) - rate * sign, w + i, n - i);
  }
}

// w = shrink · w - rate · sign(beta1 · m + (1 - beta1) · g); m = beta2 · m + (1 - beta2) · g
#define LION_STEP(t) lion_tensor(rate, beta1, beta2, shrink, n##t, g##t, w##t, m##t);
__kernel void lion(const float rate, const float beta1, const float beta2, const float shrink, EIGHT(SGD_TENSOR)) {
  EACH_OF_EIGHT(LION_STEP)
}

static inline void lamb_direction_tensor(const float beta1, const float beta2, const float epsilon, const float decay,
                                         const float fromMean, const float correction, const float clip, const int n,
                                         __global const float *g, __global const float *w, __global float *m,
                                         __global float *v, __global float *u) {
  FOR_VECTORS(i, n) {
    const VEC gradient = clip * LOAD(g + i);
    const VEC mean = beta1 * LOAD(m + i) + (1.0f - beta1) * gradient;
    const VEC square = beta2 * LOAD(v + i) + (1.0f - beta2) * gradient * gradient;
    STORE_PART(mean, m + i, n - i);
    STORE_PART(square, v + i, n - i);
    STORE_PART(fromMean * mean / (sqrt(square) * correction + epsilon) + decay * LOAD(w + i), u + i, n - i);
  }
}

// LAMB's first half: u = Adam's direction + decay · w, with gradients scaled by clip[1] (see clip_factor).
#define LAMB_TENSOR(t)                                                                                           \
  const int n##t, __global const float *g##t, __global const float *w##t, __global float *m##t, __global float *v##t, \
      __global float *u##t
#define LAMB_DIRECTION(t) \
  lamb_direction_tensor(beta1, beta2, epsilon, decay, fromMean, correction, clip[1], n##t, g##t, w##t, m##t, v##t, u##t);
__kernel void lamb_direction(const float beta1, const float beta2, const float epsilon, const float decay,
                             const float fromMean, const float correction, __global const float *clip,
                             EIGHT(LAMB_TENSOR)) {
  EACH_OF_EIGHT(LAMB_DIRECTION)
}

static inline void lamb_apply_tensor(const float rate, const float weights, const float directions, const int n,
                                     __global const float *u, __global float *w) {
  const float trust = weights > 0.0f && directions > 0.0f ? sqrt(weights / directions) : 1.0f;
  FOR_VECTORS(i, n) STORE_PART(LOAD(w + i) - rate * trust * LOAD(u + i), w + i, n - i);
}

// Its second half: w -= rate · |w| / |u| · u, with each tensor's Σ w² and Σ u² in weights(8) and directions(8). Where
// one of them is 0, or `isAdapted` is, the ratio is 1.
#define LAMB_APPLIED(t) const int n##t, __global const float *u##t, __global float *w##t
#define LAMB_APPLY(t) lamb_apply_tensor(rate, isAdapted ? weights[t] : 0.0f, directions[t], n##t, u##t, w##t);
__kernel void lamb_apply(const float rate, const int isAdapted, __global const float *weights,
                         __global const float *directions, EIGHT(LAMB_APPLIED)) {
  EACH_OF_EIGHT(LAMB_APPLY)
}

// m(n) = beta · m + (1 - beta) · (x + epsilon)                                        groups(ceil(n / CHUNK), 1, 1)
__kernel void moving_average(const int n, const float beta, const float epsilon, __global const float *restrict x,
                             __global float *restrict m) {
  FOR_VECTORS(i, n) STORE_PART(beta * LOAD(m + i) + (1.0f - beta) * (LOAD(x + i) + epsilon), m + i, n - i);
}

// Adafactor's direction: u = g / √v, where v is moving(n), or of a matrix g(rows,columns) the product
// moving(row) · movingColumns(column) / mean[0], the mean of all of either.            groups(ceil(n / CHUNK), 1, 1)
__kernel void adafactor_direction(const int n, const int columns, const int isFactored, __global const float *restrict g,
                                  __global const float *restrict moving, __global const float *restrict movingColumns,
                                  __global const float *restrict mean, __global float *restrict u) {
  const int end = min(n, (GROUP(0) + 1) * CHUNK);
  for (int i = GROUP(0) * CHUNK + LANE; i < end; i += LOCAL) {
    // Quotients first: products of two mean squares would leave the range of floats.
    const float square = isFactored ? moving[i / columns] / mean[0] * movingColumns[i % columns] : moving[i];
    u[i] = g[i] / sqrt(square);
  }
}

// w = shrink · w - rate / max(1, √(squares[0] / n) / threshold) · u, with squares[0] = Σ u²
// groups(ceil(n / CHUNK), 1, 1)
__kernel void adafactor_apply(const int n, const float rate, const float shrink, const float threshold,
                              __global const float *restrict u, __global const float *restrict squares,
                              __global float *restrict w) {
  const float excess = sqrt(squares[0] / n) / threshold;
  const float step = excess > 1.0f ? rate / excess : rate;
  FOR_VECTORS(i, n) STORE_PART(shrink * LOAD(w + i) - step * LOAD(u + i), w + i, n - i);
}

// MARK: gradient norms
//
// Sums of squares of many tensors, eight a launch: each group sums a chunk, and reduce_rows adds the chunks' sums.

static inline float chunk_squares(const int n, __global const float *x) {
  VEC sum = (VEC)(0.0f);
  FOR_VECTORS(i, n) {
    VEC value = LOAD(x + i);
    if (n - i < VECTOR) {
      float lanes[VECTOR];
      STORE(value, lanes);
      for (int j = n - i; j < VECTOR; j++) lanes[j] = 0.0f;
      value = LOAD(lanes);
    }
    sum += value * value;
  }
  float lanes[VECTOR];
  STORE(sum, lanes);
  for (int width = VECTOR / 2; width > 0; width /= 2) {
    for (int j = 0; j < width; j++) lanes[j] += lanes[j + width];
  }
  return lanes[0];
}

// partial(8,chunks)[from `first` on] = Σ x² of each chunk of each tensor, 0 behind its end
// groups(chunks = ceil(largest n / CHUNK), 8, 1)
#define SQUARED_TENSOR(t) const int n##t, __global const float *x##t
#define SQUARES(t) squares = chunk_squares(n##t, x##t);
__kernel void square_sums(const int first, EIGHT(SQUARED_TENSOR), __global float *partial) {
  __local float scratch[LOCAL];
  float squares = 0.0f;
  EACH_OF_EIGHT(SQUARES)
  squares = group_sum(squares, scratch);
  if (LANE == 0) partial[first + GROUP(1) * (int)get_num_groups(0) + GROUP(0)] = squares;
}

// clip(2) = the norm √squares[0], and the factor min(1, limit / (norm + epsilon)) that brings it down to `limit`; NaN where
// the norm is not finite.                                                                              groups(1, 1, 1)
__kernel void clip_factor(const float limit, const float epsilon, __global const float *restrict squares,
                          __global float *restrict clip) {
  if (LANE > 0) return;
  const float norm = sqrt(squares[0]), factor = limit / (norm + epsilon);
  clip[0] = norm;
  clip[1] = norm < INFINITY ? (factor >= 1.0f ? 1.0f : factor) : norm - norm;
}

static inline void scale_tensor(const float factor, const int n, __global const float *x, __global float *y) {
  FOR_VECTORS(i, n) STORE_PART(factor * LOAD(x + i), y + i, n - i);
}

// y = clip[1] · x for eight tensors                                            groups(ceil(largest n / CHUNK), 8, 1)
#define SCALED_TENSOR(t) const int n##t, __global const float *x##t, __global float *y##t
#define SCALE(t) scale_tensor(clip[1], n##t, x##t, y##t);
__kernel void scale_tensors(__global const float *clip, EIGHT(SCALED_TENSOR)) {
  EACH_OF_EIGHT(SCALE)
}

// MARK: images and random numbers

// y(N,pixels,3) = colour(N,3,4) · [bytes(N,pixels,3), 1]: normalisation and colour jitter in one linear map an image
// groups(ceil(pixels / PIXELS), N, 1)
#define PIXELS 1024
__kernel void normalize_bytes(const int pixels, __global const float *restrict colour, __global const uchar *restrict bytes,
                              __global float *restrict y) {
  float m[12];
  for (int i = 0; i < 12; i++) m[i] = colour[GROUP(1) * 12 + i];
  bytes += (size_t)GROUP(1) * pixels * 3;
  y += (size_t)GROUP(1) * pixels * 3;
  for (int p = GROUP(0) * PIXELS + LANE; p < min(pixels, (GROUP(0) + 1) * PIXELS); p += LOCAL) {
    const float r = bytes[p * 3], g = bytes[p * 3 + 1], b = bytes[p * 3 + 2];
    y[p * 3] = m[0] * r + m[1] * g + m[2] * b + m[3];
    y[p * 3 + 1] = m[4] * r + m[5] * g + m[6] * b + m[7];
    y[p * 3 + 2] = m[8] * r + m[9] * g + m[10] * b + m[11];
  }
}

// Four words for a counter by Philox4x32-10 (Salmon et al. 2011): the same on every device, in any order.
static inline void philox(uint counter, uint stream, uint key0, uint key1, uint words[4]) {
  uint a = counter, b = 0, c = stream, d = 0;
  UNROLL for (int round = 0; round < 10; round++) {
    const ulong product0 = (ulong)a * 0xD2511F53u, product1 = (ulong)c * 0xCD9E8D57u;
    a = (uint)(product1 >> 32) ^ b ^ key0;
    b = (uint)product1;
    c = (uint)(product0 >> 32) ^ d ^ key1;
    d = (uint)product0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  words[0] = a;
  words[1] = b;
  words[2] = c;
  words[3] = d;
}

// Work-items take runs of words: on a CPU those of so many counters that they fill vectors.
#if LOCAL == 1
#define RUN (4 * VECTOR)
#else
#define RUN 4
#endif
#define FOR_RUNS(i, end) for (int i = GROUP(0) * CHUNK + LANE * RUN; i < (end); i += LOCAL * RUN)

// The generator's words from the first-th on, a multiple of 4.
static inline void random_run(const int first, const int stream, const int key0, const int key1, uint words[RUN]) {
  for (int i = 0; i < RUN / 4; i++) philox((uint)(first / 4 + i), (uint)stream, (uint)key0, (uint)key1, words + 4 * i);
}

// y(n) = x(n) / (1 - probability) where the generator keeps it, else 0. The gradient is the same map of dy.
// groups(ceil(n / CHUNK), 1, 1)
__kernel void dropout(const int n, const float probability, const int key0, const int key1, const int stream,
                      __global const float *restrict x, __global float *restrict y) {
  const int end = min(n, (GROUP(0) + 1) * CHUNK);
  FOR_RUNS(i, end) {
    uint words[RUN];
    random_run(i, stream, key0, key1, words);
    for (int j = 0; j < min(RUN, end - i); j++) {
      y[i + j] = (words[j] >> 8) * 0x1p-24f >= probability ? x[i + j] / (1.0f - probability) : 0.0f;
    }
  }
}

// The generator's words themselves: y(n) as bits
__kernel void random_words(const int n, const int key0, const int key1, const int stream, __global int *restrict y) {
  const int end = min(n, (GROUP(0) + 1) * CHUNK);
  FOR_RUNS(i, end) {
    uint words[RUN];
    random_run(i, stream, key0, key1, words);
    for (int j = 0; j < min(RUN, end - i); j++) y[i + j] = (int)words[j];
  }
}

// y(n) = low + width · u, u one of 2²⁴ numbers in [0, 1), but never above `last`. One rounding, by fma: the same bits on
// every device.
__kernel void random_uniform(const int n, const float low, const float width, const float last, const int key0,
                             const int key1, const int stream, __global float *restrict y) {
  const int end = min(n, (GROUP(0) + 1) * CHUNK);
  FOR_RUNS(i, end) {
    uint words[RUN];
    random_run(i, stream, key0, key1, words);
    for (int j = 0; j < min(RUN, end - i); j++) y[i + j] = fmin(fma(width, (words[j] >> 8) * 0x1p-24f, low), last);
  }
}

// y(n) = mean + deviation · z, z normal by Box and Muller's transform of pairs of words. Devices agree on the words but
// for log, sqrt and cospi only within OpenCL's bounds of 3, 3 and 4 units in the last place.
__kernel void random_normal(const int n, const float mean, const float deviation, const int key0, const int key1,
                            const int stream, __global float *restrict y) {
  const int end = min(n, (GROUP(0) + 1) * CHUNK);
  FOR_RUNS(i, end) {
    uint words[RUN];
    random_run(i, stream, key0, key1, words);
    float z[RUN];
    for (int j = 0; j < RUN; j += 2) {
      // Both are exact. The first is never 0, whose logarithm is -∞, nor 1.
      const float u = ((words[j] >> 9) + 0.5f) * 0x1p-23f, turns = (words[j + 1] >> 8) * 0x1p-23f;
      const float radius = sqrt(-2.0f * log(u));
      z[j] = radius * cospi(turns);
      z[j + 1] = radius * sinpi(turns);
    }
    for (int j = 0; j < min(RUN, end - i); j++) y[i + j] = mean + deviation * z[j];
  }
}

// MARK: Fourier transform                                                                     groups(frames, 1, 1)

// The longest frame, whose numbers a group keeps in local memory.
#define FOURIER_SIZE 4096

// y(frames,2,n/2+1): real and imaginary parts of the transform of frames of n real numbers, n a power of two from 2 to
// FOURIER_SIZE. Frame f is window(n) · x from first + f · hop on, with zeros outside of x(length). roots(2,n/2) are the
// cosines and sines of 2π · k / n.
//
// The even numbers of a frame become real and the odd ones imaginary parts of n/2 complex numbers. These are transformed
// in place, from bit-reversed order by radix 2 (Cooley and Tukey 1965), and then taken apart by their symmetries.
__kernel void real_fourier(const int n, const int length, const int hop, const int first,
                           __global const float *restrict x, __global const float *restrict window,
                           __global const float *restrict roots, __global float *restrict y) {
  __local float re[FOURIER_SIZE / 2];
  __local float im[FOURIER_SIZE / 2];
  const int half_n = n / 2, start = first + GROUP(0) * hop;
  __global const float *cosines = roots, *sines = roots + half_n;
  for (int i = LANE; i < half_n; i += LOCAL) {
    int reversed = 0;
    for (int bit = 1, j = i; bit < half_n; bit *= 2, j /= 2) reversed = 2 * reversed + j % 2;
    const int even = start + 2 * reversed, odd = even + 1;
    re[i] = even >= 0 && even < length ? x[even] * window[2 * reversed] : 0.0f;
    im[i] = odd >= 0 && odd < length ? x[odd] * window[2 * reversed + 1] : 0.0f;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int span = 1; span < half_n; span *= 2) {
    for (int i = LANE; i < half_n / 2; i += LOCAL) {
      const int k = i & (span - 1), low = 2 * i - k, high = low + span, root = k * (half_n / span);
      const float c = cosines[root], s = sines[root];
      const float real = re[high] * c + im[high] * s, imaginary = im[high] * c - re[high] * s;
      re[high] = re[low] - real;
      im[high] = im[low] - imaginary;
      re[low] += real;
      im[low] += imaginary;
    }
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  y += (size_t)GROUP(0) * 2 * (half_n + 1);
  for (int k = LANE; k <= half_n; k += LOCAL) {
    const int a = k % half_n, b = (half_n - k) % half_n;
    const float c = k < half_n ? cosines[k] : -1.0f, s = k < half_n ? sines[k] : 0.0f;
    const float real = 0.5f * (im[a] + im[b]), imaginary = 0.5f * (re[b] - re[a]);
    y[k] = 0.5f * (re[a] + re[b]) + c * real + s * imaginary;
    y[half_n + 1 + k] = 0.5f * (im[a] - im[b]) + c * imaginary - s * real;
  }
}

// MARK: half storage
//
// Halves are stored, never computed with: vload_half and vstore_half belong to OpenCL 1.2 itself. Sums are floats.

#define LOAD_HALF(p) CAT(vload_half, VECTOR)(0, p)
#define STORE_HALF(v, p) CAT(CAT(vstore_half, VECTOR), _rte)(v, 0, p)

// Stores the first n of v rounded to the nearest half, to an even one from the middle; all if n >= VECTOR.
static inline void store_half_part(VEC v, __global half *p, const int n) {
  if (n >= VECTOR) {
    STORE_HALF(v, p);
  } else {
    float lanes[VECTOR];
    STORE(v, lanes);
    for (int i = 0; i < n; i++) vstore_half_rte(lanes[i], i, p);
  }
}

// groups(ceil(n / CHUNK), 1, 1)
__kernel void float_to_half(const int n, __global const float *restrict x, __global half *restrict y) {
  FOR_VECTORS(i, n) store_half_part(LOAD(x + i), y + i, n - i);
}

__kernel void half_to_float(const int n, __global const half *restrict x, __global float *restrict y) {
  FOR_VECTORS(i, n) STORE_PART(LOAD_HALF(x + i), y + i, n - i);
}

__kernel void activation_half(const int n, const int kind, __global const half *restrict x, __global half *restrict y) {
  FOR_VECTORS(i, n) store_half_part(activate(LOAD_HALF(x + i), kind), y + i, n - i);
}

// y(n) = a + b, a - b or a · b by `kind`, computed in floats and rounded once more
#define HALF_ADD 0
#define HALF_SUBTRACT 1
__kernel void arithmetic_half(const int n, const int kind, __global const half *restrict a, __global const half *restrict b,
                              __global half *restrict y) {
  FOR_VECTORS(i, n) {
    const VEC p = LOAD_HALF(a + i), q = LOAD_HALF(b + i);
    store_half_part(kind == HALF_ADD ? p + q : kind == HALF_SUBTRACT ? p - q : p * q, y + i, n - i);
  }
}

// y = activation(x * w + bias) with x, w, zeros and y halves. As `conv2d`, w in place. A matrix product is a convolution of
// one tap.                                        groups(ceil(N·P·Q / GROUP_ROWS), ceil(K / PANEL), G)
__kernel void conv2d_half(CONVOLUTION_SIZES, const int hasBias, const int kind, __global const half *restrict x,
                          __global const half *restrict w, __global const float *restrict bias,
                          __global const half *restrict zeros, __global half *restrict y) {
  const int pixelCount = N * P * Q, m0 = GROUP(0) * GROUP_ROWS, n0 = GROUP(1) * PANEL, pitch = G * K;
  x += GROUP(2) * C;
  w += GROUP(2) * K + n0;
  bias += GROUP(2) * K + n0;
  y += GROUP(2) * K + n0;
#if STAGED
  CONVOLVE_STAGES
  find_pixels(pixels, m0, N, P, Q, strideY, strideX, offsetY, offsetX);
  const int m = m0;
  {
    VEC acc[TILE_M][TILE_N];
    clear_tile(acc);
    for (int tap = 0; tap < R * S; tap++) {
      const int stepY = tap / S * dilationY, stepX = tap % S * dilationX;
      STAGED_PRODUCT(acc, C,
                     (k < C && pixels[0][m] >= 0 && source(pixels[1][m], stepY, 1, H) >= 0 &&
                              source(pixels[2][m], stepX, 1, W) >= 0
                          ? vload_half((((size_t)pixels[0][m] * H + pixels[1][m] + stepY) * W + pixels[2][m] + stepX) *
                                               (G * C) + k, x)
                          : 0.0f),
                     (n0 + n < K && k < C ? vload_half(((size_t)tap * C + k) * pitch + n, w) : 0.0f))
    }
#else
  for (int m = m0 + LANE * TILE_M; m < min(pixelCount, m0 + GROUP_ROWS); m += LOCAL * TILE_M) {
    VEC acc[TILE_M][TILE_N];
    clear_tile(acc);
    __global const half *taps = w;
    for (int tap = 0; tap < R * S; tap++) {
      __global const half *rows[TILE_M];
      UNROLL for (int i = 0; i < TILE_M; i++) {
        const int pixel = min(m + i, pixelCount - 1);
        const int atY = source(pixel / Q % P * strideY + offsetY, tap / S * dilationY, 1, H);
        const int atX = source(pixel % Q * strideX + offsetX, tap % S * dilationX, 1, W);
        rows[i] = atY >= 0 && atX >= 0 ? x + (((size_t)(pixel / (P * Q)) * H + atY) * W + atX) * (G * C) : zeros;
      }
      for (int k = 0; k < C; k++, taps += pitch) {
        VEC right[TILE_N];
        UNROLL for (int j = 0; j < TILE_N; j++) right[j] = LOAD_HALF(taps + min(j * VECTOR, K - 1 - n0));
        UNROLL for (int i = 0; i < TILE_M; i++) {
          const float left = vload_half(k, rows[i]);
          UNROLL for (int j = 0; j < TILE_N; j++) acc[i][j] += left * right[j];
        }
      }
    }
#endif
    UNROLL for (int i = 0; i < TILE_M; i++) {
      UNROLL for (int j = 0; j < TILE_N; j++) {
        const int row = m + TILE_ROW(i), column = TILE_COLUMN(j);
        if (row < pixelCount && column < K - n0) {
          VEC value = acc[i][j];
          if (hasBias) value += LOAD(bias + column);
          store_half_part(activate(value, kind), y + (size_t)row * pitch + column, K - n0 - column);
        }
      }
    }
  }
}

// MARK: the device's own speed

// Multiplications and additions in registers alone, as many as a device can do: 2 · rounds · CHAINS · VECTOR a work-item.
// Each chain waits for itself, so there are enough of them to hide that. y(groups · LOCAL · VECTOR); groups(any, 1, 1)
#define CHAINS 12
__kernel void multiply_adds(const int rounds, const float factor, __global float *restrict y) {
  VEC chain[CHAINS];
  UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = (VEC)(1.0f + i);
  for (int round = 0; round < rounds; round++) {
    UNROLL for (int i = 0; i < CHAINS; i++) chain[i] = chain[i] * factor + (VEC)(0.5f);
  }
  VEC sum = chain[0];
  UNROLL for (int i = 1; i < CHAINS; i++) sum += chain[i];
  STORE(sum, y + ((size_t)GROUP(0) * LOCAL + LANE) * VECTOR);
}
