import ArgumentParser
import DeviceNN
import Foundation

struct ModelsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "models", abstract: "Lists the networks that --backbone takes.",
    discussion: """
      GFLOP counts a multiplication and an addition as two, for one picture of the network's own size. Weights that are \
      published are got with 'devicenn weights pull NAME'.
      """)

  @Flag(help: "Print one JSON object a line.") var json = false

  func run() throws {
    if !json { try say(row("network", "parameters", "GFLOP", "pixels", "published weights")) }
    for backbone in Backbone.all {
      let (parameters, flops) = try backbone.size()
      let builtIn = backbone.name == PretrainedWeights.backboneName ? "in this package" : nil
      let source = builtIn ?? PublishedWeights.source(of: backbone.name)?.description
      if json {
        try say(
          jsonObject([
            ("name", .text(backbone.name)), ("timm", backbone.timmName.map { .text($0) } ?? .null),
            ("parameters", .number(Double(parameters))), ("flops", .number(flops)),
            ("inputSize", .number(Double(backbone.inputSize))), ("weights", source.map { .text($0) } ?? .null),
          ]))
      } else {
        try say(
          row(
            backbone.name, "\(parameters)", String(format: "%.2f", flops / 1e9), "\(backbone.inputSize)", source ?? "–"))
      }
    }
  }

  private func row(_ name: String, _ parameters: String, _ flops: String, _ pixels: String, _ weights: String) -> String {
    func right(_ text: String, _ width: Int) -> String { String(repeating: " ", count: max(0, width - text.count)) + text }
    return name.padding(toLength: 24, withPad: " ", startingAt: 0) + right(parameters, 10) + right(flops, 8)
      + right(pixels, 8) + "  " + weights
  }
}
