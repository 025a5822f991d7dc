import Foundation
import Synchronization
import Testing

@testable import Kernels

/// What `devicenn tune` is made of: algorithms that can be chosen, candidates that are refused, a search that goes on.
@Suite struct TuningTests {
  private let convolution = ConvolutionShape(
    batch: 2, height: 9, width: 7, inputChannels: 17, outputChannels: 35, kernel: (3, 3), padding: Padding(1))
  private var operations: [ProductOperation] {
    [.convolution(convolution), .inputGradient(convolution), .matmul(MatmulShape(m: 65, n: 130, k: 33))]
  }

  // MARK: Algorithms

  @Test(arguments: Target.all) func everyAlgorithmComputesTheSame(_ target: Target) throws {
    let pointwise = ConvolutionShape(batch: 3, height: 11, width: 13, inputChannels: 17, outputChannels: 67, kernel: (1, 1))
    for operation in operations + [.weightGradient(convolution), .weightGradient(pointwise)] {
      let check = try ProductCheck(operation)
      for algorithm in operation.algorithms {
        let device = Device(backend: target.device.backend, algorithms: AlgorithmTable([operation: algorithm]))
        let (left, right) = operation.inputs(on: device)
        try check.expect(operation.run(left, right, on: device))
      }
    }
  }

  @Test func operatorsDoWhatTheTableSays() throws {
    for (operation, kernels) in [
      (operations[0], [.inPlace: "conv2d", .packed: "pack_panels", .winograd: "winograd_conv2d"]),
      (operations[1], [.packed: "conv2d_backward_input", .winograd: "winograd_conv2d"]),
      (operations[2], [.inPlace: "matmul", .packed: "pack_panels"] as [Algorithm: String]),
      (.weightGradient(convolution), [.inPlace: "conv2d_backward_weight", .winograd: "winograd_backward_weight"]),
    ] {
      #expect(Set(kernels.keys) == Set(operation.algorithms))
      for (algorithm, kernel) in kernels {
        let device = Device(backend: try CPUBackend(), algorithms: AlgorithmTable([operation: algorithm]))
        let (left, right) = operation.inputs(on: device)
        let launches = try device.profile { _ = operation.run(left, right, on: device) }.1.launches.map(\.kernel)
        #expect(launches.contains(kernel), "\(operation), \(algorithm): \(launches)")
        #expect(launches.contains("pack_panels") || algorithm != .packed)
        #expect(!launches.contains("pack_panels") || algorithm != .inPlace)
      }
    }
  }

  @Test func productsAreCountedWithoutBeingComputed() {
    let device = Device.meta()
    let pointwise = ConvolutionShape(batch: 2, height: 3, width: 4, inputChannels: 5, outputChannels: 6, kernel: (1, 1))
    let (x, w) = (device.fill(0, count: convolution.inputCount), device.fill(0, count: convolution.weightCount))
    let products = device.products {
      for _ in 0..<2 { _ = device.convolution(x, w, convolution) }
      _ = device.convolution(x, w, pointwise)
    }
    #expect(products.map(\.operation) == [.convolution(convolution), .matmul(MatmulShape(m: 24, n: 6, k: 5))])
    #expect(products.map(\.count) == [2, 1])
    #expect(device.algorithms.withLock { $0.requests } == nil)
  }

  // MARK: Candidates

