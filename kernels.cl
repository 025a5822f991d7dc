// DeviceNN's kernels
#ifndef VECTOR
#define VECTOR 4 // floats of a vector
#endif
#ifndef LOCAL
#define LOCAL 64 // work-items of a group
#endif

// y(n) = value
__kernel void fill(const int n, const float value, __global float *y) {
  for (int i = get_group_id(0) * LOCAL + get_local_id(0); i < n; i += get_num_groups(0) * LOCAL) y[i] = value;
}
