import ArgumentParser
import DeviceNN
import Foundation
import Kernels
import Synchronization

struct TuneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tune",
    abstract: "Searches the tile sizes and algorithms that are fastest on a device, and keeps them for it.",
    discussion: """
      Tries tile profiles (on OpenCL devices; the fallback's are fixed) and algorithms at the shapes that 'devicenn \
      profile' measures, or those of a network. Each candidate's numbers are compared with the CPU fallback's before it is \
      timed. Every command that uses the device reads what was found; results then differ in their last bits. Interrupt \
      it at any time: the same command goes on.
      """)

  @Option(help: ArgumentHelp("A network whose shapes matter, see 'devicenn models'.", valueName: "name")) var shapesOf: String?
  @Option(help: "Images a step of that network.") var batch = 16
  @Option(help: "Width and height of these images.") var imageSize = 224
  @Flag(help: .hidden) var child = false
  @OptionGroup var device: DeviceOption

  func validate() throws {
    if batch < 1 || imageSize < 32 {
      throw ValidationError("--batch is 1 at least, --image-size 32, not \(batch) and \(imageSize).")
    }
  }

  func run() throws {
    if child { return try answerJob() }
    let workload = try shapesOf.map { Workload(try Backbone(named: $0), batch: batch, imageSize: imageSize) } ?? .usual
    let description = try device.description()
    let file = TuningFile(of: description)
    try AtomicFile.makeFolder((file.path as NSString).deletingLastPathComponent)
    var earlier: TuningRecord?
    do { earlier = try file.record() } catch { complain("\(error); it is replaced") }
    let interruption = Interruption()
    let signals = whenInterrupted { end in
      interruption.begin()
      complain("interrupted; what was measured is kept; to go on: \(typedCommand)")
      end()
    }
    defer { withExtendedLifetime(signals) {} }
    try say("\(description.name): \(workload.items.count) products")
    var tuner = try Tuner(
      description, workload: workload, goingOnFrom: earlier,
      perform: { try perform($0, on: description.identifier, interruption) },
      save: { try AtomicFile.write($0.text, to: file.path) }, report: { try say("  \($0)") })
    try tuner.run()
    try say("\n\(tuner.record.summary)\nkept in \(file.path); delete it to go back, or to tune anew")
  }

  private func perform(_ job: TuningJob, on identifier: String, _ interruption: Interruption) throws -> TuningJob.Answer {
    let child = try ChildProcess(["tune", "--child", "--device", identifier], input: JSONEncoder().encode(job))
    interruption.child = child.identifier
    let answer = child.answer(within: 600, as: TuningJob.Answer.self)
    interruption.child = nil
    interruption.waitForEnd()
    switch answer {
    case .success(let answer): return answer
    case .failure(let failure): return job.answer(refusedBecause: "\(failure)")
    }
  }

  /// What the child does: a job from standard input, its answer on standard output.
  private func answerJob() throws {
    let job = try JSONDecoder().decode(TuningJob.self, from: FileHandle.standardInput.readDataToEndOfFile())
    let answer = try job.answer(on: device.name ?? "auto")
    try say(String(decoding: JSONEncoder().encode(answer), as: UTF8.self))
  }
}

/// A signal that ends a child too: what became of that child says nothing of its candidate.
private final class Interruption: Sendable {
  private let state = Mutex<(child: pid_t?, hasBegun: Bool)>((nil, false))

  var child: pid_t? {
    get { state.withLock { $0.child } }
    set { state.withLock { $0.child = newValue } }
  }

  func begin() {
    state.withLock { state in
      state.hasBegun = true
      if let child = state.child { kill(child, SIGKILL) }
    }
  }

  /// Returns at once, or after a signal never: the process is about to end.
  func waitForEnd() {
    while state.withLock({ $0.hasBegun }) { pause() }
  }
}
