public import Kernels

/// A network by the name that commands and files give it.
public struct Backbone: Sendable, Equatable, Codable {
  /// Such as `mobilenet_v2_035`: MobileNetV2 at 0.35 of its width.
  public let name: String
  public var style: MobileNetV2.Style
  private let percent: Int

  public static let examples = ["mobilenet_v2_035", "mobilenet_v2_050", "mobilenet_v2_075", "mobilenet_v2_100", "mobilenet_v2_140"]

  public init(named name: String, style: MobileNetV2.Style = .torchvision) throws(ModelError) {
    let prefix = "mobilenet_v2_"
    let digits = name.dropFirst(prefix.count)
    guard name.hasPrefix(prefix), digits.count == 3, digits.allSatisfy(\.isASCII), digits.allSatisfy(\.isNumber),
      let percent = Int(digits), percent > 0
    else { throw .unknownBackbone(name: name, known: Self.examples) }
    self.name = name
    self.percent = percent
    self.style = style
  }

  private enum CodingKeys: String, CodingKey { case name, style }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    try self.init(
      named: container.decode(String.self, forKey: .name), style: container.decode(MobileNetV2.Style.self, forKey: .style))
  }

  /// The network with random weights, which `seed` alone decides.
  public func makeModel(classes: Int, seed: UInt64 = 0, on device: Device) -> any ImageClassifier {
    MobileNetV2(width: Float(percent) / 100, classes: classes, style: style, seed: seed, on: device)
  }

  /// What images are normalised to, where the checkpoint's family decides.
  public var normalization: Normalization { style == .keras ? .symmetric : .imageNet }

  public var naming: CheckpointNaming { style == .keras ? .keras : .torchvision }

  /// This backbone in the style whose names a checkpoint has.
  public func matching(_ file: SafetensorsFile) -> Backbone {
    var result = self
    result.style = file.contains("Conv1.weight") ? .keras : .torchvision
    return result
  }
}

/// What is wrong with a model's description or a run's folder.
public enum ModelError: Error, Equatable, Sendable {
  /// A folder to learn from leaves nothing to measure with.
  case noValidationPictures(data: String)
  case unknownBackbone(name: String, known: [String])
  case noBuiltInWeights(backbone: String)
  case notARun(path: String, reason: String)
  case alreadyARun(path: String)
  case otherData(path: String, data: String)
  case otherOption(path: String, option: String, stored: String, given: String)
  case otherClasses(path: String, unknown: [String], known: [String])
  /// The loss grew beyond measure, or is no number any more.
  case diverged(loss: String, epoch: Int, batch: Int, learningRate: Float)
  /// `fits` pictures a batch is what memory would hold, by a measurement with few.
  case batchTooLarge(batch: Int, fits: Int, device: String, memory: Int)
}

extension ModelError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noValidationPictures(let data):
      "\(data) leaves no picture for validation: a class needs two or more, or put some into \(data)/val/CLASS"
    case .unknownBackbone(let name, let known):
      "there is no backbone '\(name)'; there are \(known.joined(separator: ", ")), and any other width in percent"
    case .noBuiltInWeights(let backbone):
      "\(backbone) has no built-in weights: name a file with --weights, or train --from-scratch"
    case .notARun(let path, let reason): "\(path) is not the folder of a run: \(reason)"
    case .alreadyARun(let path): "\(path) already holds a run: continue it with --resume, or name another folder with --out"
    case .otherData(let path, let data):
      "\(data) does not hold the pictures that \(path) was trained on so far, so the run can't be resumed"
    case .otherOption(let path, let option, let stored, let given):
      "\(path) was started with \(option) \(stored) and can't be resumed with \(given)"
    case .otherClasses(let path, let unknown, let known):
      "\(path) has the classes \(unknown.joined(separator: ", ")), which the model does not know; it knows \(known.joined(separator: ", "))"
    case .diverged(let loss, let epoch, let batch, let rate):
      "training diverged: the loss is \(loss) at batch \(batch) of epoch \(epoch): try a learning rate below \(rate)"
    case .batchTooLarge(let batch, let fits, let device, let memory):
      fits > 0
        ? "a batch of \(batch) does not fit into the \(memory / 1_048_576) MiB of \(device): about \(fits) would (--batch-size \(fits))"
        : "neither a batch of \(batch) nor a smaller one fits into the \(memory / 1_048_576) MiB of \(device): try a smaller --image-size"
    }
  }
}
