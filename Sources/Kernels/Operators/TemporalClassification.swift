/// The sizes of connectionist temporal classification: log-probabilities(steps,batch,classes) against labels(batch,most).
public struct CTCShape: Sendable, Hashable {
  public var steps: Int
  public var batch: Int
  public var classes: Int
  /// Labels that the longest target may have.
  public var most: Int
  public var blank: Int

  public init(steps: Int, batch: Int, classes: Int, most: Int, blank: Int = 0) {
    self.steps = steps
    self.batch = batch
    self.classes = classes
    self.most = most
    self.blank = blank
  }

  var arguments: [Launch.Argument] { [.int(steps), .int(batch), .int(classes), .int(most), .int(blank)] }
}

/// The Int32 labels(batch,most) of each sequence, and how many steps and labels it has.
public struct CTCTargets: Sendable {
  public var labels: Buffer
  public var inputLengths: Buffer
  public var targetLengths: Buffer

  public init(labels: Buffer, inputLengths: Buffer, targetLengths: Buffer) {
    self.labels = labels
    self.inputLengths = inputLengths
    self.targetLengths = targetLengths
  }

  var arguments: [Launch.Argument] { [.buffer(labels), .buffer(inputLengths), .buffer(targetLengths)] }
}

extension Device {
  /// loss(batch), infinite where a sequence has too few steps for its labels; and what the gradient needs.
  public func ctc(_ logProbabilities: Buffer, _ targets: CTCTargets, _ shape: CTCShape) -> (loss: Buffer, alpha: Buffer) {
    let (loss, alpha) = (makeFloats(shape.batch), makeFloats(shape.batch * shape.steps * (2 * shape.most + 1)))
    launch(
      Launch(
        "ctc", groups: [shape.batch, 1, 1],
        shape.arguments + [.buffer(logProbabilities)] + targets.arguments + [.buffer(alpha), .buffer(loss)]))
    return (loss, alpha)
  }

  /// The gradient with respect to the log-probabilities; zeros for a sequence of infinite loss.
  public func ctcBackward(
    _ logProbabilities: Buffer, _ targets: CTCTargets, _ shape: CTCShape, loss: Buffer, alpha: Buffer, dloss: Buffer
  ) -> Buffer {
    let states = shape.batch * (2 * shape.most + 1)
    let (beta, next) = (makeFloats(2 * states), makeBuffer(byteCount: states * MemoryLayout<Int32>.stride))
    let dlogits = makeFloats(shape.steps * shape.batch * shape.classes)
    launch(
      Launch(
        "ctc_backward", groups: [shape.batch, 1, 1],
        shape.arguments + [.buffer(logProbabilities)] + targets.arguments
          + [.buffer(alpha), .buffer(loss), .buffer(dloss), .buffer(beta), .buffer(next), .buffer(dlogits)]))
    return dlogits
  }
}
