import Foundation
import Testing

@testable import Kernels

/// What the doctor finds, in installations and devices that are broken on purpose.
@Suite struct DiagnosisTests {
  // MARK: The self-test

  @Test(arguments: Target.all) func soundDevicesPass(_ target: Target) {
    for outcome in SelfTest.run(on: target.device, limit: .seconds(600)) {
      #expect(outcome.problem == nil, "\(outcome.operators)")
    }
  }

  @Test(arguments: [
    ("binary", "elementwise"), ("activation_backward", "activations"), ("unary", "functions of one number"),
    ("unary_backward", "functions of one number"), ("choose", "functions of two numbers"),
    ("int_compare", "whole numbers"), ("matmul", "matmul"), ("conv2d", "convolution"),
    ("conv2d_backward_input", "convolution"), ("conv2d_backward_weight", "convolution"),
    ("depthwise_conv2d", "depthwise convolution"), ("depthwise_conv2d_backward_input", "depthwise convolution"),
    ("depthwise_conv2d_backward_weight", "depthwise convolution"),
    ("grouped_conv2d", "grouped convolution"), ("grouped_conv2d_backward_weight", "grouped convolution"),
    ("conv2d_backward_input", "transposed convolution"), ("col2im", "transposed convolution"), ("max_pool_backward", "pooling"),
    ("average_pool", "pooling"), ("reduce_rows", "reductions"), ("reduce_max_backward", "reductions"),
    ("batch_norm_backward_apply", "batch normalization"), ("softmax_backward", "softmax and cross-entropy"),
    ("cross_entropy", "softmax and cross-entropy"), ("group_norm", "layer and group normalization"),
    ("group_norm_backward", "layer and group normalization"),
    ("group_norm_backward_sums", "layer and group normalization"), ("row_moments", "moments"),
    ("column_moments", "moments"), ("sgd", "steps of SGD and Adam"), ("adam", "steps of SGD and Adam"),
    ("amsgrad", "steps of SGD and Adam"), ("rmsprop", "adaptive steps"), ("adagrad", "adaptive steps"),
    ("lion", "adaptive steps"), ("square_sums", "steps by norms"), ("clip_factor", "steps by norms"),
    ("scale_tensors", "steps by norms"), ("lamb_direction", "steps by norms"), ("lamb_apply", "steps by norms"),
    ("moving_average", "steps by norms"), ("adafactor_direction", "steps by norms"),
    ("adafactor_apply", "steps by norms"), ("element_loss", "losses of single elements"),
    ("element_loss_backward", "losses of single elements"),
    ("cross_entropy_soft", "cross-entropy with probabilities"),
    ("cross_entropy_soft_backward", "cross-entropy with probabilities"),
    ("log_softmax_backward", "cross-entropy with probabilities"),
    ("weighted_mean", "cross-entropy with probabilities"), ("ctc", "connectionist temporal classification"),
    ("ctc_backward", "connectionist temporal classification"), ("attention", "attention"),
    ("attention_backward_queries", "attention"), ("attention_backward_keys", "attention"), ("lstm_step", "LSTM"),
    ("lstm_step_backward", "LSTM"), ("gru_step", "GRU"), ("gru_step_backward", "GRU"),
    ("adaptive_average_pool", "adaptive pooling"), ("adaptive_average_pool_backward", "adaptive pooling"),
    ("resize", "resizing"), ("resize_backward", "resizing"), ("binary_broadcast", "broadcasting and reordering"),
    ("strided_copy", "broadcasting and reordering"), ("gather", "indices"), ("scatter_add", "indices"),
    ("one_hot", "indices"), ("span_sums", "cumulative sums"), ("cumulative_sum", "cumulative sums"),
    ("top_k", "top k"), ("dropout", "dropout"), ("random_uniform", "random numbers"),
    ("random_normal", "random numbers"), ("normalize_bytes", "pictures"), ("float_to_half", "half storage"),
    ("arithmetic_half", "half storage"), ("activation_half", "half storage"), ("conv2d_half", "products of halves"),
  ])
  func oneWrongNumberIsReported(kernel: String, operators: String) throws {
    let backend = WrongBackend(try CPUBackend(), kernel: kernel)
    let tests = SelfTest.all.filter { $0.operators == operators }
    let outcomes = SelfTest.run(tests, on: Device(backend: backend), limit: .seconds(600))
    #expect(outcomes.count == 1 && outcomes[0].problem?.contains(#/number \d+ of/#) == true, "\(outcomes)")
    var report = DeviceReport(backend.description)
    report.outcomes = outcomes
    #expect(!report.isSound)
    #expect(DeviceReport.recommended(of: [report]) == nil)
  }

  @Test func whatHadNoTurnIsUnproven() throws {
    let outcomes = SelfTest.run(on: Device(backend: try CPUBackend()), limit: .zero)
    #expect(!outcomes.isEmpty && outcomes.allSatisfy { $0.problem?.contains("not tested") == true && !$0.wasTested && !$0.isSound })
  }

  // MARK: Installations

  private func findings(
    in vendors: String, isOverridden: Bool = false, nodes: [String] = [], hasLoader: Bool = true, canOpen: Bool = true
  ) -> [Finding] {
    OpenCLInstallation(vendors: vendors, isOverridden: isOverridden, nodes: nodes, hasLoader: hasLoader)
      .findings { _ in canOpen }
  }

