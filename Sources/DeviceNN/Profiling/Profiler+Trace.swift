internal import Foundation
public import Kernels

extension Profiler {
  /// The launches in Chrome's trace format, which ui.perfetto.dev opens: one track for the kernels, one for what they are for.
  public var trace: String {
    var events: [JSONValue] = [name(1, "parts"), name(2, "kernels")]
    for launch in launches {
      events.append(
        event(
          2, launch.kernel, launch.start, launch.seconds,
          [("part", .text(launch.label)), ("flops", .number(launch.flops)), ("bytes", .number(launch.bytes))]))
    }
    var first = 0
    for (i, launch) in launches.enumerated() where i + 1 == launches.count || launches[i + 1].label != launch.label {
      events.append(
        event(1, launch.label, launches[first].start, launch.start + launch.seconds - launches[first].start, []))
      first = i + 1
    }
    return JSONValue.object([("traceEvents", .list(events)), ("displayTimeUnit", .text("ms"))]).text
  }

  private func name(_ track: Double, _ name: String) -> JSONValue {
    .object([
      ("ph", .text("M")), ("name", .text("thread_name")), ("pid", .number(1)), ("tid", .number(track)),
      ("args", .object([("name", .text(name))])),
    ])
  }

  private func event(
    _ track: Double, _ name: String, _ start: Double, _ seconds: Double, _ arguments: [(String, JSONValue)]
  ) -> JSONValue {
    .object([
      ("ph", .text("X")), ("name", .text(name)), ("pid", .number(1)), ("tid", .number(track)),
      ("ts", .number(start * 1e6)), ("dur", .number(seconds * 1e6)), ("args", .object(arguments)),
    ])
  }

  /// What an earlier `trace` says of each kernel: seconds by name.
  ///
  /// - Throws: `FileError` or `DecodingError` for a file that is no trace of ours.
  public static func kernelSeconds(ofTrace path: String) throws -> [String: Double] {
    struct Trace: Decodable {
      struct Event: Decodable {
        var ph: String
        var name: String
        var tid: Int
        var dur: Double?
      }
      var traceEvents: [Event]
    }
    let trace = try JSONDecoder().decode(Trace.self, from: try Data(contentsOf: URL(fileURLWithPath: path)))
    return trace.traceEvents.filter { $0.ph == "X" && $0.tid == 2 }.reduce(into: [:]) {
      $0[$1.name, default: 0] += ($1.dur ?? 0) / 1e6
    }
  }
}
