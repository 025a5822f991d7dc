import Testing

@testable import Kernels

/// What holds for every operator, whatever it computes.
@Suite struct OperatorContractTests {
  @Test(arguments: Target.all) func launchesFitTheirKernelsAndStayInsideTheirBuffers(_ target: Target) throws {
    let backend = CheckedBackend(target.device.backend)
    for operation in OperatorCase.all {
      // A device of its own: all memory is fresh, and what was never written is NaN.
      let results = try operation.run(Device(backend: backend))
      for (i, bits) in results.enumerated() {
        #expect(!bits.contains { Float(bitPattern: $0).isNaN }, "result \(i) of \(operation.name) has a NaN")
      }
    }
    #expect(backend.problems.isEmpty)
    #expect(Set(CheckedBackend.signatures.keys).subtracting(backend.launched) == [], "kernels that no case launches")
  }

  @Test(arguments: Target.all) func theSameNumbersGiveTheSameBits(_ target: Target) throws {
    for operation in OperatorCase.all {
      let first = try operation.run(target.device)
      #expect(try operation.run(target.device) == first, "\(operation.name)")
    }
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
