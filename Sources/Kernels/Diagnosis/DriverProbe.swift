/// A question about what a driver can do beyond OpenCL 1.2, answered by trying it: what faster kernels for a GPU would be
/// built on. Each should run in a process of its own, because asking may end it.
public enum DriverProbe: String, Sendable, CaseIterable {
  /// Versions, limits and extensions.
  case limits
  /// Arithmetic on `half`.
  case halfArithmetic
  /// NVIDIA's tensor cores through inline PTX: products of bfloat16 and of TF32.
  case bfloat16Products, tf32Products
  /// NVIDIA's copies from global to local memory that nobody waits for, and loads of matrices from there.
  case asynchronousCopies
  /// The text that the driver's compiler makes, its first lines.
  case binary
  /// Whether the compiler takes the option that allows Hopper's own instructions, and whether a program in PTX may have them.
  case architectureOption, hopperProgram
  /// 64 KiB of local memory, as an argument and as a variable of the kernel.
  case largeLocalArgument, largeLocalVariable
  /// An allocation half as large again as the largest that the driver admits.
  case largeAllocation
  /// Launches a second, one by one and together; gigabytes a second from the host, from ordinary and from pinned memory.
  case launchRate, copyRate

  public struct Answer: Sendable, Codable {
    public var probe: String
    /// Whether it works, its numbers being right.
    public var works: Bool
    public var detail: String
  }

  /// Tries it on the OpenCL device called `identifier`.
  public func answer(on identifier: String) -> Answer {
    guard let device = OpenCLDevice.all.first(where: { $0.description.identifier == identifier }) else {
      return Answer(probe: rawValue, works: false, detail: "no OpenCL device is called '\(identifier)'")
    }
    do {
      return Answer(probe: rawValue, works: true, detail: try attempt(on: device))
    } catch {
      return Answer(probe: rawValue, works: false, detail: String("\(error)".prefix(400)))
    }
  }

  /// The answer where the process that tried it did not come back.
  public func answer(failedBecause reason: String) -> Answer { Answer(probe: rawValue, works: false, detail: reason) }

  /// What there is to say where it works.
  private func attempt(on device: OpenCLDevice) throws -> String {
    switch self {
    case .limits: return device.limits
    case .halfArithmetic:
      return try sums(
        """
        #ifdef cl_khr_fp16
        #pragma OPENCL EXTENSION cl_khr_fp16 : enable
        #endif
        __kernel void probe(__global float *y) {
          half a = (half)y[get_global_id(0)];
          half b = a * (half)0.5f + (half)1.0f;
          y[get_global_id(0)] = (float)b;
        }
        """, value: 3, expecting: 2.5, on: device)
    case .bfloat16Products:
      // 1.0 and 0.5 in both halves of a word; 16 products each.
      return try sums(
        Self.mma(
          shape: "m16n8k16", type: "bf16", a: Array(repeating: "0x3F803F80", count: 4), b: ["0x3F003F00", "0x3F003F00"]),
        value: 0, expecting: 8, on: device)
    case .tf32Products:
      return try sums(
        Self.mma(shape: "m16n8k8", type: "tf32", a: Array(repeating: "as_uint(1.5f)", count: 4), b: ["as_uint(2.0f)", "as_uint(2.0f)"]),
        value: 0, expecting: 24, on: device)
    case .asynchronousCopies:
      return try sums(
        """
        __kernel void probe(__global float *y) {
          __local float stage[32 * 4] __attribute__((aligned(128)));
          const int lane = get_local_id(0);
          const uint to = (uint)(size_t)(stage + 4 * lane);
          __asm__ volatile("cp.async.ca.shared.global [%0], [%1], 4;" :: "r"(to), "l"(y + get_global_id(0)) : "memory");
          __asm__ volatile("cp.async.commit_group;" ::: "memory");
          __asm__ volatile("cp.async.wait_group 0;" ::: "memory");
          for (int i = 1; i < 4; i++) stage[4 * lane + i] = stage[4 * lane];
          barrier(CLK_LOCAL_MEM_FENCE);
          uint found;
          __asm__ volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(found) : "r"(to));
          y[get_global_id(0)] = as_float(found);
        }
        """, value: 3, expecting: 3, on: device)
    case .binary:
      let program = try OpenCLProgram(
        device: device, context: try device.makeContext(), profile: Self.warp, source: Self.copy, cache: nil)
      guard let bytes = OpenCLProgram.binary(of: program.handle) else { throw ProbeFailure("the driver shows none") }
      let lines = String(decoding: bytes.prefix(2000).filter { $0 == 10 || (32..<127).contains($0) }, as: UTF8.self)
        .split(separator: "\n").filter { $0.hasPrefix(".") || $0.hasPrefix("//") }
      return "\(bytes.count) bytes" + (lines.isEmpty ? "" : ": " + lines.prefix(12).joined(separator: " | "))
    case .architectureOption:
      _ = try OpenCLProgram.build(Self.copy, device: device, context: try device.makeContext(), options: "-cl-nv-arch sm_90a")
      return "-cl-nv-arch sm_90a is taken"
    case .hopperProgram:
      let text = Array((Self.hopper + "\0").utf8)
      guard OpenCLProgram.load(text, device: device, context: try device.makeContext(), options: "") != nil else {
        throw ProbeFailure("a program for sm_90a with wgmma is refused")
      }
      return "a program for sm_90a with wgmma is built"
    case .largeLocalArgument: return try largeLocal(Self.localArgument, isArgument: true, on: device)
    case .largeLocalVariable: return try largeLocal(Self.localVariable, isArgument: false, on: device)
    case .largeAllocation: return try allocate(on: device)
    case .launchRate: return try launchRate(on: device)
    case .copyRate: return try copyRate(on: device)
    }
  }

