import Testing

@testable import DeviceNN
@testable import Kernels

/// Of a published network with 1000 classes: the scalars that are trained, and a hash of the names and shapes of all that
/// a file holds, as torchvision 0.28 and timm 1.0 make them:
///
///     lines = sorted(f"{k} {list(v.shape)}" for k, v in model.state_dict().items() if "num_batches" not in k)
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
