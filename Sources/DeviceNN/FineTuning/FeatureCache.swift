internal import Foundation
internal import Kernels

/// What a frozen backbone makes of each picture, computed once and kept in a mapped file: the training pictures as they
/// are measured and in augmented views, and the validation pictures.
struct FeatureCache {
  /// Of one picture's features.
  let shape: [Int]
  let views: Int
  let trainCount: Int
  let validationCount: Int
  private let file: SafetensorsFile

  /// Opens the cache at `path` if it is of the same `key`, or computes and writes it.
  ///
  /// - Parameters:
  ///   - train: unshuffled; its first view is taken without augmentation.
  ///   - key: of everything that decides the features.
  init(
    _ model: any ImageClassifier, train: BatchLoader, validation: BatchLoader, views: Int, key: String, path: String,
    on device: Device, onProgress: (_ done: Int, _ all: Int) -> Void = { _, _ in }
  ) throws {
    if let file = try? SafetensorsFile(path: path), file.metadata["key"] == key {
      self.init(file, views: views)
      return
    }
    model.evaluate()
    var plain = train.transform
    plain.augmentation = nil
    let measured = BatchLoader(train.source, transform: plain, batchSize: train.batchSize, threads: train.threads)
    let passes: [(loader: BatchLoader, epoch: Int)] =
      (0..<views).map { ($0 == 0 ? measured : train, $0) } + [(validation, 0)]
    let all = passes.reduce(0) { $0 + $1.loader.source.count }
    // The shape of the features is known when the first are there.
    var failure: (any Error)?
    do {
      try AtomicFile.write(to: path) { file throws(FileError) in
        var (done, hasHeader) = (0, false)
        do {
          for (loader, epoch) in passes {
            let batches = loader.epoch(epoch)
            while let batch = try batches.next() {
              let features = try fitting(batch, on: device) { () throws(DeviceError) in
                try model.measuredFeatures(batch, on: device)
              } retry: { few throws(DeviceError) in
                _ = try model.measuredFeatures(few, on: device)
              }
              if !hasHeader {
                hasHeader = true
                let header = safetensorsHeader(
                  [
                    ("train", .float32, [views * train.source.count] + features.shape.dropFirst()),
                    ("validation", .float32, [validation.source.count] + features.shape.dropFirst()),
                  ], metadata: ["key": key])
                try file.append(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) })
                try file.append(header)
              }
              try file.append(features.values.withUnsafeBytes { Data($0) })
              done += batch.count
              onProgress(done, all)
            }
          }
        } catch let error as FileError {
          throw error
        } catch {
          failure = error
          throw .unwritable(path: path, reason: "\(error)")
        }
      }
    } catch { throw failure ?? error }
    self.init(try SafetensorsFile(path: path), views: views)
  }

  private init(_ file: SafetensorsFile, views: Int) {
    self.file = file
    self.views = views
    let train = file.shape(of: "train")!
    shape = Array(train.dropFirst())
    trainCount = train[0] / views
    validationCount = file.shape(of: "validation")![0]
  }

  /// The features of some training pictures in a view: (N,…).
  func training(view: Int, _ indices: [Int], on device: Device) throws -> Tensor {
    try rows("train", indices.map { view * trainCount + $0 }, on: device)
  }

  func validation(_ range: Range<Int>, on device: Device) throws -> Tensor {
    try rows("validation", Array(range), on: device)
  }

  private func rows(_ name: String, _ indices: [Int], on device: Device) throws -> Tensor {
    let size = shape.reduce(1, *)
    let bytes = try file.record(named: name).bytes
    let values = [Float](unsafeUninitializedCapacity: indices.count * size) { target, count in
      for (i, row) in indices.enumerated() {
        let start = bytes.startIndex + row * size * 4
        bytes.copyBytes(
          to: UnsafeMutableBufferPointer(rebasing: target[i * size..<(i + 1) * size]), from: start..<start + size * 4)
      }
      count = indices.count * size
    }
    return Tensor(values, shape: [indices.count] + shape, on: device)
  }
}

extension ImageClassifier {
  fileprivate func measuredFeatures(
    _ batch: ImageBatch, on device: Device
  ) throws(DeviceError) -> (shape: [Int], values: [Float]) {
    let features = withoutGradients { self.features(of: batch.images(on: device)) }
    return (features.shape, try features.scalars())
  }
}
