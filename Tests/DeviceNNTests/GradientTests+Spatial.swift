import Testing

@testable import DeviceNN
@testable import Kernels

extension GradientTests {
  @Test func transposedConvolutions() throws {
    let x = tensor("images", [2, 3, 4, 4])
    for (kernel, stride, dilation, groups, outputs, outputPadding) in [
      (1, 1, 1, 1, 6, 0), (3, 1, 1, 1, 5, 0), (3, 2, 1, 2, 6, 1), (2, 2, 2, 1, 3, 0), (3, 2, 1, 4, 4, 1),
      (3, 3, 1, 1, 2, 2),
    ] {
      let w = tensor("filters", [kernel, kernel, outputs / groups, 4])
      try expectGradients(
        of: [x, w, tensor("bias", [outputs])],
        "transposed convolution \((kernel, stride, dilation, groups, outputPadding))"
      ) {
        $0[0].transposedConvolved(
          with: $0[1], bias: $0[2], stride: stride, dilation: dilation,
          padding: kernel == 1 ? .none : Padding(top: 1, left: 0, bottom: 0, right: 1), outputPadding: outputPadding,
          groups: groups)
      }
    }
    // The bias keeps every sum above the kink.
    try expectGradients(of: [x, tensor("filters", [3, 3, 2, 4]), tensor("bias", [2], plus: 30)], "with relu") {
      $0[0].transposedConvolved(with: $0[1], bias: $0[2], stride: 2, activation: .relu)
    }
  }

  @Test func resampling() throws {
    let x = tensor("images", [2, 5, 4, 3])
    for (height, width) in [(1, 1), (2, 3), (5, 4), (7, 9), (11, 2)] {
      try expectGradients(of: [x], "adaptive pooling to \(height)x\(width)") {
        $0[0].adaptiveAveragePooled(height: height, width: width)
      }
      for way in [Interpolation.nearest, .bilinear(alignsCorners: false), .bilinear(alignsCorners: true)] {
        try expectGradients(of: [x], "\(way) to \(height)x\(width)") {
          $0[0].resized(height: height, width: width, way)
        }
      }
    }
  }

  #if os(Linux) || os(macOS)
    @Test func spatialMisuseIsReportedWithItsShapes() async {
      let channels = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let x = Tensor(repeating: 1, shape: [1, 2, 2, 3], on: TestDevice.cpu)
        _ = x.transposedConvolved(with: Tensor(repeating: 1, shape: [3, 3, 2, 4], on: TestDevice.cpu))
      }
      #expect(text(of: channels).contains("x is [1, 2, 2, 3] and w is [3, 3, 2, 4]"))
      let zeros = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let x = Tensor(repeating: 1, shape: [1, 2, 2, 4], on: TestDevice.cpu)
        _ = x.transposedConvolved(
          with: Tensor(repeating: 1, shape: [3, 3, 2, 4], on: TestDevice.cpu), stride: 2, outputPadding: 2)
      }
      #expect(text(of: zeros).contains("an output padding is in 0 ..< the stride of 2, not 2"))
      let flat = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor(repeating: 1, shape: [3, 4], on: TestDevice.cpu).resized(height: 2, width: 0)
      }
      #expect(text(of: flat).contains("x is [3, 4] and the size 2x0"))
      let halves = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        let x = Tensor(repeating: 1, shape: [3, 4], on: TestDevice.cpu)
        _ = x.halves.linear(Tensor(repeating: 1, shape: [5, 2], on: TestDevice.cpu).halves)
      }
      #expect(text(of: halves).contains("x is [3, 4] and w is [5, 2]"))
    }

    private func text(of result: ExitTest.Result?) -> String {
      String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }
  #endif
}
