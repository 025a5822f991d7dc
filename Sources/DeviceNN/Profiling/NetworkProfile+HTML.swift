// The page of a profile: one file that asks for nothing from anywhere, in the style of a run's report.
internal import Foundation
internal import Kernels

extension NetworkProfile {
  /// - Parameter before: seconds of each kernel in an earlier profile, to compare with.
  public func html(before: [String: Double]? = nil) -> String {
    htmlPage(
      title: network,
      body: """
        <header>
        <p class="eyebrow">profile</p>
        <h1>\(escaped(network))</h1>
        <p class="lead">\(threeDigits(trainImagesPerSecond)) images a second in training, \
        \(threeDigits(inferenceImagesPerSecond)) in inference; \(batch) images of \(imageSize) pixels a step, \
        at most \(grouped(peakMemory / 1_048_576)) MiB, on \(escaped(device))</p>
        </header>
        <section class="card"><h2>How near the limit</h2>
        <p class="note">Each kernel of a training step: how much it computes for each byte that it is given, and how fast. \
        The line is what this device was measured to do, \(threeDigits(peaks.bandwidth / 1e9)) GB/s and \
        \(threeDigits(peaks.flops / 1e9)) GFLOP/s. Larger dots take more time.</p>
        \(roofline)
        </section>
        <section class="card"><h2>Kernels</h2>
        \(table(kernels, "kernel", before: before))
        </section>
        <section class="card"><h2>Parts of the network</h2>
        <p class="note">Forward and backward together.</p>
        \(table(blocks, "part", before: nil))
        </section>
        """)
  }

  private func table(_ entries: [Profiler.Entry], _ title: String, before: [String: Double]?) -> String {
    let titles = [title] + Self.columns + (before == nil ? [] : ["before, ms", "speed-up"])
    let head = titles.map { "<th scope=\"col\">\(escaped($0))</th>" }.joined()
    return htmlTable(head: head, entries.map { entry in
      var cells = cells(entry)
      if let before {
        let seconds = before[entry.name]
        cells += [seconds.map { threeDigits($0 * 1e3) } ?? "", seconds.map { threeDigits($0 / entry.seconds) } ?? ""]
      }
      return "<tr><th scope=\"row\">\(escaped(cells[0]))</th>" + cells.dropFirst().map { "<td>\(escaped($0))</td>" }.joined()
        + "</tr>"
    })
  }

  // MARK: Roofline

  /// Both axes by powers of ten: operations a byte, operations a second.
  private var roofline: String {
    let counted = kernels.filter { $0.flops > 0 && $0.bytes > 0 && $0.seconds > 0 }
    let ridge = peaks.flops / peaks.bandwidth
    let intensities = counted.map { $0.flops / $0.bytes } + [ridge / 10, ridge * 10]
    let speeds = counted.map { $0.flops / $0.seconds } + [peaks.flops * 2]
    let (low, high) = (log10(intensities.min()!).rounded(.down), log10(intensities.max()!).rounded(.up))
    let (slow, fast) = (log10(speeds.min()!).rounded(.down), log10(speeds.max()!).rounded(.up))
    let (left, right, top, bottom) = (64.0, 900.0, 20.0, 360.0)
    func x(_ intensity: Double) -> String { decimal(left + (right - left) * (log10(intensity) - low) / (high - low), places: 1) }
    func y(_ speed: Double) -> String {
      decimal(bottom - (bottom - top) * (max(log10(speed), slow) - slow) / (fast - slow), places: 1)
    }
    var parts: [String] = []
    for power in Int(low)...Int(high) {
      let at = x(pow(10, Double(power)))
      parts.append("<path class=\"rule\" d=\"M\(at) \(top)V\(bottom)\"/>")
      parts.append("<text class=\"tick\" x=\"\(at)\" y=\"\(bottom + 20)\" text-anchor=\"middle\">\(significant(pow(10, Double(power))))</text>")
    }
    for power in Int(slow)...Int(fast) {
      let at = y(pow(10, Double(power)))
      parts.append("<path class=\"rule\" d=\"M\(left) \(at)H\(right)\"/>")
      parts.append("<text class=\"tick\" x=\"\(left - 8)\" y=\"\(at)\" dy=\"4\" text-anchor=\"end\">\(significant(pow(10, Double(power) - 9)))</text>")
    }
    let lowest = pow(10, low)
    parts.append(
      "<path class=\"line quiet\" d=\"M\(x(lowest)) \(y(lowest * peaks.bandwidth))L\(x(ridge)) \(y(peaks.flops))L\(right) \(y(peaks.flops))\"/>")
    let most = counted.map(\.seconds).max() ?? 1
    for entry in counted {
      let speed = entry.flops / entry.seconds
      parts.append(
        "<circle class=\"dot strong\" cx=\"\(x(entry.flops / entry.bytes))\" cy=\"\(y(speed))\" "
          + "r=\"\(decimal(3 + 9 * (entry.seconds / most).squareRoot(), places: 1))\"><title>\(escaped(entry.name)): "
          + "\(threeDigits(speed / 1e9)) GFLOP/s, \(threeDigits(entry.seconds * 1e3)) ms</title></circle>")
    }
    return """
      <svg viewBox="0 0 920 400" role="img" aria-label="roofline">
      \(parts.joined(separator: "\n"))
      <text class="tick" x="\(right)" y="396" text-anchor="end">operations a byte</text>
      <text class="tick" x="4" y="14">GFLOP/s</text>
      </svg>
      """
  }
}
