package import Foundation

/// What the environment says to this package.
package enum Setting: String {
  /// The device to use where a program names none.
  case device = "DEVICENN_DEVICE"
  /// The tile profile of OpenCL devices: `cpu`, `gpu`, `medium`, `shallow` or `small`. For tests: it puts a GPU's shapes on a CPU driver.
  case profile = "DEVICENN_PROFILE"
  /// `off`: what `devicenn tune` found out is not used.
  case tuning = "DEVICENN_TUNING"
  /// MiB of memory that this package may use of each device, where others share it.
  case memoryLimit = "DEVICENN_MEMORY_LIMIT"
  /// The folder of what may be deleted at any time and is only made again.
  case cache = "DEVICENN_CACHE"

  /// Its value; nil where it is unset or empty.
  var value: String? {
    ProcessInfo.processInfo.environment[rawValue].flatMap { $0.isEmpty ? nil : $0 }
  }

  /// `bytes` of a device's memory, or as few as `DEVICENN_MEMORY_LIMIT` allows.
  static func limited(_ bytes: Int) -> Int { mebibytes.map { min(bytes, $0 << 20) } ?? bytes }

  /// What `DEVICENN_MEMORY_LIMIT` says; nil where that is no sensible number.
  static var mebibytes: Int? { memoryLimit.value.flatMap(Int.init).flatMap { (1...1 << 40).contains($0) ? $0 : nil } }

  /// The folder of caches: `$DEVICENN_CACHE`, `$XDG_CACHE_HOME/devicenn` or `~/.cache/devicenn`.
  package static var cacheFolder: URL {
    if let folder = Setting.cache.value { return URL(fileURLWithPath: folder, isDirectory: true) }
    let environment = ProcessInfo.processInfo.environment
    let caches =
      environment["XDG_CACHE_HOME"].flatMap { $0.isEmpty ? nil : URL(fileURLWithPath: $0, isDirectory: true) }
      ?? FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache", isDirectory: true)
    return caches.appendingPathComponent("devicenn", isDirectory: true)
  }
}
