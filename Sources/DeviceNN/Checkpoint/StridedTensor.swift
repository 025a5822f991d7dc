internal import Foundation

/// A tensor as PyTorch has it: some elements of a storage, which it may share with others.
struct StridedTensor {
  /// The place in `PickledObjects.storages`.
  let storage: Int
  let type: StoredType
  let shape: [Int]
  /// The first element in the storage, counted in elements as strides are.
  private let offset: Int
  /// 0 where an extent is 1, so that no stride leads out of the storage.
  private let strides: [Int]
  private let count: Int

  /// Nil where an element would lie outside of a storage of `capacity` elements, where there are more elements than
  /// that (an expanded tensor could fill any memory), or where a number is negative.
  init?(storage: Int, type: StoredType, capacity: Int, offset: Int, shape: [Int], strides: [Int]) {
    guard shape.count == strides.count, offset >= 0, (shape + strides).allSatisfy({ $0 >= 0 }),
      let byteCount = type.byteCount(of: shape)
    else { return nil }
    count = byteCount / type.byteCount
    var last = offset
    for (extent, stride) in zip(shape, strides) where count > 0 {
      let (reach, reachOverflows) = (extent - 1).multipliedReportingOverflow(by: stride)
      let (sum, sumOverflows) = last.addingReportingOverflow(reach)
      guard !reachOverflows, !sumOverflows else { return nil }
      last = sum
    }
    guard count == 0 || count <= capacity && last < capacity else { return nil }
    (self.storage, self.type, self.shape) = (storage, type, shape)
    self.offset = count == 0 ? 0 : offset
    self.strides = zip(shape, strides).map { extent, stride in extent == 1 ? 0 : stride }
  }

  /// The tensor's bytes in row-major order: a part of `storage` where they lie there so, else a copy.
  func bytes(in storage: Data) -> Data {
    let size = type.byteCount
    if count == 0 { return Data() }
    var wanted = 1
    var isInOrder = true
    for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
      isInOrder = isInOrder && stride == wanted
      wanted *= extent
    }
    if isInOrder {
      let start = storage.startIndex + offset * size
      return storage[start..<start + count * size]
    }
    var result = Data(count: count * size)
    result.withUnsafeMutableBytes { target in
      storage.withUnsafeBytes { source in gather(source, into: target, elementSize: size) }
    }
    return result
  }

  private func gather(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, elementSize: Int) {
    var place = [Int](repeating: 0, count: shape.count)
    var from = offset
    for to in 0..<count {
      for byte in 0..<elementSize { target[to * elementSize + byte] = source[from * elementSize + byte] }
      // The last axis moves first.
      for axis in shape.indices.reversed() {
        place[axis] += 1
        from += strides[axis]
        if place[axis] < shape[axis] { break }
        from -= strides[axis] * shape[axis]
        place[axis] = 0
      }
    }
  }
}
