public import Kernels

extension Workload {
  /// The products of a training step of a network, each as often as it occurs.
  public init(_ backbone: Backbone, batch: Int, imageSize: Int) {
    let device = Device.meta()
    let classes = 1000
    let model = backbone.makeModel(ClassifierOptions(classes: classes), on: device)
    let images = Tensor(repeating: 0, shape: [batch, imageSize, imageSize, 3], on: device)
    let labels = IntTensor([Int32](repeating: 0, count: batch), on: device)
    model.train()
    self.init(device.products { _ = model(images).crossEntropy(labels).gradients() })
  }

  /// The products among what `devicenn profile --kernel` measures.
  public static var usual: Workload {
    let device = Device.meta()
    return Workload(
      device.products {
        for operation in KernelCase.Operation.allCases {
          for shape in operation.shapes { KernelCase(operation, shape, on: device).run() }
        }
      })
  }
}
