import ArgumentParser
import Foundation
import Kernels

struct DoctorCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Says which devices can be trusted and which to use, and what keeps others from being used.",
    discussion: """
      Looks for OpenCL's loader, drivers and access to GPUs; computes operators of every family, forward and backward, on \
      each device and compares them with plain loops; measures memory and arithmetic. Succeeds if the device that it \
      recommends is sound.
      """)

  @Flag(help: "Print one JSON object.") var json = false
  @Flag(help: .hidden) var child = false
  @OptionGroup var device: DeviceOption

  func run() throws {
    if child {
      let description = try device.open().description
      try say(String(decoding: JSONEncoder().encode(DeviceReport(testing: description)), as: UTF8.self))
      return
    }
    var answer = Answer(findings: OpenCLInstallation().findings(), drivers: OpenCLInstallation.drivers)
    if !json { try say(answer.text) }
    for description in try examined() {
      let report = examination(of: description)
      answer.devices.append(report)
      if !json { try say(report.text) }
    }
    if device.name == nil {
      for report in OpenCLInstallation.refused {
        answer.devices.append(report)
        if !json { try say(report.text) }
      }
    }
    let recommended = DeviceReport.recommended(of: answer.devices)
    answer.recommended = recommended?.identifier
    if json {
      try say(String(decoding: answer.encoded(), as: UTF8.self))
    } else if let recommended {
      try say("Use \(recommended.identifier): devicenn finetune --data PHOTOS --device \(recommended.identifier)")
    } else {
      try say("There is no device to trust.")
    }
    if recommended == nil { throw ExitCode.failure }
  }

  /// The device that was asked for, or all of them.
  private func examined() throws -> [DeviceDescription] {
    device.name == nil ? Device.available() : [try device.description()]
  }

  /// Examines the device in a process of its own: a broken driver may end it, or never answer.
  private func examination(of description: DeviceDescription) -> DeviceReport {
    let seconds = 120
    var report = DeviceReport(description)
    do {
      let child = try ChildProcess(["doctor", "--child", "--device", description.identifier])
      switch child.answer(within: seconds, as: DeviceReport.self) {
      case .success(let found): return found
      case .failure(let failure): report.failure = Finding("\(failure)", fix: "update its driver, or use another device")
      }
    } catch {
      report.failure = Finding("no process could be started to test it: \(error)", fix: "end other programs")
    }
    return report
  }
}

/// Everything that the doctor found.
private struct Answer: Encodable {
  var findings: [Finding]
  var drivers: [String]
  var devices: [DeviceReport] = []
  /// The identifier of the device to use; nil where none is sound.
  var recommended: String?

  func encoded() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try encoder.encode(self)
  }

  var text: String {
    let lines = drivers.isEmpty ? ["No OpenCL driver was found."] : drivers.map { "OpenCL driver: \($0)" }
    return (lines + findings.map(\.text)).joined(separator: "\n") + "\n"
  }
}

extension Finding {
  fileprivate var text: String { "  problem: \(problem)\n      fix: \(fix)" }
}

extension DeviceReport {
  /// Some lines for people.
  fileprivate var text: String {
    var lines = ["\(identifier == "-" ? "" : identifier + ": ")\(name)" + (driver.isEmpty ? "" : ", driver \(driver)")]
    let limit = "\(maxAllocation >> 20) MiB an allocation, \(localMemory >> 10) KiB of local memory, groups of \(maxGroupSize)"
    lines.append("  limits:    \(computeUnits) compute units, \(memory >> 20) MiB, \(limit)")
    if let failure { lines.append(failure.text) }
    let wrong = outcomes.filter { $0.wasTested && !$0.isSound }
    let untested = outcomes.filter { !$0.wasTested }
    let sound = outcomes.filter(\.isSound).map(\.operators).joined(separator: ", ")
    if !outcomes.isEmpty {
      let time = String(format: "%.1f s, profile %@", seconds, profile ?? "")
      let verdict = !wrong.isEmpty ? "WRONG" : untested.isEmpty ? "all right, forward and backward" : "right as far as there was time"
      lines.append("  operators: \(verdict) (\(time))")
      lines += wrong.map { "    don't trust \($0.operators): \($0.problem!)" }
      if let first = untested.first {
        lines.append("    \(untested.map(\.operators).joined(separator: ", ")): \(first.problem!)")
      }
      lines.append("    trust \(sound.isEmpty ? "none" : sound)")
    }
    if let gigabytesPerSecond, let gigaflops {
      lines.append(String(format: "  speed:     copies %.1f GB/s, matrix products %.0f GFLOP/s", gigabytesPerSecond, gigaflops))
    }
    return lines.joined(separator: "\n") + "\n"
  }
}
