internal import Foundation

/// What a tuner found out about one device: the profile and the algorithms to use there, and what it has tried.
///
/// It is the whole state of a tuner, so an interrupted one goes on from it.
public struct TuningRecord: Sendable, Codable {
  /// What decides whether a record still holds: other hardware, another driver or other kernels make other numbers.
  public struct Key: Sendable, Codable, Hashable {
    public var device: String
    public var driver: String
    public var computeUnits: Int
    /// A digest of kernels.cl.
    public var kernels: String
  }

  /// A profile that was tried.
  public struct TileTrial: Sendable, Codable {
    public var profile: TileProfile
    /// For all products, each as often as it occurs; nil where it was wrong, or given up because others are faster.
    public var seconds: Double?
    /// Why it can't be used.
    public var problem: String?
  }

  /// The algorithms that were tried for one product.
  public struct AlgorithmTrial: Sendable, Codable {
    public struct Candidate: Sendable, Codable {
      /// Nil is what the rule takes.
      public var algorithm: Algorithm?
      /// Nil where the result was wrong.
      public var seconds: Double?
      public var problem: String?
    }

    public var operation: ProductOperation
    public var candidates: [Candidate]

    /// What to use instead of the rule's own; nil where nothing is clearly faster. Noise mustn't decide, because another
    /// algorithm gives other bits.
    var choice: Algorithm? {
      let sound = candidates.filter { $0.seconds != nil }
      guard let best = sound.filter({ $0.algorithm != nil }).min(by: { $0.seconds! < $1.seconds! }) else { return nil }
      guard let rule = sound.first(where: { $0.algorithm == nil })?.seconds else { return best.algorithm }
      return best.seconds! < 0.95 * rule ? best.algorithm : nil
    }
  }

  /// A product before and after, measured in turn.
  public struct Gain: Sendable, Codable {
    public var product: Workload.Item
    public var secondsBefore: Double
    public var secondsAfter: Double

    /// What the product takes as often as it occurs.
    public func total(_ each: KeyPath<Self, Double>) -> Double { Double(product.count) * self[keyPath: each] }
  }

  static let currentFormat = 1

  var format = Self.currentFormat
  public let key: Key
  /// What tiles and algorithms are to be good at.
  public internal(set) var workload: Workload
  /// Nil for the device's own.
  public internal(set) var profile: TileProfile?
  /// An earlier workload's winner, which is a good place to begin.
  var origin: TileProfile?
  public internal(set) var tiles: [TileTrial] = []
  public internal(set) var algorithms: [AlgorithmTrial] = []
  /// Empty until all has been tried.
  public internal(set) var gains: [Gain] = []

  init(key: Key, workload: Workload) { (self.key, self.workload) = (key, workload) }

  /// What was chosen in place of the rule's own; nil where that stays.
  public func algorithm(for operation: ProductOperation) -> Algorithm? {
    algorithms.first { $0.operation == operation }?.choice
  }

  /// What all products take, in seconds.
  public func total(_ each: KeyPath<Gain, Double>) -> Double { gains.reduce(0) { $0 + $1.total(each) } }

  /// The JSON that a file holds.
  public var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try! encoder.encode(self), as: UTF8.self) + "\n"  // all its numbers are finite
  }
}

/// Products and how often each occurs.
public struct Workload: Sendable, Codable, Hashable {
  public struct Item: Sendable, Codable, Hashable {
    public var operation: ProductOperation
    public var count: Int
  }

  public var items: [Item]

  public init(_ items: [(operation: ProductOperation, count: Int)]) {
    self.items = items.map { Item(operation: $0.operation, count: $0.count) }
  }
}

extension TuningRecord.Key {
  init(_ description: DeviceDescription) {
    device = description.kind == .fallback ? "\(description.name), \(Self.processor)" : description.name
    (driver, computeUnits) = (description.driverVersion, description.computeUnits)
    kernels = String(ProgramCache.key([OpenCLProgram.source]), radix: 16)
  }

  /// The processor's own name: folders of users may be shared by machines.
  private static var processor: String {
    let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
    let model = lines.first { $0.hasPrefix("model name") }?.split(separator: ":").last ?? "model unknown"
    return model.trimmingCharacters(in: .whitespaces)
  }
}
