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
// stored in part. Launch geometry is written above each kernel as groups(x, y, z).
//
// Contents: vectors - elementwise - functions of vectors, of one number, of two - strided data - indices -
//           whole numbers - matrix products - convolution - depthwise convolution - reductions -
//           batch normalization - pooling - softmax - optimizer steps - images and random numbers

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
#define TILE_N 1 // vectors of a row of that tile: 1 or 2
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
#define LOAD(p) CAT(vload, VECTOR)(0, p)
#define STORE(v, p) CAT(vstore, VECTOR)(v, 0, p)
#define UNROLL _Pragma("unroll")

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
#endif

// Flat data: each group takes CHUNK floats, dealt to lanes by vectors.
#define CHUNK 8192
#define FOR_VECTORS(i, n) \
  for (int i = GROUP(0) * CHUNK + LANE * VECTOR; i < min(n, (GROUP(0) + 1) * CHUNK); i += LOCAL * VECTOR)

// Rows of channels: ACROSS lanes take neighbouring vectors of a row, DOWN lanes neighbouring rows.
#if LOCAL < 16
#define ACROSS LOCAL
#else
#define ACROSS 16
#endif
#define DOWN (LOCAL / ACROSS)
#define FOR_ROWS(r, begin, end) for (int r = (begin) + LANE / ACROSS; r < (end); r += DOWN)
#define FOR_CHANNELS(c, count) for (int c = LANE % ACROSS * VECTOR; c < (count); c += ACROSS * VECTOR)

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

// The sum and the largest of a value over a group's lanes, in a fixed order; every lane gets it.
static inline float group_sum(float value, __local float *scratch) {
  scratch[LANE] = value;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int width = LOCAL / 2; width > 0; width /= 2) {
    if (LANE < width) scratch[LANE] += scratch[LANE + width];
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float result = scratch[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return result;
}

static inline float group_max(float value, __local float *scratch) {
  scratch[LANE] = value;
  barrier(CLK_LOCAL_MEM_FENCE);
  for (int width = LOCAL / 2; width > 0; width /= 2) {
    if (LANE < width) scratch[LANE] = fmax(scratch[LANE], scratch[LANE + width]);
    barrier(CLK_LOCAL_MEM_FENCE);
  }
  const float result = scratch[0];
  barrier(CLK_LOCAL_MEM_FENCE);
  return result;
}

// MARK: elementwise                                                                  groups(ceil(n / CHUNK), 1, 1)

__kernel void fill(const int n, const float value, __global float *y) {
  FOR_VECTORS(i, n) STORE_PART((VEC)(value), y + i, n - i);
}

// y(n) = scale · x(n) + offset
__kernel void affine(const int n, const float scale, const float offset, __global const float *x, __global float *y) {
  FOR_VECTORS(i, n) STORE_PART(scale * LOAD(x + i) + offset, y + i, n - i);
}

__kernel void activation(const int n, const int kind, __global const float *x, __global float *y) {
  FOR_VECTORS(i, n) STORE_PART(activate(LOAD(x + i), kind), y + i, n - i);
}

// dx(n) from dy(n) and the activation's input or output x(n)
__kernel void activation_backward(const int n, const int kind, __global const float *x, __global const float *dy,
                                  __global float *dx) {
  FOR_VECTORS(i, n) STORE_PART(activate_backward(LOAD(x + i), LOAD(dy + i), kind), dx + i, n - i);
}

// MARK: functions of vectors
//
// exp, log and tanh by Cephes' polynomials, to 2e-7 of the value: the same on every device, and whole vectors at a time
// where a compiler would call a library for each float. Where IN_ORDER stands, the order of operations is the algorithm.

#ifndef IN_ORDER
#define IN_ORDER
#endif
#define SPLAT(value) ((VEC)(value))
#define TO_INTS(x) CAT(convert_int, VECTOR)(x)
#define TO_FLOATS(x) CAT(convert_float, VECTOR)(x)
#define BITS(x) CAT(as_int, VECTOR)(x)
#define FROM_BITS(x) CAT(as_float, VECTOR)(x)

// 2^n · exp(r) with |r| <= ln 2 / 2; 2^n in two factors, because it may be no float where the result is one.
static inline VEC exp_vector(VEC x) {
  IN_ORDER
  const VEC bounded = x > SPLAT(-104.0f) ? (x < SPLAT(89.0f) ? x : SPLAT(89.0f)) : SPLAT(-104.0f);
  const IVEC n = TO_INTS(bounded * 1.44269504f + (bounded < SPLAT(0.0f) ? SPLAT(-0.5f) : SPLAT(0.5f)));
  const VEC whole = TO_FLOATS(n), r = bounded - whole * 0.693359375f + whole * 2.12194440e-4f;
  VEC y = r * 1.9875691500e-4f + 1.3981999507e-3f;
  y = y * r + 8.3334519073e-3f;
  y = y * r + 4.1665795894e-2f;
  y = y * r + 1.6666665459e-1f;
  y = y * r + 5.0000001201e-1f;
  y = y * (r * r) + r + 1.0f;
  const IVEC first = n >> 1, second = n - first;
  y = y * FROM_BITS((first + 127) << 23) * FROM_BITS((second + 127) << 23);
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

static inline VEC sigmoid_vector(VEC x) { return 1.0f / (1.0f + exp_vector(-x)); }

// Φ(x) = erfc(-x / √2) / 2, the normal distribution; erfc as in Numerical Recipes, to 1.2e-7 of the value.
static inline VEC normal_vector(VEC x) {
  IN_ORDER
  const VEC z = fabs(x) * 0.707106781f, t = 1.0f / (1.0f + 0.5f * z);
  VEC y = t * 0.17087277f - 0.82215223f;
  y = y * t + 1.48851587f;
  y = y * t - 1.13520398f;
  y = y * t + 0.27886807f;
  y = y * t - 0.18628806f;
  y = y * t + 0.09678418f;
  y = y * t + 0.37409196f;
  y = y * t + 1.00002368f;
  y = y * t - 1.26551223f;
  const VEC tail = 0.5f * t * exp_vector(y - z * z);
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
        dy * (normal_vector(x) + x * 0.398942280f * exp_vector(-0.5f * x * x)))                                  \
  UNARY(10, geluTanh, x * sigmoid_vector(GELU_TANH_ARGUMENT),                                                    \
        dy * (sigmoid_vector(GELU_TANH_ARGUMENT) + x * (1.59576912f + 0.214064418f * x * x) *                    \
              sigmoid_vector(GELU_TANH_ARGUMENT) * sigmoid_vector(-GELU_TANH_ARGUMENT)))                         \
  UNARY(11, silu, x * sigmoid_vector(x), dy * sigmoid_vector(x) * (1.0f + x * sigmoid_vector(-x)))               \
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
      STORE_PART(value, to + i, n - i);                                                                          \
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
      STORE_PART(gradient, to + i, n - i);                                                                       \
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
      STORE_PART(value, y + i, n - i);                                                                           \
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
      STORE_PART(LOAD(sum) + LOAD(x + ((size_t)k * inner + i)), sum, inner - i);
    }
  }
}

