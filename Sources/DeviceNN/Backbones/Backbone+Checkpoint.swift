internal import Kernels

/// How a checkpoint and a network suit each other.
public struct BackboneFit: Sendable, Equatable {
  public var backbone: Backbone
  /// Tensors of the network that the checkpoint has in their shapes, the head left aside.
  public var fitting: Int
  /// Tensors of the network, the head left aside, that the checkpoint lacks or has in other shapes, by its names.
  public var missing: [String]
  /// The classes of the checkpoint's head; nil where it has none that suits.
  public var classes: Int?
}

extension Backbone {
  /// The networks that a checkpoint may be of, by every publisher, the one that it fits best first; none where no tensor
  /// fits any.
  public static func fits(_ checkpoint: any Checkpoint) -> [BackboneFit] {
    let device = Device.meta()
    let fits = all.flatMap { backbone in
      backbone.publishers.map { publisher in
        var backbone = backbone
        backbone.publisher = publisher
        return backbone.fit(checkpoint, on: device)
      }
    }
    return fits.filter { $0.fitting > 0 }.sorted {
      ($0.missing.count * ($1.fitting + 1), $0.backbone.name) < ($1.missing.count * ($0.fitting + 1), $1.backbone.name)
    }
  }

  private func fit(_ checkpoint: any Checkpoint, on device: Device) -> BackboneFit {
    let model = makeModel(on: device)
    let inHead = Set(model.head.parameters().map(ObjectIdentifier.init))
    var fit = BackboneFit(backbone: self, fitting: 0, missing: [], classes: nil)
    for (name, parameter) in model.namedParameters() {
      let wanted = model.stored(name, parameter.storedShape, by: publisher)
      let found = checkpoint.shape(of: wanted.name)
      if inHead.contains(ObjectIdentifier(parameter)) {
        if wanted.shape.count > 1, let found, found.dropFirst() == wanted.shape.dropFirst() { fit.classes = found[0] }
      } else if found == wanted.shape {
        fit.fitting += 1
      } else {
        fit.missing.append(wanted.name)
      }
    }
    return fit
  }

  /// Whose checkpoints of this network can be opened.
  public var publishers: [Publisher] { markers.isEmpty ? [publisher] : Publisher.allCases.filter { markers[$0] != nil } }

  /// Scalars that are trained, and floating-point operations of one picture, a multiplication and an addition being two.
  public func size() throws -> (parameters: Int, flops: Double) {
    let device = Device.meta()
    let model = makeModel(ClassifierOptions(imageSize: inputSize), on: device)
    model.evaluate()
    let x = Tensor(repeating: 0, shape: [1, inputSize, inputSize, 3], on: device)
    let (_, profile) = try device.profile { withoutGradients { _ = model(x) } }
    return (model.parameterCount, profile.launches.reduce(0) { $0 + $1.flops })
  }
}
