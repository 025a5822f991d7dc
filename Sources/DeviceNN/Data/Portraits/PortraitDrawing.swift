// A data set of several questions that needs no download: drawn portraits.
internal import Foundation

/// Draws `train/*.jpg` and `val/*.jpg` below `directory`, and writes `portraits.csv`, which lists them with the columns age
/// (years), glasses (yes or no), expression (sad, neutral, happy) and hair (bald, short, long).
///
/// - Parameter missing: the part of the training labels that the list leaves out, each picture's and question's by itself.
/// - Returns: the list's path.
@discardableResult
public func drawPortraits(
  to directory: String, train: Int = 400, validation: Int = 160, size: Int = 64, missing: Double = 1 / 3, seed: UInt64 = 0
) throws -> String {
  for part in ["train", "val"] {
    try FileManager.default.createDirectory(atPath: "\(directory)/\(part)", withIntermediateDirectories: true)
  }
  let rows = concurrentMap(train + validation) { number -> Result<String, ImageError> in
    let isTraining = number < train
    let index = isTraining ? number : number - train
    // A stream of its own for each picture: more of them leave the first ones as they were.
    var generator = Philox(seed: seed, stream: 1 << 34 | (isTraining ? 0 : 1 << 32) | UInt64(index))
    let person = PortraitPerson(using: &generator)
    let file = "\(isTraining ? "train" : "val")/portrait_\(String(10000 + index).suffix(4)).jpg"
    let labels = [
      "\(Int(person.age))", person.hasGlasses ? "yes" : "no", person.expression.rawValue, person.hair.rawValue,
    ].map { isTraining && Double(generator.uniform()) < missing ? "" : $0 }
    let image = drawPortrait(of: person, size: size, using: &generator)
    do throws(ImageError) {
      try writeImageFile(image.jpegData(quality: 88), to: "\(directory)/\(file)")
      return .success(([file, isTraining ? "train" : "val"] + labels).joined(separator: ","))
    } catch {
      return .failure(error)
    }
  }
  let path = directory + "/portraits.csv"
  let lines = try ["path,split,age,glasses,expression,hair"] + rows.map { try $0.get() }
  try AtomicFile.write(lines.joined(separator: "\n") + "\n", to: path)
  return path
}

/// Ground, head, and a camera's faults.
func drawPortrait(of person: PortraitPerson, size: Int, using generator: inout Philox) -> Image {
  let noise = Noise(seed: UInt32(truncatingIfNeeded: generator.next()))
  let (a, b) = (
    Colour(generator.uniform(0.2, 0.9), generator.uniform(0.2, 0.9), generator.uniform(0.2, 0.9)),
    Colour(generator.uniform(0.2, 0.9), generator.uniform(0.2, 0.9), generator.uniform(0.2, 0.9))
  )
  var canvas = Canvas(size: size) { p in mix(a, b, p.y + 0.5 * noise.clouds(p * 3)) }
  let portrait = Portrait(person, using: &generator)
  canvas.overlay { p in portrait.paint(p).map { ($0, 1) } }
  canvas.blur(generator.uniform() < 0.6 ? 0 : generator.uniform(0, 0.008))
  let exposure = generator.uniform(0.82, 1.12)
  let grain = generator.uniform(0.004, 0.03)
  for i in canvas.colours.indices {
    canvas.colours[i] =
      canvas.colours[i] * exposure + Colour(generator.normal(), generator.normal(), generator.normal()) * grain
  }
  return canvas.image()
}
