import Foundation
import Testing

@testable import DeviceNN

@Suite struct AtomicFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func aFileIsReplacedWhole() throws {
    let path = folder.path(of: "config.json")
    try AtomicFile.write("a long first text", to: path)
    try AtomicFile.write("second", to: path)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "second")
    #expect(folder.contents == ["config.json"])
  }

  @Test func aFailedBodyLeavesTheOldFile() throws {
    let path = folder.path(of: "config.json")
    try AtomicFile.write("old", to: path)
    #expect(throws: FileError.unwritable(path: path, reason: "by the test")) {
      try AtomicFile.write(to: path) { file throws(FileError) in
        try file.append("half of the n")
        throw FileError.unwritable(path: path, reason: "by the test")
      }
    }
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "old")
    #expect(folder.contents == ["config.json"])
  }

  @Test func aMissingFolderIsNamed() {
    let path = folder.path(of: "no/such/file")
    #expect(throws: FileError.unwritable(path: path, reason: "No such file or directory")) {
      try AtomicFile.write("x", to: path)
    }
  }

  @Test func theFolderAroundAFileIsMadeBeforeTheWork() throws {
    let path = folder.path(of: "a/b/page.html")
    try AtomicFile.makeFolder(around: path)
    try AtomicFile.write("x", to: path)
    #expect(throws: FileError.unwritable(path: folder.path(of: "a/b"), reason: "it is a folder, and a file was wanted")) {
      try AtomicFile.makeFolder(around: folder.path(of: "a/b"))
    }
    #expect(throws: FileError.unwritable(path: path, reason: "it is a file, and a folder was wanted")) {
      try AtomicFile.makeFolder(around: path + "/page.html")
    }
  }

  @Test func aFolderInTheWayIsAnErrorAndLeavesNothing() throws {
    let path = folder.path(of: "report.html")
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    #expect(throws: FileError.self) { try AtomicFile.write("x", to: path) }
    #expect(folder.contents == ["report.html"])
  }

  /// A process number that cannot exist stands for a run that was killed; our own is one that still writes.
  @Test func whatAKilledRunLeftIsRemoved() throws {
    try Data().write(to: URL(fileURLWithPath: folder.path(of: ".a.partial-2147483646-0")))
    try Data().write(to: URL(fileURLWithPath: folder.path(of: ".another.partial-2147483646-12")))
    try Data().write(to: URL(fileURLWithPath: folder.path(of: ".a.partial-\(getpid())-x")))
    try Data().write(to: URL(fileURLWithPath: folder.path(of: ".partial-notes")))
    try AtomicFile.write("x", to: folder.path(of: "a"))
    #expect(folder.contents == [".a.partial-\(getpid())-x", ".partial-notes", "a"])
  }

  /// The limit is far above what other tests write at the same time in this process.
  @Test func aFullDiskIsAnErrorAndLeavesNothing() throws {
    #if os(Linux)
      let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
    #else
      let resource = RLIMIT_FSIZE
    #endif
    var limit = rlimit()
    getrlimit(resource, &limit)
    let before = limit
    limit.rlim_cur = 96 << 20
    setrlimit(resource, &limit)
    defer {
      var before = before
      setrlimit(resource, &before)
    }
    let path = folder.path(of: "model.safetensors")
    let record = TensorRecord(name: "w", shape: [100 << 20], [UInt8](repeating: 1, count: 100 << 20))
    #expect(throws: FileError.unwritable(path: path, reason: "File too large")) {
      try writeSafetensors([record], to: path)
    }
    #expect(folder.contents == [])
  }
}