  #if os(Linux)
    @Test func driversThatAreNotFound() throws {
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("devicenn-\(UUID().uuidString)")
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      defer { try? FileManager.default.removeItem(at: folder) }
      let path = folder.path
      func problems(_ findings: [Finding]) -> [String] { findings.map(\.problem) }

      #expect(problems(findings(in: path + "/none")) == ["no OpenCL driver is installed: the folder \(path)/none is missing"])
      #expect(problems(findings(in: path)) == ["no OpenCL driver is installed: there is no .icd file in \(path)"])
      #expect(findings(in: path)[0].fix.contains("pocl-opencl-icd"))
      #expect(problems(findings(in: path + "/none", isOverridden: true))[0].contains("OCL_ICD_VENDORS is '\(path)/none'"))
      #expect(findings(in: path, isOverridden: true)[0].fix == "unset OCL_ICD_VENDORS")

      try "libNoSuchDriver.so.7\n".write(toFile: path + "/a.icd", atomically: true, encoding: .utf8)
      try "\n".write(toFile: path + "/b.icd", atomically: true, encoding: .utf8)
      try "libc.so.6".write(toFile: path + "/c.icd", atomically: true, encoding: .utf8)
      let found = problems(findings(in: path))
      #expect(found.count == 2)
      #expect(found[0].hasPrefix("the driver file \(path)/a.icd names libNoSuchDriver.so.7, which does not load"))
      #expect(found[1] == "the driver file \(path)/b.icd names no library")
      #expect(findings(in: path + "/c.icd", isOverridden: true) == [])
      #expect(problems(findings(in: path + "/c.icd", hasLoader: false))[0].contains("libOpenCL.so.1"))
    }

    @Test func nodesThatAreClosedNameTheirGroup() {
      let found = OpenCLInstallation(vendors: "/dev/null.icd", isOverridden: true, nodes: ["/dev/null"], hasLoader: false)
        .findings { _ in false }
      #expect(found.last?.problem.contains("/dev/null") == true)
      #expect(found.last?.fix.hasPrefix("sudo usermod -aG root") == true)
    }
  #endif

  @Test func oldDevicesAreRefused() {
    #expect(OpenCLDevice.obstacle(ofVersion: "OpenCL 1.1 Mesa 22.3.6")?.problem.contains("OpenCL 1.2 is needed") == true)
    #expect(OpenCLDevice.obstacle(ofVersion: "nonsense") != nil)
    for version in ["OpenCL 1.2 CUDA", "OpenCL 2.0", "OpenCL 3.0 PoCL 3.1"] {
      #expect(OpenCLDevice.obstacle(ofVersion: version) == nil)
    }
  }

  @Test func buildFailuresShowTheLogsFirstLines() {
    let log = (1...50).map { "line \($0)" }.joined(separator: "\n")
    let finding = DeviceReport.finding(.buildFailed(device: "imagined", log: log))
    #expect(finding.problem.contains("line 1\nline 2") && !finding.problem.contains("line 20"))
    #expect(finding.fix.contains("driver"))
  }

  // MARK: The recommendation

  private func report(_ kind: DeviceDescription.Kind, gigaflops: Double, isSound: Bool = true) -> DeviceReport {
    var report = DeviceReport(
      DeviceDescription(
        identifier: "\(kind) \(gigaflops)", name: "imagined", kind: kind, vendor: "", driverVersion: "", computeUnits: 1,
        memory: 1, maxAllocation: 1, localMemory: 1, maxGroupSize: 1))
    report.outcomes = [SelfTest.Outcome(operators: "matmul", problem: isSound ? nil : "wrong")]
    report.gigaflops = gigaflops
    return report
  }

  @Test func theFastestSoundGPUIsRecommended() {
    let (cpu, driver) = (report(.fallback, gigaflops: 100), report(.openCLCPU, gigaflops: 110))
    func choice(_ reports: DeviceReport...) -> String? { DeviceReport.recommended(of: reports)?.identifier }
    #expect(choice(cpu, driver) == cpu.identifier)
    #expect(choice(cpu, report(.openCLCPU, gigaflops: 130)) == "openCLCPU 130.0")
    #expect(choice(cpu, report(.gpu, gigaflops: 50), report(.gpu, gigaflops: 60)) == "gpu 60.0")
    #expect(choice(cpu, report(.gpu, gigaflops: 500, isSound: false)) == cpu.identifier)
    #expect(choice(report(.gpu, gigaflops: 500, isSound: false)) == nil)
    #expect(choice() == nil)
  }
}

/// The fallback, but one kernel's last buffer begins with a number that is one too large.
private final class WrongBackend: Backend {
  private let base: CPUBackend
  private let kernel: String
  var description: DeviceDescription { base.description }
  var profile: TileProfile { base.profile }

  init(_ base: CPUBackend, kernel: String) {
    self.base = base
    self.kernel = kernel
  }

  func allocate(byteCount: Int) throws(DeviceError) -> Memory { try base.allocate(byteCount: byteCount) }
  func free(_ memory: Memory) { base.free(memory) }
  func write(_ bytes: UnsafeRawBufferPointer, to memory: Memory) { base.write(bytes, to: memory) }
  func read(_ memory: Memory, into bytes: UnsafeMutableRawBufferPointer) { base.read(memory, into: bytes) }
  func synchronize() { base.synchronize() }

  func launch(_ launch: Launch) {
    base.launch(launch)
    guard launch.kernel == kernel, case .buffer(let result) = launch.arguments.last else { return }
    base.synchronize()
    let first = result.memory.handle.assumingMemoryBound(to: Float.self)
    first.pointee += 1
  }
}
