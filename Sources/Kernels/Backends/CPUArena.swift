internal import CPUKernels
internal import Foundation
import Synchronization

/// The fallback's memory: one range of addresses that buffers are cut from, the smallest gap first that is large enough.
///
/// Neighbouring gaps become one. So the many small activations of a network's end, which are done with first in the backward
/// pass, make room for the few large gradients of its beginning: a pool by sizes would hold both. Memory that was used once
/// stays, so that a training step takes none from the system.
final class CPUArena: @unchecked Sendable {  // what `base` names is guarded by the queue of launches, one for all devices
  private struct Gap {
    var start: Int
    var size: Int
    var end: Int { start + size }
  }

  /// All backends share it.
  static let shared = CPUArena()

  /// Bytes that the system gives and takes at least: 4 KiB on most, 16 or 64 on some.
  private static let page = Int(sysconf(Int32(_SC_PAGESIZE)))

  private let base: UnsafeMutableRawBufferPointer
  /// In the order of their addresses, no two of them neighbours.
  private let gaps: Mutex<[Gap]>

  init() {
    // Addresses alone: the system gives memory to those that are touched.
    var capacity = Int(ProcessInfo.processInfo.physicalMemory) * 2
    var start: UnsafeMutableRawPointer?
    while capacity > 0 {
      start = mmap(nil, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
      if start != MAP_FAILED { break }
      // Some systems give no addresses without memory behind them.
      capacity = capacity / 2 / Self.page * Self.page
    }
    base = UnsafeMutableRawBufferPointer(start: capacity > 0 ? start : nil, count: capacity)
    gaps = Mutex(capacity > 0 ? [Gap(start: Int(bitPattern: start), size: capacity)] : [])
    #if os(Linux)
      // Products walk through memory by rows, each on another page: pages of 2 MiB are found faster.
      if capacity > 0 { madvise(start, capacity, MADV_HUGEPAGE) }
    #endif
  }

  deinit { munmap(base.baseAddress, base.count) }

  /// Whole lines of a cache, as `byteCount` is a multiple of 64; nil where no gap is large enough.
  func take(byteCount: Int) -> UnsafeMutableRawPointer? {
    gaps.withLock { gaps in
      var best: Int?
      for (i, gap) in gaps.enumerated() where gap.size >= byteCount {
        if best.map({ gap.size < gaps[$0].size }) ?? true { best = i }
      }
      guard let best else { return nil }
      let start = gaps[best].start
      gaps[best].start += byteCount
      gaps[best].size -= byteCount
      if gaps[best].size == 0 { gaps.remove(at: best) }
      return UnsafeMutableRawPointer(bitPattern: start)
    }
  }

  /// Gives the system back what no buffer holds, once the launches that still use it have run: while the gaps are locked, no
  /// buffer becomes one.
  func trim() {
    let page = Self.page
    gaps.withLock { gaps in
      cpu_wait()
      for gap in gaps {
        let start = (gap.start + page - 1) / page * page, end = gap.end / page * page
        if start < end { madvise(UnsafeMutableRawPointer(bitPattern: start), end - start, MADV_DONTNEED) }
      }
    }
  }

  func give(_ pointer: UnsafeMutableRawPointer, byteCount: Int) {
    let start = Int(bitPattern: pointer), end = start + byteCount
    gaps.withLock { gaps in
      var (low, high) = (0, gaps.count)
      while low < high {
        let middle = (low + high) / 2
        if gaps[middle].start < start { low = middle + 1 } else { high = middle }
      }
      let touchesNext = low < gaps.count && gaps[low].start == end
      if low > 0, gaps[low - 1].end == start {
        gaps[low - 1].size += byteCount
        if touchesNext { gaps[low - 1].size += gaps.remove(at: low).size }
      } else if touchesNext {
        gaps[low].start = start
        gaps[low].size += byteCount
      } else {
        gaps.insert(Gap(start: start, size: byteCount), at: low)
      }
    }
  }
}
