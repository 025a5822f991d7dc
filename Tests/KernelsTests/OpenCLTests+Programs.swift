import Foundation
import Testing

@testable import Kernels

/// Building kernels.cl, and the cache of what was built.
extension OpenCLTests {
  /// A small program: PoCL compiles all kernels of one whose binary is wanted, which takes long with kernels.cl.
  private static let fill = """
    __kernel void fill(const int n, const float value, __global float *y) {
      for (int i = get_global_id(0); i < n; i += get_global_size(0)) y[i] = value;
    }
    """

  /// A cache of its own, which nobody else writes.
  private func withCache(_ body: (ProgramCache) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("devicenn-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(ProgramCache(folder: folder))
  }

  @Test(arguments: OpenCLDevice.all) func buildErrorsCarryTheLog(device: OpenCLDevice) throws {
    try withCache { cache in
      #expect {
        try OpenCLBackend(device, profile: .fitting(device.description), source: "__kernel void f() { zebra(); }", cache: cache)
      } throws: { error in
        guard case .buildFailed(device.description.name, let log) = error as? DeviceError else { return false }
        return log.contains("zebra") && log.contains("-D VECTOR=")
      }
    }
  }

  @Test(arguments: OpenCLDevice.all) func programsAreReusedAndDamagedOnesReplaced(device: OpenCLDevice) throws {
    let profile = TileProfile.fitting(device.description)
    func isReused(_ cache: ProgramCache) throws -> Bool {
      let backend = try OpenCLBackend(device, profile: profile, source: Self.fill, cache: cache)
      let device = Device(backend: backend)
      let buffer = device.makeBuffer(byteCount: 4)
      device.launch(Launch("fill", groups: [1, 1, 1], [.int(1), .float(3), .buffer(buffer)]))
      #expect(try device.read(buffer, as: Float.self, count: 1) == [3])
      return backend.isProgramFromCache
    }
    try withCache { cache in
      #expect(try isReused(cache) == false)
      // Some drivers don't show their binaries; then nothing was kept.
      guard let entry = try? FileManager.default.contentsOfDirectory(at: cache.folder, includingPropertiesForKeys: nil).first
      else { return }
      #expect(try isReused(cache))
      let whole = try Data(contentsOf: entry)
      for damaged in [Data(), whole.dropLast(), whole.prefix(20), Data(whole.dropLast()) + [whole.last! ^ 1]] {
        try damaged.write(to: entry)
        #expect(try isReused(cache) == false)
        #expect(try Data(contentsOf: entry).count >= whole.count / 2)
        #expect(try isReused(cache))
      }
    }
  }

  /// Not on rusticl: Mesa 22.3 aborts the process at any binary that isn't its own.
  @Test(arguments: OpenCLDevice.all.filter { $0.platformName != "rusticl" })
  func whatTheDriverRefusesIsBuiltAgain(device: OpenCLDevice) throws {
    try withCache { cache in
      let profile = TileProfile.fitting(device.description)
      let options = OpenCLProgram.options(profile)
      let key = OpenCLProgram.key(device: device, options: options, source: Self.fill)
      cache.store(Array("no program at all".utf8), for: key)
      let backend = try OpenCLBackend(device, profile: profile, source: Self.fill, cache: cache)
      #expect(!backend.isProgramFromCache)
      #expect(cache.load(key) != Array("no program at all".utf8))
    }
  }

  @Test func aCacheThatCannotBeWrittenIsNoError() {
    let cache = ProgramCache(folder: URL(fileURLWithPath: "/dev/null/programs"))
    cache.store([1, 2, 3], for: 7)
    #expect(cache.load(7) == nil)
  }

  @Test func theCacheGivesBackWhatItWasGiven() throws {
    try withCache { cache in
      cache.store([1, 2, 3], for: 7)
      #expect(cache.load(7) == [1, 2, 3])
      #expect(cache.load(8) == nil)
      try FileManager.default.moveItem(at: cache.url(of: 7), to: cache.url(of: 8))
      #expect(cache.load(8) == nil, "an entry under another key's name must not be taken")
    }
  }

  @Test func keysTellPartsApart() {
    #expect(ProgramCache.key(["ab", "c"]) != ProgramCache.key(["a", "bc"]))
    #expect(ProgramCache.key(["ab", "c"]) == ProgramCache.key(["ab", "c"]))
  }
}
