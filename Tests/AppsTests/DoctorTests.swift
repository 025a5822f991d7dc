import Foundation
import Kernels
import Testing

/// What `devicenn doctor` says, and its exit code.
@Suite struct DoctorTests {
  private struct Answer: Decodable {
    var findings: [Finding]
    var drivers: [String]
    var devices: [DeviceReport]
    var recommended: String?
  }

  private let nowhere = ["OCL_ICD_VENDORS": "/nowhere"]

  @Test func theFallbackIsSoundAndMeasured() async throws {
    let outcome = try await devicenn("doctor", "--device", "cpu")
    #expect(outcome.status == 0, "\(outcome)")
    #expect(outcome.errors == "")
    for words in ["cpu: this processor", "operators: all right", "GB/s", "GFLOP/s", "Use cpu: devicenn finetune", "--device cpu"] {
      #expect(outcome.output.contains(words), "\(words): \(outcome.output)")
    }
  }

  @Test func everyDeviceIsReported() async throws {
    let outcome = try await devicenn("doctor", "--json")
    let answer = try JSONDecoder().decode(Answer.self, from: Data(outcome.output.utf8))
    let available = Device.available()
    #expect(answer.devices.map(\.identifier).filter { $0 != "-" } == available.map(\.identifier))
    #expect(outcome.status == (answer.recommended == nil ? 1 : 0))
    let cpu = try #require(answer.devices.first { $0.identifier == "cpu" })
    #expect(cpu.isSound && cpu.outcomes.count > 8)
    #expect(cpu.gigabytesPerSecond! > 0.1 && cpu.gigaflops! > 0.1)
  }

  @Test func whatKeepsDriversFromBeingFoundIsSaid() async throws {
    let outcome = try await devicenn("doctor", environment: nowhere)
    #expect(outcome.status == 0, "\(outcome)")
    #if os(Linux)
      #expect(outcome.output.contains("problem: OCL_ICD_VENDORS is '/nowhere', which is not there"))
      #expect(outcome.output.contains("fix: unset OCL_ICD_VENDORS"))
      #expect(outcome.output.contains("Use cpu: "))
    #endif
  }

  @Test func withoutASoundDeviceItFails() async throws {
    let nothing = nowhere.merging(["DEVICENN_CPU_ISA": "abacus"]) { $1 }
    let outcome = try await devicenn("doctor", environment: nothing)
    #expect(outcome.status == 1)
    #if os(Linux)
      #expect(outcome.output.contains("There is no device to trust."), "\(outcome)")
    #endif
    #expect(try await devicenn("doctor", "--device", "gpu:99").status == 1)
  }
}
