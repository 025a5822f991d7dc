import Foundation
import Testing

@testable import DeviceNN

@Suite struct DataImageTests {
  @Test func jpegComesBackNearlyAsItWas() throws {
    let image = smoothImage(67, 45)
    let decoded = try Image(decoding: image.jpegData(quality: 98), name: "a")
    #expect(largestDifference(image, decoded) < 12)
  }

  @Test func pngAndPPMComeBackExactly() throws {
    let image = hashedImage(31, 17)
    #expect(try Image(decoding: image.pngData(), name: "a") == image)
    #expect(try Image(decoding: image.ppmData(), name: "a") == image)
  }

  @Test func theFormatIsToldByTheFirstBytesNotByTheName() throws {
    let folder = try TemporaryFolder()
    let image = hashedImage(8, 8)
    let path = try folder.write(image.pngData(), "in-truth-a-png.jpg")
    #expect(try Image(contentsOf: path) == image)
  }

  @Test(arguments: 1...8, [true, false])
  func everyOrientationIsTurnedUpright(orientation: Int, isLittleEndian: Bool) throws {
    // What the camera stored, given the upright picture: EXIF's definition, by where row 0 and column 0 belong.
    let upright = smoothImage(48, 32)
    let (w, h) = (upright.width, upright.height)
    let isTransposed = orientation >= 5
    var stored = Image(width: isTransposed ? h : w, height: isTransposed ? w : h)
    for y in 0..<stored.height {
      for x in 0..<stored.width {
        let (column, row) =
          switch orientation {  // row 0 is … and column 0 is …
          case 1: (x, y)  // top, left
          case 2: (w - 1 - x, y)  // top, right
          case 3: (w - 1 - x, h - 1 - y)  // bottom, right
          case 4: (x, h - 1 - y)  // bottom, left
          case 5: (y, x)  // left, top
          case 6: (w - 1 - y, x)  // right, top
          case 7: (w - 1 - y, h - 1 - x)  // right, bottom
          default: (y, h - 1 - x)  // left, bottom
          }
        stored[x, y] = upright[column, row]
      }
    }
    let file = jpeg(stored, orientation: UInt8(orientation), isLittleEndian: isLittleEndian, quality: 98)
    #expect(largestDifference(try Image(decoding: file, name: "a"), upright) < 14)
  }

  @Test func nonsenseInEXIFMeansUpright() throws {
    let image = smoothImage(32, 16)
    for orientation: UInt8 in [0, 9, 255] {
      let file = jpeg(image, orientation: orientation, isLittleEndian: true)
      #expect(try Image(decoding: file, name: "a").width == 32)
    }
    var file = jpeg(image, orientation: 6, isLittleEndian: true)
    file.replaceSubrange(16..<20, with: [0xFF, 0xFF, 0xFF, 0x7F])  // the directory's offset leads out of the segment
    #expect(try Image(decoding: file, name: "a").width == 32)
  }

  @Test func jpegIsDecodedAtTheSmallestScaleThatIsEnough() throws {
    let file = smoothImage(640, 480).jpegData()
    for (atLeast, width) in [(nil, 640), (481, 640), (480, 640), (241, 640), (240, 320), (120, 160), (60, 80), (1, 80)]
    {
      let image = try Image(decoding: file, name: "a", atLeast: atLeast)
      #expect(image.width == width, "\(image.width) wide when at least \(atLeast ?? 0) was wanted")
      #expect(largestDifference(image, smoothImage(image.width, image.height)) < 12)
    }
  }

  @Test func greyAndCMYKBecomeRGB() throws {
    let grey = try Image(decoding: decodedBase64(greyJPEG), name: "grey")
    #expect(grey == Image(width: 8, height: 8, red: 77, green: 77, blue: 77))
    // Adobe's inverted CMYK: cyan ink on the left, black on the right.
    let cmyk = try Image(decoding: decodedBase64(cmykJPEG), name: "cmyk")
    #expect(cmyk[2, 8] == (0, 255, 255))
    #expect(cmyk[13, 8] == (0, 0, 0))
  }

