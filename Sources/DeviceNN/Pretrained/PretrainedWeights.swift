/// The weights that this package ships.
public enum PretrainedWeights {
  public static let name = "built-in weights"

  public static func file(for backbone: Backbone) throws -> SafetensorsFile {
    throw ModelError.noBuiltInWeights(backbone: backbone.name)
  }
}
