internal import Kernels

/// What `work` on a batch returns. Where its memory runs out, `retry` with a few of its pictures tells how many would fit,
/// and the error says so.
func fitting<Value>(
  _ batch: ImageBatch, on device: Device, _ work: () throws(DeviceError) -> Value,
  retry: (ImageBatch) throws(DeviceError) -> Void
) throws -> Value {
  do throws(DeviceError) { return try work() } catch {
    throw explained(error, of: batch, on: device, retry: retry)
  }
}

/// How many pictures would fit, where `error` says that a batch did not; else the error itself.
func explained(
  _ error: DeviceError, of batch: ImageBatch, on device: Device, retry: (ImageBatch) throws(DeviceError) -> Void
) -> any Error {
  guard case .outOfMemory = error else { return error }
  return ModelError.batchTooLarge(
    batch: batch.count, fits: largestBatch(like: batch, on: device, retry), device: device.description.name,
    memory: device.description.memory)
}

/// Memory grows linearly with a batch, so two small ones tell. Less than the batch that did not fit; 0 if nothing does.
private func largestBatch(like batch: ImageBatch, on device: Device, _ work: (ImageBatch) throws(DeviceError) -> Void) -> Int {
  func peak(_ count: Int) -> Int? {
    device.releaseIdleMemory()
    device.resetPeakMemory()
    return (try? work(batch.prefix(count))) == nil ? nil : device.memoryUse.peak
  }
  guard let two = peak(2) else { return 0 }
  guard batch.count > 3, let three = peak(3) else { return min(2, batch.count - 1) }
  return min(3 + (device.description.memory - three) / max(three - two, 1) * 9 / 10, batch.count - 1)
}

extension ImageBatch {
  /// The first pictures.
  func prefix(_ wanted: Int) -> ImageBatch {
    let n = min(wanted, count)
    return ImageBatch(
      size: size, pixels: Array(pixels[..<(n * size * size * 3)]), colour: Array(colour[..<(n * 12)]),
      labels: Array(labels[..<n]), indices: Array(indices[..<n]))
  }
}
