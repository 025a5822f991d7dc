import Foundation
import Testing

@testable import DeviceNN

@Suite struct DataFlowerTests {
  @Test func drawnFlowersAreADataSet() throws {
    let folder = try TemporaryFolder()
    let names = try drawFlowers(to: folder.path, classes: 3, trainPerClass: 2, valPerClass: 1, size: 32, seed: 5)
    let data = try ImageFolder(folder.path)
    #expect(data.classes == names.sorted())
    #expect(data.train.count == 6 && data.validation.count == 3)
    #expect(try data.validated(skippingBad: false).skipped.isEmpty)
    #expect(try data.train.image(at: 0, atLeast: nil).height == 32)
  }

  @Test func theSeedDecidesWhatIsDrawn() throws {
    func draw(_ seed: UInt64, _ trainPerClass: Int = 1) throws -> [UInt8] {
      let folder = try TemporaryFolder()
      try drawFlowers(to: folder.path, classes: 2, trainPerClass: trainPerClass, valPerClass: 0, size: 24, seed: seed)
      return try imageFileBytes(folder.path + "/train/tulip/tulip_000.jpg")
    }
    let one = try draw(1)
    #expect(try draw(1) == one)
    #expect(try draw(1, 3) == one, "more pictures leave the first as they are")
    #expect(try draw(2) != one)
  }

  /// Draws a sheet of all species to look at, where DEVICENN_CONTACT_SHEET names a file.
  @Test(
    .enabled(
      if: ProcessInfo.processInfo.environment["DEVICENN_CONTACT_SHEET"] != nil, "DEVICENN_CONTACT_SHEET is not set"))
  func contactSheet() throws {
    let (size, columns) = (Int(ProcessInfo.processInfo.environment["DEVICENN_CONTACT_SIZE"] ?? "") ?? 96, 12)
    let rows = FlowerSpecies.all.count
    var sheet = Image(width: columns * size, height: rows * size)
    let start = ContinuousClock.now
    for row in 0..<rows {
      for column in 0..<columns {
        var generator = Philox(seed: 1, stream: UInt64(row * columns + column))
        let image = drawFlower(FlowerSpecies.all[row], size: size, using: &generator)
        for y in 0..<size { for x in 0..<size { sheet[column * size + x, row * size + y] = image[x, y] } }
      }
    }
    print(
      "\((ContinuousClock.now - start) / .milliseconds(1) / Double(rows * columns)) ms a picture of \(size)x\(size)")
    try writeImageFile(sheet.pngData(), to: ProcessInfo.processInfo.environment["DEVICENN_CONTACT_SHEET"]!)
  }
}
