internal import Kernels

/// A network that answers with a logit for each class: a backbone that makes features of an image, and a head.
public protocol ImageClassifier: Module {
  /// The backbone's blocks in order, those of one stage together: the stem first. Each takes what the one before made.
  var stages: [[any Layer]] { get }
  /// Makes logits of what `features(of:)` returns.
  var head: any Layer { get }
  /// The channels of what the head takes.
  var featureCount: Int { get }
  /// The only height and width that it takes; nil where it takes any.
  var imageSize: Int? { get }
  /// What the head takes of images x(N,H,W,C): (N,featureCount); or the last map itself, if the head answers at each place.
  func features(of x: Tensor) -> Tensor
  /// The same of the last map, which `trunk` makes; by default the mean over all its places.
  func features(ofMap map: Tensor) -> Tensor
  /// logits(N,classes) of images x(N,H,W,C).
  func callAsFunction(_ x: Tensor) -> Tensor
  /// Maps (N,H/s,W/s,channels) at each stride s, the finest first, for heads that locate.
  func featureMaps(of x: Tensor) -> [Tensor]
  /// What a checkpoint of `publisher` calls the parameter `name`, and in what shape it stores `shape`; both are given as
  /// the network's first publisher has them.
  func stored(_ name: String, _ shape: [Int], by publisher: Publisher) -> StoredTensor
  /// What older files call the tensor `name`; nil where it never had another name.
  func formerName(of name: String) -> String?
  /// Makes a parameter's numbers of a tensor that has another shape in a file, as position embeddings for other image
  /// sizes have; nil where nothing can be made of it.
  func adaptation(from shape: [Int], to parameter: Parameter) -> (([Float]) -> [Float])?
}

extension ImageClassifier {
  public var imageSize: Int? { nil }

  /// The last of the backbone's maps.
  public func trunk(_ x: Tensor) -> Tensor {
    stages.enumerated().reduce(x) { x, stage in
      stage.element.enumerated().reduce(x) { x, block in
        labelled("stage \(stage.offset), block \(block.offset)") { block.element(x) }
      }
    }
  }

  public func features(of x: Tensor) -> Tensor { features(ofMap: trunk(x)) }

  public func features(ofMap map: Tensor) -> Tensor { map.globalAveragePooled() }

  public func callAsFunction(_ x: Tensor) -> Tensor { head(features(of: x)) }

  public func featureMaps(of x: Tensor) -> [Tensor] {
    var (maps, last): ([Tensor], Tensor) = ([], x)
    for block in stages.joined() {
      let next = block(last)
      if next.shape[1] < last.shape[1], last !== x { maps.append(last) }
      last = next
    }
    return maps + [last]
  }

  public func stored(_ name: String, _ shape: [Int], by publisher: Publisher) -> StoredTensor { StoredTensor(name, shape) }

  public func formerName(of name: String) -> String? { nil }

  public func adaptation(from shape: [Int], to parameter: Parameter) -> (([Float]) -> [Float])? { nil }

  /// All parameters but the head's.
  public var backboneParameters: [Parameter] {
    let inHead = Set(head.parameters().map(ObjectIdentifier.init))
    return parameters().filter { !inHead.contains(ObjectIdentifier($0)) }
  }
}
