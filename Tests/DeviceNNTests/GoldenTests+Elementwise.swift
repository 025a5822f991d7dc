@testable import DeviceNN

extension GoldenCheck {
  /// The functions of one number, as the cases take them.
  static let functions: [String: @Sendable (Tensor) -> Tensor] = [
    "leakyReLU": { $0.leakyReLU() }, "sigmoid": { $0.sigmoid() }, "tanh": { $0.tanh() }, "gelu": { $0.gelu() },
    "geluTanh": { $0.geluTanh() }, "silu": { $0.silu() }, "hardSwish": { $0.hardSwish() },
    "hardSigmoid": { $0.hardSigmoid() }, "elu": { $0.elu() }, "softplus": { $0.softplus() }, "exp": { $0.exp() },
    // Of what is positive: |x| + 0.1.
    "log": { ($0.abs() + 0.1).log() }, "sqrt": { ($0.abs() + 0.1).sqrt() },
  ]

  func function() throws { try plain(["x"]) { Self.functions[golden.operation]!($0[0]) } }

  func embedding() throws {
    let name = "\(golden.name)/in.index"
    let indices = IntTensor(
      try file.integers(named: name).map { Int32($0) }, shape: file.shape(of: name)!, on: device)
    let table = try input("weight")
    try check(table.embedding(indices), gradients: [("weight", table, nil)])
  }
}
