extension TileProfile {
  /// The profile that suits a device's class and limits.
  ///
  /// A CPU driver runs a work-group on one core, so one work-item with wide vectors is fastest there; a GPU wants
  /// the largest staged tile that its limits allow.
  public static func fitting(_ description: DeviceDescription) -> TileProfile {
    switch description.kind {
    case .fallback: .cpu
    // Mesa's software renderer gives each work-item 65535 rounds of all its loops together and then ends them without a
    // word: too few for the one work-item of a CPU's group.
    case .openCLCPU where description.name.hasPrefix("llvmpipe"):
      [.gpu, .small].first { $0.misfit(on: description) == nil } ?? .cpu(vectorWidth: description.vectorWidth)
    case .openCLCPU: .cpu(vectorWidth: description.vectorWidth)
    case .gpu, .accelerator:
      ([published(for: description.vendor)] + [.gpu, .medium, .small]).first { $0.misfit(on: description) == nil }
        ?? .cpu(vectorWidth: 4)
    }
  }

  /// What is published to be fast on a maker's GPUs; of none has this package been measured on one.
  private static func published(for vendor: String) -> TileProfile {
    let vendor = vendor.lowercased()
    if vendor.contains("apple") { return .shallow }
    // AMD names itself in full.
    return ["advanced micro", "amd", "intel"].contains(where: vendor.contains) ? .medium : .gpu
  }

  /// `cpu` with the widest vectors that don't have to be split, and no more accumulators than there are registers:
  /// processors with short vectors have 16, and compilers that run out of them leave loops rolled.
  static func cpu(vectorWidth: Int) -> TileProfile {
    var profile = TileProfile.cpu
    profile.vector = vectorWidth >= 16 ? 16 : vectorWidth >= 8 ? 8 : 4
    if profile.vector < 16 { profile.tileN = 2 }
    return profile
  }

  /// The profile called `name`, as it suits the device.
  static func named(_ name: String, on description: DeviceDescription) throws(DeviceError) -> TileProfile {
    switch name {
    case "cpu": return .cpu(vectorWidth: description.vectorWidth)
    case "gpu": return .gpu
    case "medium": return .medium
    case "shallow": return .shallow
    case "small": return .small
    default:
      throw .unsupportedProfile(
        profile: name, device: description.name, reason: "there is none of that name, only cpu, gpu, medium, shallow and small")
    }
  }

  /// Bytes of `__local` memory that a group takes at most: for two operands' stages and the places of their pixels, a block of
  /// attention's scores, two sums of columns, or a Fourier transform.
  var localMemory: Int {
    let stages = staged ? (groupRows + 1 + panelColumns) * tileK + 3 * groupRows : 0
    let scores = attentionRows * (3 + (local == 1 ? 64 + vector : max(32, local / 2))) + 2 * vector + local
    return max(stages, scores, 2 * local * columnVectors * vector, 4096) * MemoryLayout<Float>.stride
  }

  /// What the device lacks for this profile; nil where it fits.
  ///
  /// Asked before building, because some drivers compute wrong values without a word when local memory runs out.
  func misfit(on description: DeviceDescription) -> String? {
    if local > description.maxGroupSize {
      return "it has \(local) work-items in a group, and the device allows \(description.maxGroupSize)"
    }
    if localMemory > description.localMemory {
      return "it needs \(localMemory) bytes of local memory, and the device has \(description.localMemory)"
    }
    return nil
  }
}
