internal import Foundation
public import Kernels

/// What a model says of one picture.
public struct SceneAnswer: Sendable, Equatable {
  /// In the picture's own pixels, the surest first.
  public var detections: [Detection]
  /// The region of each cell of a square map over what the network was shown, row by row; empty where regions are not asked for.
  public var regions: [Int]
  /// The number of the likeliest answer to each question.
  public var answers: [Int]
  /// For each cell its likeliest pose.
  var poses: [Int]
  /// From the picture's places to the network's input.
  var places: PixelMap
}

extension SceneModel {
  /// The answers to a batch's pictures, in evaluation mode.
  public func answers(to batch: ImageBatch, leastScore: Double, on device: Device) throws -> [SceneAnswer] {
    evaluate()
    return try answers(of: withoutGradients { self(batch.images(on: device)) }, to: batch, leastScore: leastScore)
  }

  private func answers(of outputs: Outputs, to batch: ImageBatch, leastScore: Double) throws -> [SceneAnswer] {
    let (maps, poses) = (try outputs.objects?.scalars(), try outputs.poses?.scalars())
    func largest(_ tensor: Tensor?) throws -> [[Int]] {
      guard let tensor else { return Array(repeating: [], count: batch.count) }
      let labels = try tensor.argmax(axis: tensor.shape.count - 1).values().map { Int($0) }
      let size = labels.count / batch.count
      return (0..<batch.count).map { Array(labels[$0 * size..<($0 + 1) * size]) }
    }
    let (poseLabels, regions) = (try largest(outputs.poses), try largest(outputs.regions))
    let answers = try outputs.answers.map(largest)
    let side = batch.size / Self.stride
    let heatmap = CentreHeatmap(classes: tasks.classes.count, width: side, height: side, stride: Self.stride)
    func part(_ values: [Float]?, _ i: Int) -> ArraySlice<Float> {
      values.map { $0[i * $0.count / batch.count..<(i + 1) * $0.count / batch.count] } ?? []
    }
    return (0..<batch.count).map { i in
      let places = batch.places[i]
      let back = places.inverse
      let found = maps == nil ? [] : heatmap.detections(part(maps, i), poses: part(poses, i), leastScore: leastScore)
      return SceneAnswer(
        detections: found.map { Detection(box: back($0.box), label: $0.label, score: $0.score, pose: $0.pose) },
        regions: regions[i], answers: answers.map { $0[i][0] }, poses: poseLabels[i], places: places)
    }
  }
}

/// How right a model is.
public struct SceneEvaluation: Sendable {
  /// The objects' names.
  public var classes: [String]
  /// By task, as means over batches.
  public var losses: [String: Double] = [:]
  /// Nil where there is nothing to locate.
  public var objects: AveragePrecision?
  /// Of the objects that point somewhere: their direction, read where their centre is.
  public var poses: ConfusionMatrix?
  /// The part of these objects that are found, by an overlap of one half at a score of `leastScore`, and have the right direction.
  public var foundWithPose: Double?
  public var regions: ConfusionMatrix?
  public var questions: [(name: String, ConfusionMatrix)]

  public static let leastScore = 0.3

  /// By names as `EpochNumbers` has them.
  public var numbers: [String: Double] {
    var numbers: [String: Double] = ["loss": losses.values.sorted().reduce(0, +)]
    for (task, loss) in losses { numbers[task + "/loss"] = loss }
    if let objects {
      numbers["objects/mAP50"] = objects.atHalf
      numbers["objects/mAP"] = objects.overall
    }
    numbers["poses/accuracy"] = poses?.accuracy
    numbers["poses/foundAndRight"] = foundWithPose
    if let regions {
      for (i, name) in regions.labels.enumerated() { numbers["regions/IoU " + name] = regions.intersectionOverUnion(of: i) }
    }
    for (question, matrix) in questions { numbers[question + "/accuracy"] = matrix.accuracy }
    return numbers
  }
}

extension SceneModel {
  /// Asks about every picture of a part.
  public func evaluation(of pictures: AnnotatedPictures, _ transform: ImageTransform, batchSize: Int = 16, on device: Device) throws -> SceneEvaluation {
    let batches = BatchLoader(pictures, transform: transform, batchSize: batchSize).epoch(0)
    var result = SceneEvaluation(
      classes: tasks.classes, poses: tasks.poses.isEmpty ? nil : ConfusionMatrix(labels: tasks.poses),
      regions: tasks.regions.isEmpty ? nil : ConfusionMatrix(labels: tasks.regions),
      questions: tasks.questions.map { ($0.name, ConfusionMatrix(labels: $0.answers)) })
    var sums = Dictionary(uniqueKeysWithValues: tasks.names.map { ($0, LossMeter()) })
    evaluate()
    var (found, truth): ([[Detection]], [[SceneObject]]) = ([], [])
    var (pointing, right) = (0, 0)
    let side = transform.size / Self.stride
    while let batch = try batches.next() {
      let outputs = withoutGradients { self(batch.images(on: device)) }
      let targets = try SceneTargets(batch, of: pictures, tasks, on: device)
      for (name, loss) in zip(tasks.names, withoutGradients { losses(of: outputs, targets) }) {
        if let loss { sums[name]!.add(loss, count: batch.count) }
      }
      for (index, answer) in zip(batch.indices, try answers(of: outputs, to: batch, leastScore: 0.01)) {
        let annotation = pictures.annotations[index]
        found.append(answer.detections)
        truth.append(annotation.objects)
        for object in annotation.objects {
          guard let pose = object.pose, !tasks.poses.isEmpty else { continue }
          let centre = answer.places(object.box.centre) / Float(Self.stride)
          let (x, y) = (min(max(Int(centre.x), 0), side - 1), min(max(Int(centre.y), 0), side - 1))
          result.poses!.record(actual: pose, predicted: answer.poses[y * side + x])
          pointing += 1
          let match = answer.detections.first {
            $0.label == object.label && $0.score >= SceneEvaluation.leastScore && $0.box.intersectionOverUnion(object.box) >= 0.5
          }
          if match?.pose == pose { right += 1 }
        }
        if !tasks.regions.isEmpty {
          let labels = try annotation.regionLabels(tasks.regions.count, movedBy: answer.places, side: side)
          for (label, predicted) in zip(labels, answer.regions) where label >= 0 {
            result.regions!.record(actual: Int(label), predicted: predicted)
          }
        }
        for (i, (label, predicted)) in zip(annotation.answers, answer.answers).enumerated() {
          if let label { result.questions[i].1.record(actual: label, predicted: predicted) }
        }
      }
    }
    for (name, var meter) in sums where meter.unreadCount > 0 {
      try meter.read()
      result.losses[name] = meter.mean
    }
    if !tasks.classes.isEmpty {
      result.objects = AveragePrecision(detections: found, truth: truth, classes: tasks.classes.count)
      if pointing > 0 { result.foundWithPose = Double(right) / Double(pointing) }
    }
    return result
  }
}
