extension TileProfile {
  /// The profiles that a search on a device begins with: its own, and others that are published or known to be good.
  static func starts(for description: DeviceDescription) -> [TileProfile] {
    let others: [TileProfile]
    switch description.kind {
    case .fallback: others = []
    case .openCLCPU: others = [.cpu(vectorWidth: description.vectorWidth), .small]
    case .gpu, .accelerator: others = [.gpu, .medium, .shallow, .small, .unstaged]
    }
    return ([.fitting(description)] + others).filter { $0.misfit(on: description) == nil }
  }

  /// A GPU's work-items that read their operands in place: devices whose local memory is not faster than their caches.
  private static let unstaged = TileProfile(
    name: "unstaged", vector: 4, local: 8, tileM: 8, tileN: 2, staged: false, itemsN: 1, tileK: 16, columnVectors: 1)

  /// The profiles that differ in one number, as far as kernels.cl and the device allow them.
  func neighbours(on description: DeviceDescription) -> [TileProfile] {
    var found: [TileProfile] = []
    func vary(_ number: WritableKeyPath<TileProfile, Int>, _ values: [Int]) {
      for value in values where value != self[keyPath: number] {
        var profile = self
        profile[keyPath: number] = value
        profile.name = "tuned"
        if profile.isPossible, profile.misfit(on: description) == nil { found.append(profile) }
      }
    }
    vary(\.tileM, staged ? [2, 4, 8] : [4, 6, 8, 12])
    vary(\.tileN, staged ? [1, 2] : [1, 2, 4])
    vary(\.vector, [4, 8, 16])
    vary(\.columnVectors, [1, 2, 4])
    if staged {
      vary(\.tileK, [8, 16, 32])
      vary(\.itemsN, [8, 16, 32])
    }
    // A CPU driver runs a group on one core: more work-items than one only get into each other's way there.
    if staged || description.kind != .openCLCPU { vary(\.local, [8, 32, 64, 128, 256]) }
    return found
  }

  private var isPossible: Bool { !staged || (local >= 32 && local % itemsN == 0 && tileM * tileN * vector <= 128) }

  /// Whether kernels.cl is compiled alike for both, whatever they are called.
  func isSame(as other: TileProfile) -> Bool { defines.map(\.value) == other.defines.map(\.value) }
}
