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
  /// nil where torchvision doesn't have the network.
  let torchvision: UInt64?
  /// nil where timm doesn't have the network.
  let timm: UInt64?

  init(_ name: String, _ parameters: Int, _ torchvision: UInt64?, timm: UInt64?) {
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
    PublishedNetwork("mobilenet_v1_100", 4_231_976, nil, timm: 0x8000_8ffb_ca29_323f),
    PublishedNetwork("mobilenet_v1_025", 470_072, nil, timm: nil),
    PublishedNetwork("mobilenet_v1_050", 1_331_592, nil, timm: nil),
    PublishedNetwork("mobilenet_v1_075", 2_585_560, nil, timm: nil),
    PublishedNetwork("mobilenet_v2_035", 1_677_128, 0x799e_2508_0e93_0a94, timm: 0x4ed6_a045_0d0a_8f9a),
    PublishedNetwork("mobilenet_v2_050", 1_968_680, 0x87c7_94ce_aeff_769e, timm: 0xf1f6_f438_d160_e8da),
    PublishedNetwork("mobilenet_v2_075", 2_636_424, 0xdd1c_0817_c76d_1eb4, timm: 0xbf97_8fbc_dc6f_0f66),
    PublishedNetwork("mobilenet_v2_100", 3_504_872, 0x1f0e_1b04_4fea_5d99, timm: 0x608c_a7c5_e329_db79),
    PublishedNetwork("mobilenet_v2_140", 6_108_776, 0x71b0_083c_11b9_9438, timm: 0xa999_1035_e2e5_72ee),
    PublishedNetwork("mobilenet_v3_small", 2_542_856, 0x3b17_cb76_06f8_9947, timm: 0x4e4d_f7c0_f139_939e),
    PublishedNetwork("mobilenet_v3_large", 5_483_032, 0x76fc_7422_61a6_fe78, timm: 0x6918_2aa4_d2f0_ae40),
    PublishedNetwork("efficientnet_b0", 5_288_548, 0x3b6c_0464_6663_98fe, timm: 0xa39e_a5c6_34be_7c28),
    PublishedNetwork("efficientnet_b1", 7_794_184, 0x3f5f_0245_2a13_f9d0, timm: 0x446e_8f45_8655_35d6),
    PublishedNetwork("efficientnet_b2", 9_109_994, 0x904e_6ee6_8367_8d69, timm: 0x0274_3bb6_9eef_e261),
    PublishedNetwork("efficientnet_b3", 12_233_232, 0xa030_48cd_8292_bb65, timm: 0x4778_90e7_bf18_1806),
    PublishedNetwork("efficientnet_b4", 19_341_616, 0x585f_38d1_69d7_734b, timm: 0x73f9_db34_4df0_8672),
    PublishedNetwork("convnext_tiny", 28_589_128, 0xaab1_5add_444a_798f, timm: 0xcfa3_e74a_042c_9827),
    PublishedNetwork("convnext_small", 50_223_688, 0xaf37_34e2_12a9_9eee, timm: 0x1215_bb6a_a354_d088),
    PublishedNetwork("convnext_base", 88_591_464, 0x8e19_04ea_5ba0_2345, timm: 0x62f8_8fae_d210_a739),
    PublishedNetwork("vit_tiny_patch16_224", 5_717_416, nil, timm: 0x013f_f5b6_4dee_ad9b),
    PublishedNetwork("vit_small_patch16_224", 22_050_664, nil, timm: 0x83b4_11c3_792a_ed5e),
    PublishedNetwork("vit_base_patch16_224", 86_567_656, nil, timm: 0x1b2c_a6bd_9d23_ddd8),
  ]
}

@Suite struct PublishedNetworkTests {
  @Test(arguments: PublishedNetwork.all) func parametersAreThePublishedOnes(_ network: PublishedNetwork) throws {
    let backbone = try Backbone(named: network.name)
    let model = backbone.makeModel(on: Device.meta())
    #expect(model.parameterCount == network.parameters)
    if let torchvision = network.torchvision { #expect(hash(model, .torchvision) == torchvision) }
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
