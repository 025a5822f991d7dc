import Foundation
import Testing

@testable import DeviceNN
@testable import Kernels

/// Results that PyTorch computed: see goldens/README.md.
@Suite(.enabled(if: SharedFiles.hasGoldens, .noGoldens)) struct GoldenTests {
  /// One of operators.json.
  struct Case: CustomTestStringConvertible, Sendable, Decodable {
    /// Numbers, as `2`, `[1, 2]`, `false` or `null` in JSON.
    enum Value: Decodable, Sendable {
      case none
      case numbers([Double])
      case text(String)

      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
          self = .none
        } else if let flag = try? container.decode(Bool.self) {
          self = .numbers([flag ? 1 : 0])
        } else if let number = try? container.decode(Double.self) {
          self = .numbers([number])
        } else if let numbers = try? container.decode([Double].self) {
          self = .numbers(numbers)
        } else {
          self = .text(try container.decode(String.self))
        }
      }
    }

    var name = ""
    let values: [String: Value]

    init(from decoder: any Decoder) throws { values = try decoder.singleValueContainer().decode([String: Value].self) }

    var testDescription: String { name }
    var operation: String { if case .text(let text) = values["op"] { text } else { "" } }

    /// An argument's numbers; nil where it is null or not there.
    func numbers(_ key: String) -> [Double]? { if case .numbers(let numbers) = values[key] { numbers } else { nil } }
    func int(_ key: String) -> Int { Int(numbers(key)![0]) }
    func isSet(_ key: String) -> Bool { (numbers(key)?[0] ?? 0) != 0 }
    /// One or two numbers as (height, width).
    func pair(_ key: String) -> (Int, Int) { (Int(numbers(key)![0]), Int(numbers(key)!.last!)) }
  }

  static let cases: [Case] = {
    let cases = (try? SharedFiles.json("goldens/operators.json", as: [String: Case].self)) ?? [:]
    return cases.keys.sorted().map { name in
      var value = cases[name]!
      value.name = name
      return value
    }
  }()

  static let file = Result { try SafetensorsFile(path: SharedFiles.path("goldens/operators.safetensors")) }

  @Test func everyCaseIsThere() { #expect(Self.cases.count == 176) }

  @Test(arguments: TestDevice.all, cases) func agreesWithPyTorch(_ on: TestDevice, _ golden: Case) throws {
    let check = GoldenCheck(golden: golden, file: try Self.file.get(), device: on.device)
    switch golden.operation {
    case "matmul": try check.matmul()
    case "conv2d": try check.convolution()
    case "maxPool2d":
      try check.images { x in
        x.maxPooled(
          kernel: golden.int("kernel"), stride: golden.int("stride"), padding: Padding(golden.int("padding")),
          roundsUp: golden.isSet("ceilMode"))
      }
    case "avgPool2d":
      try check.images { x in
        x.averagePooled(
          kernel: golden.int("kernel"), stride: golden.int("stride"), padding: Padding(golden.int("padding")),
          roundsUp: golden.isSet("ceilMode"), countsPadding: golden.isSet("countIncludePad"))
      }
    case "adaptiveAvgPool2d": try check.adaptivePooling()
    case "convTranspose2d": try check.transposedConvolution()
    case "resize": try check.resizing()
    case "batchNorm2d": try check.batchNorm()
    case "relu": try check.plain(["x"]) { $0[0].relu() }
    case "relu6": try check.plain(["x"]) { $0[0].relu6() }
    case "softmax": try check.plain(["x"]) { $0[0].softmax() }
    case "add": try check.plain(["a", "b"]) { $0[0] + $0[1] }
    case "subtract": try check.plain(["a", "b"]) { $0[0] - $0[1] }
    case "multiply": try check.plain(["a", "b"]) { $0[0] * $0[1] }
    case "divide": try check.plain(["a", "b"]) { $0[0] / $0[1] }
    case "maximum": try check.plain(["a", "b"]) { .maximum($0[0], $0[1]) }
    case "minimum": try check.plain(["a", "b"]) { .minimum($0[0], $0[1]) }
    case let name where GoldenCheck.functions[name] != nil: try check.function()
    case "embedding": try check.embedding()
    case "concatenate": try check.plain(["a", "b"]) { .concatenated($0, axis: golden.int("axis")) }
    case "transpose": try check.plain(["x"]) { $0[0].transposed(golden.numbers("permutation")!.map { Int($0) }) }
    case "sum" where golden.numbers("count") != nil: try check.longSum()
    case "sum": try check.plain(["x"]) { $0[0].sum(axes: check.axes) }
    case "mean": try check.plain(["x"]) { $0[0].mean(axes: check.axes) }
    case "max":
      try check.plain(["x"]) { (check.axes ?? [0, 1, 2]).sorted(by: >).reduce($0[0]) { $0.max(axis: $1) } }
    case "variance": try check.plain(["x"]) { $0[0].variance(axes: check.axes) }
    case "logSoftmax": try check.plain(["x"]) { $0[0].logSoftmax() }
    case "layerNorm": try check.layerNorm()
    case "groupNorm": try check.groupNorm()
    case "crossEntropy": try check.crossEntropy()
    case "crossEntropySoft": try check.softCrossEntropy()
    case "mse": try check.elementLoss(.squared)
    case "l1": try check.elementLoss(.absolute)
    case "huber": try check.elementLoss(.huber(delta: 0.7))
    case "smoothL1": try check.elementLoss(.smoothL1())
    case "bceWithLogits": try check.binaryCrossEntropy()
    case "ctc": try check.temporalClassification()
    case "scaledDotProductAttention": try check.plain(["q", "k", "v"]) { $0[0].attention($0[1], $0[2]) }
    case "LSTM": try check.recurrent(LSTM.self)
    case "GRU": try check.recurrent(GRU.self)
    default: Issue.record("\(golden.name): the operation \(golden.operation) has no test")
    }
  }
}