  @Test func anAlgorithmThatIsWrongIsRefused() throws {
    let job = TuningJob.algorithms(operations[0], try CPUBackend().profile)
    let answer = try job.answer { _ in Device(backend: SpoilingBackend("winograd_conv2d")) }
    guard case .algorithms(let trial) = answer else { return #expect(Bool(false)) }
    let refused = trial.candidates.filter { $0.problem != nil }
    #expect(refused.map(\.algorithm) == [.winograd] && refused[0].seconds == nil)
    #expect(refused[0].problem!.contains("number 0 of"), "\(refused[0].problem!)")
    #expect(trial.choice != .winograd && trial.candidates.count == 4)
  }

  /// The second kernel is in no product: the other operators have to be right too.
  @Test(arguments: ["matmul", "softmax"]) func tilesThatAreWrongAreRefused(_ kernel: String) throws {
    let workload = Workload([(operation: .matmul(MatmulShape(m: 17, n: 9, k: 5)), count: 1)])
    let job = TuningJob.tiles(try CPUBackend().profile, workload, limit: 60)
    let answer = try job.answer { _ in Device(backend: SpoilingBackend(kernel)) }
    guard case .tiles(let trial) = answer else { return #expect(Bool(false)) }
    #expect(trial.seconds == nil && trial.problem?.contains("wrong numbers: ") == true, "\(trial)")
  }

  @Test func onlyWhatIsClearlyFasterIsChosen() {
    func choice(_ times: [(Algorithm?, Double?)]) -> Algorithm? {
      TuningRecord.AlgorithmTrial(
        operation: operations[0],
        candidates: times.map { TuningRecord.AlgorithmTrial.Candidate(algorithm: $0.0, seconds: $0.1, problem: $0.1 == nil ? "wrong" : nil) }
      ).choice
    }
    #expect(choice([(nil, 1), (.inPlace, 0.97), (.packed, 1)]) == nil)
    #expect(choice([(nil, 1), (.inPlace, 0.9), (.packed, 0.8)]) == .packed)
    #expect(choice([(nil, 1), (.inPlace, 2), (.packed, nil)]) == nil)
    // Where the rule's own way is wrong on a device, anything is better.
    #expect(choice([(nil, nil), (.inPlace, 2), (.packed, nil)]) == .inPlace)
    #expect(choice([(nil, nil), (.inPlace, nil)]) == nil)
  }

  // MARK: The search

  private let description = DeviceDescription(
    identifier: "opencl:0", name: "a device of dreams", kind: .openCLCPU, vendor: "nobody", driverVersion: "1", computeUnits: 2,
    memory: 1 << 30, maxAllocation: 1 << 28, localMemory: 1 << 15, maxGroupSize: 256, vectorWidth: 8)

  private struct Interrupted: Error {}

  /// A device whose best tiles have 12 rows and vectors of 16, if it weren't for those with one vector a row: they are the
  /// fastest and wrong. Interrupts before the job of a number.
  private func dream(_ jobs: inout [String], _ job: TuningJob, interruptedAt stop: Int) throws -> TuningJob.Answer {
    if jobs.count == stop { throw Interrupted() }
    switch job {
    case .tiles(let profile, _, let limit):
      jobs.append("\(profile)")
      if profile.tileN == 1 { return .tiles(TuningRecord.TileTrial(profile: profile, problem: "wrong numbers")) }
      let seconds = Double(abs(profile.tileM - 12) + abs(profile.vector - 16)) + (profile.staged ? 100 : 1)
      return .tiles(TuningRecord.TileTrial(profile: profile, seconds: seconds < limit ? seconds : nil))
    case .algorithms(let operation, let profile):
      jobs.append("\(operation) \(profile)")
      let times = ([nil] + operation.algorithms).map { algorithm in
        TuningRecord.AlgorithmTrial.Candidate(algorithm: algorithm, seconds: algorithm == .winograd ? 1 : 2)
      }
      return .algorithms(TuningRecord.AlgorithmTrial(operation: operation, candidates: times))
    case .comparison(let workload, _, let after, _):
      jobs.append("comparison with \(after)")
      return .comparison(workload.items.map { TuningRecord.Gain(product: $0, secondsBefore: 2, secondsAfter: 1) })
    }
  }

  /// The record of a search that is interrupted before each job once, and all jobs that were done.
  private func search(_ workload: Workload, from earlier: TuningRecord? = nil, interrupted: Bool) throws -> (TuningRecord, [String]) {
    var saved = earlier
    var jobs: [String] = []
    var stop = interrupted ? 0 : .max
    while true {
      var tuner = try Tuner(
        description, workload: workload, goingOnFrom: saved,
        perform: { try dream(&jobs, $0, interruptedAt: stop) },
        // Through its text, as a file keeps it.
        save: { saved = try JSONDecoder().decode(TuningRecord.self, from: Data($0.text.utf8)) }, report: { _ in })
      do {
        try tuner.run()
        return (tuner.record, jobs)
      } catch is Interrupted { stop += 1 }
    }
  }

  private var workload: Workload { Workload(operations.map { (operation: $0, count: 3) }) }

  @Test func theBestSoundCandidatesAreKept() throws {
    let (record, jobs) = try search(workload, interrupted: false)
    let profile = try #require(record.profile)
    #expect(profile.tileM == 12 && profile.vector == 16 && profile.tileN == 2 && !profile.staged)
    #expect(record.tiles.contains { $0.profile.tileN == 1 && $0.problem == "wrong numbers" })
    #expect(record.algorithm(for: operations[0]) == .winograd && record.algorithm(for: operations[2]) == nil)
    #expect(record.gains.count == 3 && jobs.last == "comparison with \(profile)")
    #expect(Set(jobs).count == jobs.count)
  }

  @Test func tilesThatTheComparisonShowsToBeSlowerAreNotKept() throws {
    var jobs: [String] = []
    var tuner = try Tuner(
      description, workload: workload, goingOnFrom: nil,
      perform: { job in
        guard case .comparison(let workload, _, let after, _) = job, after.tileM == 12 else {
          return try dream(&jobs, job, interruptedAt: .max)
        }
        return .comparison(workload.items.map { TuningRecord.Gain(product: $0, secondsBefore: 1, secondsAfter: 2) })
      }, save: { _ in }, report: { _ in })
    try tuner.run()
    #expect(tuner.record.profile?.tileM != 12 && tuner.record.gains.count == 3)
    #expect(tuner.record.gains.allSatisfy { $0.secondsAfter < $0.secondsBefore })
    let done = tuner.record.text
    try tuner.run()
    #expect(tuner.record.text == done)
  }

  @Test func anInterruptedSearchGoesOnWhereItStopped() throws {
    let (whole, jobs) = try search(workload, interrupted: false)
    let (pieces, sameJobs) = try search(workload, interrupted: true)
    #expect(jobs == sameJobs && whole.text == pieces.text)
    // One that is done has nothing left to do.
    let (again, none) = try search(workload, from: whole, interrupted: false)
    #expect(none.isEmpty && again.text == whole.text)
  }

  @Test func anotherWorkloadKeepsWhatIsKnownOfTheSameProducts() throws {
    let (first, _) = try search(workload, interrupted: false)
    let other = Workload([(operation: operations[0], count: 1), (operation: .weightGradient(convolution), count: 2)])
    let (second, jobs) = try search(other, from: first, interrupted: false)
    #expect(second.profile == first.profile && second.algorithm(for: operations[0]) == .winograd)
    #expect(second.algorithm(for: other.items[0].operation) != nil && second.algorithm(for: other.items[1].operation) != nil)
    #expect(jobs.count { $0.hasPrefix("conv2d") } == 1 && second.gains.map(\.product) == other.items)
  }

  @Test func aDeviceThatIsWrongAsItIsIsNotTuned() throws {
    var tuner = try Tuner(
      description, workload: workload, goingOnFrom: nil, perform: { $0.answer(refusedBecause: "it ended") }, save: { _ in },
      report: { _ in })
    #expect(throws: TunerError.defaultIsWrong(device: description.name, problem: "it ended")) { try tuner.run() }
  }

  // MARK: Files

  private func withFile(_ body: (TuningFile, TuningRecord) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("devicenn-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = TuningFile(of: description, folder: folder.path)
    let (record, _) = try search(workload, interrupted: false)
    try record.text.write(toFile: file.path, atomically: true, encoding: .utf8)
    try body(file, record)
  }

  @Test func aFileHoldsARecord() throws {
    try withFile { file, record in
      #expect(try file.record()?.text == record.text)
      try FileManager.default.removeItem(atPath: file.path)
      #expect(try file.record() == nil)
    }
  }

  @Test func aFileOfAnotherDriverOrOtherKernelsIsStale() throws {
    try withFile { file, record in
      let digest = record.key.kernels
      for (what, found, wanted, from, to) in [
        ("driver", "0.9", "1", "\"driver\" : \"1\"", "\"driver\" : \"0.9\""), ("kernels", "abc", digest, digest, "abc"),
        ("number of compute units", "64", "2", "\"computeUnits\" : 2", "\"computeUnits\" : 64"),
        ("format", "7", "1", "\"format\" : 1", "\"format\" : 7"),
      ] {
        let text = record.text.replacingOccurrences(of: from, with: to)
        #expect(text != record.text)
        try text.write(toFile: file.path, atomically: true, encoding: .utf8)
        #expect(throws: TuningError.stale(path: file.path, what: what, found: found, wanted: wanted)) { try file.record() }
      }
      // Two devices never share a file.
      var other = description
      other.name = "a device-of dreams"
      #expect(TuningFile(of: other, folder: "").path != TuningFile(of: description, folder: "").path)
    }
  }

  @Test func aDamagedFileIsRefusedByName() throws {
    try withFile { file, record in
      let text = record.text
      var damaged = [0, 1, text.count / 2, text.count - 3].map { String(text.prefix($0)) }
      damaged += [("\"tileM\" : 12", "\"tileM\" : \"12\""), ("\"winograd\"", "\"magic\""), ("\"workload\"", "\"load\"")].map {
        text.replacingOccurrences(of: $0, with: $1)
      }
      for text in damaged {
        #expect(text != record.text)
        try text.write(toFile: file.path, atomically: true, encoding: .utf8)
        #expect { try file.record() } throws: { error in
          guard case .unreadable(file.path, let reason) = error as? TuningError else { return false }
          return reason.hasPrefix("it is no tuning record: ")
        }
      }
    }
  }

  // MARK: Profiles of GPUs

  @Test func makersHaveTheirTiles() {
    var gpu = description
    (gpu.kind, gpu.maxGroupSize) = (.gpu, 1024)
    for (vendor, profile) in [
      ("NVIDIA Corporation", TileProfile.gpu), ("Advanced Micro Devices, Inc.", .medium), ("AMD", .medium),
      ("Intel(R) Corporation", .medium), ("Apple", .shallow), ("Qualcomm", .gpu),
    ] {
      gpu.vendor = vendor
      #expect(TileProfile.fitting(gpu) == profile, "\(vendor)")
    }
    (gpu.vendor, gpu.maxGroupSize) = ("Intel(R) Corporation", 64)
    #expect(TileProfile.fitting(gpu) == .small)
  }

  @Test(arguments: OpenCLDevice.all, [TileProfile.medium, .shallow])
  func tilesOfMakersAreRight(_ device: OpenCLDevice, _ profile: TileProfile) throws {
    let device = Device(backend: try OpenCLBackend(device, profile: profile))
    for outcome in SelfTest.run(SelfTest.products, on: device, limit: .seconds(300)) { #expect(outcome.problem == nil, "\(outcome)") }
  }

  @Test func neighboursFitTheDeviceAndTheKernels() {
    for start in [TileProfile.cpu, .gpu, .medium, .small] {
      let neighbours = start.neighbours(on: description)
      #expect(neighbours.count > 4)
      for profile in neighbours {
        #expect(profile.misfit(on: description) == nil && !profile.isSame(as: start))
        #expect(zip(profile.defines, start.defines).filter { $0.value != $1.value }.count == 1)
        #expect(!profile.staged || profile.local % profile.itemsN == 0, "\(profile)")
      }
    }
  }
}

/// The fallback, but for one kernel, which it gets wrong.
private final class SpoilingBackend: Backend {
  private let base = try! CPUBackend()
  private let kernel: String

  var description: DeviceDescription { base.description }
  var profile: TileProfile { base.profile }

  init(_ kernel: String) { self.kernel = kernel }

  func allocate(byteCount: Int) throws(DeviceError) -> Memory { try base.allocate(byteCount: byteCount) }
  func free(_ memory: Memory) { base.free(memory) }
  func write(_ bytes: UnsafeRawBufferPointer, to memory: Memory) { base.write(bytes, to: memory) }
  func read(_ memory: Memory, into bytes: UnsafeMutableRawBufferPointer) { base.read(memory, into: bytes) }
  func synchronize() { base.synchronize() }

  func launch(_ launch: Launch) {
    base.launch(launch)
    guard launch.kernel == kernel, case .buffer(let result) = launch.arguments.last else { return }
    base.synchronize()
    result.memory.handle.storeBytes(of: 1e6, as: Float.self)
  }
}
