import DeviceNN
import Foundation
import Testing

/// What is said of a data set before it is trained on, and measured on its parts afterwards.
@Suite struct DataCommandTests {
  let folder = try! TemporaryFolder()

  @Test func aSweepSuggestsARateAndDrawsItsCurve() async throws {
    let curve = folder.path(of: "new/folder/curve.svg")
    let outcome = try await devicenn(
      "lr-find", "--data", Flowers.shared.path, "--image-size", "32", "--batch-size", "4", "--steps", "20", "--out", curve, "--epochs", "9",
      "--mixup", "0.2", "--device", "cpu")
    #expect(outcome.status == 0 && outcome.output.hasSuffix("the curve: \(curve)\n"), "\(outcome)")
    #expect(outcome.errors.contains("a sweep by recipe full does not heed --epochs, --mixup"), "\(outcome.errors)")
    #expect(FileManager.default.contents(atPath: curve)?.starts(with: Data("<svg".utf8)) == true)
  }

  @Test func leaksAndDamageAreReported() async throws {
    let photos = try Flowers.copy(to: folder)
    let files = FileManager.default
    try files.copyItem(atPath: photos + "/train/daisy/daisy_000.jpg", toPath: photos + "/val/daisy/again.jpg")
    try Data("no picture".utf8).write(to: URL(fileURLWithPath: photos + "/train/daisy/broken.jpg"))
    let page = folder.path(of: "check.html")
    let outcome = try await devicenn("data", "check", photos, "--out", page)
    #expect(outcome.status == 0 && outcome.errors == "", "\(outcome)")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines[0].hasPrefix("37 photos of 3 classes: 24 train, 13 val"), "\(outcome.output)")
    #expect(
      lines[1] == "- 1 picture is in several parts: same bytes (train: daisy/daisy_000.jpg = val: daisy/again.jpg)",
      "\(outcome.output)")
    #expect(outcome.output.contains("1 file can't be read") && outcome.output.contains("broken.jpg"))
    #expect(lines.last == "the page: \(page)")
    #expect(files.contents(atPath: page)?.starts(with: Data("<!doctype html>".utf8)) == true)

    let json = try await devicenn("data", "check", photos, "--json")
    let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
    let duplicates = try #require(object?["duplicates"] as? [[String: Any]])
    #expect(duplicates.first?["leak"] as? Bool == true && duplicates.first?["kind"] as? String == "same bytes")
    expectRefusal(try await devicenn("data", "check", folder.path(of: "nowhere")), "nowhere")
  }

  @Test func aListTrainsAndItsTestPartMeasures() async throws {
    let photos = Flowers.shared.path
    var rows = ["path,label,split"]
    for part in ["train", "val"] {
      for species in try ImageDataset(path: photos).classes {
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(photos)/\(part)/\(species)").sorted()
        for (number, file) in files.enumerated() {
          rows.append("\(photos)/\(part)/\(species)/\(file),\(species),\(part == "val" && number == 0 ? "test" : part)")
        }
      }
    }
    let list = try folder.write(Array(rows.joined(separator: "\n").utf8), "photos.csv")
    let run = folder.path(of: "run")
    let trained = try await devicenn(training(run, data: list, epochs: 1))
    #expect(trained.status == 0, "\(trained.errors)")
    let test = try await devicenn("evaluate", "--model", run, "--data", list, "--split", "test", "--device", "cpu")
    #expect(test.status == 0 && test.output.contains("on 3 photos"), "\(test)")
    let validation = try await devicenn("evaluate", "--model", run, "--data", list, "--device", "cpu")
    #expect(validation.status == 0 && validation.output.contains("on 9 photos"), "\(validation)")
    expectRefusal(
      try await devicenn("evaluate", "--model", run, "--data", photos, "--split", "test", "--device", "cpu"), photos, "test")
    expectRefusal(try await devicenn(training(folder.path(of: "other"), data: list) + ["--label-column", "kind"]), list, "kind")

    // Other photos, which have no parts: a fifth is set aside, or all are measured.
    let loose = photos + "/train"
    let fifth = try await devicenn("evaluate", "--model", run, "--data", loose, "--device", "cpu")
    #expect(fifth.output.contains("on 6 photos, a fifth that is set aside"), "\(fifth)")
    let all = try await devicenn("evaluate", "--model", run, "--data", loose, "--split", "all", "--device", "cpu")
    #expect(all.status == 0 && all.output.contains("on 24 photos\n"), "\(all)")
    let gone = try folder.write(Array("path,label,split\ngone.jpg,\(try ImageDataset(path: photos).classes[0]),val\n".utf8), "gone.csv")
    expectRefusal(
      try await devicenn("evaluate", "--model", run, "--data", gone, "--skip-bad-images", "--device", "cpu"), gone, "no picture")
  }
}
