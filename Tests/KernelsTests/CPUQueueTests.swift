import Foundation
import Synchronization
import Testing

@testable import Kernels

/// The fallback's queue: launches run in order, whoever asks for them, while the caller goes on.
@Suite struct CPUQueueTests {
  /// The numbers backwards, and 1 more: two launches, each of which needs all groups of the one before it.
  private func turned(_ x: Buffer, count: Int) -> Buffer {
    let backwards = x.device.gathered(x, at: Strides([-1], offset: count - 1), shape: [count])
    return x.device.affine(backwards, scale: 1, offset: 1, count: count)
  }

  /// More of them than the queue holds.
  @Test(arguments: [1, 257, 70_000]) func launchesRunInOrder(count: Int) throws {
    let device = Device(backend: try CPUBackend())
    let values = (0..<count).map(Float.init)
    var x = device.makeBuffer(values)
    for _ in 0..<500 { x = turned(x, count: count) }
    #expect(try device.read(x, as: Float.self, count: count) == values.map { $0 + 500 })
  }

  /// Devices of several threads share the queue. Each finds its own results, also while others give memory back. There are
  /// more threads than cores, so that some are stopped for a while anywhere, while others go once round the queue.
  @Test func threadsTakeTurns() {
    let wrong = Mutex<[String]>([])
    DispatchQueue.concurrentPerform(iterations: 6) { thread in
      let count = 1 + thread * 3110
      for round in 0..<200 {
        let result = Result {
          let device = Device(backend: try CPUBackend())
          var x = device.fill(Float(thread), count: count)
          for _ in 0..<100 { x = turned(x, count: count) }
          return try device.read(x, as: Float.self, count: count)
        }
        guard (try? result.get()) != [Float](repeating: Float(thread + 100), count: count) else { continue }
        wrong.withLock { $0.append("thread \(thread), round \(round): \(result)") }
      }
    }
    #expect(wrong.withLock { $0 } == [])
  }

  /// In kernels, on whichever core, but not in the caller's own arithmetic.
  @Test func numbersTooSmallToBeNormalAreZero() throws {
    let device = Device(backend: try CPUBackend())
    let count = 1_000_000
    let products = device.affine(device.fill(1e-30, count: count), scale: 1e-10, count: count)
    let values = try device.read(products, as: Float.self, count: count)
    #expect(values.allSatisfy { $0 == 0 })
    #expect((values[0] + 1e-30) * (values[1] + 1e-10) > 0)
  }

  /// A write overtakes no launch that needs what it replaces.
  @Test func writesWaitForLaunches() throws {
    let device = Device(backend: try CPUBackend())
    let count = 100_000
    let x = device.makeFloats(count)
    let results = (0..<40).map { value in
      [Float](repeating: Float(value), count: count).withUnsafeBytes { device.write($0, to: x) }
      return turned(x, count: count)
    }
    for (value, result) in results.enumerated() {
      #expect(try device.read(result, as: Float.self, count: count).allSatisfy { $0 == Float(value + 1) })
    }
  }
}
