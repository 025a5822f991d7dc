import Testing

@testable import DeviceNN
@testable import Kernels

/// Of a published network with 1000 classes: the scalars that are trained, and a hash of the names and shapes of all
/// that a file holds, as torchvision 0.28 and timm 1.0 make them:
///
///     tensors = [(k, v) for k, v in model.state_dict().items() if "num_batches_tracked" not in k]
///     lines = sorted(f"{k} {list(v.shape)}" for k, v in tensors)
///     hash = 0xcbf29ce484222325
///     for byte in "\n".join(lines).encode(): hash = (hash ^ byte) * 0x100000001b3 % 2**64
struct PublishedNetwork: CustomTestStringConvertible, Sendable {
  let name: String
  let parameters: Int
  let torchvision: UInt64
  /// nil where timm doesn't have the network.
  let timm: UInt64?

  init(_ name: String, _ parameters: Int, _ torchvision: UInt64, timm: UInt64?) {
    self.name = name
    self.parameters = parameters
    self.torchvision = torchvision
    self.timm = timm
  }

  var testDescription: String { name }

  static let all = [
    PublishedNetwork("resnet18", 11_689_512, 0x7d6d_e2ea_9df6_f7c8, timm: 0x7d6d_e2ea_9df6_f7c8),
    PublishedNetwork("resnet34", 21_797_672, 0xa36e_859b_c61f_2502, timm: 0xa36e_859b_c61f_2502),
    PublishedNetwork("resnet50", 25_557_032, 0x8dd6_3c80_eecf_8deb, timm: 0x8dd6_3c80_eecf_8deb),
    PublishedNetwork("resnet101", 44_549_160, 0xe048_da6b_4338_1390, timm: 0xe048_da6b_4338_1390),
    PublishedNetwork("resnet152", 60_192_808, 0xc479_7c1f_6732_5dda, timm: 0xc479_7c1f_6732_5dda),
    PublishedNetwork("resnext50_32x4d", 25_028_904, 0xa735_6c00_db53_c674, timm: 0xa735_6c00_db53_c674),
    PublishedNetwork("wide_resnet50_2", 68_883_240, 0x9dae_fb04_f2c9_4897, timm: 0x9dae_fb04_f2c9_4897),
    PublishedNetwork("vgg11", 132_863_336, 0x0b2e_9ba4_f428_5a9d, timm: 0xccf8_0fd3_487f_4cf6),
    PublishedNetwork("vgg11_bn", 132_868_840, 0xe30e_5cf1_de5b_4f1d, timm: 0xf862_ae75_83cb_e096),
    PublishedNetwork("vgg16", 138_357_544, 0xb0e4_b631_f52d_e798, timm: 0xa4d2_e11e_cad4_a545),
    PublishedNetwork("vgg16_bn", 138_365_992, 0xcaee_d083_dc8f_9c93, timm: 0x16b7_bfed_da23_afd4),
    PublishedNetwork("squeezenet1_0", 1_248_424, 0xb512_4644_98c9_e8dd, timm: nil),
    PublishedNetwork("squeezenet1_1", 1_235_496, 0x5f72_9c6e_0784_224c, timm: nil),
    PublishedNetwork("densenet121", 7_978_856, 0xedc6_4a8a_adf3_95d9, timm: 0xedc6_4a8a_adf3_95d9),
    PublishedNetwork("regnet_y_400mf", 4_344_144, 0x74aa_af25_1e66_64da, timm: 0x57b7_864d_a4c0_3575),
  ]
}

@Suite struct PublishedNetworkTests {
  @Test(arguments: PublishedNetwork.all) func parametersAreThePublishedOnes(_ network: PublishedNetwork) throws {
    let backbone = try Backbone(named: network.name)
    let model = backbone.makeModel(on: Device.meta())
    #expect(model.parameterCount == network.parameters)
    #expect(hash(model, .torchvision) == network.torchvision)
    #expect((backbone.timmName == nil) == (network.timm == nil))
    if let timm = network.timm { #expect(hash(model, .timm) == timm) }
  }

  private func hash(_ model: any ImageClassifier, _ publisher: Publisher) -> UInt64 {
    let lines = model.namedParameters().map { name, parameter in
      let stored = model.stored(name, parameter.storedShape, by: publisher)
      return "\(stored.name) \(stored.shape)"
    }
    return lines.sorted().joined(separator: "\n").utf8.reduce(0xcbf2_9ce4_8422_2325) {
      ($0 ^ UInt64($1)) &* 0x100_0000_01b3
    }
  }
}