  // MARK: Kernels

  /// A group is a warp of NVIDIA's.
  static let warp = TileProfile(
    name: "warp", vector: 4, local: 32, tileM: 4, tileN: 1, staged: false, itemsN: 1, tileK: 16, columnVectors: 1)

  static let copy = "__kernel void probe(__global float *y) { y[get_global_id(0)] += 1.0f; }"

  private static func mma(shape: String, type: String, a: [String], b: [String]) -> String {
    """
    __kernel void probe(__global float *y) {
      float c0 = 0.0f, c1 = 0.0f, c2 = 0.0f, c3 = 0.0f;
      const uint a0 = \(a[0]), a1 = \(a[1]), a2 = \(a[2]), a3 = \(a[3]), b0 = \(b[0]), b1 = \(b[1]);
      __asm__ volatile("mma.sync.aligned.\(shape).row.col.f32.\(type).\(type).f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                       : "+f"(c0), "+f"(c1), "+f"(c2), "+f"(c3) : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
      y[get_global_id(0)] = (c0 + c1 + c2 + c3) / 4.0f;
    }
    """
  }

  private static let hopper = """
    .version 8.0
    .target sm_90a, texmode_independent
    .address_size 64
    .entry probe(.param .u64 .ptr .global .align 4 y)
    {
      wgmma.fence.sync.aligned;
      wgmma.commit_group.sync.aligned;
      wgmma.wait_group.sync.aligned 0;
      ret;
    }
    """

  /// Each lane writes to one end of the memory and reads at the other.
  static let localArgument = """
    __kernel void probe(__global float *y, __local float *stage) {
      const int lane = get_local_id(0);
      stage[16383 - lane] = y[lane] + lane;
      barrier(CLK_LOCAL_MEM_FENCE);
      y[lane] = stage[16383 - 31 + lane] - (31 - lane);
    }
    """
  static let localVariable = localArgument
    .replacing("(__global float *y, __local float *stage) {", with: "(__global float *y) { __local float stage[16384];")

  // MARK: Trying

  /// Runs a kernel of one buffer by one group and compares every number.
  private func sums(_ source: String, value: Float, expecting expected: Float, on device: OpenCLDevice) throws -> String {
    let device = Device(backend: try OpenCLBackend(device, profile: Self.warp, source: source, cache: nil))
    let y = device.makeBuffer([Float](repeating: value, count: 32))
    device.launch(Launch("probe", groups: [1, 1, 1], [.buffer(y)]))
    let found = try device.read(y, as: Float.self, count: 32)
    guard found.allSatisfy({ $0 == expected }) else { throw ProbeFailure("it gives \(found[0]) where \(expected) is right") }
    return "right"
  }
}
