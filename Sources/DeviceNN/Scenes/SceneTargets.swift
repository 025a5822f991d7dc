internal import Kernels

/// What a batch's pictures show, as a model's outputs should have it.
struct SceneTargets {
  let heat, geometry, isCentre: Tensor
  let centreCount: Int
  /// (N · H/4 · W/4) each; nil where nobody marked any.
  let poses, regions: IntTensor?
  /// (N · H/4 · W/4,regions): 1 for a cell's region; all 0 where nobody marked it.
  let regionShares: Tensor?
  /// (N) for each question; nil where nobody gave an answer.
  let answers: [IntTensor?]

  init(_ batch: ImageBatch, of pictures: AnnotatedPictures, _ tasks: SceneTasks, on device: Device) throws {
    let side = batch.size / SceneModel.stride
    let heatmap = CentreHeatmap(classes: max(tasks.classes.count, 1), width: side, height: side, stride: SceneModel.stride)
    var targets: [CentreHeatmap.Target] = []
    var regions: [Int32] = []
    for (index, places) in zip(batch.indices, batch.places) {
      let annotation = pictures.annotations[index]
      targets.append(heatmap.target(of: annotation.objects(movedBy: places, width: batch.size, height: batch.size)))
      if !tasks.regions.isEmpty {
        regions += try annotation.regionLabels(tasks.regions.count, movedBy: places, side: side)
      }
    }
    func optional(_ labels: [Int32]) -> IntTensor? {
      labels.contains { $0 != Tensor.ignoredLabel } ? IntTensor(labels, on: device) : nil
    }
    let shape = [batch.count, side, side]
    heat = Tensor(targets.flatMap(\.heat), shape: shape + [heatmap.classes], on: device)
    geometry = Tensor(targets.flatMap(\.geometry), shape: shape + [4], on: device)
    isCentre = Tensor(targets.flatMap(\.isCentre), shape: shape + [1], on: device)
    centreCount = targets.reduce(0) { $0 + $1.centreCount }
    poses = tasks.poses.isEmpty ? nil : optional(targets.flatMap(\.poses))
    self.regions = optional(regions)
    regionShares = self.regions.map { _ in
      let shares = regions.flatMap { label in tasks.regions.indices.map { Int(label) == $0 ? Float(1) : 0 } }
      return Tensor(shares, shape: [regions.count, tasks.regions.count], on: device)
    }
    answers = tasks.questions.indices.map { question in
      optional(
        batch.indices.map { index in
          let answers = pictures.annotations[index].answers
          return (question < answers.count ? answers[question] : nil).map { Int32($0) } ?? Int32(Tensor.ignoredLabel)
        })
    }
  }
}

extension SceneAnnotation {
  /// The region at the middle of each cell of `side` x `side`, row by row; what has no colour of a region is ignored, and so
  /// is what lies outside of the picture.
  func regionLabels(_ count: Int, movedBy places: PixelMap, side: Int) throws -> [Int32] {
    let ignored = Int32(Tensor.ignoredLabel)
    guard let regions else { return [Int32](repeating: ignored, count: side * side) }
    let mask = try Image(contentsOf: regions)
    let back = places.inverse
    let colours = (0..<count).map(maskColour)
    return (0..<side * side).map { cell in
      let p = back((SIMD2(Float(cell % side), Float(cell / side)) + 0.5) * Float(SceneModel.stride))
      let (x, y) = (Int(p.x.rounded(.down)), Int(p.y.rounded(.down)))
      guard (0..<mask.width).contains(x), (0..<mask.height).contains(y) else { return ignored }
      return colours.firstIndex { $0 == mask[x, y] }.map { Int32($0) } ?? ignored
    }
  }
}

extension SceneModel {
  /// The loss of each task, in the order of their names; nil for a task that the batch has no labels for.
  func losses(of outputs: Outputs, _ targets: SceneTargets) -> [Tensor?] {
    func crossEntropy(_ map: Tensor, _ labels: IntTensor?, smoothing: Float = 0) -> Tensor? {
      labels.map {
        map.reshaped([map.count / map.shape.last!, map.shape.last!]).crossEntropy($0, labelSmoothing: smoothing)
      }
    }
    var losses: [Tensor?] = []
    if let map = outputs.objects {
      let count = tasks.classes.count
      let centres = map.sliced(axis: 3, range: 0..<count).centreFocalLoss(targets.heat, centres: targets.centreCount)
      let differences = map.sliced(axis: 3, range: count..<count + 4).losses(.absolute, targets.geometry)
      losses.append(centres + (differences * targets.isCentre).sum() / Float(max(targets.centreCount, 1)))
    }
    if let map = outputs.poses { losses.append(crossEntropy(map, targets.poses)) }
    if let map = outputs.regions {
      losses.append(
        crossEntropy(map, targets.regions).map { $0 + map.reshaped(targets.regionShares!.shape).overlapLoss(targets.regionShares!) })
    }
    return losses + zip(outputs.answers, targets.answers).map { crossEntropy($0, $1, smoothing: 0.1) }
  }
}
