import Foundation
import Testing

@testable import DeviceNN

@Suite struct DataNpzTests {
  let folder = try! TemporaryFolder()

  /// A .npy file.
  static func array(_ shape: String, type: String = "|u1", order: String = "False", _ bytes: [UInt8]) -> [UInt8] {
    let header = "{'descr': '\(type)', 'fortran_order': \(order), 'shape': (\(shape)), }\n"
    return [0x93] + Array("NUMPY".utf8) + [1, 0] + littleEndian(UInt16(header.utf8.count)) + Array(header.utf8) + bytes
  }

  static let whole: [String: [UInt8]] = [
    "train_images": array("4, 3, 2", (0..<24).map { $0 * 7 }), "train_labels": array("4, 1", [0, 1, 1, 0]),
    "val_images": array("1, 3, 2", [9, 9, 9, 9, 9, 9]), "val_labels": array("1,", [1]),
    "test_images": array("2, 3, 2", (0..<12).map { $0 }), "test_labels": array("2, 1", [1, 0]),
  ]

  func file(_ arrays: [String: [UInt8]], name: String = "pneumoniamnist.npz", _ change: (inout ZipSample) -> Void = { _ in }) throws -> String {
    var zip = ZipSample(arrays.sorted { $0.key < $1.key }.map { ($0.key + ".npy", $0.value) })
    change(&zip)
    return try folder.write(Array(zip.bytes), name)
  }

  @Test func picturesAndLabelsAreRead() throws {
    let data = try ImageDataset(path: try file(Self.whole))
    #expect(data.classes == ["normal", "pneumonia"])
    #expect(data.train.count == 4 && data.validation.count == 1 && data.test?.count == 2)
    #expect((0..<4).map { data.train.label(at: $0) } == [0, 1, 1, 0])
    let second = try data.train.image(at: 1, atLeast: nil)
    #expect(second.width == 2 && second.height == 3)
    #expect(second.pixels == (6..<12).flatMap { Array(repeating: UInt8($0 * 7), count: 3) })
    #expect(try data.source(.test).image(at: 0, atLeast: nil).pixels.last == 5)
    #expect(data.test?.name(at: 1) == "test 1")
    #expect(try ImageDataset.classes(of: data.path) == data.classes)
    #expect(try ImageDataset(path: try file(Self.whole, name: "mine.npz")).classes == ["0", "1"])
  }

  @Test func coloursAndLongLabelsAreRead() throws {
    var arrays = Self.whole
    arrays["train_images"] = Self.array("4, 1, 2, 3", (0..<24).map { $0 })
    arrays["train_labels"] = Self.array("4", type: "<i8", [0, 1, 1, 0].flatMap { littleEndian(Int64($0)) })
    let data = try ImageDataset(path: try file(arrays))
    #expect(try data.train.image(at: 3, atLeast: nil).pixels == [18, 19, 20, 21, 22, 23])
    #expect(data.train.label(at: 2) == 1)
  }

  @Test func whatNumPyCompressedIsInflated() throws {
    let recorded = decodedBase64(
      """
      UEsDBC0AAAAIAAAAIQD1jODt//////////8QABQAdHJhaW5faW1hZ2VzLm5weQEAEACYAAAAAAAAAGIAAAAAAAAAm+wX6hsQychQxlCtnpJanF\
      ykbqWgXlNqqK6joJ6WX1RSlJgXn1+UkgoSd0vMKU4FihdnJBakAvkaJjoKxjoKRpo6CrUK5AEuBnY+URllLUMLezffkOikzILyutaeybMWAgBQ\
      SwMELQAAAAgAAAAhAPBEuHr//////////xAAFAB0cmFpbl9sYWJlbHMubnB5AQAQAIQAAAAAAAAASgAAAAAAAACb7BfqGxDJyFDGUK2eklqcXK\
      RupaBeU2qorqOgnpZfVFKUmBefX5SSChJ3S8wpTgWKF2ckFqQC+RomOgqGmjoKtQpkAy4GRkYGAFBLAwQtAAAACAAAACEAFqXuI///////////\
      DgAUAHZhbF9pbWFnZXMubnB5AQAQAIYAAAAAAAAATAAAAAAAAACb7BfqGxDJyFDGUK2eklqcXKRupaBeU2qorqOgnpZfVFKUmBefX5SSChJ3S8\
      wpTgWKF2ckFqQC+RqGOgrGOgpGmjoKtQrkAS5OMAAAUEsDBC0AAAAIAAAAIQAaZoKw//////////8OABQAdmFsX2xhYmVscy5ucHkBABAAgQAA\
      AAAAAABHAAAAAAAAAJvsF+obEMnIUMZQrZ6SWpxcpG6loF5Taqiuo6Cell9UUpSYF59flJIKEndLzClOBYoXZyQWpAL5GoY6CoaaOgq1CmQDLk\
      YAUEsBAi0DLQAAAAgAAAAhAPWM4O1iAAAAmAAAABAAAAAAAAAAAAAAAIABAAAAAHRyYWluX2ltYWdlcy5ucHlQSwECLQMtAAAACAAAACEA8ES4\
      ekoAAACEAAAAEAAAAAAAAAAAAAAAgAGkAAAAdHJhaW5fbGFiZWxzLm5weVBLAQItAy0AAAAIAAAAIQAWpe4jTAAAAIYAAAAOAAAAAAAAAAAAAA\
      CAATABAAB2YWxfaW1hZ2VzLm5weVBLAQItAy0AAAAIAAAAIQAaZoKwRwAAAIEAAAAOAAAAAAAAAAAAAACAAbwBAAB2YWxfbGFiZWxzLm5weVBL\
      BQYAAAAABAAEAPQAAABDAgAAAAA=
      """)
    let data = try ImageDataset(path: try folder.write(recorded, "small.npz"))
    #expect(data.train.count == 4 && data.test == nil && data.validation.label(at: 0) == 1)
    #expect(try data.train.image(at: 3, atLeast: nil).pixels.last == 23 * 7)
    #expect(throws: DataError.noTestPictures(path: data.path)) { try data.source(.test) }
    // Whatever is cut off or changed is an error, or changes numbers: never a crash.
    for end in stride(from: 0, to: recorded.count, by: 7) {
      #expect(throws: (any Error).self) { try ImageDataset(path: try folder.write(Array(recorded[..<end]), "cut.npz")) }
    }
    for place in recorded.indices {
      var damaged = recorded
      damaged[place] ^= 0x55
      _ = try? ImageDataset(path: try folder.write(damaged, "damaged.npz"))
    }
  }

