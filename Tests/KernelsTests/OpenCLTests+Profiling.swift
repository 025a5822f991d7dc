import Testing

@testable import Kernels

/// What profiling counts, by events and by the clock.
extension OpenCLTests {
  @Test func theFallbackIsTimedByTheClock() throws {
    try expectProfile(of: Device(named: "cpu"))
  }

  @Test(arguments: backends) func profilingCountsEachLaunch(on combination: Combination) throws {
    try expectProfile(of: combination.open())
  }

  private func expectProfile(of device: Device) throws {
    let count = 1 << 20
    let buffer = device.makeBuffer(byteCount: 4 * count)
    // Many groups: llvmpipe ends any loop after 65535 rounds, without a word.
    func fill() { device.launch(Launch("fill", groups: Device.flatGroups(count), [.int(count), .float(1), .buffer(buffer)], flops: 5)) }
    fill()
    let (answer, profile) = try device.profile {
      for _ in 0..<40 { fill() }
      try device.synchronize()
      fill()
      return 42
    }
    fill()
    #expect(answer == 42)
    let entry = try #require(profile.entries["fill"])
    #expect(entry.launches == 41)
    #expect(entry.flops == 205)
    #expect(entry.seconds > 0 && entry.seconds < 60)
    #expect(try device.read(buffer, as: Float.self, count: count).allSatisfy { $0 == 1 })
    struct Stopped: Error {}
    #expect(throws: Stopped.self) { _ = try device.profile { throw Stopped() } }
    #expect(try device.profile { 1 }.1.entries.isEmpty)
  }
}
