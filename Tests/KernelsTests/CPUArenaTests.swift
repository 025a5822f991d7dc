import Testing

@testable import Kernels

/// The memory that the fallback's buffers are cut from.
@Suite struct CPUArenaTests {
  private let arena = CPUArena()

  @Test func neighbouringGapsBecomeOne() throws {
    let sizes = [192, 64, 128, 64]
    let blocks = try sizes.map { try #require(arena.take(byteCount: $0)) }
    for (block, next) in zip(blocks, blocks.dropFirst()) { #expect(block < next) }
    // The smallest gap that is large enough is taken.
    arena.give(blocks[0], byteCount: 192)
    arena.give(blocks[2], byteCount: 128)
    #expect(arena.take(byteCount: 128) == blocks[2])
    arena.give(blocks[2], byteCount: 128)
    // Three neighbours hold what none of them would.
    arena.give(blocks[1], byteCount: 64)
    #expect(arena.take(byteCount: 384) == blocks[0])
  }

  @Test func nothingIsHeldTwice() throws {
    var numbers = TestNumbers(1)
    var held: [(start: UnsafeMutableRawPointer, size: Int)] = []
    for value in numbers.floats(2000) {
      if value < 0.1 || held.isEmpty {
        let size = (1 + Int(abs(value) * 1000)) * 64
        let start = try #require(arena.take(byteCount: size))
        for other in held { #expect(start + size <= other.start || other.start + other.size <= start) }
        held.append((start, size))
        start.storeBytes(of: UInt8(held.count & 255), toByteOffset: size - 1, as: UInt8.self)
      } else {
        let (start, size) = held.remove(at: Int(value * 1e6) % held.count)
        arena.give(start, byteCount: size)
      }
    }
    for (start, size) in held { arena.give(start, byteCount: size) }
    // What was never taken and all that came back are one gap.
    let whole = try #require(arena.take(byteCount: 1 << 30))
    #expect(held.allSatisfy { whole <= $0.start })
    arena.give(whole, byteCount: 1 << 30)
    arena.trim()
  }

  @Test func moreThanThereIsIsRefused() { #expect(arena.take(byteCount: .max / 64 * 64) == nil) }
}
