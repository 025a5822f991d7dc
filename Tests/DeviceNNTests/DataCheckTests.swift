import Foundation
import Testing

@testable import DeviceNN

@Suite struct DataCheckTests {
  let folder = try! TemporaryFolder()

  /// A picture with something to see, other for each number.
  func picture(_ number: Int, _ width: Int = 96, _ height: Int = 80) -> Image {
    var image = Image(width: width, height: height)
    for y in 0..<height {
      for x in 0..<width {
        let (u, v) = (Double(x) / Double(width), Double(y) / Double(height))
        let wave = sin(9 * u + Double(number * number)) * cos(7 * v + Double(number) * 1.7) + sin(5 * u * v * Double(number % 5 + 1))
        image[x, y] = (UInt8(128 + 60 * wave), UInt8(110 + 50 * wave), UInt8(60 + 40 * u))
      }
    }
    return image
  }

  /// Two classes of ten different pictures, eight of them for training.
  func writeSet() throws {
    for number in 0..<20 {
      try folder.write(
        picture(number).jpegData(), "\(number % 10 < 8 ? "train" : "val")/\(number < 10 ? "ant" : "bee")/\(number).jpg")
    }
  }

  @Test func aGoodSetHasNoFindings() throws {
    try writeSet()
    let check = try DataCheck(path: folder.path)
    #expect(check.pictures.count == 20 && check.classes == ["ant", "bee"] && check.parts == [.train, .validation])
    #expect(check.count(of: 1, in: .train) == 8 && check.count(of: 0, in: .validation) == 2)
    #expect(check.findings.map(\.title) == [] && check.imbalance == 1)
    let sizes = try #require(check.sizes)
    #expect(sizes.smallest == (96, 80) && sizes.median == (96, 80) && sizes.largest == (96, 80))
    #expect(check.html().contains("Nothing odd was found"))
  }

