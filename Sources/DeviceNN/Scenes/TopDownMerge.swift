internal import Kernels

/// Maps of a backbone as one fine map that knows what the coarse ones know: from the coarsest on, each is doubled in size and
/// added to the next finer one (Lin et al. 2017, feature pyramids), all brought to `width` channels first. Doubled smoothly,
/// as Kirillov et al. 2019 do for regions: blocks would move their borders.
final class TopDownMerge: Module {
  /// One for each map, the finest first.
  let lateral: [Convolution2D]
  let smoothing: SeparableConvolution
  var isTraining = true

  init(_ channels: [Int], width: Int, on device: Device, random: inout Philox) {
    lateral = channels.map {
      Convolution2D($0, width, kernel: 1, hasBias: true, deviation: (1 / Float($0)).squareRoot(), on: device, random: &random)
    }
    smoothing = SeparableConvolution(width, on: device, random: &random)
  }

  /// (N,H,W,width) of the finest map's size.
  func callAsFunction(_ maps: [Tensor]) -> Tensor {
    var merged = lateral.last!(maps.last!)
    for (map, layer) in zip(maps, lateral).dropLast().reversed() {
      merged = layer(map) + merged.resized(height: map.shape[1], width: map.shape[2])
    }
    return smoothing(merged)
  }
}

/// So many numbers for each place of a map.
final class MapHead: Layer {
  let features: SeparableConvolution
  let output: Convolution2D
  var isTraining = true

  init(_ channels: Int, outputs: Int, on device: Device, random: inout Philox) {
    features = SeparableConvolution(channels, on: device, random: &random)
    output = Convolution2D(channels, outputs, kernel: 1, hasBias: true, deviation: 0.01, on: device, random: &random)
  }

  func callAsFunction(_ x: Tensor) -> Tensor { output(features(x)) }
}
