internal import Foundation
internal import Kernels

/// Pictures mixed in pairs, and what part of each answer is then right: mixup (Zhang et al. 2018) and CutMix (Yun et al.
/// 2019). What is drawn depends on the seed and the step alone.
struct Mixing {
  var mixUp: Float
  var cutMix: Float
  var seed: UInt64

  var isOn: Bool { mixUp > 0 || cutMix > 0 }

  /// - Returns: images(N,H,W,C) and probabilities(N,classes).
  func callAsFunction(_ images: Tensor, _ labels: IntTensor, classes: Int, step: Int) -> (images: Tensor, targets: Tensor) {
    var random = Philox(seed: seed, stream: 1 << 62 | UInt64(step))
    let n = images.shape[0]
    let partners = IntTensor(random.permutation(of: n).map { Int32($0) }, on: images.device)
    let cuts = cutMix > 0 && (mixUp == 0 || random.uniform() < 0.5)
    var share = random.beta(cuts ? cutMix : mixUp)
    let others = images.gathered(axis: 0, partners)
    let mixed: Tensor
    if cuts {
      let (mask, kept) = window(height: images.shape[1], width: images.shape[2], share: share, using: &random)
      share = kept
      let keeps = Tensor(mask, shape: [1, images.shape[1], images.shape[2], 1], on: images.device)
      mixed = images * keeps + others * (1 - keeps)
    } else {
      mixed = images * share + others * (1 - share)
    }
    let answers = labels.oneHot(classes)
    return (mixed, answers * share + answers.gathered(axis: 0, partners) * (1 - share))
  }

  /// 1 outside of a window whose area is 1 - share of the image before it is cut off at the borders, and the part of the
  /// image that stays.
  private func window(height: Int, width: Int, share: Float, using random: inout Philox) -> (mask: [Float], kept: Float) {
    let side = (1 - share).squareRoot()
    let (h, w) = (Int(Float(height) * side), Int(Float(width) * side))
    let (y, x) = (random.integer(below: height), random.integer(below: width))
    let rows = max(0, y - h / 2)..<min(height, y - h / 2 + h)
    let columns = max(0, x - w / 2)..<min(width, x - w / 2 + w)
    let mask = (0..<height * width).map { rows.contains($0 / width) && columns.contains($0 % width) ? Float(0) : 1 }
    return (mask, mask.reduce(0, +) / Float(mask.count))
  }
}

extension Philox {
  /// A number of the beta distribution whose two parameters are `alpha`.
  mutating func beta(_ alpha: Float) -> Float {
    let (x, y) = (gamma(Double(alpha)), gamma(Double(alpha)))
    return x + y > 0 ? Float(x / (x + y)) : 0.5
  }

  /// A number of the gamma distribution of shape `alpha` (Marsaglia and Tsang 2000).
  private mutating func gamma(_ alpha: Double) -> Double {
    if alpha < 1 { return gamma(alpha + 1) * pow(max(Double(uniform()), 1e-12), 1 / alpha) }
    let d = alpha - 1 / 3
    let c = 1 / (9 * d).squareRoot()
    while true {
      let x = Double(normal())
      let v = pow(1 + c * x, 3)
      guard v > 0 else { continue }
      let u = max(Double(uniform()), 1e-12)
      if log(u) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
    }
  }
}
