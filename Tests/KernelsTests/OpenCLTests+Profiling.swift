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

  @Test(arguments: Target.all) func multiplyAddsAgreeWithALoop(on target: Target) throws {
    let device = target.device
    for (rounds, groups) in [(0, 1), (1, 3), (17, 5)] {
      let chains = (0..<12).map { chain in (0..<rounds).reduce(1 + Double(chain)) { x, _ in x * 0.5 + 0.5 } }
      let count = groups * device.profile.local * device.profile.vector
      let result = try device.read(device.multiplyAdds(rounds: rounds, groups: groups), as: Float.self, count: count)
      for value in result { #expect(abs(Double(value) - chains.reduce(0, +)) < 1e-4) }
    }
  }

  private func expectProfile(of device: Device) throws {
    let count = 1 << 20
    let buffer = device.makeBuffer(byteCount: 4 * count)
    // Many groups: llvmpipe ends any loop after 65535 rounds, without a word.
    func fill() { device.launch(Launch("fill", groups: Device.flatGroups(count), [.int(count), .float(1), .buffer(buffer)], flops: 5)) }
    fill()
    let (answer, profile) = try device.profile {
      labelled("filling") { for _ in 0..<40 { fill() } }
      try device.synchronize()
      fill()
      return 42
    }
    fill()
    #expect(answer == 42)
    #expect(profile.launches.count == 41)
    let entries = profile.entries { $0.label }
    #expect(entries.map(\.name) == ["filling", ""] && entries.map(\.launches) == [40, 1])
    #expect(entries[0].flops == 200 && entries[0].bytes == 40 * 4 * Double(count))
    #expect(profile.seconds > 0 && profile.seconds < 60)
    #expect(profile.launches[0].start == 0 && zip(profile.launches, profile.launches.dropFirst()).allSatisfy { $0.start <= $1.start })
    #expect(try device.read(buffer, as: Float.self, count: count).allSatisfy { $0 == 1 })
    struct Stopped: Error {}
    #expect(throws: Stopped.self) { _ = try device.profile { throw Stopped() } }
    #expect(try device.profile { 1 }.1.launches.isEmpty)
  }
}
