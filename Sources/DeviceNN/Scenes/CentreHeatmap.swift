// Objects as points (Zhou et al. 2019, CenterNet): a map of how likely each place is the centre of an object of each class,
// with its size and where in its cell the centre lies.
internal import Foundation
internal import Kernels

/// Boxes as the numbers of a map, and back.
///
/// A cell has a number for each class, then the logarithms of the width and the height in cells, then the centre's distances
/// from the cell's corner. Logarithms, unlike the paper's sizes, make an error of a size count as overlaps count it, by what
/// part of the size it is.
struct CentreHeatmap {
  let classes: Int
  /// Cells.
  let width, height: Int
  /// Pixels of a cell's side.
  let stride: Int

  var numbersPerCell: Int { classes + 4 }

  /// What is wanted of the map of one picture.
  struct Target {
    /// height · width · classes: 1 at centres, falling around them like Gauss's function.
    var heat: [Float]
    /// height · width · 4
    var geometry: [Float]
    /// height · width: 1 where there is a centre.
    var isCentre: [Float]
    /// height · width: the pose of the object whose centre is there, or what a loss ignores.
    var poses: [Int32]

    var centreCount: Int { isCentre.count { $0 > 0 } }
  }

  func target(of objects: [SceneObject]) -> Target {
    let cells = width * height
    var target = Target(
      heat: [Float](repeating: 0, count: cells * classes), geometry: [Float](repeating: 0, count: cells * 4),
      isCentre: [Float](repeating: 0, count: cells), poses: [Int32](repeating: Int32(Tensor.ignoredLabel), count: cells))
    // Of two in one cell the smaller, which is harder to find, is learnt.
    for object in objects.sorted(by: { $0.box.area > $1.box.area }) {
      let (centre, size) = (object.box.centre / Float(stride), SIMD2(object.box.width, object.box.height) / Float(stride))
      let (x, y) = (min(max(Int(centre.x), 0), width - 1), min(max(Int(centre.y), 0), height - 1))
      let cell = y * width + x
      target.isCentre[cell] = 1
      target.geometry.replaceSubrange(
        cell * 4..<cell * 4 + 4,
        with: [log(max(size.x, 0.1)), log(max(size.y, 0.1)), centre.x - Float(x), centre.y - Float(y)])
      target.poses[cell] = object.pose.map { Int32($0) } ?? Int32(Tensor.ignoredLabel)
      let radius = Int(max(0, Self.radius(width: size.x, height: size.y)))
      let sigma = Float(2 * radius + 1) / 6
      for dy in -radius...radius where (0..<height).contains(y + dy) {
        for dx in -radius...radius where (0..<width).contains(x + dx) {
          let at = ((y + dy) * width + x + dx) * classes + object.label
          target.heat[at] = max(target.heat[at], exp(-Float(dx * dx + dy * dy) / (2 * sigma * sigma)))
        }
      }
    }
    return target
  }

  /// How far both corners of a box may move so that it still overlaps itself by `overlap`: the least of three cases (Law and
  /// Deng 2018, CornerNet; with the roots and the overlap as in mmdetection).
  static func radius(width: Float, height: Float, overlap: Float = 0.3) -> Float {
    func root(_ a: Float, _ b: Float, _ c: Float, _ sign: Float) -> Float {
      (b + sign * max(b * b - 4 * a * c, 0).squareRoot()) / (2 * a)
    }
    let (sum, area) = (width + height, width * height)
    return min(
      root(1, sum, area * (1 - overlap) / (1 + overlap), -1), root(4, 2 * sum, (1 - overlap) * area, -1),
      root(4 * overlap, -2 * overlap * sum, (overlap - 1) * area, 1))
  }

  /// The objects of one picture's map(height,width,classes + 4), the surest first: cells whose number is the largest of
  /// their neighbourhood, of equals the first. The hundred surest, less those that a surer one of their class overlaps.
  ///
  /// - Parameter poses: for each cell a number for each pose; empty where poses are not asked for.
  func detections(_ map: ArraySlice<Float>, poses: ArraySlice<Float> = [], leastScore: Double, overlap: Double = 0.6) -> [Detection] {
    precondition(
      map.count == width * height * numbersPerCell, "a map of \(width)x\(height) cells has no \(map.count) numbers")
    func number(_ x: Int, _ y: Int, _ k: Int) -> Float { map[map.startIndex + (y * width + x) * numbersPerCell + k] }
    let poseCount = poses.count / (width * height)
    var found: [Detection] = []
    for y in 0..<height {
      for x in 0..<width {
        for label in 0..<classes {
          let logit = number(x, y, label)
          let score = 1 / (1 + exp(-Double(logit)))
          guard score >= leastScore else { continue }
          let isPeak = (max(y - 1, 0)...min(y + 1, height - 1)).allSatisfy { v in
            (max(x - 1, 0)...min(x + 1, width - 1)).allSatisfy { u in
              let other = number(u, v, label)
              return (v, u) < (y, x) ? other < logit : other <= logit
            }
          }
          guard isPeak else { continue }
          let scale = Float(stride)
          let size = SIMD2(exp(number(x, y, classes)), exp(number(x, y, classes + 1))) * scale
          let centre = (SIMD2(Float(x), Float(y)) + SIMD2(number(x, y, classes + 2), number(x, y, classes + 3))) * scale
          let box = Box(
            left: centre.x - size.x / 2, top: centre.y - size.y / 2, right: centre.x + size.x / 2,
            bottom: centre.y + size.y / 2
          ).intersection(Box(left: 0, top: 0, right: Float(width) * scale, bottom: Float(height) * scale))
          guard box.area > 0 else { continue }
          let first = poses.startIndex + (y * width + x) * poseCount
          let pose = (0..<poseCount).max { (poses[first + $0], $1) < (poses[first + $1], $0) }
          found.append(Detection(box: box, label: label, score: score, pose: pose))
        }
      }
    }
    return Array(found.sortedByScore.prefix(100)).suppressingOverlaps(above: overlap)
  }
}

extension Tensor {
  /// The focal loss of centres' logits that counts less around centres (Law and Deng 2018; α = 2, β = 4), divided by the
  /// number of centres: with p = sigmoid(logit), (1 - p)² · -log p where the target is 1, else (1 - target)⁴ · p² · -log(1 - p).
  ///
  /// - Parameter target: 0 … 1, of the same shape.
  public func centreFocalLoss(_ target: Tensor, centres: Int) -> Tensor {
    precondition(shape == target.shape, "a focal loss needs a target of the shape \(shape), but it is \(target.shape)")
    let atCentres = (target .>= 1) * (-self).sigmoid().square() * (-self).softplus()
    let elsewhere = (1 - target).square().square() * sigmoid().square() * softplus()
    return (atCentres + elsewhere).sum() / Float(Swift.max(centres, 1))
  }
}
