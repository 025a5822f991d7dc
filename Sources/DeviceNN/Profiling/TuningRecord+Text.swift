public import Kernels

extension TuningRecord {
  /// A table for a terminal: what each product takes before and after, those that take longest first, and all of them.
  public var summary: String {
    let rows = gains.sorted { $0.total(\.secondsBefore) > $1.total(\.secondsBefore) }.map { gain in
      [
        gain.product.count == 1 ? "" : "\(gain.product.count) x", "\(gain.product.operation)",
        algorithm(for: gain.product.operation)?.rawValue ?? "",
      ] + times(gain.secondsBefore, gain.secondsAfter)
    }
    let titles = ["", "product", "chosen", "ms before", "after", "gain"]
    let cells = [titles] + rows + [["", "all together", ""] + times(total(\.secondsBefore), total(\.secondsAfter))]
    let table = textTable(
      titles.indices.map { column in TextColumn(cells.map { $0[column] }, alignment: (1...2).contains(column) ? .left : .right) })
    let refused = tiles.compactMap(\.problem).count + algorithms.flatMap(\.candidates).compactMap(\.problem).count
    return table + "\ntiles: \(profile.map { "\($0)" } ?? "the device's own, as before")"
      + (refused == 0 ? "" : "\n\(refused) candidates were refused")
  }

  private func times(_ before: Double, _ after: Double) -> [String] {
    [decimal(before * 1e3, places: 2), decimal(after * 1e3, places: 2), decimal(before / max(after, .leastNormalMagnitude), places: 2)]
  }
}
