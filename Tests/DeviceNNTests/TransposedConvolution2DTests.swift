import Testing

@testable import DeviceNN
@testable import Kernels

@Suite struct TransposedConvolution2DTests {
  @Test func hasPyTorchsNamesAndShapes() {
    var random = Philox(seed: 1)
    let layer = TransposedConvolution2D(
      6, 4, kernel: 3, stride: 2, padding: 1, outputPadding: 1, groups: 2, on: TestDevice.cpu, random: &random)
    #expect(layer.namedParameters().map(\.name) == ["weight", "bias"])
    // ConvTranspose2d's weight is (in, out/groups, R, S).
    #expect(layer.weight.storedShape == [6, 2, 3, 3])
    let x = Tensor(repeating: 1, shape: [2, 5, 7, 6], on: TestDevice.cpu)
    #expect(layer(x).shape == [2, 10, 14, 4])
  }
}