  /// 5000 times the letter A.
  static let deflated: [UInt8] = [237, 193, 49, 1, 0, 0, 0, 194, 160, 108, 235, 95, 202, 20, 126, 64, 1, 0, 0, 0, 0, 111, 3]

  @Test func sizesOfDeflatedBytesMustBeTrue() {
    #expect(inflated(Data(Self.deflated), byteCount: 5000) == Data(repeating: 65, count: 5000))
    for size in [0, 1, 4999, 5001, 100_000] { #expect(inflated(Data(Self.deflated), byteCount: size) == nil) }
    #expect(inflated(Data(Self.deflated.dropLast()), byteCount: 5000) == nil)
    #expect(inflated(Data(Self.deflated + [0]), byteCount: 5000) == nil)
    #expect(inflated(Data(), byteCount: 0) == nil)
  }

  @Test func sizesThatDeflateCanNotReachAreRefused() throws {
    let path = try file(Self.whole) {
      $0.entries[0].method = 8
      $0.entries[0].size = 0x7FFF_0000
      $0.entries[0].storedSize = UInt32($0.entries[0].bytes.count)
    }
    #expect(throws: CheckpointError.self) { try ImageDataset(path: path) }
  }

  @Test(arguments: [
    ("train_images", nil, "lacks one of the arrays"), ("val_labels", nil, "lacks one of the arrays"),
    ("train_images", array("4, 3", Array(repeating: 0, count: 12)), "the shape [4, 3]"),
    ("train_images", array("4, 3, 2", Array(repeating: 0, count: 23)), "23 bytes: truncated?"),
    ("train_images", array("9223372036854775807, 9223372036854775807, 4", []), "truncated?"),
    ("train_images", array("4, 3, 2", type: "<f4", Array(repeating: 0, count: 96)), "type '<f4'"),
    ("train_images", array("4, 3, 2", order: "True", Array(repeating: 0, count: 24)), "by columns"),
    ("train_images", array("4, 3, 2, 4", Array(repeating: 0, count: 96)), "were wanted"),
    ("train_images", array("0, 3, 2", []), "the shape [0, 3, 2]"), ("train_images", Array("hello world".utf8), "is no array"),
    ("train_labels", array("4, 2", Array(repeating: 0, count: 8)), "one label for each of 4"),
    ("train_labels", array("3, 1", [0, 1, 0]), "one label for each of 4"),
    ("train_labels", array("4, 1", [0, 2, 2, 0]), "has the label 1"), ("train_labels", array("4, 1", [0, 0, 0, 0]), "only one class"),
    ("train_labels", array("4, 1", type: "|i1", [0, 255, 1, 0]), "no class"),
    ("test_labels", array("2, 1", [0, 3]), "test_labels holds 3"),
  ] as [(String, [UInt8]?, String)])
  func badArraysAreNamed(name: String, array: [UInt8]?, word: String) throws {
    var arrays = Self.whole
    arrays[name] = array
    let path = try file(arrays)
    let error = #expect(throws: (any Error).self) { try ImageDataset(path: path) }
    #expect("\(error!)".contains(path) && "\(error!)".contains(word), "\(error!)")
  }

  @Test(.enabled(if: sharedData != nil, "../shared/data is not here")) func chestXRaysAreReadAsTheirSourceSays() throws {
    let data = try ImageDataset(path: sharedData! + "/medmnist/pneumoniamnist.npz")
    #expect(data.train.count == 2428 && data.validation.count == 270 && data.test?.count == 468)
    #expect((0..<2428).count { data.train.label(at: $0) == 1 } == 1214)
    #expect(try data.train.image(at: 2427, atLeast: nil).width == 28)
  }
}