// y(n,classes) = 1 at the index of each, else 0                                groups(ceil(n · classes / CHUNK), 1, 1)
__kernel void one_hot(const int n, const int classes, __global const int *restrict index, __global float *restrict y) {
  const int end = min(n * classes, (GROUP(0) + 1) * CHUNK);
  for (int i = GROUP(0) * CHUNK + LANE; i < end; i += LOCAL) y[i] = index[i / classes] == i % classes ? 1.0f : 0.0f;
}

// y(outer,axis,inner) = the sum of x up to each place along the axis, or from it on; what each addition rounds away is
// kept and added at the end.                                                   groups(ceil(inner / LOCAL), outer, 1)
__kernel void cumulative_sum(const int axis, const int inner, const int isReversed, __global const float *restrict x,
                             __global float *restrict y) {
  IN_ORDER
  const int i = GROUP(0) * LOCAL + LANE;
  if (i >= inner) return;
  const size_t start = (size_t)GROUP(1) * axis * inner + i;
  float sum = 0.0f, lost = 0.0f;
  for (int step = 0; step < axis; step++) {
    const size_t at = start + (size_t)(isReversed ? axis - 1 - step : step) * inner;
    const float value = x[at], next = sum + value;
    lost += fabs(sum) >= fabs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
    // Beyond infinity there is nothing to correct.
    y[at] = isnan(lost) ? sum : sum + lost;
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

#define FOR_ELEMENTS(i, n) \
  for (int i = GROUP(0) * CHUNK + LANE; i < min(n, (GROUP(0) + 1) * CHUNK); i += LOCAL)

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
//          ┌─────┐ ┌────────┬────────┐            keeps them in registers; it reads A by TILE_M row pointers.
//        M │  A  │ │ TILE_M x TILE_N │            staged: a group computes GROUP_ROWS x PANEL; stages of TILE_K
//        ▼ │     │ │ of one item     │            columns of A and rows of B go through local memory.
//          └─────┘ └────────┴────────┘

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
#define GROUP_ROWS 64
#define PANEL (TILE_N * VECTOR)
#define TILE_ROW(i) (i)
#define TILE_COLUMN(j) ((j) * VECTOR)

// acc(TILE_M, vectors) += A(TILE_M, depth) · B(depth, vectors), A by its rows
static inline void multiply_rows(VEC acc[TILE_M][TILE_N], const int vectors, const int depth,
                                 __global const float *const rows[TILE_M], __global const float *b, const int bStride) {
  for (int k = 0; k < depth; k++, b += bStride) {
    VEC right[TILE_N];
    UNROLL for (int j = 0; j < vectors; j++) right[j] = LOAD(b + j * VECTOR);
    UNROLL for (int i = 0; i < TILE_M; i++) {
      const float left = rows[i][k];
      UNROLL for (int j = 0; j < vectors; j++) acc[i][j] += left * right[j];
    }
  }
}

// acc(TILE_M, vectors) += Aᵀ(TILE_M, depth) · B(depth, vectors), A(depth, TILE_M) by its columns
static inline void multiply_columns(VEC acc[TILE_M][TILE_N], const int vectors, const int depth,
                                    __global const float *a, const int aStride, __global const float *b,
                                    const int bStride) {
  for (int k = 0; k < depth; k++, a += aStride, b += bStride) {
    VEC right[TILE_N];
    UNROLL for (int j = 0; j < vectors; j++) right[j] = LOAD(b + j * VECTOR);
    UNROLL for (int i = 0; i < TILE_M; i++) {
      const float left = a[i];
      UNROLL for (int j = 0; j < vectors; j++) acc[i][j] += left * right[j];
    }
  }
}

// Runs `tile` with the number of vectors that `width` columns need as a constant, so that its loops unroll.
#if TILE_N == 1
#define WITH_VECTORS(width, tile) { const int vectors = 1; tile }
#else
#define WITH_VECTORS(width, tile) if ((width) > VECTOR) { const int vectors = 2; tile } else { const int vectors = 1; tile }
#endif
#endif

static inline void clear_tile(VEC acc[TILE_M][TILE_N]) {
  UNROLL for (int i = 0; i < TILE_M; i++) {
    UNROLL for (int j = 0; j < TILE_N; j++) acc[i][j] = (VEC)(0.0f);
  }
}

// c(rows, columns) = activation(acc + bias), for the tile whose corner is c and bias
static inline void store_tile(VEC acc[TILE_M][TILE_N], const int vectors, const int rows, const int columns,
                              const int hasBias, const int kind, __global const float *bias, __global float *c,
                              const int cStride) {
  UNROLL for (int i = 0; i < TILE_M; i++) {
    if (TILE_ROW(i) < rows) {
      UNROLL for (int j = 0; j < vectors; j++) {
        const int column = TILE_COLUMN(j);
        if (column < columns) {
          VEC value = acc[i][j];
          if (hasBias) value += LOAD(bias + column);
          STORE_PART(activate(value, kind), c + (size_t)TILE_ROW(i) * cStride + column, columns - column);
        }
      }
    }
  }
}

// to(group, panel, tap, row, PANEL) = from[group · groupStride + tap · tapStride + row · rowStride + column ·
// columnStride], zeros behind the last column.                              groups(panels, taps, groups)
__kernel void pack_panels(const int rows, const int columns, const int groupStride, const int tapStride,
                          const int rowStride, const int columnStride, __global const float *from,
                          __global float *to) {
  const int panel = GROUP(0), panels = get_num_groups(0), tap = GROUP(1), taps = get_num_groups(1);
  from += (size_t)GROUP(2) * groupStride + (size_t)tap * tapStride;
  to += (((size_t)GROUP(2) * panels + panel) * taps + tap) * rows * PANEL;
  for (int t = LANE; t < rows * PANEL; t += LOCAL) {
    const int column = panel * PANEL + t % PANEL;
    to[t] = column < columns ? from[(size_t)(t / PANEL) * rowStride + (size_t)column * columnStride] : 0.0f;
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

// c(batch,M,N) = activation(a(batch,M,K) · b(batch,K,N) + bias(N))
// groups(ceil(M / GROUP_ROWS), ceil(panels of b / panels), batch)
__kernel void matmul(const int M, const int N, const int K, const int bStride, const int panelStride,
                     const int panels, const int aBatch, const int bBatch, const int hasBias, const int kind,
                     __global const float *restrict a, __global const float *restrict b,
                     __global const float *restrict bias, __global float *restrict c) {
  a += (size_t)GROUP(2) * aBatch;
  b += (size_t)GROUP(2) * bBatch;
  c += (size_t)GROUP(2) * M * N;
  const int m0 = GROUP(0) * GROUP_ROWS, lastPanel = min((GROUP(1) + 1) * panels, (N + PANEL - 1) / PANEL);
#if STAGED
  STAGES
  for (int panel = GROUP(1) * panels; panel < lastPanel; panel++) {
    const int n0 = panel * PANEL;
    __global const float *columns = b + (size_t)panel * panelStride;
    VEC acc[TILE_M][TILE_N];
    clear_tile(acc);
    STAGED_PRODUCT(acc, K, m0 + m < M && k < K ? a[(size_t)(m0 + m) * K + k] : 0.0f,
                   n0 + n < N && k < K ? columns[(size_t)k * bStride + n] : 0.0f)
    store_tile(acc, TILE_N, M - m0, N - n0, hasBias, kind, bias + n0, c + (size_t)m0 * N + n0, N);
  }
#else
  for (int m = m0 + LANE * TILE_M; m < min(M, m0 + GROUP_ROWS); m += LOCAL * TILE_M) {
    __global const float *rows[TILE_M];
    UNROLL for (int i = 0; i < TILE_M; i++) rows[i] = a + (size_t)min(m + i, M - 1) * K;
    for (int panel = GROUP(1) * panels; panel < lastPanel; panel++) {
      const int n = panel * PANEL;
      WITH_VECTORS(N - n, {
        VEC acc[TILE_M][TILE_N];
        clear_tile(acc);
        multiply_rows(acc, vectors, K, (__global const float *const *)rows, b + (size_t)panel * panelStride, bStride);
        store_tile(acc, vectors, M - m, N - n, hasBias, kind, bias + n, c + (size_t)m * N + n, N);
      })
    }
  }
#endif
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
  return at >= 0 && at % strideDown == 0 && at / strideDown < size ? at / strideDown : -1;
}

// The pixels 0 ..< Q of a row whose tap at `shift` is inside.
static inline int first_inside(const int shift, const int stride) { return shift < 0 ? (stride - 1 - shift) / stride : 0; }
static inline int end_inside(const int shift, const int stride, const int W, const int Q) {
  return shift < W ? min(Q, (W - 1 - shift) / stride + 1) : 0;
}

// `strideUp` and `strideDown` are 1 or the stride, as above.
static inline void convolve(CONVOLUTION_SIZES, const int upY, const int upX, const int downY, const int downX,
                            const int bStride, const int tapStride, const int panelStride, const int groupStride,
                            const int panels, const int hasBias, const int kind, __global const float *x,
                            __global const float *w, __global const float *bias, __global const float *zeros,
                            __global float *y
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
  y += GROUP(2) * K;
#if STAGED
  for (int m = LANE; m < GROUP_ROWS; m += LOCAL) {
    const int pixel = m0 + m;
    pixels[0][m] = pixel < pixelCount ? pixel / (P * Q) : -1;
    pixels[1][m] = pixel / Q % P * upY + offsetY;
    pixels[2][m] = pixel % Q * upX + offsetX;
  }
  barrier(CLK_LOCAL_MEM_FENCE);
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
                               source(pixels[2][m], stepX, downX, W)) * (G * C) + k]
                          : 0.0f),
                     (n0 + n < K && k < C ? columns[(size_t)tap * tapStride + (size_t)k * bStride + n] : 0.0f))
    }
    store_tile(acc, TILE_N, pixelCount - m0, K - n0, hasBias, kind, bias + n0, y + (size_t)m0 * (G * K) + n0, G * K);
  }
