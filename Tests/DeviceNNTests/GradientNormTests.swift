import Testing

@testable import DeviceNN
@testable import Kernels

/// The norm of all gradients together, and clipping by it.
@Suite struct GradientNormTests {
  /// Eleven parameters: more than one launch moves.
  private func gradients(_ device: Device, times factor: Float = 1) -> (Gradients, [Tensor]) {
    let parameters = [1, 3, 17, 8195, 129, 7, 64, 33, 2, 20000, 5].enumerated().map { i, count in
      Tensor(GoldenNumbers.signed("parameter \(i)", count: count), shape: [count], on: device).tracked
    }
    // The gradient of Σ x² / 2 · factor is x · factor.
    let losses = parameters.map { ($0 * $0).sum() * (factor / 2) }
    return (losses.dropFirst().reduce(losses[0], +).gradients(), parameters)
  }

  private func norm(_ parameters: [Tensor]) throws -> Double {
    try parameters.reduce(0) { try $0 + $1.scalars().reduce(0) { $0 + Double($1) * Double($1) } }.squareRoot()
  }

  @Test(arguments: TestDevice.all) func theNormIsThatOfAllGradients(_ on: TestDevice) throws {
    let (gradients, parameters) = gradients(on.device)
    let expected = try norm(parameters)
    #expect(abs(Double(try gradients.norm.scalar()) - expected) <= 1e-6 * expected)
    #expect(try gradients.norm.scalar() == gradients.norm.scalar())
  }

  @Test(arguments: TestDevice.all) func clippingScalesAllAlike(_ on: TestDevice) throws {
    let (gradients, parameters) = gradients(on.device)
    let (clipped, norm) = gradients.clipped(toNorm: 2)
    #expect(try norm.scalar() == gradients.norm.scalar())
    #expect(abs(try clipped.norm.scalar() - 2) < 1e-5)
    let factor = 2 / Float(try self.norm(parameters))
    for parameter in parameters {
      expectClose(try #require(clipped[parameter]).scalars(), try parameter.scalars().map { $0 * factor })
      // The gradients are a value: the old ones stay.
      expectClose(try #require(gradients[parameter]).scalars(), try parameter.scalars())
    }
  }

  @Test(arguments: TestDevice.all) func whatIsShortEnoughStays(_ on: TestDevice) throws {
    let (gradients, parameters) = gradients(on.device)
    let (clipped, _) = gradients.clipped(toNorm: 1000)
    for parameter in parameters { #expect(try clipped[parameter]!.scalars() == gradients[parameter]!.scalars()) }
  }

  @Test(arguments: TestDevice.all) func aNormThatIsNotFiniteShows(_ on: TestDevice) throws {
    let (gradients, parameters) = gradients(on.device, times: .infinity)
    let (clipped, norm) = gradients.clipped(toNorm: 1)
    #expect(try !norm.scalar().isFinite)
    #expect(try clipped[parameters[2]]!.scalars().allSatisfy(\.isNaN))
  }
}
