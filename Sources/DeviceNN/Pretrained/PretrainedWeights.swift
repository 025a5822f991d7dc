internal import CPretrained
internal import Foundation

/// The weights that this package ships, trained by itself.
public enum PretrainedWeights {
  /// The network that they are of.
  public static let backboneName = "mobilenet_v2_035"
  /// What reports call them.
  public static let name = "built-in weights from CIFAR-10"

  /// The checkpoint for a backbone. Throws where there is none.
  public static func file(for backbone: Backbone) throws -> SafetensorsFile {
    guard backbone.name == backboneName else { throw ModelError.noBuiltInWeights(backbone: backbone.name) }
    var size = 0
    let bytes = UnsafeMutableRawPointer(mutating: mobilenet_v2_035_cifar10(&size)!)
    return try SafetensorsFile(bytes: Data(bytesNoCopy: bytes, count: size, deallocator: .none), path: name)
  }
}
