// What a model says and how right it is, in words.

extension SceneTasks {
  /// One picture's answers as a line.
  public func text(of answer: SceneAnswer) -> String {
    let objects = answer.detections.map { detection in
      let box = detection.box
      let corners = [box.left, box.top, box.right, box.bottom].map { "\(Int($0.rounded()))" }.joined(separator: " ")
      return "\(name(of: detection)) \(percent(detection.score)) at \(corners)"
    }
    let free = regions.isEmpty ? [] : regions.indices.dropFirst().map { region in
      "\(regions[region]) \(percent(Double(answer.regions.count { $0 == region }) / Double(answer.regions.count)))"
    }
    let answers = zip(questions, answer.answers).map { "\($0.name) \($0.answers[$1])" }
    let all = objects + free + answers
    return all.isEmpty ? "nothing" : all.joined(separator: ", ")
  }

  /// With its direction where objects of its class may have one.
  func name(of detection: Detection) -> String {
    let pose = detection.pose.flatMap { pose in isPosed(detection.label) && pose < poses.count ? poses[pose].lowercased() : nil }
    return classes[detection.label] + (pose.map { " " + $0 } ?? "")
  }

  private func isPosed(_ label: Int) -> Bool { posedClasses.contains(label) }
}

extension EpochNumbers {
  /// The losses and what was measured.
  public func sceneLine(epochs: Int) -> String {
    let measured = numbers.keys.sorted().filter { $0.hasPrefix("validation/") && !$0.hasSuffix("loss") }
      .map { "\($0.dropFirst("validation/".count)) \(decimal(self[$0], places: 3))" }
    let losses = "loss \(decimal(self["loss"], places: 3)), validation \(decimal(self["validation/loss"], places: 3))"
    return "epoch \(epoch)/\(epochs)  \(losses)  " + measured.joined(separator: ", ")
      + "  \(threeDigits(self["itemsPerSecond"]))/s"
  }
}

extension SceneEvaluation {
  /// A line for each number.
  public var text: String { textTable([TextColumn(rows.map(\.name), alignment: .left), TextColumn(rows.map(\.value))]) }

  /// What each number is, and its value in words.
  var rows: [(name: String, value: String)] {
    var rows: [(name: String, value: String)] = []
    if let objects {
      rows.append(("mAP at 0.5", percent(objects.atHalf)))
      rows.append(("mAP at 0.5 to 0.95", percent(objects.overall)))
      for (name, values) in zip(classes, objects.byClass) { rows.append(("  \(name) at 0.5", percent(values?[0]))) }
    }
    if let poses { rows.append(("direction", percent(poses.accuracy))) }
    if let foundWithPose { rows.append(("  found, and its direction right", percent(foundWithPose))) }
    if let regions {
      for (i, name) in regions.labels.enumerated() { rows.append(("IoU of \(name)", percent(regions.intersectionOverUnion(of: i)))) }
    }
    for (name, matrix) in questions { rows.append((name, percent(matrix.accuracy))) }
    return rows
  }
}
