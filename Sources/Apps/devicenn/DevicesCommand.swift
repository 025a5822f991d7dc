import ArgumentParser
import DeviceNN
import Foundation
import Kernels

struct DevicesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devices", abstract: "Lists the devices that can train, by the names that --device takes.")

  @Flag(help: "Print one JSON object a line.") var json = false

  func run() throws {
    let devices = Device.available()
    for device in devices {
      if json {
        try say(
          jsonObject([
            ("identifier", .text(device.identifier)), ("name", .text(device.name)), ("kind", .text(device.kind.rawValue)),
            ("vendor", .text(device.vendor)), ("driver", .text(device.driverVersion)),
            ("computeUnits", .number(Double(device.computeUnits))), ("memory", .number(Double(device.memory))),
          ]))
      } else {
        let driver = device.driverVersion.isEmpty ? "" : ", driver \(device.driverVersion)"
        try say(
          "\(device.identifier.padding(toLength: 10, withPad: " ", startingAt: 0)) \(device.name), "
            + "\(device.computeUnits) compute units, \(device.memory / 1_048_576) MiB\(driver)")
      }
    }
    if !json, !devices.contains(where: { $0.kind != .fallback }) {
      complain("There is no OpenCL device: no driver is installed, or it offers none (see 'clinfo').")
    }
  }
}
