import Foundation
import Testing

@testable import Kernels

@Suite struct SoftmaxTests {
  @Test(arguments: Target.all, [Float(1), 8, 1000]) func agreesWithExponentials(_ target: Target, _ range: Float) throws
  {
    let device = target.device
    var numbers = TestNumbers(50)
    for classes in oddSizes + [257, 1000] {
      let rows = numbers.pick([1, 3, 17])
      let logits = numbers.floats(rows * classes).map { $0 * range }
      let (dy, dloss) = (numbers.floats(rows * classes), numbers.floats(rows))
      let labels = (0..<rows).map { _ in Int32(numbers.pick(Array(0..<classes))) }
      let buffer = device.makeBuffer(logits)
      func read(_ buffer: Buffer, _ count: Int) throws -> [Float] {
        try device.read(buffer, as: Float.self, count: count)
      }

      let logarithms = (0..<rows).flatMap { row -> [Double] in
        let line = logits[row * classes..<(row + 1) * classes].map { Double($0) }
        let largest = line.max()!
        let sum = line.reduce(0) { $0 + exp($1 - largest) }
        return line.map { $0 - largest - log(sum) }
      }
      let logs = device.logSoftmax(buffer, rows: rows, classes: classes)
      expectClose(try read(logs, logits.count), logarithms, "log of \(rows)x\(classes), ±\(range)")
      expectClose(
        try read(device.logSoftmaxBackward(logs, dy: device.makeBuffer(dy), rows: rows, classes: classes), logits.count),
        logits.indices.map { i in
          let row = i / classes * classes
          return Double(dy[i]) - exp(logarithms[i]) * dy[row..<row + classes].reduce(0.0) { $0 + Double($1) }
        }, depth: classes, "gradient of the log of \(rows)x\(classes), ±\(range)")
      let y = device.softmax(buffer, rows: rows, classes: classes)
      expectClose(try read(y, logits.count), logarithms.map(exp), "\(rows)x\(classes), ±\(range)")
      let dx = (0..<rows).flatMap { row -> [Double] in
        let at = row * classes..<(row + 1) * classes
        let sum = at.reduce(0.0) { $0 + exp(logarithms[$1]) * Double(dy[$1]) }
        return at.map { exp(logarithms[$0]) * (Double(dy[$0]) - sum) }
      }
      expectClose(
        try read(device.softmaxBackward(y, dy: device.makeBuffer(dy), rows: rows, classes: classes), logits.count), dx,
        "gradient of \(rows)x\(classes), ±\(range)")

      for smoothing in [Float(0), 0.1, 0.5] {
        func share(_ i: Int) -> Double {
          (i % classes == labels[i / classes] ? 1 - Double(smoothing) : 0) + Double(smoothing) / Double(classes)
        }
        let losses = (0..<rows).map { row in
          -(row * classes..<(row + 1) * classes).reduce(0.0) { $0 + share($1) * logarithms[$1] }
        }
        let labelBuffer = device.makeBuffer(labels)
        let target = CrossEntropyTarget.labels(labelBuffer, ignored: -100)
        let shape = CrossEntropyShape(rows: rows, classes: classes, smoothing: smoothing)
        let loss = device.crossEntropy(buffer, target, shape).loss
        expectClose(try read(loss, rows), losses, "loss of \(rows)x\(classes), ±\(range), smoothing \(smoothing)")
        let gradient = device.crossEntropyBackward(buffer, target, shape, dloss: device.makeBuffer(dloss))
        expectClose(
          try read(gradient, logits.count),
          logits.indices.map { Double(dloss[$0 / classes]) * (exp(logarithms[$0]) - share($0)) },
          "loss gradient of \(rows)x\(classes), ±\(range), smoothing \(smoothing)")
      }
    }
  }

  @Test(arguments: Target.all) func aNaNSpoilsItsRowAlone(_ target: Target) throws {
    let device = target.device
    var logits = [Float](repeating: 0.5, count: 3 * 17)
    logits[20] = .nan
    let y = try device.read(
      device.softmax(device.makeBuffer(logits), rows: 3, classes: 17), as: Float.self, count: logits.count)
    #expect(y[17..<34].allSatisfy { $0.isNaN })
    #expect((y[..<17] + y[34...]).allSatisfy { abs($0 - 1 / 17) < 1e-6 })
  }
}
