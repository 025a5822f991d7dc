/// Numbers (from,from,channels) as (to,to,channels): bicubic and antialiased, as PyTorch's `interpolate` with
/// `antialias`, and as Pillow. Sums are in double precision.
func bicubicallyResampled(_ numbers: [Float], channels: Int, from: Int, to: Int) -> [Float] {
  precondition(
    numbers.count == from * from * channels,
    "\(numbers.count) numbers do not fill the shape [\(from), \(from), \(channels)]")
  let taps = bicubicTaps(from: from, to: to)
  // Rows first, then columns; `inner` numbers stay together, `outer` times.
  func pass(_ x: [Double], outer: Int, inner: Int) -> [Double] {
    var y = [Double](repeating: 0, count: outer * to * inner)
    for o in 0..<outer {
      for (place, taps) in taps.enumerated() {
        for (source, weight) in taps {
          for i in 0..<inner { y[(o * to + place) * inner + i] += weight * x[(o * from + source) * inner + i] }
        }
      }
    }
    return y
  }
  let rows = pass(numbers.map { Double($0) }, outer: 1, inner: from * channels)
  return pass(rows, outer: to, inner: channels).map { Float($0) }
}

/// Which inputs count how much for each output. The filter grows with the reduction, and its weights sum to 1 at
/// borders, too.
private func bicubicTaps(from inputs: Int, to outputs: Int) -> [[(source: Int, weight: Double)]] {
  let scale = Double(inputs) / Double(outputs)
  let stretch = max(scale, 1)
  return (0..<outputs).map { output in
    let center = (Double(output) + 0.5) * scale
    let first = max(0, Int(center - 2 * stretch + 0.5))
    let last = min(inputs, Int(center + 2 * stretch + 0.5))
    let weights = (first..<last).map { keys((Double($0) + 0.5 - center) / stretch) }
    let sum = weights.reduce(0, +)
    return zip(first..<last, weights).map { ($0, $1 / sum) }
  }
}

/// Keys' cubic convolution with a = -1/2 (1981), which is 0 beyond 2.
private func keys(_ x: Double) -> Double {
  let (x, a) = (abs(x), -0.5)
  if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
}
