internal import Foundation

extension TimmConfiguration {
  /// Reads `config.json` of a folder. What it doesn't say is as in timm's `PretrainedCfg`; it must say the architecture
  /// and the number of classes. Both the layout with a member `pretrained_cfg` and the older one without are understood.
  public init(folder path: String) throws(CheckpointError) {
    let file = path + "/config.json"
    try self.init(parsing: mappedFile(file), file: file)
  }

  init(parsing bytes: Data, file: String) throws(CheckpointError) {
    let root: JSONValue
    do { root = try JSONValue(parsing: bytes) } catch {
      throw .configuration(file: file, field: "config.json", found: "text that \(error.reason)", wanted: "an object")
    }
    let fields = ConfigurationFields(file: file, prefix: "", object: root)
    let pretrained = try fields.object("pretrained_cfg") ?? fields
    guard let architecture = try fields.text("architecture") else {
      throw fields.error("architecture", "the name of one of timm's models")
    }
    let counts = [try fields.integer("num_classes"), try pretrained.integer("num_classes")]
    guard let classCount = counts.compactMap(\.self).first else {
      throw fields.error("num_classes", "a whole number")
    }
    self.init(architecture: architecture, classCount: classCount, preprocessing: try Preprocessing(pretrained))
    for part in [fields, pretrained] {
      // The last is the older layout's name.
      for field in ["label_names", "labels"] where labels.isEmpty {
        labels = try part.labels(field)
        guard labels.isEmpty || labels.count == classCount else {
          throw part.error(field, "\(classCount) names, one for each class", found: "\(labels.count) names")
        }
      }
      if labelDescriptions.isEmpty { labelDescriptions = try part.texts("label_descriptions") }
    }
    firstConvolutions = try pretrained.names("first_conv")
    classifiers = try pretrained.names("classifier")
    modelArguments = try fields.object("model_args")?.members ?? [:]
  }

  /// The text of a `config.json`.
  var json: String {
    func texts(_ texts: [String]) -> JSONValue { .list(texts.map { .text($0) }) }
    func numbers(_ numbers: [Double]) -> JSONValue { .list(numbers.map { .number($0) }) }
    func names(_ names: [String]) -> JSONValue {
      names.isEmpty ? .null : names.count == 1 ? .text(names[0]) : texts(names)
    }
    var members: [(String, JSONValue)] = [
      ("architecture", .text(architecture)), ("num_classes", .number(Double(classCount))),
    ]
    if !labels.isEmpty { members.append(("label_names", texts(labels))) }
    if !labelDescriptions.isEmpty {
      let sorted = labelDescriptions.sorted { $0.key < $1.key }
      members.append(("label_descriptions", .object(sorted.map { ($0.key, .text($0.value)) })))
    }
    if !modelArguments.isEmpty {
      members.append(("model_args", .object(modelArguments.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })))
    }
    let shape = [preprocessing.channels, preprocessing.height, preprocessing.width].map(Double.init)
    let pretrained: [(String, JSONValue)] = [
      ("input_size", numbers(shape)), ("interpolation", .text(preprocessing.interpolation.rawValue)),
      ("crop_pct", .number(preprocessing.cropFraction)), ("mean", numbers(preprocessing.mean)),
      ("std", numbers(preprocessing.deviation)), ("num_classes", .number(Double(classCount))),
      ("first_conv", names(firstConvolutions)), ("classifier", names(classifiers)),
    ]
    return JSONValue.object(members + [("pretrained_cfg", .object(pretrained))]).prettyText + "\n"
  }
}