  @Test func everyKindOfPNGBecomesRGB() throws {
    #expect(try Image(decoding: decodedBase64(greyPNG), name: "a").pixels == [0, 0, 0, 200, 200, 200])
    #expect(try Image(decoding: decodedBase64(palettePNG), name: "a").pixels == [10, 20, 30, 200, 100, 50])
    #expect(
      try Image(decoding: decodedBase64(deepPNG), name: "a").pixels
        == [0, 0, 0, 255, 255, 255, 128, 128, 128, 1, 1, 1])
    let transparent = try Image(decoding: decodedBase64(transparentPNG), name: "a")
    #expect(transparent[0, 0] == (255, 0, 0))
    #expect(transparent[1, 0] == (255, 255, 255), "what is transparent shows the white behind it")
    #expect(transparent[2, 0].blue == 255 && (120...200).contains(transparent[2, 0].red))
  }

  @Test func ppmHeadersMayHoldCommentsAndOtherRanges() throws {
    let header = Array("P6 # made by hand\n2 1\n# the largest value\n15\n".utf8)
    #expect(try Image(decoding: header + [0, 15, 3, 15, 0, 6], name: "a").pixels == [0, 255, 51, 255, 0, 102])
    let deep = Array("P6\n1 1\n65535\n".utf8) + [255, 255, 0, 0, 128, 128]
    #expect(try Image(decoding: deep, name: "a").pixels == [255, 0, 128])
  }

  // MARK: Damage

  @Test(arguments: [0.99, 0.9, 0.5, 0.2, 0.02])
  func truncatedFilesAreReported(fraction: Double) throws {
    let image = hashedImage(90, 70)
    for (format, file) in [("JPEG", image.jpegData()), ("PNG", image.pngData()), ("PPM", image.ppmData())] {
      let part = Array(file[..<max(20, Int(Double(file.count) * fraction))])
      for atLeast in [nil, 1] {
        let error = #expect(throws: ImageError.self) { try Image(decoding: part, name: "cut.jpg", atLeast: atLeast) }
        guard case .damaged(let file, let found, let reason)? = error else { continue }
        #expect(file == "cut.jpg" && found == format && !reason.isEmpty)
      }
    }
  }

  @Test func bytesThatWereOverwrittenAreReported() throws {
    var file = hashedImage(90, 70).pngData()
    for i in file.count / 2..<file.count / 2 + 20 { file[i] ^= 0x5A }
    #expect(throws: ImageError.self) { try Image(decoding: file, name: "a.png") }
  }

  @Test func aFileThatIsNoPictureIsNamedAsWhatItIs() throws {
    let folder = try TemporaryFolder()
    let text = try folder.write(Array("Not Found\n".utf8), "a.jpg")
    #expect {
      try Image(contentsOf: text)
    } throws: {
      "\($0)" == "\(text) is a text file, but JPEG, PNG or PPM (P6) was wanted"
    }
    let cases: [(String, [UInt8])] = [
      ("HTML", Array("<!doctype html>".utf8)), ("empty", []), ("GIF", Array("GIF89a".utf8)),
      ("WebP", Array("RIFF....WEBPVP8".utf8)), ("00 01 02 ff", [0, 1, 2, 255, 8]),
    ]
    for (word, bytes) in cases {
      #expect {
        try Image(decoding: bytes, name: "b.png")
      } throws: {
        "\($0)".contains(word)
      }
    }
  }

  @Test func aMissingFileAndAFolderAreNamed() throws {
    let folder = try TemporaryFolder()
    for path in [folder.path + "/none.jpg", folder.path] {
      #expect {
        try Image(contentsOf: path)
      } throws: { error in
        guard case ImageError.unreadable(let file, let reason) = error else { return false }
        return file == path && !reason.isEmpty
      }
    }
  }

  @Test func aTinyFileThatClaimsBillionsOfPixelsIsRefused() throws {
    #expect(throws: ImageError.self) { try Image(decoding: Array("P6 60000 60000 255\n".utf8), name: "bomb.ppm") }
    #expect(throws: ImageError.self) {
      try Image(decoding: Array("P6 9999999999 9999999999 255\n".utf8), name: "bomb.ppm")
    }
  }
}

// Made by Pillow: 8x8 grey of value 77; 16x16 CMYK with Adobe's marker; grey, 16-bit grey, palette and RGBA PNG.
private let greyJPEG =
  "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/wAALCAAIAAgBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/APjOv//Z"
private let cmykJPEG =
  "/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwADAgIDAgIDAwMDBAMDBAUIBQUEBAUKBwcGCAwKDAwLCgsLDQ4SEA0OEQ4LCxAWEBETFBUVFQwPFxgWFBgSFBUU/8AAFAgAEAAQBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD8qq/VOv1Tr9U6/qooor+Vev5V6KK/qor+qiiiv5V6/9k="
private let greyPNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABCAAAAADRSSBWAAAAC0lEQVR4nGNgOAEAAMsAyWnIw2wAAAAASUVORK5CYII="
private let deepPNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACEAAAAAAHTY67AAAAEklEQVR4nGNgYPj/n6GhgZERABCAAwGPsyTzAAAAAElFTkSuQmCC"
private let palettePNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAABAQMAAADO7O3JAAAABlBMVEUKFB7IZDJ3oLOcAAAACklEQVR4nGNwAAAAQgBBKTf07wAAAABJRU5ErkJggg=="
private let transparentPNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAMAAAABCAYAAAAb4BS0AAAAFUlEQVR4nGP4z8Dwn4GBgYGB4X8DABd2A37qHpUwAAAAAElFTkSuQmCC"
