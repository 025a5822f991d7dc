import Testing

@testable import DeviceNN
@testable import Kernels

@Suite struct HalfTensorTests {
  private func halves(_ name: String, _ shape: [Int], _ device: Device) -> HalfTensor {
    Tensor(GoldenNumbers.signed(name, count: shape.reduce(1, *)), shape: shape, on: device).halves
  }

  @Test(arguments: TestDevice.all) func convolutionsAreThoseOfFloatsRoundedOnce(_ on: TestDevice) throws {
    let x = halves("images", [2, 7, 5, 6], on.device)
    for (kernel, stride, groups) in [(1, 1, 1), (3, 2, 1), (3, 1, 3), (1, 2, 1), (3, 1, 6)] {
      let outputs = groups == 6 ? 6 : 9
      let bias = Tensor(GoldenNumbers.signed("bias", count: outputs), shape: [outputs], on: on.device)
      let w = halves("filters", [kernel, kernel, 6 / groups, outputs], on.device)
      let y = x.convolved(with: w, bias: bias, stride: stride, padding: Padding(kernel / 2), groups: groups, activation: .relu)
      let expected = x.floats.convolved(
        with: w.floats, bias: bias, stride: stride, padding: Padding(kernel / 2), groups: groups, activation: .relu)
      #expect(y.shape == expected.shape)
      // Half a unit in the last of 11 bits.
      expectClose(try y.floats.scalars(), try expected.scalars(), relative: 0x1p-11 + 1e-5, "\((kernel, stride, groups))")
    }
  }

  @Test func halvesTakeHalfTheMemory() {
    let x = halves("x", [3, 5], TestDevice.cpu)
    #expect(x.buffer.byteCount == 30 && (x + x).buffer.byteCount == 30 && x.relu().buffer.byteCount == 30)
  }
}
