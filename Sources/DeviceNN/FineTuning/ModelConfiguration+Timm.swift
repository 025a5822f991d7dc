internal import Foundation

// A trained model as timm's users know it.
extension ModelConfiguration {
  /// timm's name of the network, or ours where timm has it not.
  public var timmName: String { architecture.timmName ?? architecture.name }

  /// Writes a folder that `timm.create_model("local-dir:PATH", pretrained=True)` opens.
  public func exported(_ model: any ImageClassifier, to path: String) throws {
    if FileManager.default.fileExists(atPath: path + "/config.json") {
      throw FileError.unwritable(path: path + "/config.json", reason: "it is there already: name another folder with --out")
    }
    var timm = TimmConfiguration(architecture: timmName, classCount: classes.count)
    timm.labels = classes
    timm.preprocessing.height = imageSize
    timm.preprocessing.width = imageSize
    timm.preprocessing.interpolation = .bilinear
    timm.preprocessing.cropFraction = 1
    timm.preprocessing.mean = mean.map { Double("\($0)")! }
    timm.preprocessing.deviation = deviation.map { Double("\($0)")! }
    let publisher = architecture.publishers.contains(.timm) ? Publisher.timm : architecture.publisher
    timm.classifiers = model.storedNames(of: model.head, by: publisher)
    timm.firstConvolutions = model.firstConvolutionNames(by: publisher)
    timm.modelArguments = architecture.timmArguments(imageSize: imageSize)
    try writeTimmFolder(timm, model.records(by: publisher), to: path)
  }
}

extension ImageClassifier {
  /// The layers that a part's tensors belong to.
  fileprivate func storedNames(of part: any Module, by publisher: Publisher) -> [String] {
    let wanted = Set(part.parameters().map(ObjectIdentifier.init))
    return layers(by: publisher) { wanted.contains(ObjectIdentifier($0)) }
  }

  fileprivate func firstConvolutionNames(by publisher: Publisher) -> [String] {
    Array(layers(by: publisher) { $0.layout == .convolution }.prefix(1))
  }

  private func layers(by publisher: Publisher, where isWanted: (Parameter) -> Bool) -> [String] {
    var names: [String] = []
    for (name, parameter) in namedParameters() where isWanted(parameter) {
      let full = stored(name, parameter.storedShape, by: publisher).name
      let layer = full.split(separator: ".").dropLast().joined(separator: ".")
      if names.last != layer { names.append(layer) }
    }
    return names
  }
}

extension Backbone {
  /// What timm has to be told beside the name, because weights of other publishers are computed with otherwise.
  func timmArguments(imageSize: Int) -> [String: JSONValue] {
    var arguments: [String: JSONValue] = [:]
    if name.hasPrefix("vit_"), imageSize != inputSize { arguments["img_size"] = .number(Double(imageSize)) }
    guard name.hasPrefix("mobilenet") else { return arguments }
    if publisher.padding == .same { arguments["pad_type"] = .text("same") }
    if publisher == .keras || publisher == .torchvision && name.hasPrefix("mobilenet_v3") { arguments["bn_eps"] = .number(1e-3) }
    return arguments
  }
}