extension TimmConfiguration.Preprocessing {
  fileprivate init(_ fields: ConfigurationFields) throws(CheckpointError) {
    self.init()
    if let size = try fields.numbers("input_size") {
      let whole = size.compactMap { Int(exactly: $0) }
      guard whole.count == 3, size.count == 3, whole.allSatisfy({ (1...65536).contains($0) }) else {
        throw fields.error("input_size", "channels, height and width")
      }
      (channels, height, width) = (whole[0], whole[1], whole[2])
    }
    if let name = try fields.text("interpolation") {
      guard let known = TimmConfiguration.Interpolation(rawValue: name) else {
        let all = TimmConfiguration.Interpolation.allCases.map(\.rawValue)
        throw fields.error("interpolation", "one of \(all.joined(separator: ", "))")
      }
      interpolation = known
    }
    if let fraction = try fields.number("crop_pct") {
      guard fraction > 0, fraction <= 1 else { throw fields.error("crop_pct", "a number in 0 … 1") }
      cropFraction = fraction
    }
    let wanted = channels == 1 ? "one number" : "1 or \(channels) numbers"
    if let numbers = try fields.numbers("mean") {
      guard [1, channels].contains(numbers.count) else { throw fields.error("mean", wanted) }
      mean = numbers
    }
    if let numbers = try fields.numbers("std") {
      guard [1, channels].contains(numbers.count), numbers.allSatisfy({ $0 > 0 }) else {
        throw fields.error("std", wanted + " above 0")
      }
      deviation = numbers
    }
  }
}

/// An object of a configuration; where a member is absent or null it is nil or empty, and of a wrong type an error.
private struct ConfigurationFields {
  let file: String
  /// Of names in messages.
  let prefix: String
  let object: JSONValue

  func error(_ field: String, _ wanted: String, found: String? = nil) -> CheckpointError {
    .configuration(
      file: file, field: prefix + field, found: found ?? self[field].map { printable($0.text) } ?? "nothing",
      wanted: wanted)
  }

  private subscript(field: String) -> JSONValue? {
    if case .null? = object[field] { nil } else { object[field] }
  }

  var members: [String: JSONValue] {
    guard case .object(let members) = object else { return [:] }
    return Dictionary(members) { first, _ in first }
  }

  func object(_ field: String) throws(CheckpointError) -> ConfigurationFields? {
    guard let value = self[field] else { return nil }
    guard case .object = value else { throw error(field, "an object") }
    return ConfigurationFields(file: file, prefix: prefix + field + ".", object: value)
  }

  func text(_ field: String) throws(CheckpointError) -> String? {
    guard let value = self[field] else { return nil }
    guard case .text(let text) = value else { throw error(field, "a text") }
    return text
  }

  func number(_ field: String) throws(CheckpointError) -> Double? {
    guard let value = self[field] else { return nil }
    guard case .number(let number) = value else { throw error(field, "a number") }
    return number
  }

  /// A whole number that is not negative.
  func integer(_ field: String) throws(CheckpointError) -> Int? {
    guard let number = try number(field) else { return nil }
    guard let integer = Int(exactly: number), integer >= 0 else { throw error(field, "a whole number") }
    return integer
  }

  func numbers(_ field: String) throws(CheckpointError) -> [Double]? {
    guard let value = self[field] else { return nil }
    guard case .list(let values) = value else { throw error(field, "a list of numbers") }
    var result: [Double] = []
    for case .number(let number) in values { result.append(number) }
    guard result.count == values.count else { throw error(field, "a list of numbers") }
    return result
  }

  /// One text or a list of them.
  func names(_ field: String) throws(CheckpointError) -> [String] {
    guard let value = self[field] else { return [] }
    if case .text(let name) = value { return [name] }
    guard case .list(let values) = value else { throw error(field, "a text or a list of them") }
    var result: [String] = []
    for case .text(let name) in values { result.append(name) }
    guard result.count == values.count else { throw error(field, "a text or a list of them") }
    return result
  }

  func texts(_ field: String) throws(CheckpointError) -> [String: String] {
    var result: [String: String] = [:]
    for (name, value) in try object(field)?.members ?? [:] {
      guard case .text(let text) = value else { throw error(field, "texts alone") }
      result[name] = text
    }
    return result
  }

  /// A list of names, or an object whose members are called 0, 1, and so on.
  func labels(_ field: String) throws(CheckpointError) -> [String] {
    guard case .object? = self[field] else { return try names(field) }
    let texts = try texts(field)
    var result: [String] = []
    for place in 0..<texts.count {
      guard let text = texts["\(place)"] else { throw error(field, "a name for each class from 0 on") }
      result.append(text)
    }
    return result
  }
}
