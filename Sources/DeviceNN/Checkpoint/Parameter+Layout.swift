extension Parameter {
  /// The shape that this parameter has in a file.
  var storedShape: [Int] {
    let shape = value.shape
    return switch layout {
    case .same: shape
    case .linear: [shape[1], shape[0]]
    case .convolution: [shape[3], shape[2], shape[0], shape[1]]
    }
  }

  /// The numbers of a file, PyTorch's layout, in ours.
  func inMemory(_ stored: [Float]) -> [Float] {
    switch layout {
    case .same: return stored
    case .linear: return transposed(stored, rows: value.shape[1], columns: value.shape[0])
    // (K,C,R,S) → (R,S,C,K) reverses the two pairs: a transposition of (K·C, R·S), and one of each (K,C).
    case .convolution:
      let (taps, c, k) = (value.shape[0] * value.shape[1], value.shape[2], value.shape[3])
      let byTap = transposed(stored, rows: k * c, columns: taps)
      return (0..<taps).flatMap { transposed(Array(byTap[$0 * k * c..<($0 + 1) * k * c]), rows: k, columns: c) }
    }
  }

  /// Our numbers in a file's layout.
  func stored(_ inMemory: [Float]) -> [Float] {
    switch layout {
    case .same: return inMemory
    case .linear: return transposed(inMemory, rows: value.shape[0], columns: value.shape[1])
    case .convolution:
      let (taps, c, k) = (value.shape[0] * value.shape[1], value.shape[2], value.shape[3])
      let byTap = (0..<taps).flatMap { transposed(Array(inMemory[$0 * k * c..<($0 + 1) * k * c]), rows: c, columns: k) }
      return transposed(byTap, rows: taps, columns: k * c)
    }
  }
}

/// In tiles, so that what is read and what is written both stay in the processor's cache.
private func transposed(_ matrix: [Float], rows: Int, columns: Int) -> [Float] {
  let tile = 32
  return [Float](unsafeUninitializedCapacity: matrix.count) { result, count in
    matrix.withUnsafeBufferPointer { matrix in
      for top in stride(from: 0, to: rows, by: tile) {
        for left in stride(from: 0, to: columns, by: tile) {
          for column in left..<min(left + tile, columns) {
            for row in top..<min(top + tile, rows) { result[column * rows + row] = matrix[row * columns + column] }
          }
        }
      }
    }
    count = matrix.count
  }
}