/// One golden case on one device.
struct GoldenCheck {
  let golden: GoldenTests.Case
  let file: SafetensorsFile
  let device: Device

  /// PyTorch's layouts in ours: images and convolution weights.
  static let toImages = [0, 2, 3, 1]
  static let toFilters = [2, 3, 1, 0]

  var axes: [Int]? { golden.numbers("axes")?.map { Int($0) } }

  /// A tensor of the case, its dimensions reordered where `permutation` is given.
  func stored(_ name: String, _ permutation: [Int]? = nil) throws -> (values: [Float], shape: [Int]) {
    let full = "\(golden.name)/\(name)"
    let (values, shape) = (try file.floats(named: full), file.shape(of: full)!)
    guard let permutation else { return (values, shape) }
    return (permuted(values, shape, permutation), permutation.map { shape[$0] })
  }

  func has(_ name: String) -> Bool { file.contains("\(golden.name)/\(name)") }

  func input(_ name: String, _ permutation: [Int]? = nil) throws -> Tensor {
    let (values, shape) = try stored("in.\(name)", permutation)
    return Tensor(values, shape: shape, on: device).tracked
  }

  func expect(_ tensor: Tensor?, _ name: String, _ permutation: [Int]? = nil) throws {
    let (values, shape) = try stored(name, permutation)
    guard let tensor else {
      Issue.record("\(golden.name): nothing was computed for \(name)")
      return
    }
    #expect(tensor.shape == shape, "\(golden.name), \(name)")
    expectClose(try tensor.scalars(), values, "\(golden.name), \(name)")
  }

  /// Compares a result, pushes the upstream gradient back, and compares the inputs' gradients.
  func check(
    _ result: Tensor, _ permutation: [Int]? = nil,
    gradients inputs: [(name: String, tensor: Tensor, permutation: [Int]?)]
  ) throws {
    try expect(result, "out.0", permutation)
    let (upstream, shape) = try stored("upstream", permutation)
    let gradients = (result * Tensor(upstream, shape: shape, on: device)).sum().gradients()
    for (name, tensor, permutation) in inputs { try expect(gradients[tensor], "grad.\(name)", permutation) }
  }

  /// Layouts are the same.
  func plain(_ names: [String], _ operation: ([Tensor]) -> Tensor) throws {
    let inputs = try names.map { try input($0) }
    try check(operation(inputs), gradients: zip(names, inputs).map { ($0, $1, nil) })
  }

  func images(_ operation: (Tensor) -> Tensor) throws {
    let x = try input("x", Self.toImages)
    try check(operation(x), Self.toImages, gradients: [("x", x, Self.toImages)])
  }

  func longSum() throws {
    let x = Tensor(
      GoldenNumbers.signed(golden.name, count: golden.int("count")), shape: [golden.int("count")], on: device)
    expectClose([try x.sum().scalar()], try stored("out.0").values, golden.name)
  }

