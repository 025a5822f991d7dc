/// What timm's `config.json` says of a model beside its weights: enough to make it, and to show it pictures.
public struct TimmConfiguration: Sendable, Equatable {
  /// timm's name, such as `resnet18`.
  public var architecture: String
  public var classCount: Int
  /// One for each class, or none.
  public var labels: [String] = []
  /// By label.
  public var labelDescriptions: [String: String] = [:]
  public var preprocessing: Preprocessing
  /// The layers that take the picture: another number of channels changes them.
  public var firstConvolutions: [String] = []
  /// The layers that give the classes: another number of classes changes them.
  public var classifiers: [String] = []
  /// Further arguments of the architecture, by Python's names.
  public var modelArguments: [String: JSONValue] = [:]

  /// How a picture becomes input.
  public struct Preprocessing: Sendable, Equatable {
    public var channels = 3
    public var height = 224
    public var width = 224
    public var interpolation = Interpolation.bicubic
    /// What is left of the resized picture when its centre is cropped: the shorter side is resized to
    /// `height / cropFraction`.
    public var cropFraction = 0.875
    /// Of each channel, on a scale of 0 … 1. As many as channels, or one for all.
    public var mean = [0.485, 0.456, 0.406]
    public var deviation = [0.229, 0.224, 0.225]

    /// timm's defaults.
    public init() {}
  }

  /// How pictures are resized, by the names of Pillow's filters.
  public enum Interpolation: String, Sendable, CaseIterable {
    case nearest, bilinear, bicubic, box, hamming, lanczos
  }

  public init(architecture: String, classCount: Int, preprocessing: Preprocessing = Preprocessing()) {
    (self.architecture, self.classCount, self.preprocessing) = (architecture, classCount, preprocessing)
  }
}
