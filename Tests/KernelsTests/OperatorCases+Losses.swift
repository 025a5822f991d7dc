@testable import Kernels

extension OperatorCase {
  /// Softmax and losses, normalisation by groups, attention, recurrence.
  static let losses: [OperatorCase] = [
    OperatorCase("softmax") { run in
      for (rows, classes) in [(1, 1), (3, 10), (5, 129), (17, 33)] {
        let (x, dy) = (run.input(rows * classes), run.input(rows * classes))
        let y = run.device.softmax(x, rows: rows, classes: classes)
        let logs = run.device.logSoftmax(x, rows: rows, classes: classes)
        try run.keep(
          y, run.device.softmaxBackward(y, dy: dy, rows: rows, classes: classes), logs,
          run.device.logSoftmaxBackward(logs, dy: dy, rows: rows, classes: classes))
      }
    },
    OperatorCase("cross-entropy") { run in
      let d = run.device
      for (rows, classes) in [(1, 1), (3, 10), (5, 129), (17, 33)] {
        let (x, dloss) = (run.input(rows * classes), run.input(rows))
        for weights in [nil, run.input(classes, plus: 2)] {
          let shape = CrossEntropyShape(rows: rows, classes: classes, smoothing: 0.1, weights: weights)
          for target in [
            CrossEntropyTarget.labels(run.labels(rows, below: classes), ignored: 5),
            .probabilities(run.input(rows * classes, plus: 1)),
          ] {
            let (loss, weight) = d.crossEntropy(x, target, shape)
            try run.keep(loss, weight)
            if let weight {
              let (mean, inverse) = d.weightedMean(loss, weight: weight, rows: rows)
              try run.keep(mean, inverse)
            }
            try run.keep(
              d.crossEntropyBackward(x, target, shape, dloss: dloss),
              d.crossEntropyBackward(x, target, shape, dloss: dloss, isShared: true))
          }
        }
      }
    },
    OperatorCase("losses of elements") { run in
      for count in [1, 3, 17, 129, 8195] {
        let (x, target, dy) = (run.input(count), run.input(count), run.input(count))
        for loss in [
          ElementLoss.squared, .absolute, .huber(delta: 0.7), .smoothL1(beta: 0.3), .binaryCrossEntropy,
        ] {
          try run.keep(
            run.device.elementLoss(x, target: target, loss, count: count),
            run.device.elementLossBackward(x, target: target, dy: dy, loss, count: count))
        }
      }
    },
    OperatorCase("temporal classification") { run in
      for (steps, batch, classes, most) in [(1, 1, 2, 1), (9, 3, 5, 4), (33, 2, 17, 15)] {
        let d = run.device
        let shape = CTCShape(steps: steps, batch: batch, classes: classes, most: most, blank: classes - 1)
        let targets = CTCTargets(
          labels: run.labels(batch * most, below: classes - 1),
          inputLengths: d.makeBuffer((0..<batch).map { Int32(steps - $0 * 2) }),
          targetLengths: d.makeBuffer((0..<batch).map { Int32(most - $0 * 2) }))
        let x = d.logSoftmax(run.input(steps * batch * classes), rows: steps * batch, classes: classes)
        let (loss, alpha) = d.ctc(x, targets, shape)
        try run.keep(
          loss, d.ctcBackward(x, targets, shape, loss: loss, alpha: alpha, dloss: run.input(batch)))
      }
    },
    OperatorCase("moments") { run in
      for (outer, axis, inner) in [(1, 1, 1), (3, 17, 5), (2, 700, 33), (3, 1300, 1), (1, 5, 129)] {
        let moments = run.device.merge(
          Moments(run.input(outer * axis * inner)), outer: outer, axis: axis, inner: inner, scale: 0.5)
        try run.keep(moments.mean, moments.rest, moments.square)
        // The columns' moments along the columns.
        let merged = run.device.merge(moments, outer: outer, axis: inner, inner: 1)
        try run.keep(merged.mean, merged.square)
      }
    },
    OperatorCase("group normalization") { run in
      let d = run.device
      for shape in [
        GroupNormShape(batch: 1, channels: 1), GroupNormShape(batch: 5, channels: 129),
        GroupNormShape(batch: 200, channels: 33), GroupNormShape(batch: 2, pixels: 21, channels: 12, groups: 4),
        GroupNormShape(batch: 3, pixels: 65, channels: 34, groups: 2),
        GroupNormShape(batch: 2, pixels: 7, channels: 5, groups: 5),
      ] {
        let (x, dy) = (run.input(shape.count), run.input(shape.count))
        let (gamma, beta) = (run.input(shape.channels, plus: 1), run.input(shape.channels))
        let (y, statistics) = d.groupNorm(x, shape, gamma: gamma, beta: beta, epsilon: 1e-3)
        let parameters = d.groupNormBackwardParameters(x, shape, statistics: statistics, dy: dy)
        try run.keep(
          y, statistics, d.groupNormBackwardInput(x, shape, gamma: gamma, statistics: statistics, dy: dy),
          parameters.dgamma, parameters.dbeta)
      }
    },
    OperatorCase("attention") { run in
      for (queries, keys, depth, isCausal) in [
        (1, 1, 1, false), (5, 3, 7, false), (17, 33, 16, false), (70, 65, 33, true), (3, 9, 20, true), (9, 300, 8, false),
      ] {
        let shape = AttentionShape(
          batch: 2, heads: 3, queries: queries, keys: keys, depth: depth, isCausal: isCausal)
        let counts = [queries, keys, keys].map { 6 * $0 * depth }
        let x = counts.map { shape.whole(run.input($0)) }
        let dy = run.input(counts[0])
        let (y, logSums) = run.device.attention(x[0], x[1], x[2], shape)
        let gradients = counts.map { run.device.makeFloats($0) }
        let to = gradients.map { shape.whole($0) }
        run.device.attentionBackward(x[0], x[1], x[2], shape, y: y, logSums: logSums, dy: dy, to: to[0], to[1], to[2])
        try run.keep(y, logSums, gradients[0], gradients[1], gradients[2])
      }
    },
    OperatorCase("recurrence") { run in
      for cell in RecurrentCell.allCases {
        for (batch, steps, inputs, units) in [(1, 1, 1, 1), (2, 3, 5, 7), (3, 4, 17, 33)] {
          let shape = RecurrentShape(cell, batch: batch, steps: steps, inputs: inputs, units: units)
          let width = cell.gates * units
          let weights = RecurrentWeights(
            input: run.input(inputs * width), hidden: run.input(units * width), inputBias: run.input(width),
            hiddenBias: run.input(width))
          let x = run.input(batch * steps * inputs)
          let pass = run.device.recurrence(x, weights, shape)
          let g = run.device.recurrenceBackward(x, weights, shape, pass, dy: run.input(batch * steps * units))
          try run.keep(pass.y, g.dx, g.dinput, g.dhidden, g.dinputBias, g.dhiddenBias)
        }
      }
    },
  ]
}
