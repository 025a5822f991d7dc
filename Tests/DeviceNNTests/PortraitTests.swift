import Foundation
import Testing

@testable import DeviceNN

/// The drawings of the demo of several tasks.
@Suite struct PortraitTests {
  let folder = try! TemporaryFolder()

  @Test func theListFitsTheDrawings() throws {
    let path = try drawPortraits(to: folder.path(of: "a"), train: 60, validation: 12, size: 32)
    let data = try TaskDataset(path: path)
    #expect(data.tasks.map(\.name) == ["age", "glasses", "expression", "hair"])
    #expect(data.train.count == 60 && data.validation.count == 12)
    // A third is missing of the training labels, none of the others.
    let present = data.train.targets.reduce(0) { $0 + $1.presentCount }
    #expect((120...200).contains(present), "\(present) of 240")
    #expect(data.validation.targets.allSatisfy { $0.presentCount == 12 })
    // More drawings leave the first ones as they were.
    let other = try drawPortraits(to: folder.path(of: "b"), train: 3, validation: 2, size: 32)
    #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix(String(contentsOfFile: other, encoding: .utf8).split(separator: "\n").prefix(4).joined(separator: "\n")))
    for name in ["train/portrait_0002.jpg", "val/portrait_0001.jpg"] {
      #expect(FileManager.default.contents(atPath: folder.path(of: "a/" + name)) == FileManager.default.contents(atPath: folder.path(of: "b/" + name)))
    }
  }

  @Test func answersAreIndependent() {
    let people = (0..<600).map { i in
      var generator = Philox(seed: 0, stream: UInt64(i))
      return PortraitPerson(using: &generator)
    }
    for hair in PortraitPerson.Hair.allCases {
      let those = people.filter { $0.hair == hair }
      #expect((150...250).contains(those.count))
      #expect(abs(Double(those.count { $0.hasGlasses }) / Double(those.count) - 0.4) < 0.12)
      #expect(abs(those.reduce(0) { $0 + $1.age } / Float(those.count) - 45) < 6)
    }
  }
}