  /// Through the device, since tensors only have `linear`. Leading dimensions are the batch.
  func matmul() throws {
    let (ta, tb) = (golden.isSet("transposeA"), golden.isSet("transposeB"))
    let (a, aShape) = try stored("in.a")
    let (b, bShape) = try stored("in.b")
    let (dc, shape) = try stored("upstream")
    let (m, n, k) = (shape[shape.count - 2], shape.last!, ta ? aShape[aShape.count - 2] : aShape.last!)
    let batch = shape.dropLast(2).reduce(1, *)
    #expect(b.count == batch * n * k && bShape.last == (tb ? k : n))
    func product(
      _ a: [Float], _ b: [Float], _ m: Int, _ n: Int, _ k: Int, _ transposesA: Bool, _ transposesB: Bool, _ name: String
    ) throws {
      let c = device.matmul(
        device.makeBuffer(a), device.makeBuffer(b),
        MatmulShape(batch: batch, m: m, n: n, k: k, transposesA: transposesA, transposesB: transposesB))
      expectClose(
        try device.read(c, as: Float.self, count: batch * m * n), try stored(name).values, "\(golden.name), \(name)")
    }
    try product(a, b, m, n, k, ta, tb, "out.0")
    if ta { try product(b, dc, k, m, n, tb, true, "grad.a") } else { try product(dc, b, m, k, n, false, !tb, "grad.a") }
    if tb { try product(dc, a, n, k, m, true, ta, "grad.b") } else { try product(a, dc, k, n, m, !ta, false, "grad.b") }
  }

  func convolution() throws {
    let (x, w) = (try input("x", Self.toImages), try input("weight", Self.toFilters))
    let bias = has("in.bias") ? try input("bias") : nil
    let (stride, padding) = (golden.pair("stride"), golden.pair("padding"))
    let dilation = golden.int("dilation")
    if stride.0 == stride.1, padding.0 == padding.1 {
      let y = x.convolved(
        with: w, bias: bias, stride: stride.0, dilation: dilation, padding: Padding(padding.0),
        groups: golden.int("groups"))
      try check(
        y, Self.toImages,
        gradients: [("x", x, Self.toImages), ("weight", w, Self.toFilters)] + (bias.map { [("bias", $0, nil)] } ?? []))
      return
    }
    // Different strides along height and width are the device's, not the tensor's.
    let shape = ConvolutionShape(
      batch: x.shape[0], height: x.shape[1], width: x.shape[2], inputChannels: x.shape[3], outputChannels: w.shape[3],
      kernel: (w.shape[0], w.shape[1]), stride: stride, dilation: (dilation, dilation),
      padding: Padding(top: padding.0, left: padding.1, bottom: padding.0, right: padding.1),
      groups: golden.int("groups"))
    let (upstream, outputShape) = try stored("upstream", Self.toImages)
    let dy = device.makeBuffer(upstream)
    try expect(
      Tensor(shape: outputShape, buffer: device.convolution(x.buffer, w.buffer, shape, bias: bias?.buffer)), "out.0",
      Self.toImages)
    try expect(
      Tensor(shape: x.shape, buffer: device.convolutionBackwardInput(dy, w.buffer, shape)), "grad.x", Self.toImages)
    try expect(
      Tensor(shape: w.shape, buffer: device.convolutionBackwardWeight(x.buffer, dy: dy, shape)), "grad.weight",
      Self.toFilters)
    let channels = outputShape[3]
    let dbias = device.sum(dy, outer: 1, axis: upstream.count / channels, inner: channels)
    try expect(Tensor(shape: [channels], buffer: dbias), "grad.bias")
  }

  func batchNorm() throws {
    let x = try input("x", Self.toImages)
    let norm = BatchNorm(
      x.shape[3], epsilon: Float(golden.numbers("eps")![0]), momentum: Float(golden.numbers("momentum")![0]), on: device
    )
    norm.isTraining = golden.isSet("training")
    for (parameter, name) in [
      (norm.weight, "weight"), (norm.bias, "bias"), (norm.runningMean, "running_mean"),
      (norm.runningVar, "running_var"),
    ] { parameter.assign(try stored("in.\(name)").values) }
    try check(
      norm(x), Self.toImages,
      gradients: [("x", x, Self.toImages), ("weight", norm.weight.value, nil), ("bias", norm.bias.value, nil)])
    let when = norm.isTraining ? "after" : "in"
    try expect(norm.runningMean.value, "\(when).running_mean")
    try expect(norm.runningVar.value, "\(when).running_var")
  }
}
