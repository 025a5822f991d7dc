import Foundation
import Kernels
import Testing

@testable import DeviceNN

/// What is told of where time goes.
@Suite struct ProfilingTests {
  let folder = try! TemporaryFolder()
  static let profile = Result {
    try NetworkProfile(Backbone(named: "squeezenet1_1"), batch: 1, imageSize: 64, runs: 1, on: Device(named: "cpu"))
  }

  @Test func launchesBelongToBlocksForwardAndBackward() throws {
    let profile = try Self.profile.get()
    let blocks = profile.blocks
    #expect(blocks.contains { $0.name == "stage 0, block 0" } && blocks.contains { $0.name == "head and loss" })
    #expect(blocks.contains { $0.name == "optimizer" } && !blocks.contains { $0.name == "rest" && $0.flops > 0 })
    // The weights' gradient is computed in the backward pass.
    let backward = profile.step.launches.filter { $0.kernel == "conv2d_backward_weight" }
    #expect(!backward.isEmpty && backward.allSatisfy { $0.label.hasPrefix("stage") || $0.label == "head and loss" })
    #expect(abs(profile.kernels.reduce(0) { $0 + $1.seconds } - profile.step.seconds) < 1e-9)
    #expect(profile.kernels.map(\.seconds) == profile.kernels.map(\.seconds).sorted(by: >))
    #expect(profile.trainImagesPerSecond > 0 && profile.inferenceImagesPerSecond > 0 && profile.peakMemory > 1 << 20)
    for word in ["squeezenet1_1", "conv2d", "of the limit", "optimizer"] { #expect("\(profile)".contains(word)) }
  }

  @Test func aRooflineIsTheLowerOfTwoLimits() {
    let peaks = DevicePeaks(bandwidth: 10e9, flops: 100e9)
    #expect(peaks.seconds(flops: 100e9, bytes: 1) == 1 && peaks.seconds(flops: 1, bytes: 20e9) == 2)
  }

  @Test func tracesAreReadBackAndCompared() throws {
    let profile = try Self.profile.get()
    let path = try folder.write(Array(profile.step.trace.utf8), "trace.json")
    let seconds = try Profiler.kernelSeconds(ofTrace: path)
    #expect(Set(seconds.keys) == Set(profile.kernels.map(\.name)))
    for kernel in profile.kernels { #expect(abs(seconds[kernel.name]! - kernel.seconds) < 1e-6) }
    let page = profile.html(before: seconds)
    #expect(page.contains("speed-up") && page.contains("<svg") && !page.contains("http"))
    #expect(!profile.html().contains("speed-up"))
    #expect(throws: (any Error).self) { try Profiler.kernelSeconds(ofTrace: folder.write(Array("{}".utf8), "other.json")) }
  }

  @Test(arguments: KernelCase.Operation.allCases) func everyOperationRuns(_ operation: KernelCase.Operation) throws {
    let device = try Device(named: "cpu")
    let shape: [Int] = switch operation.sizes.count {
    case 7: [1, 6, 9, 4, 3, 2, 2]
    case 3: [2, 17, 5]
    case 2: [3, 17]
    default: [257]
    }
    let kernel = KernelCase(operation, shape, on: device)
    let (_, profile) = try device.profile { kernel.run() }
    #expect(!profile.launches.isEmpty && kernel.bytes > 0)
    // What is counted for the result is what its kernels count.
    if let flops = kernel.flops { #expect(profile.launches.contains { $0.flops == flops }) }
    #expect(try kernel.seconds(runs: 1, on: device) > 0)
    #expect(operation.misfit(shape) == nil && operation.misfit(shape + [1]) != nil && operation.misfit(shape.map { _ in 0 }) != nil)
    #expect(operation.shapes.allSatisfy { operation.misfit($0) == nil })
  }

  @Test func groupsMustDivide() {
    #expect(KernelCase.Operation.convolution.misfit([1, 6, 9, 4, 3, 1, 4]) != nil)
  }
}
