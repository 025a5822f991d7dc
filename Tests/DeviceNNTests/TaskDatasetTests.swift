import Foundation
import Testing

@testable import DeviceNN

/// Lists of pictures with several labels, and what is said of those that are wrong.
@Suite struct TaskDatasetTests {
  let folder = try! TemporaryFolder()

  /// Pictures a.jpg, b.jpg, … and a list with these lines.
  private func list(_ lines: String..., pictures: Int = 6) throws -> String {
    for i in 0..<pictures { try folder.write(smoothImage(32, 32).jpegData(), "\(Character(UnicodeScalar(97 + i)!)).jpg") }
    return try folder.write(Array((lines.joined(separator: "\n") + "\n").utf8), "list.csv")
  }

  private func refusal(_ path: String, _ tasks: String..., words: String..., sourceLocation: SourceLocation = #_sourceLocation) {
    do {
      _ = try TaskDataset(path: path, requests: tasks.map { TaskRequest($0)! })
      Issue.record("nothing was refused", sourceLocation: sourceLocation)
    } catch {
      for word in words { #expect("\(error)".contains(word), "\(error)", sourceLocation: sourceLocation) }
      #expect(!"\(error)".contains("\n"), sourceLocation: sourceLocation)
    }
  }

  @Test func kindsAreGuessed() throws {
    let path = try list(
      "path,split,age,pets,hat,wears,position,price", "a.jpg,train,31,2,yes,hat;scarf,1.5;2,1e3", "b.jpg,train,,0,no,scarf,0.5;1,2e3",
      "c.jpg,val,20,2,yes,,1;1,", "d.jpg,train,11,0,,none,2;,5", "e.jpg,test,11,2,no,hat,,5", "f.jpg,train,1.5,0,no,hat,1;3,6")
    let data = try TaskDataset(path: path)
    #expect(data.tasks.map(\.name) == ["age", "pets", "hat", "wears", "position", "price"])
    #expect(data.tasks.map(\.kind.name) == ["regression", "classes", "classes", "labels", "regression", "regression"])
    #expect(data.tasks[1].kind == .classes(["0", "2"]) && data.tasks[3].kind == .multiLabel(["hat", "scarf"]))
    #expect([data.train.count, data.validation.count, data.test?.count] == [4, 1, 1])
    #expect(data.train.source.name(at: 2) == "d.jpg")
    // Empty cells are missing, in each value.
    #expect(data.train.targets[0].presentCount == 3 && data.train.targets[0][1].first!.isNaN)
    #expect(Array(data.train.targets[3].values) == [1, 1, 0, 1, 0, 0, 1, 0])
    #expect(data.train.targets[4][2].first == 2 && data.train.targets[4][2].last!.isNaN)
    guard case .regression(let mean, let deviation, false) = data.tasks[0].kind else { Issue.record("no regression"); return }
    // 31, 11 and 1.5 of the training pictures.
    #expect(abs(mean[0] - 14.5) < 1e-5 && abs(deviation[0] - 12.2950) < 1e-3)
    let only = data.selecting(task: 2)
    #expect(only.tasks == [data.tasks[2]] && only.train.targets == [data.train.targets[2]])
  }

  @Test func kindsAreChosen() throws {
    let path = try list(
      "path,split,age,size", "a.jpg,train,31,small", "b.jpg,train,0,large", "c.jpg,val,20,medium", "d.jpg,train,11,medium")
    let data = try TaskDataset(
      path: path, requests: ["size:ordinal:small,medium,large", "age:counts"].map { TaskRequest($0)! })
    #expect(data.tasks == [LearningTask("size", .ordinal(["small", "medium", "large"])), LearningTask("age", .counts(mean: 14))])
    #expect(data.train.targets[0].values == [0, 2, 1])
    #expect(data.tasks.map { TaskRequest($0) }.map(\.kind) == [.ordinal, .counts])
    let groups = try list(
      "path,split,age", "a.jpg,train,10-19", "b.jpg,train,0-9", "c.jpg,val,100+", "d.jpg,train,100+", "e.jpg,train,20-99")
    #expect(
      try TaskDataset(path: groups, requests: [TaskRequest("age:ordinal")!]).tasks[0].kind
        == .ordinal(["0-9", "10-19", "20-99", "100+"]))
    for bad in ["", ":classes", "a:dance", "a:classes:x,y", "a:ordinal:x", "a:ordinal:x,x", "a:b:c:d"] { #expect(TaskRequest(bad) == nil) }
  }

  @Test func aFifthIsSetAsideBySeed() throws {
    let path = try list("path,age", "a.jpg,1", "b.jpg,2", "c.jpg,3.5", "d.jpg,4", "e.jpg,5", "f.jpg,6")
    let data = try TaskDataset(path: path, requests: [TaskRequest("age:regression")!], seed: 1)
    #expect(data.train.count == 5 && data.validation.count == 1)
    #expect(try TaskDataset(path: path, requests: [TaskRequest("age:regression")!], seed: 1).fingerprint == data.fingerprint)
    let others = try (0..<8).map { try TaskDataset(path: path, requests: [TaskRequest("age:regression")!], seed: $0).fingerprint }
    #expect(Set(others).count > 1)
  }

  @Test func whatIsWrongIsSaid() throws {
    let path = try list(
      "path,split,age,hat,empty,same,odd", "a.jpg,train,31,yes,,7,1", "b.jpg,train,,no,,7,x", "c.jpg,val,20,yes,1,8,2")
    refusal(path, "height", words: "no column 'height'", "age, hat")
    refusal(path, "path", words: "no column 'path'")
    refusal(path, "empty", words: "no training picture has a label for 'empty'")
    refusal(path, "same:regression", words: "'same'", "the same, 7", "nothing to learn")
    refusal(path, "same:classes", words: "'same'", "the same, 7")
    refusal(path, "same:counts", words: "'same'", "the same, 7")
    refusal(path, "odd:regression", words: "line 3", "'x'", "b.jpg", "no number", "leave it empty")
    refusal(path, "hat:ordinal:yes,maybe", words: "line 3", "'no'", "yes, maybe")
    refusal(path, "age", "age", words: "asked for twice")
    let nan = try list("path,split,age", "a.jpg,train,31", "b.jpg,train,nan", "c.jpg,val,20")
    refusal(nan, "age:regression", words: "line 3", "'nan'", "b.jpg")
    refusal(nan, "age:counts", words: "line 3", "'nan'", "no count")
    let twice = try list("path,split,age", "a.jpg,train,31", "b.jpg,train,3", "a.jpg,val,20")
    refusal(twice, "age", words: "line 4", "a.jpg is listed twice, first in line 2")
    let unknown = try list("path,split,hat", "a.jpg,train,yes", "b.jpg,train,no", "c.jpg,val,maybe")
    refusal(unknown, "hat", words: "line 4", "'maybe'", "no training picture has")
    let few = try list("path,age", "a.jpg,1", "b.jpg,2")
    refusal(few, "age", words: "leave none for validation")
    refusal(try list("path,split", "a.jpg,train", "b.jpg,val"), words: "no column besides")
    refusal(folder.path(of: "nowhere"), words: "nowhere")
  }

  @Test func brokenPicturesAreNamedOrLeftOut() throws {
    let path = try list("path,split,age", "a.jpg,train,1", "b.jpg,train,2", "c.jpg,val,3", "d.jpg,train,2")
    try folder.write(Array("no picture".utf8), "b.jpg")
    refusal(path, "age:regression", words: "b.jpg", "--skip-bad-images")
    let data = try TaskDataset(path: path, requests: [TaskRequest("age:regression")!], skippingBad: true)
    #expect(data.skipped.count == 1 && data.train.count == 2 && data.train.targets[0].values == [1, 2])
  }

  @Test func facesNameTheirLabels() throws {
    #expect(UTKFace.labels(of: "26_1_2_20170116184024662.jpg.chip.jpg") == ["26", "female", "Asian"])
    #expect(UTKFace.labels(of: "61_1_20170109142408075.jpg.chip.jpg")?.first == "61")
    #expect(UTKFace.labels(of: "61_1_20170109142408075.jpg.chip.jpg")?.last == "")
    #expect(UTKFace.labels(of: "holiday.jpg") == nil && UTKFace.labels(of: "999_1_2_2017.jpg") == nil)
    for (i, name) in ["1_0_0_2", "20_1_1_3", "33_0_2_4", "44_1_0_5", "70_0_1_6", "80_1_2_7"].enumerated() {
      try folder.write(smoothImage(32, 32, phase: Double(i)).jpegData(), "faces/\(name).jpg")
    }
    let data = try TaskDataset(path: folder.path(of: "faces"))
    #expect(data.tasks.map(\.name) == ["age", "gender", "race"])
    #expect(data.tasks.map(\.kind.name) == ["regression", "classes", "classes"])
    refusal(folder.path, words: "age_gender_race_date.jpg")
  }
}
