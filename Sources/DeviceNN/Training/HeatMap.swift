// Where a network looked: what of a picture spoke for an answer.
public import Kernels

/// How much each place of a network's last map spoke for a class, by Grad-CAM (Selvaraju et al. 2017).
public struct HeatMap: Sendable, Equatable {
  public let width, height: Int
  /// By rows, from 0 to 1; all 0 where nothing spoke for the class.
  public let values: [Float]

  public init(width: Int, height: Int, values: [Float]) {
    precondition(values.count == width * height, "\(values.count) values do not fill a map of \(width)x\(height)")
    (self.width, self.height, self.values) = (width, height, values)
  }

  /// Of a map and the gradient of a logit with respect to it, both (height,width,channels): channels weigh what their
  /// gradient is in the mean, and what speaks against the class counts as nothing.
  init(map: [Float], gradient: [Float], height: Int, width: Int) {
    let (places, channels) = (height * width, map.count / (height * width))
    var weights = [Float](repeating: 0, count: channels)
    for i in gradient.indices { weights[i % channels] += gradient[i] / Float(places) }
    let sums = (0..<places).map { place in
      max(0, (0..<channels).reduce(Float(0)) { $0 + weights[$1] * map[place * channels + $1] })
    }
    let highest = sums.max() ?? 0
    self.init(width: width, height: height, values: highest > 0 ? sums.map { $0 / highest } : sums)
  }

  /// Between the centres of the places the values blend.
  func value(x: Float, y: Float) -> Float {
    func neighbours(_ position: Float, _ count: Int) -> (Int, Int, Float) {
      let place = min(max(position * Float(count) - 0.5, 0), Float(count - 1))
      return (Int(place), min(Int(place) + 1, count - 1), place - place.rounded(.down))
    }
    let (left, right, across) = neighbours(x, width)
    let (top, bottom, down) = neighbours(y, height)
    func row(_ y: Int) -> Float { values[y * width + left] * (1 - across) + values[y * width + right] * across }
    return row(top) * (1 - down) + row(bottom) * down
  }

  /// The picture without its colours and a little darker, but for the places that glow.
  public func drawn(over picture: Image) -> Image {
    var result = picture
    let (coral, amber) = (SIMD3<Float>(214, 72, 36), SIMD3<Float>(255, 206, 96))
    for y in 0..<picture.height {
      for x in 0..<picture.width {
        let heat = value(x: (Float(x) + 0.5) / Float(picture.width), y: (Float(y) + 0.5) / Float(picture.height))
        let (red, green, blue) = picture[x, y]
        let grey = 0.299 * Float(red) + 0.587 * Float(green) + 0.114 * Float(blue)
        let glow = (coral + (amber - coral) * heat * heat) * (0.8 + 0.2 * grey / 255)
        let strength = 0.75 * heat
        let colour = SIMD3(repeating: 0.85 * grey) * (1 - strength) + glow * strength
        result[x, y] = (UInt8(colour.x), UInt8(colour.y), UInt8(colour.z))
      }
    }
    return result
  }
}

extension ImageClassifier {
  /// Where the answer `label` to one image x(1,H,W,C) came from; nil where the last map has no places, as that of tokens.
  public func heatMap(of x: Tensor, label: Int) throws(DeviceError) -> HeatMap? {
    precondition(x.shape.count == 4 && x.shape[0] == 1, "a heat map is of one image (1,H,W,C), but x is \(x.shape)")
    evaluate()
    let map = withoutGradients { trunk(x) }.tracked
    guard map.shape.count == 4 else { return nil }
    let logit = head(features(ofMap: map)).sliced(axis: 1, range: label..<label + 1)
    guard let gradient = logit.gradients()[map] else { return nil }
    return HeatMap(
      map: try map.scalars(), gradient: try gradient.scalars(), height: map.shape[1], width: map.shape[2])
  }
}
