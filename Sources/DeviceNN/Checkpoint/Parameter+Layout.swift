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
    case .linear:
      let rows = value.shape[1]
      return transposed(stored, rows: rows, columns: value.shape[0]) { row, column in column * rows + row }
    // (K,C,R,S) → (R,S,C,K): a transposition of (K,C·R·S) whose new rows are in another order.
    case .convolution:
      let (taps, c, k) = (value.shape[0] * value.shape[1], value.shape[2], value.shape[3])
      let places = (0..<c * taps).map { $0 % taps * c + $0 / taps }
      return transposed(stored, rows: k, columns: c * taps) { row, column in places[column] * k + row }
    }
  }

  /// Our numbers in a file's layout.
  func stored(_ inMemory: [Float]) -> [Float] {
    switch layout {
    case .same: return inMemory
    case .linear:
      let rows = value.shape[0]
      return transposed(inMemory, rows: rows, columns: value.shape[1]) { row, column in column * rows + row }
    case .convolution:
      let (taps, c, k) = (value.shape[0] * value.shape[1], value.shape[2], value.shape[3])
      let places = (0..<c * taps).map { $0 % c * taps + $0 / c }
      return transposed(inMemory, rows: c * taps, columns: k) { row, column in column * c * taps + places[row] }
    }
  }
}

/// Moves each number of a matrix to `place(row, column)`, in tiles, so that what is read and what is written both stay in
/// the processor's cache.
@inline(__always)
private func transposed(
  _ matrix: [Float], rows: Int, columns: Int, to place: (_ row: Int, _ column: Int) -> Int
) -> [Float] {
  let tile = 32
  return [Float](unsafeUninitializedCapacity: matrix.count) { result, count in
    matrix.withUnsafeBufferPointer { matrix in
      for top in stride(from: 0, to: rows, by: tile) {
        for left in stride(from: 0, to: columns, by: tile) {
          for column in left..<min(left + tile, columns) {
            for row in top..<min(top + tile, rows) { result[place(row, column)] = matrix[row * columns + column] }
          }
        }
      }
    }
    count = matrix.count
  }
}
