// metrics.jsonl: one JSON object a line and epoch, for programs that follow or compare runs.
import Foundation

/// What a run says of an epoch: a line of metrics.jsonl.
public protocol EpochLine: Decodable, Sendable {
  /// Counted from 1.
  var epoch: Int { get }
  /// By which epochs are compared; the smallest is the best.
  var validationLoss: Double { get }
  /// An object of JSON, without the line's end.
  var jsonLine: String { get }
}

extension EpochMetrics: EpochLine {}

extension Collection where Element: EpochLine {
  /// The epoch whose weights are kept: the last, or of a run that may stop early the one of the smallest validation loss, the
  /// earlier of equal ones. Nil before the first.
  func kept(stoppingEarly: Bool) -> Element? {
    if stoppingEarly { self.min { ($0.validationLoss, $0.epoch) < ($1.validationLoss, $1.epoch) } } else { suffix(1).first }
  }
}

/// The log of a classifier's training.
public typealias MetricsLog = EpochLog<EpochMetrics>

/// The file that an epoch's metrics are appended to. Whole lines only: a line that a killed run left half-written is
/// dropped when the run is resumed.
public struct EpochLog<Line: EpochLine>: Sendable {
  public let path: String

  /// An empty log for a new run, whatever was at `path`.
  public init(startingAt path: String) throws(FileError) {
    self.path = path
    try AtomicFile.write("", to: path)
  }

  /// The log of a run that goes on after `epoch`. Lines of later epochs are dropped: a run may die between writing
  /// its metrics and its checkpoint, and these epochs are going to be trained again.
  public init(resuming path: String, after epoch: Int) throws(FileError) {
    self.path = path
    let kept = try Self.read(path).filter { $0.epoch <= epoch }
    try AtomicFile.write(kept.map { $0.jsonLine + "\n" }.joined(), to: path)
  }

  /// Appends a line, on the disk when this returns.
  public func append(_ metrics: Line) throws(FileError) {
    let descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw unwritable(path, errno) }
    defer { close(descriptor) }
    let failure = Data((metrics.jsonLine + "\n").utf8).withUnsafeBytes { writeAll($0, to: descriptor) }
    if let failure { throw unwritable(path, failure) }
    guard synchronizeToDisk(descriptor) == 0 else { throw unwritable(path, errno) }
  }

  /// The metrics in the file, oldest first. A last line without its end is left out.
  public static func read(_ path: String) throws(FileError) -> [Line] {
    let text: Data
    do { text = try Data(contentsOf: URL(fileURLWithPath: path)) } catch {
      throw .unreadable(path: path, reason: whyUnreadable(path, error))
    }
    let lines = text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast()
    var metrics: [Line] = []
    for (index, line) in lines.enumerated() {
      do { metrics.append(try JSONDecoder().decode(Line.self, from: line)) } catch {
        throw .unreadable(path: path, reason: "line \(index + 1) is not the metrics of an epoch")
      }
    }
    return metrics
  }
}
