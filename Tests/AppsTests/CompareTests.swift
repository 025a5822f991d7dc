import DeviceNN
import Foundation
import Testing

/// What a run's report holds, and runs side by side.
@Suite struct CompareTests {
  let folder = try! TemporaryFolder()

  private func trained(_ name: String, _ more: String...) async throws -> RunFolder {
    let run = RunFolder(folder.path(of: name))
    let outcome = try await devicenn(training(run.path, epochs: 1) + more)
    #expect(outcome.status == 0, "\(outcome.errors)")
    return run
  }

  @Test func reportsSayWhatTheRunCameTo() async throws {
    let run = try await trained("run", "--recipe", "lora")
    let data = try Data(contentsOf: URL(fileURLWithPath: run.numbersPath))
    let report = try JSONDecoder().decode(Report.self, from: data)
    #expect(report.confusion.total == 12 && report.mistakes.count == 12 - report.confusion.correct)
    #expect(report.mistakes.map(\.loss) == report.mistakes.map(\.loss).sorted(by: >))
    #expect(report.mistakes.allSatisfy { $0.probability >= $0.actualProbability && $0.photo.isEmpty })
    let reliability = try #require(report.reliability)
    for bins in [reliability.before, reliability.after] { #expect(bins.reduce(0) { $0 + $1.count } == 12) }
    #expect(reliability.calibration == (try run.configuration().calibration) && report.rocCurve == nil)
    let training = try #require(report.training)
    #expect(training.recipe == "lora" && training.trainedParameters > 0 && training.trainedParameters < training.parameters)
    #expect(report.phases.count == 2 && abs(report.phases.reduce(0) { $0 + $1.seconds } - report.seconds) < 1e-6)
    // Each mistake has its photo and where the network looked.
    let page = String(decoding: try Data(contentsOf: URL(fileURLWithPath: run.reportPath)), as: UTF8.self)
    #expect(page.components(separatedBy: "src=\"data:image/jpeg;base64,").count == 2 * report.mistakes.count + 1)
  }

  @Test func runsSideBySide() async throws {
    let runs = [try await trained("full"), try await trained("head", "--recipe", "head", "--learning-rate", "0.02")]
    let page = folder.path(of: "compare.html")
    let outcome = try await devicenn(["compare", "--out", page] + runs.map(\.path))
    #expect(outcome.status == 0 && outcome.errors == "")
    let lines = outcome.output.split(separator: "\n")
    #expect(lines.count == 4 && lines[0].contains("--learning-rate") && lines[3] == "the curves: \(page)")
    for run in runs { #expect(lines[1...2].contains { $0.hasPrefix(run.path) }) }
    #expect(FileManager.default.contents(atPath: page)?.starts(with: Data("<!doctype html>".utf8)) == true)
    let json = try await devicenn(["compare", "--json"] + runs.map(\.path))
    for line in json.output.split(separator: "\n") {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      #expect((object?["trainedParameters"] as? Int ?? 0) > 0)
    }
  }

  @Test func whatCanNotBeCompared() async throws {
    let run = try await trained("run")
    let alone = try await devicenn("compare", run.path)
    #expect(alone.status == 64 && alone.errors.contains("alone has nothing to be compared with"), "\(alone)")
    expectRefusal(try await devicenn("compare", run.path, folder.path), folder.path, "is not the folder of a run")
    let photos = try Flowers.copy(to: folder)
    try FileManager.default.removeItem(atPath: photos + "/train/daisy/daisy_000.jpg")
    let other = try await trained("other", "--data", photos)
    let warned = try await devicenn("compare", run.path, other.path)
    #expect(warned.status == 0 && warned.errorLines.count == 1 && warned.errors.hasPrefix("Warning: "), "\(warned)")
  }
}