#else
  for (int m = m0 + LANE * TILE_M; m < min(pixelCount, m0 + GROUP_ROWS); m += LOCAL * TILE_M) {
    int baseY[TILE_M], baseX[TILE_M];
    __global const float *images[TILE_M];
    UNROLL for (int i = 0; i < TILE_M; i++) {
      const int pixel = min(m + i, pixelCount - 1);
      images[i] = x + (size_t)(pixel / (P * Q)) * H * W * (G * C);
      baseY[i] = pixel / Q % P * upY + offsetY;
      baseX[i] = pixel % Q * upX + offsetX;
    }
    for (int panel = GROUP(1) * panels; panel < lastPanel; panel++) {
      const int n = panel * PANEL;
      WITH_VECTORS(K - n, {
        VEC acc[TILE_M][TILE_N];
        clear_tile(acc);
        __global const float *columns = w + (size_t)panel * panelStride;
        for (int r = 0; r < R; r++) {
          for (int s = 0; s < S; s++, columns += tapStride) {
            __global const float *rows[TILE_M];
            int inside = 0;
            UNROLL for (int i = 0; i < TILE_M; i++) {
              const int atY = source(baseY[i], r * dilationY, downY, H);
              const int atX = source(baseX[i], s * dilationX, downX, W);
              const int isInside = atY >= 0 && atX >= 0;
              rows[i] = isInside ? images[i] + ((size_t)atY * W + atX) * (G * C) : zeros;
              inside |= isInside;
            }
            if (inside) multiply_rows(acc, vectors, C, (__global const float *const *)rows, columns, bStride);
          }
        }
        store_tile(acc, vectors, pixelCount - m, K - n, hasBias, kind, bias + n, y + (size_t)m * (G * K) + n, G * K);
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

// y = activation(x * w + bias). `zeros` holds at least C zeros.
// groups(ceil(N·P·Q / GROUP_ROWS), ceil(panels of K / panels), G)
__kernel void conv2d(CONVOLUTION_SIZES, const int bStride, const int tapStride, const int panelStride,
                     const int groupStride, const int panels, const int hasBias, const int kind,
                     __global const float *restrict x, __global const float *restrict w,
                     __global const float *restrict bias, __global const float *restrict zeros,
                     __global float *restrict y) {
  CONVOLVE_STAGES
  convolve(N, H, W, C, P, Q, K, R, S, G, strideY, strideX, dilationY, dilationX, offsetY, offsetX, strideY, strideX, 1,
           1, bStride, tapStride, panelStride, groupStride, panels, hasBias, kind, x, w, bias, zeros,
           y CONVOLVE_STAGE_ARGUMENTS);
}

// The input gradient: here x is dy, y is dx, C and K have changed places, and w is packed transposed.
__kernel void conv2d_backward_input(CONVOLUTION_SIZES, const int bStride, const int tapStride, const int panelStride,
                                    const int groupStride, const int panels, __global const float *restrict x,
                                    __global const float *restrict w, __global const float *restrict zeros,
                                    __global float *restrict y) {
  CONVOLVE_STAGES
  if (strideY == 1 && strideX == 1) {
    convolve(N, H, W, C, P, Q, K, R, S, G, strideY, strideX, dilationY, dilationX, offsetY, offsetX, 1, 1, 1, 1, bStride,
             tapStride, panelStride, groupStride, panels, 0, ACTIVATION_NONE, x, w, zeros, zeros,
             y CONVOLVE_STAGE_ARGUMENTS);
  } else {
    convolve(N, H, W, C, P, Q, K, R, S, G, strideY, strideX, dilationY, dilationX, offsetY, offsetX, 1, 1, strideY,
             strideX, bStride, tapStride, panelStride, groupStride, panels, 0, ACTIVATION_NONE, x, w, zeros, zeros,
             y CONVOLVE_STAGE_ARGUMENTS);
  }
}

// Weight gradient: dw(R,S,C,G·K) = Σ over pixels of x(pixel at tap, C) · dy(pixel, K), a product of a transposed matrix
// whose depth is the pixels. Group x sums one of `splits` ranges of output rows into partial(split,R,S,C,G·K), which
// reduce_columns then adds in order. A row is cut into segments of SEGMENT pixels.
// groups(splits, R · S · ceil(C / WEIGHT_ROWS), G)
#define SEGMENT 128
#if STAGED
#define WEIGHT_ROWS GROUP_ROWS
#else
#define WEIGHT_ROWS 64
#define BLOCK_PIXELS 256 // output pixels that stay in the cache while all tiles pass over them
#endif

__kernel void conv2d_backward_weight(CONVOLUTION_SIZES, __global const float *restrict x,
                                     __global const float *restrict dy, __global float *restrict partial) {
  const int channelBlocks = (C + WEIGHT_ROWS - 1) / WEIGHT_ROWS;
  const int tap = GROUP(1) / channelBlocks, c0 = GROUP(1) % channelBlocks * WEIGHT_ROWS;
  const int r = tap / S, s = tap % S, split = GROUP(0), splits = get_num_groups(0);
  const int xPitch = G * C, yPitch = G * K;
  x += GROUP(2) * C + c0;
  dy += GROUP(2) * K;
  partial += (((size_t)split * R * S + tap) * C + c0) * yPitch + GROUP(2) * K;
  const int rowCount = min(C - c0, WEIGHT_ROWS);
#if STAGED
  STAGES
  const int pixelCount = N * P * Q;
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
    store_tile(acc, TILE_N, rowCount, K - n0, 0, ACTIVATION_NONE, dy, partial + n0, yPitch);
  }
#else
  const int perRow = (Q + SEGMENT - 1) / SEGMENT, segments = N * P * perRow;
  const int begin = (int)((long)segments * split / splits), end = (int)((long)segments * (split + 1) / splits);
  const int blockSegments = max(1, BLOCK_PIXELS / min(Q, SEGMENT));
  const int tilesDown = (rowCount + TILE_M - 1) / TILE_M, tilesAcross = (K + PANEL - 1) / PANEL;
  for (int block = begin; block == begin || block < end; block += blockSegments) {
    for (int tile = LANE; tile < tilesDown * tilesAcross; tile += LOCAL) {
      const int c = tile / tilesAcross * TILE_M, n = tile % tilesAcross * PANEL;
      WITH_VECTORS(K - n, {
        VEC acc[TILE_M][TILE_N];
        clear_tile(acc);
        if (block > begin) {
          UNROLL for (int i = 0; i < TILE_M; i++) {
            UNROLL for (int j = 0; j < vectors; j++) {
              if (c + i < rowCount) acc[i][j] = LOAD(partial + (size_t)(c + i) * yPitch + n + j * VECTOR);
            }
          }
        }
        for (int segment = block; segment < min(end, block + blockSegments); segment++) {
          const int row = segment / perRow;
          const int first = segment % perRow * SEGMENT;
          const int atY = source(row % P * strideY + offsetY, r * dilationY, 1, H);
          if (atY < 0) continue;
          // The columns q whose pixel q · strideX + shift is inside the image.
          const int shift = offsetX + s * dilationX;
          const int from = max(first, first_inside(shift, strideX));
          const int to = min(first + SEGMENT, end_inside(shift, strideX, W, Q));
          if (from >= to) continue;
          multiply_columns(acc, vectors, to - from,
                           x + (((size_t)(row / P) * H + atY) * W + from * strideX + shift) * xPitch + c, strideX * xPitch,
                           dy + ((size_t)row * Q + from) * yPitch + n, yPitch);
        }
        store_tile(acc, vectors, rowCount - c, K - n, 0, ACTIVATION_NONE, dy, partial + (size_t)c * yPitch + n, yPitch);
      })
    }
  }
#endif
}

// MARK: depthwise convolution                                        x(N,H,W,C), w(R,S,C), y(N,P,Q,C)
//
// As above with one filter a channel: vectors run over channels, a work-item keeps DEPTHWISE_PIXELS neighbouring
// pixels in registers so that each weight is loaded once for all of them.

#define DEPTHWISE_SIZES                                                                                          \
  const int N, const int H, const int W, const int C, const int P, const int Q, const int R, const int S,        \
      const int strideY, const int strideX, const int dilationY, const int dilationX, const int offsetY, const int offsetX
#define DEPTHWISE_PIXELS 4

static inline void depthwise(DEPTHWISE_SIZES, const int upY, const int upX, const int downY, const int downX,
                             const int hasBias, const int kind, __global const float *x, __global const float *w,
                             __global const float *bias, __global float *y) {
  const int row = GROUP(0), baseY = row % P * upY + offsetY;
  x += (size_t)(row / P) * H * W * C;
  y += (size_t)row * Q * C;
  FOR_ROWS(block, 0, (Q + DEPTHWISE_PIXELS - 1) / DEPTHWISE_PIXELS) {
    const int q = block * DEPTHWISE_PIXELS;
    // Away from the left and right borders, no tap needs to be asked whether it is inside.
    const int near = q * upX + offsetX + min(0, (S - 1) * dilationX);
    const int far = (q + DEPTHWISE_PIXELS - 1) * upX + offsetX + max(0, (S - 1) * dilationX);
    const int isInside = downX == 1 && near >= 0 && far < W;
    FOR_CHANNELS(c, C) {
      VEC acc[DEPTHWISE_PIXELS];
      UNROLL for (int i = 0; i < DEPTHWISE_PIXELS; i++) acc[i] = (VEC)(0.0f);
      for (int r = 0; r < R; r++) {
        const int atY = source(baseY, r * dilationY, downY, H);
        if (atY < 0) continue;
        __global const float *inputs = x + (size_t)atY * W * C + c;
        for (int s = 0; s < S; s++) {
          const VEC weight = LOAD(w + (r * S + s) * C + c);
          if (isInside) {
            __global const float *first = inputs + (q * upX + offsetX + s * dilationX) * C;
            UNROLL for (int i = 0; i < DEPTHWISE_PIXELS; i++) acc[i] += weight * LOAD(first + i * upX * C);
          } else {
            UNROLL for (int i = 0; i < DEPTHWISE_PIXELS; i++) {
              const int atX = source((q + i) * upX + offsetX, s * dilationX, downX, W);
              if (atX >= 0) acc[i] += weight * LOAD(inputs + atX * C);
            }
          }
        }
      }
      UNROLL for (int i = 0; i < DEPTHWISE_PIXELS; i++) {
        if (hasBias) acc[i] += LOAD(bias + c);
        if (q + i < Q) STORE_PART(activate(acc[i], kind), y + (size_t)(q + i) * C + c, C - c);
      }
    }
  }
}

// groups(N · P, 1, 1)
__kernel void depthwise_conv2d(DEPTHWISE_SIZES, const int hasBias, const int kind, __global const float *restrict x,
                               __global const float *restrict w, __global const float *restrict bias,
                               __global float *restrict y) {
  depthwise(N, H, W, C, P, Q, R, S, strideY, strideX, dilationY, dilationX, offsetY, offsetX, strideY, strideX, 1, 1,
            hasBias, kind, x, w, bias, y);
}

// The input gradient: x is dy, y is dx, as in conv2d_backward_input.
__kernel void depthwise_conv2d_backward_input(DEPTHWISE_SIZES, __global const float *restrict x,
                                              __global const float *restrict w, __global float *restrict y) {
  if (strideY == 1 && strideX == 1) {
    depthwise(N, H, W, C, P, Q, R, S, strideY, strideX, dilationY, dilationX, offsetY, offsetX, 1, 1, 1, 1, 0,
              ACTIVATION_NONE, x, w, w, y);
  } else {
    depthwise(N, H, W, C, P, Q, R, S, strideY, strideX, dilationY, dilationX, offsetY, offsetX, 1, 1, strideY, strideX,
              0, ACTIVATION_NONE, x, w, w, y);
  }
}

// Adds `taps` neighbouring taps of a row's weight gradient to sums: Σ over pixels from ..< to of x(pixel at tap) · dy(pixel).
// `x` points to the first tap's pixel 0, which may lie outside: the range does not.
static inline void depthwise_taps(VEC sums[3], const int taps, const int from, const int to, const int xStep, const int tapStep,
                                  const int C, __global const float *x, __global const float *dy) {
  for (int q = from; q < to; q++) {
    const VEC gradient = LOAD(dy + q * C);
    UNROLL for (int i = 0; i < taps; i++) sums[i] += LOAD(x + q * xStep + i * tapStep) * gradient;
  }
}

// partial(split,R,S,C) = Σ over a split's output rows of x · dy, three taps of a row at a time so that each dy is loaded
// once for them.                                                       groups(splits, ceil(C / DEPTHWISE_CHANNELS), 1)
#define DEPTHWISE_CHANNELS 64
__kernel void depthwise_conv2d_backward_weight(DEPTHWISE_SIZES, __global const float *restrict x,
                                               __global const float *restrict dy, __global float *restrict partial) {
  const int split = GROUP(0), splits = get_num_groups(0);
  const int begin = (int)((long)N * P * split / splits), end = (int)((long)N * P * (split + 1) / splits);
  partial += (size_t)split * R * S * C;
  for (int row = begin; row == begin || row < end; row++) {
    // A lane comes back to its own sums only, so no barrier is needed between rows.
    for (int c = GROUP(1) * DEPTHWISE_CHANNELS + LANE * VECTOR; c < min(C, (GROUP(1) + 1) * DEPTHWISE_CHANNELS); c += LOCAL * VECTOR) {
      for (int r = 0; r < R; r++) {
        const int atY = row < end ? source(row % P * strideY + offsetY, r * dilationY, 1, H) : -1;
        for (int s = 0; s < S; s += 3) {
          const int taps = min(3, S - s), shift = offsetX + s * dilationX;
          VEC sums[3];
          UNROLL for (int i = 0; i < 3; i++) sums[i] = (VEC)(0.0f);
          if (atY >= 0) {
            __global const float *inputs = x + (((long)(row / P) * H + atY) * W + shift) * C + c;
            __global const float *gradients = dy + (size_t)row * Q * C + c;
            const int xStep = strideX * C, tapStep = dilationX * C;
            // Where all three are inside, then what each has beside that.
            const int from = first_inside(shift, strideX), to = end_inside(shift + (taps - 1) * dilationX, strideX, W, Q);
            if (taps == 3 && from < to) {
              depthwise_taps(sums, 3, from, to, xStep, tapStep, C, inputs, gradients);
            }
            const int isDone = taps == 3 && from < to;
            UNROLL for (int i = 0; i < 3; i++) {
              if (i >= taps) continue;
              const int first = first_inside(shift + i * dilationX, strideX), last = end_inside(shift + i * dilationX, strideX, W, Q);
              depthwise_taps(sums + i, 1, first, isDone ? min(from, last) : last, xStep, tapStep, C, inputs + i * tapStep, gradients);
              if (isDone) depthwise_taps(sums + i, 1, max(to, first), last, xStep, tapStep, C, inputs + i * tapStep, gradients);
            }
          }
          UNROLL for (int i = 0; i < 3; i++) {
            if (i >= taps) continue;
            __global float *sum = partial + (r * S + s + i) * C + c;
            if (row > begin) sums[i] += LOAD(sum);
            STORE_PART(sums[i], sum, C - c);
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
#define SUM_COLUMNS(count, columnCount, begin, end, ADD)                                                         \
  __local float scratch[count][DOWN][COLUMNS];                                                                   \
  const int firstColumn = GROUP(0) * COLUMNS + LANE % ACROSS * (COLUMN_VECTORS * VECTOR);                        \
  const int localColumn = LANE % ACROSS * (COLUMN_VECTORS * VECTOR);                                             \
  VEC total[count][COLUMN_VECTORS];                                                                              \
  UNROLL for (int q = 0; q < count; q++) UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) total[q][j] = (VEC)(0.0f); \
  for (int block = (begin) + LANE / ACROSS; block < (end); block += COLUMN_BLOCK * DOWN) {                       \
    VEC part[count][COLUMN_VECTORS];                                                                             \
    UNROLL for (int q = 0; q < count; q++) UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) part[q][j] = (VEC)(0.0f); \
    for (int row = block; row < min(end, block + COLUMN_BLOCK * DOWN); row += DOWN) {                            \
      UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) {                                                          \
        const int column = min(firstColumn + j * VECTOR, columnCount - 1);                                       \
        ADD                                                                                                      \
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

// y(outer,chunks,inner) = scale · Σ over a chunk of the axis              groups(ceil(inner / COLUMNS), chunks, outer)
__kernel void reduce_columns(const int axis, const int inner, const float scale, __global const float *restrict x,
                             __global float *restrict y) {
  const int chunk = GROUP(1), chunks = get_num_groups(1);
  const int begin = (int)((long)axis * chunk / chunks), end = (int)((long)axis * (chunk + 1) / chunks);
  x += (size_t)GROUP(2) * axis * inner;
  y += ((size_t)GROUP(2) * chunks + chunk) * inner;
  SUM_COLUMNS(1, inner, begin, end, part[0][j] += LOAD(x + (size_t)row * inner + column);)
  UNROLL for (int j = 0; j < COLUMN_VECTORS; j++) total[0][j] *= scale;
  STORE_COLUMNS(0, y, inner)
}

// Rows (inner = 1): y(outer,chunks) = scale · Σ over a chunk of the axis                  groups(chunks, outer, 1)
__kernel void reduce_rows(const int axis, const float scale, __global const float *restrict x,
                          __global float *restrict y) {
  __local float scratch[LOCAL];
  const int chunk = GROUP(0), chunks = get_num_groups(0);
  const int begin = (int)((long)axis * chunk / chunks), end = (int)((long)axis * (chunk + 1) / chunks);
  x += (size_t)GROUP(1) * axis;
  VEC sum[4];
  UNROLL for (int j = 0; j < 4; j++) sum[j] = (VEC)(0.0f);
  int i = begin + LANE * 4 * VECTOR;
  for (; i + 4 * VECTOR <= end; i += LOCAL * 4 * VECTOR) {
    UNROLL for (int j = 0; j < 4; j++) sum[j] += LOAD(x + i + j * VECTOR);
  }
  float lanes[VECTOR];
  STORE((sum[0] + sum[1]) + (sum[2] + sum[3]), lanes);
  for (int width = VECTOR / 2; width > 0; width /= 2) {
    for (int j = 0; j < width; j++) lanes[j] += lanes[j + width];
  }
  float rest = 0.0f;
  for (; i < end; i++) rest += x[i]; // at most one lane has part of a stretch left
  const float total = group_sum(lanes[0] + rest, scratch);
  if (LANE == 0) y[(size_t)GROUP(1) * chunks + chunk] = total * scale;
}

// y(outer,inner), index(outer,inner) = the largest along the axis and where it first stands; NaN counts as largest.
// groups(ceil(inner / LOCAL), outer, 1)
__kernel void reduce_max(const int axis, const int inner, __global const float *restrict x, __global float *restrict y,
                         __global int *restrict index) {
  const int i = GROUP(0) * LOCAL + LANE;
  if (i >= inner) return;
  x += (size_t)GROUP(1) * axis * inner + i;
  float largest = x[0];
  int at = 0;
  for (int a = 1; a < axis; a++) {
    const float value = x[(size_t)a * inner];
    if (value > largest || (isnan(value) && !isnan(largest))) {
      largest = value;
      at = a;
    }
  }
  y[(size_t)GROUP(1) * inner + i] = largest;
  index[(size_t)GROUP(1) * inner + i] = at;
}

// dx(outer,axis,inner) = dy where the largest stood, else 0                     groups(ceil(inner / LOCAL), outer, 1)
__kernel void reduce_max_backward(const int axis, const int inner, __global const int *restrict index,
                                  __global const float *restrict dy, __global float *restrict dx) {
  const int i = GROUP(0) * LOCAL + LANE;
  if (i >= inner) return;
  const size_t at = (size_t)GROUP(1) * inner + i;
  dx += (size_t)GROUP(1) * axis * inner + i;
  for (int a = 0; a < axis; a++) dx[(size_t)a * inner] = a == index[at] ? dy[at] : 0.0f;
}

// The gradient of a sum: y(outer,axis,inner) = scale · x(outer,inner)                         groups(axis, outer, 1)
__kernel void broadcast_axis(const int inner, const float scale, __global const float *restrict x,
                             __global float *restrict y) {
  x += (size_t)GROUP(1) * inner;
  y += ((size_t)GROUP(1) * get_num_groups(0) + GROUP(0)) * inner;
  for (int i = LANE * VECTOR; i < inner; i += LOCAL * VECTOR) STORE_PART(scale * LOAD(x + i), y + i, inner - i);
}

// MARK: batch normalization                                                      x(rows,C), rows = N · H · W
//
// statistics(4,C): mean, 1 / standard deviation, and the scale and shift that normalise: y = scale · x + shift.
// Sums are taken about the first row, so that a large mean costs no digits.

#define ROW_CHUNK(rows, begin, end)                                                                              \
  const int begin = (int)((long)(rows) * GROUP(1) / (int)get_num_groups(1));                                     \
  const int end = (int)((long)(rows) * (GROUP(1) + 1) / (int)get_num_groups(1));

// partial(chunks,2,C) = Σ (x - pivot), Σ (x - pivot)²                               groups(ceil(C / COLUMNS), chunks, 1)
__kernel void batch_norm_sums(const int rows, const int C, __global const float *restrict x,
                              __global float *restrict partial) {
  ROW_CHUNK(rows, begin, end)
  SUM_COLUMNS(2, C, begin, end, {
    const VEC value = LOAD(x + (size_t)row * C + column) - LOAD(x + column);
    part[0][j] += value;
    part[1][j] += value * value;
  })
  partial += (size_t)GROUP(1) * 2 * C;
  STORE_COLUMNS(0, partial, C)
  STORE_COLUMNS(1, partial + C, C)
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
  float sum = 0.0f, squares = 0.0f;
  for (int chunk = 0; chunk < chunks; chunk++) {
    sum += partial[(size_t)chunk * 2 * C + c];
    squares += partial[((size_t)chunk * 2 + 1) * C + c];
  }
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
      STORE_PART(activate(value, kind), y + at, C - c);
    }
  }
}

// With g = dy where the activation let it through: partial(chunks,2,C) = Σ g, Σ g · (x - mean)
// groups(ceil(C / COLUMNS), chunks, 1)
__kernel void batch_norm_backward_sums(const int rows, const int C, const int kind, __global const float *restrict x,
                                       __global const float *restrict statistics, __global const float *restrict dy,
                                       __global float *restrict partial) {
  ROW_CHUNK(rows, begin, end)
  SUM_COLUMNS(2, C, begin, end, {
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

// dgamma(C), dbeta(C), and coefficients(2,C) of dx = scale · g + coefficient₀ · (x - mean) + coefficient₁
// groups(ceil(C / LOCAL), 1, 1)
__kernel void batch_norm_backward_finish(const int C, const int chunks, const int rows,
                                         __global const float *restrict partial,
                                         __global const float *restrict statistics, __global float *restrict dgamma,
                                         __global float *restrict dbeta, __global float *restrict coefficients) {
  const int c = GROUP(0) * LOCAL + LANE;
  if (c >= C) return;
  float sum = 0.0f, products = 0.0f;
  for (int chunk = 0; chunk < chunks; chunk++) {
    sum += partial[(size_t)chunk * 2 * C + c];
    products += partial[((size_t)chunk * 2 + 1) * C + c];
  }
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
      STORE_PART(result, dx + at, C - c);
    }
  }
}

// MARK: pooling                                                              x(N,H,W,C), y(N,P,Q,C); groups(N · P, 1, 1)

#define POOL_SIZES                                                                                               \
  const int H, const int W, const int C, const int P, const int Q, const int R, const int S, const int strideY,  \
      const int strideX, const int top, const int left

// index(N,P,Q,C): where in the H · W plane the largest stood; the first of equals, NaN above all.
__kernel void max_pool(POOL_SIZES, __global const float *restrict x, __global float *restrict y,
                       __global int *restrict index) {
  const int row = GROUP(0), y0 = row % P * strideY - top;
  x += (size_t)(row / P) * H * W * C;
  for (int t = LANE; t < Q * C; t += LOCAL) {
    const int c = t % C, x0 = t / C * strideX - left;
    float largest = -INFINITY;
    int at = max(y0, 0) * W + max(x0, 0);
    for (int i = max(y0, 0); i < min(y0 + R, H); i++) {
      for (int j = max(x0, 0); j < min(x0 + S, W); j++) {
        const float value = x[(size_t)(i * W + j) * C + c];
        if (value > largest || isnan(value)) {
          largest = value;
          at = i * W + j;
        }
      }
    }
    y[(size_t)row * Q * C + t] = largest;
    index[(size_t)row * Q * C + t] = at;
  }
}

// groups(N · H, 1, 1): each input pixel asks the windows that cover it
__kernel void max_pool_backward(POOL_SIZES, __global const int *restrict index, __global const float *restrict dy,
                                __global float *restrict dx) {
  const int row = GROUP(0), i = row % H;
  index += (size_t)(row / H) * P * Q * C;
  dy += (size_t)(row / H) * P * Q * C;
  const int p0 = max(0, (i + top - R + strideY) / strideY), p1 = min(P - 1, (i + top) / strideY);
  for (int t = LANE; t < W * C; t += LOCAL) {
    const int c = t % C, j = t / C;
    const int q0 = max(0, (j + left - S + strideX) / strideX), q1 = min(Q - 1, (j + left) / strideX);
    float sum = 0.0f;
    for (int p = p0; p <= p1; p++) {
      for (int q = q0; q <= q1; q++) {
        const size_t at = (size_t)(p * Q + q) * C + c;
        if (index[at] == i * W + j) sum += dy[at];
      }
    }
    dx[(size_t)row * W * C + t] = sum;
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
  for (int t = LANE; t < Q * C; t += LOCAL) {
    const int c = t % C, x0 = t / C * strideX - left;
    float sum = 0.0f;
    for (int i = max(y0, 0); i < min(y0 + R, H); i++) {
      for (int j = max(x0, 0); j < min(x0 + S, W); j++) sum += x[(size_t)(i * W + j) * C + c];
    }
    y[(size_t)row * Q * C + t] = sum / pool_count(y0, x0, R, S, countedTop, countedLeft, countedBottom, countedRight);
  }
}

// groups(N · H, 1, 1)
__kernel void average_pool_backward(POOL_SIZES, COUNTED, __global const float *restrict dy,
                                    __global float *restrict dx) {
  const int row = GROUP(0), i = row % H;
  dy += (size_t)(row / H) * P * Q * C;
  const int p0 = max(0, (i + top - R + strideY) / strideY), p1 = min(P - 1, (i + top) / strideY);
  for (int t = LANE; t < W * C; t += LOCAL) {
    const int c = t % C, j = t / C;
    const int q0 = max(0, (j + left - S + strideX) / strideX), q1 = min(Q - 1, (j + left) / strideX);
    float sum = 0.0f;
    for (int p = p0; p <= p1; p++) {
      for (int q = q0; q <= q1; q++) {
        sum += dy[(size_t)(p * Q + q) * C + c] /
               pool_count(p * strideY - top, q * strideX - left, R, S, countedTop, countedLeft, countedBottom, countedRight);
      }
    }
    dx[(size_t)row * W * C + t] = sum;
  }
}

// MARK: softmax                                                        logits(rows,classes); groups(rows, 1, 1)

// The largest logit of the group's row and the sum of exp(logit - largest).
#define SOFTMAX_ROW(logits, classes)                                                                             \
  __local float scratch[LOCAL];                                                                                  \
  float largest = -INFINITY;                                                                                     \
  for (int k = LANE; k < classes; k += LOCAL) largest = fmax(largest, logits[k]);                                \
  largest = group_max(largest, scratch);                                                                         \
  float sum = 0.0f;                                                                                              \
  for (int k = LANE; k < classes; k += LOCAL) sum += exp(logits[k] - largest);                                   \
  sum = group_sum(sum, scratch);

__kernel void softmax(const int classes, __global const float *restrict logits, __global float *restrict y) {
  logits += (size_t)GROUP(0) * classes;
  y += (size_t)GROUP(0) * classes;
  SOFTMAX_ROW(logits, classes)
  for (int k = LANE; k < classes; k += LOCAL) y[k] = exp(logits[k] - largest) / sum;
}

// dx = y · (dy - Σ y · dy)
__kernel void softmax_backward(const int classes, __global const float *restrict y, __global const float *restrict dy,
                               __global float *restrict dx) {
  __local float scratch[LOCAL];
  y += (size_t)GROUP(0) * classes;
  dy += (size_t)GROUP(0) * classes;
  dx += (size_t)GROUP(0) * classes;
  float sum = 0.0f;
  for (int k = LANE; k < classes; k += LOCAL) sum += y[k] * dy[k];
  sum = group_sum(sum, scratch);
  for (int k = LANE; k < classes; k += LOCAL) dx[k] = y[k] * (dy[k] - sum);
}

// loss(rows) = -Σ target · log softmax(logits), target = (1 - smoothing) at the label + smoothing / classes everywhere
__kernel void cross_entropy(const int classes, const float smoothing, __global const float *restrict logits,
                            __global const int *restrict labels, __global float *restrict loss) {
  logits += (size_t)GROUP(0) * classes;
  SOFTMAX_ROW(logits, classes)
  float logitSum = 0.0f;
  for (int k = LANE; k < classes; k += LOCAL) logitSum += logits[k] - largest;
  logitSum = group_sum(logitSum, scratch);
  if (LANE == 0) {
    const float label = logits[labels[GROUP(0)]] - largest;
    loss[GROUP(0)] = log(sum) - (1.0f - smoothing) * label - smoothing / classes * logitSum;
  }
}

// dlogits = dloss(row) · (softmax - target)
__kernel void cross_entropy_backward(const int classes, const float smoothing, __global const float *restrict logits,
                                     __global const int *restrict labels, __global const float *restrict dloss,
                                     __global float *restrict dlogits) {
  logits += (size_t)GROUP(0) * classes;
  dlogits += (size_t)GROUP(0) * classes;
  SOFTMAX_ROW(logits, classes)
  const int label = labels[GROUP(0)];
  for (int k = LANE; k < classes; k += LOCAL) {
    const float target = (k == label ? 1.0f - smoothing : 0.0f) + smoothing / classes;
    dlogits[k] = dloss[GROUP(0)] * (exp(logits[k] - largest) / sum - target);
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

static inline void adamw_tensor(const float rate, const float beta1, const float beta2, const float epsilon,
                                const float shrink, const float step, const float correction, const int n,
                                __global const float *g, __global float *w, __global float *m, __global float *v) {
  FOR_VECTORS(i, n) {
    const VEC gradient = LOAD(g + i);
    const VEC mean = beta1 * LOAD(m + i) + (1.0f - beta1) * gradient;
    const VEC square = beta2 * LOAD(v + i) + (1.0f - beta2) * gradient * gradient;
    STORE_PART(mean, m + i, n - i);
    STORE_PART(square, v + i, n - i);
    STORE_PART(shrink * LOAD(w + i) - step * mean / (sqrt(square) * correction + epsilon), w + i, n - i);
  }
}

// Loshchilov and Hutter's AdamW as in PyTorch; shrink = 1 - rate · decay, step = rate / (1 - beta1^t), correction =
// 1 / sqrt(1 - beta2^t).
#define ADAMW_TENSOR(t) \
  const int n##t, __global const float *g##t, __global float *w##t, __global float *m##t, __global float *v##t
#define ADAMW_STEP(t) adamw_tensor(rate, beta1, beta2, epsilon, shrink, step, correction, n##t, g##t, w##t, m##t, v##t);
__kernel void adamw(const float rate, const float beta1, const float beta2, const float epsilon, const float shrink,
                    const float step, const float correction, EIGHT(ADAMW_TENSOR)) {
  EACH_OF_EIGHT(ADAMW_STEP)
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
  for (int round = 0; round < 10; round++) {
    const uint high0 = mul_hi(a, 0xD2511F53u), low0 = a * 0xD2511F53u;
    const uint high1 = mul_hi(c, 0xCD9E8D57u), low1 = c * 0xCD9E8D57u;
    a = high1 ^ b ^ key0;
    b = low1;
    c = high0 ^ d ^ key1;
    d = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  words[0] = a;
  words[1] = b;
  words[2] = c;
  words[3] = d;
}

// y(n) = x(n) / (1 - probability) where the generator keeps it, else 0. The gradient is the same map of dy.
// groups(ceil(n / CHUNK), 1, 1)
__kernel void dropout(const int n, const float probability, const int key0, const int key1, const int stream,
                      __global const float *restrict x, __global float *restrict y) {
  const int end = min(n, (GROUP(0) + 1) * CHUNK);
  for (int i = GROUP(0) * CHUNK + LANE * 4; i < end; i += LOCAL * 4) {
    uint words[4];
    philox((uint)i / 4u, (uint)stream, (uint)key0, (uint)key1, words);
    for (int j = 0; j < min(4, end - i); j++) {
      y[i + j] = (words[j] >> 8) * 0x1p-24f >= probability ? x[i + j] / (1.0f - probability) : 0.0f;
    }
  }
}
