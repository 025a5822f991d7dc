// The one parallel loop that preparing data needs.
internal import Dispatch
internal import Synchronization

/// `body` of 0, 1, … count - 1, computed on all cores, in order.
func concurrentMap<Value: Sendable>(_ count: Int, _ body: @Sendable (Int) -> Value) -> [Value] {
  let results = Mutex([Value?](repeating: nil, count: count))
  DispatchQueue.concurrentPerform(iterations: count) { index in
    let value = body(index)
    results.withLock { $0[index] = value }
  }
  return results.withLock { $0.map { $0! } }
}
