import DeviceNN
import Foundation
import Kernels
import Testing

/// Speed as a user asks for it.
@Suite struct ProfileTests {
  let folder = try! TemporaryFolder()

  @Test func kernelsAreMeasuredAtTheShapesThatAreGiven() async throws {
    let asked = ["profile", "--kernel", "matmul", "--shape", "17,33,65", "64,1,3", "--runs", "1", "--device", "cpu"]
    let json = try await devicenn(asked + ["--json"])
    #expect(json.status == 0, "\(json.errors)")
    let objects = try json.output.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
    #expect(objects.map { $0["shape"] as? [Int] } == [[17, 33, 65], [64, 1, 3]])
    for object in objects { #expect(object["op"] as? String == "matmul" && (object["gflops"] as? Double ?? 0) > 0) }
    // What was printed is a list of shapes.
    let list = try folder.write(Array(json.output.utf8), "shapes.jsonl")
    let text = try await devicenn("profile", "--kernel", "all", "--shapes-file", list, "--runs", "1", "--device", "cpu")
    #expect(text.status == 0 && text.output.split(separator: "\n").count == 3 && text.output.contains("% of the limit"), "\(text)")
    // So is what docs/benchmarks.md calls a shape.
    let spaced = try await devicenn("profile", "--kernel", "matmul", "--shape", "17 33 65", "--runs", "1", "--device", "cpu")
    #expect(spaced.status == 0 && spaced.output.contains("17,33,65"), "\(spaced)")
    let torch = try await devicenn("profile", "--kernel", "softmax", "--shapes", "torch", "--runs", "1", "--device", "cpu")
    #expect(torch.status == 0 && torch.output.contains("4096,1000"), "\(torch)")
  }

  @Test func networksHaveAPageAndATrace() async throws {
    let (trace, page) = (folder.path(of: "trace.json"), folder.path(of: "profile.html"))
    let outcome = try await devicenn(
      "profile", "--net", "squeezenet1_1", "--batch", "1", "--image-size", "64", "--runs", "1", "--json", "--trace", trace,
      "--html", page, "--device", "cpu")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let object = try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any]
    for key in ["train_images_per_second", "inference_images_per_second", "peak_rss_mb"] {
      #expect((object?[key] as? Double ?? 0) > 0, "\(key)")
    }
    #expect(FileManager.default.contents(atPath: page)?.starts(with: Data("<!doctype html>".utf8)) == true)
    #expect(try Profiler.kernelSeconds(ofTrace: trace).count > 5)
  }

  @Test func whatCanNotBeMeasured() async throws {
    for (arguments, word) in [
      ([], "Either --kernel or --net"), (["--kernel", "matmul", "--net", "vgg11"], "Either --kernel or --net"),
      (["--kernel", "fold"], "none of all, matmul"), (["--kernel", "matmul", "--shape", "3,4"], "matmul takes m,n,k"),
      (["--kernel", "conv2d", "--shape", "1,6,9,4,3,1,4"], "divide neither"), (["--kernel", "sum", "--html", "x"], "belong to --net"),
    ] {
      let outcome = try await devicenn(["profile"] + arguments)
      #expect(outcome.status == 64 && outcome.errors.contains(word), "\(outcome)")
    }
    let list = try folder.write(Array("{\"op\":\"matmul\",\"shape\":[1,2]}".utf8), "bad.jsonl")
    let outcome = try await devicenn("profile", "--kernel", "all", "--shapes-file", list)
    #expect(outcome.status == 64 && outcome.errors.contains("bad.jsonl, line 1"), "\(outcome)")
  }
}
