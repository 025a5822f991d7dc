internal import Foundation

/// Where a device's tuning is kept: one file a device, in the folder `tuning` of the caches.
public struct TuningFile: Sendable {
  public let path: String
  private let key: TuningRecord.Key

  public init(of description: DeviceDescription) {
    self.init(of: description, folder: Setting.cacheFolder.appendingPathComponent("tuning").path)
  }

  init(of description: DeviceDescription, folder: String) {
    key = TuningRecord.Key(description)
    let name = key.device.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "-" }
    // Different names may look alike without their punctuation.
    let digest = String(ProgramCache.key([key.device]), radix: 16).suffix(8)
    path = "\(folder)/\(String(name).lowercased())-\(digest).json"
  }

  /// What it holds; nil where nobody has tuned the device.
  public func record() throws(TuningError) -> TuningRecord? {
    guard FileManager.default.fileExists(atPath: path) else { return nil }
    let record: TuningRecord
    do {
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      struct Version: Decodable { var format: Int }
      let format = try JSONDecoder().decode(Version.self, from: data).format
      guard format == TuningRecord.currentFormat else {
        throw TuningError.stale(path: path, what: "format", found: "\(format)", wanted: "\(TuningRecord.currentFormat)")
      }
      record = try JSONDecoder().decode(TuningRecord.self, from: data)
    } catch let error as TuningError { throw error } catch {
      throw .unreadable(path: path, reason: "it is no tuning record: \(decodingFault(error))")
    }
    let parts: [(String, (TuningRecord.Key) -> String)] = [
      ("device", \.device), ("driver", \.driver), ("number of compute units", { "\($0.computeUnits)" }), ("kernels", \.kernels),
    ]
    for (what, value) in parts where value(record.key) != value(key) {
      throw .stale(path: path, what: what, found: value(record.key), wanted: value(key))
    }
    return record
  }
}

/// Why a device's tuning isn't used.
public enum TuningError: Error, Equatable, Sendable {
  case unreadable(path: String, reason: String)
  /// It was measured with another device, driver or text of kernels.
  case stale(path: String, what: String, found: String, wanted: String)
}

extension TuningError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): \(reason)"
    case .stale(let path, let what, let found, let wanted):
      "\(path): it was measured with another \(what) ('\(found)', now it is '\(wanted)')"
    }
  }
}

extension Device {
  /// What `devicenn tune` found out about a device; nil where there is none, where it can't be used, which is said on
  /// standard error, and where `DEVICENN_TUNING` is `off`.
  static func tuning(of description: DeviceDescription) -> TuningRecord? {
    guard Setting.tuning.value != "off" else { return nil }
    do throws(TuningError) { return try TuningFile(of: description).record() } catch {
      let advice = "the defaults are used; 'devicenn tune --device \(description.identifier)' measures anew"
      FileHandle.standardError.write(Data("\(error); \(advice)\n".utf8))
      return nil
    }
  }
}
