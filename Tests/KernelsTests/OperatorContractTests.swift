import Testing

@testable import Kernels

/// What holds for every operator, whatever it computes.
@Suite struct OperatorContractTests {
  @Test(arguments: Target.all, OperatorCase.chosen)
  func launchesFitTheirKernelsAndStayInsideTheirBuffers(_ target: Target, _ operation: OperatorCase) throws {
    let backend = CheckedBackend(target.device.backend)
    // A device of its own: all memory is fresh, and what was never written is NaN.
    for (i, bits) in try operation.run(Device(backend: backend)).enumerated() {
      #expect(!bits.contains { Float(bitPattern: $0).isNaN }, "result \(i) of \(operation.name) has a NaN")
    }
    #expect(backend.problems.isEmpty)
  }

  @Test(arguments: Target.all, OperatorCase.chosen)
  func theSameNumbersGiveTheSameBits(_ target: Target, _ operation: OperatorCase) throws {
    let first = try operation.run(target.device)
    #expect(try operation.run(target.device) == first)
  }

  @Test func everyKernelHasACase() throws {
    let backend = CheckedBackend(try CPUBackend())
    for operation in OperatorCase.all { _ = try operation.run(Device(backend: backend)) }
    #expect(Set(CheckedBackend.signatures.keys).subtracting(backend.launched) == [], "kernels that no case launches")
  }

  /// A check that finds nothing proves something only if it would.
  @Test func theChecksFindWhatTheyAreFor() throws {
    let backend = CheckedBackend(try CPUBackend())
    let device = Device(backend: backend)
    let buffer = device.makeBuffer(byteCount: 4)
    device.launch(Launch("fill", groups: [1, 1, 1], [.int(1), .float(2), .buffer(buffer)]))
    #expect(backend.problems.isEmpty)
    device.launch(Launch("fill", groups: [1, 1, 1], [.int(2), .float(2), .buffer(buffer)]))
    #expect(backend.problems.count == 1 && backend.problems[0].contains("wrote byte 4 of a buffer of 4 bytes"))
    device.launch(Launch("fill", groups: [1, 1, 1], [.int(1), .int(2), .buffer(buffer)]))
    #expect(backend.problems.last == "fill takes ifp, not iip")
  }
}
