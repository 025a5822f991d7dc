// Antialiased bilinear resizing, bit for bit as Pillow's BILINEAR, which checkpoints were trained and measured with.
//
// Pillow works in two passes (columns first, then rows), each a small weighted sum in fixed point, rounded to bytes
// between them. The weights are a triangle whose support grows with the reduction, so that shrinking averages all
// pixels instead of picking some.

/// A rectangle of whole pixels.
public struct PixelRectangle: Sendable, Equatable {
  public var x, y, width, height: Int

  public init(x: Int, y: Int, width: Int, height: Int) {
    (self.x, self.y, self.width, self.height) = (x, y, width, height)
  }
}

extension Image {
  /// The whole picture.
  public var bounds: PixelRectangle { PixelRectangle(x: 0, y: 0, width: width, height: height) }

  /// `crop`, scaled to `width` x `height` pixels. Pixels outside of the crop have no influence.
  public func resized(
    width: Int, height: Int, crop: PixelRectangle? = nil, flipped: Bool = false
  ) -> Image {
    let window = PixelRectangle(x: 0, y: 0, width: width, height: height)
    let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
      resample(
        crop ?? bounds, width: width, height: height, window: window, flipped: flipped, into: buffer.baseAddress!)
      count = width * height * 3
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  /// Writes `window` of `crop` scaled to `width` x `height`, mirrored if `flipped`, to window.width · window.height · 3
  /// bytes at `target`. Only the window is computed: a centre crop of a resized picture costs no more than its own pixels.
  func resample(
    _ crop: PixelRectangle, width: Int, height: Int, window: PixelRectangle, flipped: Bool,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    precondition(
      crop.x >= 0 && crop.y >= 0 && crop.width > 0 && crop.height > 0 && crop.x + crop.width <= self.width
        && crop.y + crop.height <= self.height,
      "the crop \(crop) is not within a picture of \(self.width)x\(self.height)")
    precondition(
      window.x >= 0 && window.y >= 0 && window.width > 0 && window.height > 0 && window.x + window.width <= width
        && window.y + window.height <= height, "the window \(window) is not within \(width)x\(height)")
    let columns = Taps(from: crop.width, to: width, window.x..<window.x + window.width)
    let rows = Taps(from: crop.height, to: height, window.y..<window.y + window.height)

    // Pass 1 covers the rows of the crop that pass 2 will want, each of them once.
    let rowRange = rows.sourceRange
    let rowLength = window.width * 3
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: rowRange.count * rowLength) { narrow in
      pixels.withUnsafeBufferPointer { source in
        for (index, row) in rowRange.enumerated() {
          let from = source.baseAddress! + ((crop.y + row) * self.width + crop.x) * 3
          columns.resampleRow(from, to: narrow.baseAddress! + index * rowLength, flipped: flipped)
        }
      }
      rows.combineRows(narrow.baseAddress!, firstRow: rowRange.lowerBound, rowLength: rowLength, to: target)
    }
  }
}

/// One direction of a resize: for each output, which inputs count how much.
private struct Taps {
  /// Fixed point: 8 bits for the value, 2 for sums that overshoot, the rest of 32 for the weights.
  static let bits: Int32 = 22

  private var starts: [Int] = []
  private var counts: [Int] = []
  /// `stride` weights an output, of which the first `counts` are used.
  private var weights: [Int32] = []
  private let stride: Int
  private let isIdentity: Bool

  /// The inputs that any output reads.
  var sourceRange: Range<Int> { starts[0]..<starts.indices.map { starts[$0] + counts[$0] }.max()! }

  init(from inputs: Int, to outputs: Int, _ range: Range<Int>) {
    let scale = Double(inputs) / Double(outputs)
    let support = max(scale, 1)
    stride = Int(support.rounded(.up)) * 2 + 1
    isIdentity = inputs == outputs
    starts.reserveCapacity(range.count)
    counts.reserveCapacity(range.count)
    weights.reserveCapacity(range.count * stride)
    var exact = [Double](repeating: 0, count: stride)
    for output in range {
      let center = (Double(output) + 0.5) * scale
      let start = max(0, Int(center - support + 0.5))
      let count = min(inputs, Int(center + support + 0.5)) - start
      var sum = 0.0
      for tap in 0..<count {
        exact[tap] = max(0, 1 - abs((Double(start + tap) - center + 0.5) * (1 / support)))
        sum += exact[tap]
      }
      starts.append(start)
      counts.append(count)
      for tap in 0..<stride {
        weights.append(tap < count ? Int32(exact[tap] / sum * Double(1 << Self.bits) + 0.5) : 0)
      }
    }
  }

  /// One row of RGB pixels to as many as there are outputs.
  func resampleRow(_ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<UInt8>, flipped: Bool) {
    let outputs = starts.count
    if isIdentity && !flipped {
      target.update(from: source + starts[0] * 3, count: outputs * 3)
      return
    }
    starts.withUnsafeBufferPointer { starts in
      counts.withUnsafeBufferPointer { counts in
        weights.withUnsafeBufferPointer { weights in
          for output in 0..<outputs {
            var pixel = source + starts[output] * 3
            var (red, green, blue) = (half, half, half)
            var weight = weights.baseAddress! + output * stride
            for _ in 0..<counts[output] {
              red &+= Int32(pixel[0]) &* weight[0]
              green &+= Int32(pixel[1]) &* weight[0]
              blue &+= Int32(pixel[2]) &* weight[0]
              pixel += 3
              weight += 1
            }
            let to = target + (flipped ? outputs - 1 - output : output) * 3
            to[0] = UInt8(clamping: red &>> Self.bits)
            to[1] = UInt8(clamping: green &>> Self.bits)
            to[2] = UInt8(clamping: blue &>> Self.bits)
          }
        }
      }
    }
  }

  /// Weighted sums of whole rows, of which `source` holds those from `firstRow` on: the inner loop runs over
  /// neighbouring bytes, so it becomes vector code.
  func combineRows(
    _ source: UnsafePointer<UInt8>, firstRow: Int, rowLength: Int, to target: UnsafeMutablePointer<UInt8>
  ) {
    if isIdentity {
      target.update(from: source, count: starts.count * rowLength)
      return
    }
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: rowLength) { sums in
      for output in starts.indices {
        sums.update(repeating: half)
        for tap in 0..<counts[output] {
          let row = source + (starts[output] + tap - firstRow) * rowLength
          let weight = weights[output * stride + tap]
          for i in 0..<rowLength { sums[i] &+= Int32(row[i]) &* weight }
        }
        let to = target + output * rowLength
        for i in 0..<rowLength { to[i] = UInt8(clamping: sums[i] &>> Self.bits) }
      }
    }
  }

  /// Added before the shift, so that it rounds.
  private var half: Int32 { 1 << (Self.bits - 1) }
}
