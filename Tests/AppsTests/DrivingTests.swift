import DeviceNN
import Foundation
import Testing

/// The driving app as a user runs it.
@Suite struct DrivingTests {
  let folder = try! TemporaryFolder()

  @Test func streetsAreLearntAndSeen() async throws {
    let streets = folder.path(of: "streets")
    try drawStreets(to: streets, train: 4, val: 2, size: 64)
    let run = folder.path(of: "run")
    let training = ["driving", "train", "--data", streets, "--out", run, "--image-size", "64", "--epochs", "1", "--batch-size", "4", "--device", "cpu"]
    let trained = try await devicenn(training)
    #expect(trained.status == 0 && trained.output.contains("mAP at 0.5 to 0.95"), "\(trained.errors)")
    let again = try await devicenn(training)
    #expect(again.status != 0 && again.errors.contains("already holds a run"), "\(again.errors)")
    let report = try String(contentsOfFile: run + "/report.html", encoding: .utf8)
    #expect(report.contains("devicenn driving train --data") && trained.output.contains("report.html"))

    // A run that is done goes on by no epoch; its options are its own.
    let resumed = try await devicenn("driving", "train", "--resume", "--out", run, "--device", "cpu", "--seed", "0")
    #expect(resumed.status == 0 && resumed.output == trained.output, "\(resumed.errors)")
    for other in [["--epochs", "2"], ["--image-size", "96"], ["--only", "regions"], ["--learning-rate", "0.1"], ["--weights", "other"]] {
      let refused = try await devicenn(["driving", "train", "--resume", "--out", run, "--device", "cpu"] + other)
      #expect(refused.status == 1 && refused.errors.contains(other[0]), "\(refused.errors)")
    }

    let (good, bad) = (streets + "/JPEGImages/val_0000.jpg", try folder.write([1, 2, 3], "bad.jpg"))
    let seen = try await devicenn(
      ["driving", "predict", "--model", run, "--out", folder.path(of: "seen"), "--device", "cpu", bad, good])
    #expect(seen.status == 1 && seen.errors.contains("bad.jpg") && seen.output.contains("val_0000.jpg: "))
    #expect(try Image(contentsOf: folder.path(of: "seen/val_0000.jpg")).width == 640)

    // Pictures of one name become two, and none is drawn over.
    let other = folder.path(of: "other/val_0000.jpg")
    try FileManager.default.createDirectory(atPath: folder.path(of: "other"), withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: good, toPath: other)
    let predict = ["driving", "predict", "--model", run, "--device", "cpu"]
    let both = try await devicenn(predict + ["--out", folder.path(of: "seen"), good, other])
    #expect(both.status == 0 && FileManager.default.fileExists(atPath: folder.path(of: "seen/val_0000-2.jpg")))
    let picture = FileManager.default.contents(atPath: other)
    let over = try await devicenn(predict + ["--out", folder.path(of: "other"), other])
    #expect(over.status != 0 && over.errors.contains("which is read") && FileManager.default.contents(atPath: other) == picture)
  }

  @Test func whatCannotBeLearntIsRefusedInOneLine() async throws {
    let out = folder.path(of: "run")
    func refusal(_ arguments: [String], _ words: String) async throws {
      let outcome = try await devicenn(["driving", "train", "--out", out, "--device", "cpu"] + arguments)
      #expect(outcome.status != 0 && outcome.errors.contains(words), "\(outcome.errors)")
      #expect(!FileManager.default.fileExists(atPath: out))
    }
    try await refusal(["--data", folder.path(of: "nowhere")], "nowhere")
    let streets = folder.path(of: "streets")
    try drawStreets(to: streets, train: 2, val: 1, size: 64)
    try await refusal(["--data", streets, "--only", "ships"], "none of the tasks objects")
    try await refusal(["--data", streets, "--image-size", "100"], "not a multiple of 32")
    let file = streets + "/Annotations/train_0001.xml"
    try "<annotation>\n<object>".write(toFile: file, atomically: true, encoding: .utf8)
    try await refusal(["--data", streets], "train_0001.xml")
    let bare = folder.path(of: "bare.csv")
    let rows = (0..<3).map { "\(streets)/JPEGImages/train_0000.jpg,,,,,,\($0 == 0 ? "val" : "train")" }
    try (["image,xmin,ymin,xmax,ymax,class,split"] + rows).joined(separator: "\n").write(toFile: bare, atomically: true, encoding: .utf8)
    try await refusal(["--data", bare], "bare.csv")
  }
}
