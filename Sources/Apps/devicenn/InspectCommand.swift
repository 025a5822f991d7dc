import ArgumentParser
import DeviceNN
import Foundation

struct InspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect", abstract: "Says what a checkpoint holds: its tensors, their shapes and types.",
    discussion: """
      Opens safetensors files and indices of several, what PyTorch's torch.save wrote of a state dictionary, and folders of \
      Hugging Face's layout. Nothing of a file is executed.
      """)

  @Argument(help: ArgumentHelp("A file, or a folder that holds one.", valueName: "checkpoint")) var path: String
  @Flag(help: "Print one JSON object.") var json = false

  func run() throws {
    let checkpoint = try openCheckpoint(path)
    let tensors = checkpoint.names.map {
      Row(name: $0, shape: checkpoint.shape(of: $0)!, type: checkpoint.type(of: $0)!)
    }
    try say(json ? jsonText(checkpoint, tensors) : text(checkpoint, tensors))
  }

  private struct Row {
    var name: String
    var shape: [Int]
    var type: StoredType
    var count: Int { shape.reduce(1, *) }
    /// Of a batch norm: no parameter is trained there.
    var isStatistic: Bool {
      ["running_mean", "running_var", "num_batches_tracked"].contains { name == $0 || name.hasSuffix("." + $0) }
    }
  }

  /// Numbers that are trained, as published counts have them.
  private func parameterCount(_ tensors: [Row]) -> Int { tensors.reduce(0) { $0 + ($1.isStatistic ? 0 : $1.count) } }

  private func text(_ checkpoint: any Checkpoint, _ tensors: [Row]) -> String {
    var lines = ["\(checkpoint.path): \(checkpoint.format.rawValue)"]
    for (key, value) in checkpoint.metadata.sorted(by: { $0.key < $1.key }) {
      lines.append("  \(printable(key)): \(printable(value))")
    }
    let names = tensors.map { printable($0.name) }
    let width = names.map(\.utf16.count).max() ?? 0
    for (name, tensor) in zip(names, tensors) {
      let name = name.padding(toLength: width, withPad: " ", startingAt: 0)
      let type = tensor.type.rawValue.padding(toLength: 7, withPad: " ", startingAt: 0)
      lines.append("\(name)  \(type)  \(tensor.shape)")
    }
    lines.append("\(tensors.count) tensors, \(parameterCount(tensors)) parameters")
    if let fit = Backbone.fits(checkpoint).first { lines.append(sentence(fit)) }
    return lines.joined(separator: "\n")
  }

  private func sentence(_ fit: BackboneFit) -> String {
    let network = "\(fit.backbone.name) by \(fit.backbone.publisher.rawValue)"
    let head = fit.classes.map { "a head for \($0) classes" } ?? "no head"
    guard !fit.missing.isEmpty else { return "fits \(network), with \(head)" }
    let few = fit.missing.prefix(3).map(printable).joined(separator: ", ") + (fit.missing.count > 3 ? ", …" : "")
    let all = fit.missing.count + fit.fitting
    return "nearest to \(network), of which it lacks \(fit.missing.count) of \(all) tensors or has them in other shapes: \(few)"
  }

  private func jsonText(_ checkpoint: any Checkpoint, _ tensors: [Row]) -> String {
    let rows = tensors.map { tensor in
      JSONValue.object([
        ("name", .text(tensor.name)), ("type", .text(tensor.type.rawValue)),
        ("shape", .list(tensor.shape.map { .number(Double($0)) })),
      ])
    }
    let metadata = checkpoint.metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.text($0.value)) }
    let fit = Backbone.fits(checkpoint).first
    return jsonObject([
      ("path", .text(checkpoint.path)), ("format", .text(checkpoint.format.rawValue)), ("metadata", .object(metadata)),
      ("parameters", .number(Double(parameterCount(tensors)))), ("tensors", .list(rows)),
      ("backbone", fit.map { .text($0.backbone.name) } ?? .null),
      ("publisher", fit.map { .text($0.backbone.publisher.rawValue) } ?? .null),
      ("missing", .list(fit?.missing.map { .text($0) } ?? [])),
    ])
  }
}
