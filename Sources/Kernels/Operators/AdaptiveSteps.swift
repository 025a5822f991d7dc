internal import Foundation

/// Steps of the optimizers beside SGD and Adam, in place. Each doc comment says what the moments are.
extension Device {
  /// PyTorch's RMSprop; the mean square of the gradient, and the velocity.
  public func rmsPropStep(
    _ tensors: [UpdatedTensor], learningRate: Float, alpha: Float, momentum: Float, epsilon: Float, weightDecay: Float
  ) {
    update(
      "rmsprop", tensors,
      [.float(learningRate), .float(alpha), .float(momentum), .float(epsilon), .float(weightDecay)])
  }

  /// The sum of the gradient's squares.
  public func adagradStep(_ tensors: [UpdatedTensor], learningRate: Float, epsilon: Float, weightDecay: Float) {
    update("adagrad", tensors, [.float(learningRate), .float(epsilon), .float(weightDecay)])
  }

  /// The mean of the gradient. Weight decay is decoupled.
  public func lionStep(
    _ tensors: [UpdatedTensor], learningRate: Float, beta1: Float, beta2: Float, weightDecay: Float
  ) {
    update("lion", tensors, [.float(learningRate), .float(beta1), .float(beta2), .float(1 - learningRate * weightDecay)])
  }

  /// LAMB's step number `step` (from 1); mean and mean square of the gradient.
  ///
  /// - Parameters:
  ///   - clip: what `clipFactor` makes of all gradients' norm.
  ///   - isAdapted: whether each tensor's rate is scaled by |w| / |direction|.
  public func lambStep(
    _ tensors: [UpdatedTensor], step: Int, learningRate: Float, beta1: Float, beta2: Float, epsilon: Float,
    weightDecay: Float, isAdapted: Bool, clip: Buffer
  ) {
    let adam = AdamUpdate(step: step, learningRate: 1, beta1: beta1, beta2: beta2, epsilon: epsilon)
    for start in stride(from: 0, to: tensors.count, by: 8) {
      let eight = Array(tensors[start..<min(start + 8, tensors.count)])
      let directions = eight.map { makeFloats($0.count) }
      inEights(
        zip(eight, directions).map { ($0.count, [$0.gradient, $0.value] + $0.moments + [$1]) }
      ) { arguments, groups in
        launch(
          Launch(
            "lamb_direction", groups: groups,
            [beta1, beta2, epsilon, weightDecay, adam.fromMean, adam.correction].map { .float($0) } + [.buffer(clip)]
              + arguments))
      }
      let weightSquares = squareSums(eight.map { ($0.count, $0.value) })
      let directionSquares = squareSums(zip(eight, directions).map { ($0.count, $1) })
      inEights(zip(eight, directions).map { ($0.count, [$1, $0.value]) }) { arguments, groups in
        launch(
          Launch(
            "lamb_apply", groups: groups,
            [.float(learningRate), .int(isAdapted ? 1 : 0), .buffer(weightSquares), .buffer(directionSquares)]
              + arguments))
      }
    }
  }

  /// Adafactor's step number `step` (from 1) of one tensor. With `columns`, its squares are kept as the moments
  /// rows(count / columns) and columns(columns); else as one moment of `count`.
  public func adafactorStep(
    _ tensor: UpdatedTensor, columns: Int?, step: Int, learningRate: Float, decayRate: Float, epsilon: Float,
    threshold: Float, weightDecay: Float
  ) {
    let count = tensor.count
    let beta = Float(1 - pow(Double(step), Double(decayRate)))
    let square = multiply(tensor.gradient, tensor.gradient, count: count)
    var (movingColumns, mean) = (tensor.moments[0], tensor.moments[0])
    if let columns {
      let rows = count / columns
      precondition(rows * columns == count, "\(count) elements are not rows of \(columns) columns")
      movingColumns = tensor.moments[1]
      moveAverage(
        tensor.moments[0], to: sum(square, outer: rows, axis: columns, inner: 1, scale: 1 / Float(columns)), beta: beta,
        epsilon: epsilon, count: rows)
      moveAverage(
        movingColumns, to: sum(square, outer: 1, axis: rows, inner: columns, scale: 1 / Float(rows)), beta: beta,
        epsilon: epsilon, count: columns)
      mean = sum(tensor.moments[0], outer: 1, axis: rows, inner: 1, scale: 1 / Float(rows))
    } else {
      moveAverage(tensor.moments[0], to: square, beta: beta, epsilon: epsilon, count: count)
    }
    let direction = makeFloats(count)
    launch(
      Launch(
        "adafactor_direction", groups: Self.flatGroups(count),
        [
          .int(count), .int(columns ?? count), .int(columns == nil ? 0 : 1), .buffer(tensor.gradient),
          .buffer(tensor.moments[0]), .buffer(movingColumns), .buffer(mean), .buffer(direction),
        ]))
    launch(
      Launch(
        "adafactor_apply", groups: Self.flatGroups(count),
        [
          .int(count), .float(learningRate), .float(1 - learningRate * weightDecay), .float(threshold),
          .buffer(direction), .buffer(squareSums([(count, direction)])), .buffer(tensor.value),
        ]))
  }

  /// m = beta · m + (1 - beta) · (x + epsilon)
  private func moveAverage(_ m: Buffer, to x: Buffer, beta: Float, epsilon: Float, count: Int) {
    launch(
      Launch(
        "moving_average", groups: Self.flatGroups(count),
        [.int(count), .float(beta), .float(epsilon), .buffer(x), .buffer(m)]))
  }
}