  @Test func everyKindOfDuplicateIsFound() throws {
    try writeSet()
    try folder.write(picture(3).jpegData(), "val/ant/copy.jpg")  // across parts
    try folder.write(picture(4).pngData(), "train/ant/a.png")
    try folder.write(picture(4).pngData() + [0], "train/ant/b.png")  // other bytes
    try folder.write(picture(5, 48, 40).jpegData(quality: 60), "val/ant/small.jpg")
    let mirrored = picture(11).resized(width: 96, height: 80, flipped: true)
    try folder.write(mirrored.jpegData(), "train/ant/mirrored.jpg")  // also of another class
    let check = try DataCheck(path: folder.path)
    let found = check.duplicates.map { group in
      "\(group.kind) \(group.isLeak) \(group.hasSeveralClasses) " + group.members.map { check.pictures[$0].name }.sorted().joined(separator: " ")
    }
    #expect(found == [
      "sameBytes true false ant/3.jpg ant/copy.jpg", "near true false ant/5.jpg ant/small.jpg",
      "samePixels false false ant/a.png ant/b.png", "near false false ant/4.jpg ant/a.png", "near false true ant/mirrored.jpg bee/11.jpg",
    ])
    #expect(check.findings.first?.title == "1 picture is in several parts: same bytes")
    #expect(check.findings.contains { $0.title == "1 picture is in several classes" })
    let html = check.html()
    #expect(html.contains("ant/copy.jpg") && html.contains("data:image/jpeg;base64,") && !html.contains("http"))
  }

  @Test func oddPicturesAreFound() throws {
    try writeSet()
    try folder.write(Image(width: 50, height: 50, red: 90, green: 20, blue: 20).jpegData(), "train/ant/plain.jpg")
    try folder.write(picture(30, 400, 90).jpegData(), "train/ant/long.jpg")
    try folder.write(picture(31, 16, 14).jpegData(), "train/ant/tiny.jpg")
    var grey = picture(32)
    for i in stride(from: 0, to: grey.pixels.count, by: 3) { grey.pixels.replaceSubrange(i..<i + 3, with: repeatElement(grey.pixels[i], count: 3)) }
    try folder.write(grey.jpegData(), "train/bee/grey.jpg")
    var dark = picture(33)
    dark.pixels = dark.pixels.map { $0 / 14 }
    dark[0, 0] = (255, 255, 255)
    for x in 0..<96 { for y in 0..<4 { dark[x, y] = (120, 130, 110) } }
    try folder.write(dark.jpegData(), "train/bee/dark.jpg")
    try folder.write(Array(picture(34).jpegData().dropLast(200)), "val/bee/cut.jpg")
    try folder.write(Array("<html>".utf8), "val/bee/page.jpg")
    let check = try DataCheck(path: folder.path)
    let titles = check.findings.map(\.title).filter { !$0.contains("nearly the same") }
    #expect(titles == [
      "2 files can't be read", "1 picture is of nearly one colour", "1 picture is very dark", "1 picture is grey",
      "1 picture is over three times as long as wide", "1 picture is smaller than a quarter of the usual",
    ])
    #expect(check.unreadable.map { ($0.file as NSString).lastPathComponent } == ["cut.jpg", "page.jpg"])
    #expect(check.html().contains("looks like HTML"))
    let sizes = try #require(check.sizes)
    #expect(sizes.smallest == (16, 14) && sizes.largest == (400, 90))
  }

  @Test func imbalanceIsFound() throws {
    for number in 0..<9 { try folder.write(picture(number).jpegData(), "train/\(number < 7 ? "ant" : "bee")/\(number).jpg") }
    for (number, name) in ["ant", "bee"].enumerated() { try folder.write(picture(20 + number).jpegData(), "val/\(name)/1.jpg") }
    #expect(try DataCheck(path: folder.path).findings.map(\.title) == ["the largest class has 3.5 times the smallest one's training pictures"])
  }

  @Test func fullSizesOfPhotosOnTheirSideAreUpright() throws {
    let bytes = jpeg(picture(1, 900, 700), orientation: 6, isLittleEndian: true)
    let size = try #require(Image.jpegSize(of: bytes))
    #expect(size == (700, 900))
    #expect(Image.jpegSize(of: [1, 2, 3]) == nil)
  }

  @Test func whatIsNoDataSetIsRefused() throws {
    #expect(throws: DataError.noSuchFolder(path: folder.path + "/x")) { try DataCheck(path: folder.path + "/x") }
    #expect(throws: DataError.noClassFolders(path: folder.path, looseImages: 0)) { try DataCheck(path: folder.path) }
  }

  @Test func picturesThatAreAllAlikeAreNoChain() throws {
    // Each is a step on the way from one picture to another.
    for number in 0..<12 {
      var image = picture(1)
      let other = picture(2)
      for i in image.pixels.indices where i % 12 < number { image.pixels[i] = other.pixels[i] }
      try folder.write(image.jpegData(), "train/\(number < 6 ? "ant" : "bee")/\(number).jpg")
    }
    for (number, name) in ["ant", "bee"].enumerated() { try folder.write(picture(20 + number).jpegData(), "val/\(name)/1.jpg") }
    let check = try DataCheck(path: folder.path)
    #expect(!check.duplicates.isEmpty)
    for group in check.duplicates {
      let first = check.pictures[group.members[0]].thumbnail
      for member in group.members { #expect(first.correlation(with: check.pictures[member].thumbnail) > Thumbnail.threshold) }
    }
  }

  // MARK: Thumbnails

  @Test func thumbnailsSurviveWhatPhotosGoThrough() {
    for number in 0..<20 {
      let image = picture(number)
      let thumbnail = Thumbnail(image)
      #expect(abs(thumbnail.correlation(with: thumbnail) - 1) < 1e-5)
      #expect(thumbnail.mirrored.mirrored == thumbnail)
      let mirrored = Thumbnail(image.resized(width: 96, height: 80, flipped: true))
      #expect(thumbnail.mirrored.correlation(with: mirrored) > 0.999)
      let saved = try! Image(decoding: image.resized(width: 60, height: 50).jpegData(quality: 40), name: "")
      #expect(thumbnail.correlation(with: Thumbnail(saved)) > Thumbnail.threshold)
    }
    #expect(Thumbnail(picture(1)).correlation(with: Thumbnail(picture(2))) < 0.9)
    let plain = Thumbnail(Image(width: 3, height: 257, red: 7))
    #expect(plain.correlation(with: plain) == 0)
  }

  /// How the threshold was chosen, on request: how many real pictures are found again after a change, and how many pairs of
  /// different ones are taken for the same.
  @Test(.enabled(if: sharedData != nil && ProcessInfo.processInfo.environment["DEVICENN_MEASURE"] != nil, "not asked for"),
    arguments: ["flowers224", "medmnist/pneumoniamnist.npz"])
  func thresholdOnRealPictures(name: String) throws {
    let data = try ImageDataset(path: sharedData! + "/" + name)
    let changes: [(String, @Sendable (Image) -> Image)] = [
      ("quality 40", { try! Image(decoding: $0.jpegData(quality: 40), name: "") }),
      ("half the size", { $0.resized(width: $0.width / 2, height: $0.height / 2) }),
      ("mirrored, quality 40", {
        try! Image(decoding: $0.resized(width: $0.width, height: $0.height, flipped: true).jpegData(quality: 40), name: "")
      }),
      ("crop of 95 %", {
        let (w, h) = ($0.width, $0.height)
        return $0.resized(width: w, height: h, crop: PixelRectangle(x: w / 40, y: h / 40, width: w * 19 / 20, height: h * 19 / 20))
      }),
    ]
    let rows = try [data.train, data.validation].flatMap { source in
      try concurrentMap(source.count) { index in
        Result { () throws(ImageError) in
          let image = try source.image(at: index, atLeast: nil)
          return ([image] + changes.map { $0.1(image) }).map(Thumbnail.init)
        }
      }.map { try $0.get() }
    }
    @Sendable func likeness(_ a: Thumbnail, _ b: Thumbnail) -> Float { max(a.correlation(with: b), a.mirrored.correlation(with: b)) }
    for threshold: Float in [0.95, 0.96, 0.97, 0.98, 0.99] {
      let found = changes.indices.map { change in rows.count { likeness($0[0], $0[change + 1]) > threshold } }
      let pairs = concurrentMap(rows.count) { i in rows[(i + 1)...].count { likeness(rows[i][0], $0[0]) > threshold } }
      print("\(name), threshold \(threshold): \(zip(changes.map(\.0), found).map { "\($0) \($1)" }), pairs \(pairs.reduce(0, +)) of \(rows.count) pictures")
    }
  }
}
