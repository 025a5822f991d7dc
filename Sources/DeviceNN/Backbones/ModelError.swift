/// What is wrong with a model's description or a run's folder.
public enum ModelError: Error, Equatable, Sendable {
  /// A folder to learn from leaves nothing to measure with.
  case noValidationPictures(data: String)
  case unknownBackbone(name: String, known: [String])
  case noBuiltInWeights(backbone: String)
  /// Neither a file nor in the cache.
  case noWeights(name: String, cache: String)
  /// To locate things takes maps that are finer than this network's.
  case noFineMaps(backbone: String, stride: Int)
  case notARun(path: String, reason: String)
  /// A run, but of another kind.
  case otherRun(path: String, reason: String)
  case alreadyARun(path: String)
  /// Somebody trains there at this moment.
  case inUse(path: String)
  case otherData(path: String, data: String)
  case otherOption(path: String, option: String, stored: String, given: String)
  case otherClasses(path: String, unknown: [String], known: [String])
  /// The loss grew beyond measure, or is no number any more.
  case diverged(loss: String, epoch: Int, batch: Int, learningRate: Float)
  /// `fits` pictures a batch is what memory would hold, by a measurement with few.
  case batchTooLarge(batch: Int, fits: Int, device: String, memory: Int)
}

extension ModelError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noValidationPictures(let data):
      "\(data) leaves no picture for validation: a class needs two or more, or name some for it (a folder val/CLASS, or val as the split)"
    case .unknownBackbone(let name, let known):
      "there is no backbone '\(name)'; there are \(known.joined(separator: ", ")), and mobilenet_v2 at any width in percent"
    case .noBuiltInWeights(let backbone):
      "\(backbone) has no built-in weights: get them with 'devicenn weights pull \(backbone)', name a file with --weights, or train --from-scratch"
    case .noWeights(let name, let cache):
      "there is neither a file \(name) nor weights of that name in \(cache): see 'devicenn weights pull'"
    case .noFineMaps(let backbone, let stride):
      "\(backbone) has no map of its features at every \(stride) pixels, so it can't locate things: take a convolutional network such as mobilenet_v2_035 or resnet18"
    case .notARun(let path, let reason): "\(path) is not the folder of a run: \(reason)"
    case .otherRun(let path, let reason): "\(path) is a run of another kind: \(reason)"
    case .alreadyARun(let path): "\(path) already holds a run: continue it with --resume, or name another folder with --out"
    case .inUse(let path): "\(path) is being trained by another process: wait for its end, or name another folder with --out"
    case .otherData(let path, let data):
      "\(data) does not hold the pictures that \(path) was trained on so far, so the run can't be resumed"
    case .otherOption(let path, let option, let stored, let given):
      "\(path) was started with \(option) \(stored) and can't be resumed with \(given)"
    case .otherClasses(let path, let unknown, let known):
      "\(path) has the classes \(unknown.joined(separator: ", ")), which the model does not know; it knows \(known.joined(separator: ", "))"
    case .diverged(let loss, let epoch, let batch, let rate):
      "training diverged: the loss is \(loss) at batch \(batch) of epoch \(epoch): try a learning rate below \(rate)"
    case .batchTooLarge(let batch, let fits, let device, let memory):
      fits > 0
        ? "a batch of \(batch) does not fit into the \(memory / 1_048_576) MiB of \(device): about \(fits) would (--batch-size \(fits))"
        : "neither a batch of \(batch) nor a smaller one fits into the \(memory / 1_048_576) MiB of \(device): try a smaller --image-size"
    }
  }
}
