import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct ProbeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "probe",
    abstract: "Asks an OpenCL driver what it can do beyond OpenCL 1.2, by trying it, and prints JSON.",
    discussion: "For those who write kernels for a new GPU; nothing of this is needed to use one.")

  @Option(help: .hidden) var child: String?
  @OptionGroup var device: DeviceOption

  func run() throws {
    if let child {
      guard let probe = DriverProbe(rawValue: child) else { throw ValidationError("There is no probe \(child).") }
      try say(String(decoding: JSONEncoder().encode(probe.answer(on: device.name ?? "opencl:0")), as: UTF8.self))
      return
    }
    let devices = Device.available().filter { $0.kind != .fallback && (device.name == nil || $0.identifier == device.name) }
    guard !devices.isEmpty else {
      throw DeviceError.unknownDevice(name: device.name ?? "opencl", available: Device.available().map(\.identifier))
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    let found = try devices.map { Answers(identifier: $0.identifier, name: $0.name, probes: try answers(on: $0.identifier)) }
    try say(String(decoding: encoder.encode(found), as: UTF8.self))
  }

  /// Each probe in a process of its own: asking may end it.
  private func answers(on identifier: String) throws -> [DriverProbe.Answer] {
    try DriverProbe.allCases.map { probe in
      let child = try ChildProcess(["probe", "--child", probe.rawValue, "--device", identifier])
      switch child.answer(within: 60, as: DriverProbe.Answer.self) {
      case .success(let answer): return answer
      case .failure(let failure): return probe.answer(failedBecause: "\(failure)")
      }
    }
  }
}

private struct Answers: Encodable {
  var identifier: String
  var name: String
  var probes: [DriverProbe.Answer]
}
