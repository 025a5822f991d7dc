public import Kernels

/// Two rows of gated recurrent units, one from each end of a sequence: PyTorch's bidirectional `GRU` over a packed batch.
public final class BidirectionalGRU: Module {
  let forward: GRU
  let backward: GRU
  public var isTraining = true

  public init(_ inputs: Int, _ units: Int, on device: Device, random: inout Philox) {
    forward = GRU(inputs, units, on: device, random: &random)
    backward = GRU(inputs, units, on: device, random: &random)
  }

  /// y(N,T,2·units) of x(N,T,inputs), whose sequences end after `lengths` steps; what is behind changes nothing before.
  public func callAsFunction(_ x: Tensor, lengths: [Int]) -> Tensor {
    precondition(
      x.shape.count == 3 && lengths.count == x.shape[0] && lengths.allSatisfy { (1...x.shape[1]).contains($0) },
      "sequences of \(lengths) steps do not fit x(N,T,C) of \(x.shape)")
    let steps = x.shape[1]
    // Each sequence turned round by itself, which undoes itself.
    let turned = IntTensor(
      lengths.enumerated().flatMap { n, length in
        (0..<steps).map { Int32(n * steps + ($0 < length ? length - 1 - $0 : $0)) }
      }, on: x.device)
    func turn(_ x: Tensor) -> Tensor { x.reshaped([x.shape[0] * steps, x.shape[2]]).embedding(turned).reshaped(x.shape) }
    return .concatenated([forward(x), turn(backward(turn(x)))], axis: 2)
  }
}
