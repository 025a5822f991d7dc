// A data set that needs no download: drawn flowers, for demonstrations and tests of whole trainings.
internal import Foundation

/// Draws `train/SPECIES/*.jpg` and `val/SPECIES/*.jpg` below `directory` and returns the species' names.
///
/// Species differ in their form: the number, shape and arrangement of petals, and the centre. Colour, ground, light,
/// size, place, slant, occlusion, sharpness and noise vary and tell nothing, which makes twenty pictures a class too few
/// to learn from alone, while a network that knows natural pictures has what it takes.
@discardableResult
public func drawFlowers(
  to directory: String, classes: Int = 6, trainPerClass: Int = 20, valPerClass: Int = 40, size: Int = 64,
  seed: UInt64 = 0
) throws -> [String] {
  precondition(
    (2...FlowerSpecies.all.count).contains(classes),
    "\(classes) species were asked for, but 2 … \(FlowerSpecies.all.count) can be drawn")
  let perClass = trainPerClass + valPerClass
  for species in FlowerSpecies.all.prefix(classes) {
    for part in ["train", "val"] {
      try FileManager.default.createDirectory(
        atPath: "\(directory)/\(part)/\(species.name)", withIntermediateDirectories: true)
    }
  }
  let errors = concurrentMap(classes * perClass) { picture -> ImageError? in
    let (label, number) = picture.quotientAndRemainder(dividingBy: perClass)
    let species = FlowerSpecies.all[label]
    let isTraining = number < trainPerClass
    let digits = String(1000 + (isTraining ? number : number - trainPerClass)).suffix(3)
    // A stream of its own for each picture: more of them leave the first ones as they were.
    var generator = Philox(seed: seed, stream: UInt64(label) << 33 | (isTraining ? 0 : 1 << 32) | UInt64(number))
    let image = drawFlower(species, size: size, using: &generator)
    do throws(ImageError) {
      try writeImageFile(
        image.jpegData(quality: 85 + generator.integer(below: 11)),
        to: "\(directory)/\(isTraining ? "train" : "val")/\(species.name)/\(species.name)_\(digits).jpg")
      return nil
    } catch {
      return error
    }
  }
  if let error = errors.lazy.compactMap({ $0 }).first { throw error }
  return FlowerSpecies.all.prefix(classes).map(\.name)
}

/// One picture of a species: ground, shadow, leaves, flower, something in front of it, and a camera's faults.
func drawFlower(_ species: FlowerSpecies, size: Int, using generator: inout Philox) -> Image {
  let ground = FlowerBackground(rawValue: generator.integer(below: FlowerBackground.allCases.count))!
  var canvas = ground.canvas(size: size, using: &generator)
  canvas.blur(generator.uniform(0, 0.025))

  let azimuth = generator.uniform(0, 2 * .pi)
  let height = generator.uniform(0.5, 1.3)
  let light = SIMD3(cos(azimuth) * cos(height), sin(azimuth) * cos(height), sin(height))
  let flower = Flower(species, light: light, using: &generator)

  let leaves = (0..<generator.integer(below: 4)).map { _ in
    Blade(
      root: SIMD2(0.5, 0.5), angle: generator.uniform(0, 2 * .pi), length: generator.uniform(0.4, 0.75),
      width: generator.uniform(0.03, 0.08), colour: green(0.3, 0.6, &generator), using: &generator)
  }
  canvas.overlay { p in leaves.lazy.compactMap { $0.paint(p) }.first.map { ($0, 1) } }
  if ground != .sky {
    let offset = -SIMD2(light.x, light.y) * 0.07
    var shadow = Canvas(size: size) { p in Colour(repeating: flower.covers(p - offset) ? 1 : 0) }
    shadow.blur(0.02)
    for i in canvas.colours.indices { canvas.colours[i] *= 1 - 0.5 * shadow.colours[i].x }
  }
  canvas.overlay { p in flower.paint(p).map { ($0, 1) } }

  if generator.uniform() < 0.4 {
    let front = (0..<generator.integer(below: 3) + 1).map { _ in
      Blade(
        root: SIMD2(generator.uniform(0, 1), 1.1), angle: -.pi / 2 + generator.normal() * 0.4,
        length: generator.uniform(0.5, 1.1), width: generator.uniform(0.015, 0.04), colour: green(0.3, 0.7, &generator),
        using: &generator)
    }
    canvas.overlay { p in front.lazy.compactMap { $0.paint(p) }.first.map { ($0, 1) } }
  }

  canvas.addCameraFaults(blur: 0.016, exposure: 0.78...1.14, using: &generator)
  return canvas.image()
}
