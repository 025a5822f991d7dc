// The progress bar on a terminal; plain lines where standard error goes elsewhere.
import DeviceNN
import Foundation
import Synchronization

/// One line at the bottom of the terminal that is redrawn in place, at most ten times a second.
///
/// It writes to standard error, so that `devicenn … --json > file` stays clean, and any thread may call it.
final class ProgressBar: Sendable {
  private struct State {
    var isDrawn = false
    var lastDrawn = ContinuousClock.now - .seconds(1)
  }

  private let state = Mutex(State())
  let isTerminal: Bool
  private let isUnicode: Bool

  /// A bar where standard error is a terminal that can move its cursor.
  init(isTerminal: Bool = isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb") {
    self.isTerminal = isTerminal
    let encoding = environment("LC_ALL") ?? environment("LC_CTYPE") ?? environment("LANG") ?? ""
    isUnicode = encoding.uppercased().contains("UTF-8") || encoding.uppercased().contains("UTF8")
  }

  func update(_ progress: some ProgressLine) {
    guard isTerminal else { return }
    state.withLock { state in
      let now = ContinuousClock.now
      guard now - state.lastDrawn >= .milliseconds(100) else { return }
      state.lastDrawn = now
      draw(progress, &state)
    }
  }

  /// Leaves the epoch's line above the bar.
  func finish(_ metrics: EpochMetrics, of epochs: Int) { print(metrics.line(epochs: epochs)) }

  /// Writes a line above the bar; no other thread draws before `then` is done.
  func print(_ line: String, then: () -> Void = {}) {
    state.withLock { state in
      erase(&state)
      write(line + "\n")
      then()
    }
  }

  /// Removes the bar; the next line of the terminal is free. To be called before a run ends, also when it fails.
  func clear() { state.withLock { erase(&$0) } }

  private func draw(_ progress: some ProgressLine, _ state: inout State) {
    // The last column stays free: many terminals wrap when it is written.
    write("\r" + progress.line(width: columns - 1, isUnicode: isUnicode) + "\u{1B}[K")
    state.isDrawn = true
  }

  private func erase(_ state: inout State) {
    guard state.isDrawn else { return }
    write("\r\u{1B}[K")
    state.isDrawn = false
  }

  /// Asked at every redraw, because windows change their size.
  private var columns: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// A bar that can't be drawn must not end a training.
  private func write(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }
}

private func environment(_ name: String) -> String? {
  ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
}
