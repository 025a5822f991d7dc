import Foundation

/// Where the weights of our backbones are published, by the backbones' names: what torchvision and timm download
/// themselves. All were trained on ImageNet-1k (the vision transformers on ImageNet-21k before) and have its 1000
/// classes. Of several versions the one that torchvision calls `DEFAULT` is taken.
public enum PublishedWeights {
  public static let names = (Array(torchvision.keys) + Array(timm.keys)).sorted()

  /// Nil where this package knows of none.
  public static func source(of name: String) -> WeightsSource? {
    if let file = torchvision[name] {
      return .url(URL(string: "https://download.pytorch.org/models/\(file).pth")!)
    }
    return timm[name].flatMap { try? HubRepository($0) }.map { .hub($0) }
  }

  /// Files of torchvision's, named after the first digits of their SHA-256.
  private static let torchvision = [
    "convnext_base": "convnext_base-6075fbad",
    "convnext_small": "convnext_small-0c510722",
    "convnext_tiny": "convnext_tiny-983f1562",
    "densenet121": "densenet121-a639ec97",
    "efficientnet_b0": "efficientnet_b0_rwightman-7f5810bc",
    "efficientnet_b1": "efficientnet_b1-c27df63c",
    "efficientnet_b2": "efficientnet_b2_rwightman-c35c1473",
    "efficientnet_b3": "efficientnet_b3_rwightman-b3899882",
    "efficientnet_b4": "efficientnet_b4_rwightman-23ab8bcd",
    "mobilenet_v2_100": "mobilenet_v2-7ebf99e0",
    "mobilenet_v3_large": "mobilenet_v3_large-5c1a4163",
    "mobilenet_v3_small": "mobilenet_v3_small-047dcff4",
    "regnet_y_400mf": "regnet_y_400mf-e6988f5f",
    "resnet101": "resnet101-cd907fc2",
    "resnet152": "resnet152-f82ba261",
    "resnet18": "resnet18-f37072fd",
    "resnet34": "resnet34-b627a593",
    "resnet50": "resnet50-11ad3fa6",
    "resnext50_32x4d": "resnext50_32x4d-1a0047aa",
    "squeezenet1_0": "squeezenet1_0-b66bff10",
    "squeezenet1_1": "squeezenet1_1-b8a52dc0",
    "vgg11": "vgg11-8a719046",
    "vgg11_bn": "vgg11_bn-6002323d",
    "vgg16": "vgg16-397923af",
    "vgg16_bn": "vgg16_bn-6c64b313",
    "wide_resnet50_2": "wide_resnet50_2-9ba9bcbe",
  ]

  /// Repositories of timm's.
  private static let timm = [
    "vit_base_patch16_224": "timm/vit_base_patch16_224.augreg2_in21k_ft_in1k",
    "vit_small_patch16_224": "timm/vit_small_patch16_224.augreg_in21k_ft_in1k",
    "vit_tiny_patch16_224": "timm/vit_tiny_patch16_224.augreg_in21k_ft_in1k",
  ]
}
