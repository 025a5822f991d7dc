// How a camera was held: EXIF's eight orientations.

extension Image {
  /// The picture upright, given the orientation (1 … 8) that its file names.
  ///
  /// Orientation 6, say, means "row 0 of the file is the right-hand side, column 0 the top": each case maps a pixel of the
  /// upright picture to the file's.
  func uprighted(from orientation: Int) -> Image {
    let (w, h) = (width, height)
    return switch orientation {
    case 2: mapped(w, h) { x, y in (w - 1 - x, y) }  // mirrored
    case 3: mapped(w, h) { x, y in (w - 1 - x, h - 1 - y) }  // upside down
    case 4: mapped(w, h) { x, y in (x, h - 1 - y) }  // mirrored and upside down
    case 5: mapped(h, w) { x, y in (y, x) }  // transposed
    case 6: mapped(h, w) { x, y in (y, h - 1 - x) }  // to be turned clockwise
    case 7: mapped(h, w) { x, y in (w - 1 - y, h - 1 - x) }  // transposed over the other diagonal
    case 8: mapped(h, w) { x, y in (w - 1 - y, x) }  // to be turned anticlockwise
    default: self
    }
  }

  private func mapped(_ newWidth: Int, _ newHeight: Int, from source: (Int, Int) -> (x: Int, y: Int)) -> Image {
    let turned = [UInt8](unsafeUninitializedCapacity: pixels.count) { buffer, count in
      var to = 0
      for y in 0..<newHeight {
        for x in 0..<newWidth {
          let place = source(x, y)
          let from = (place.y * width + place.x) * 3
          for channel in 0..<3 { buffer[to + channel] = pixels[from + channel] }
          to += 3
        }
      }
      count = to
    }
    return Image(width: newWidth, height: newHeight, pixels: turned)
  }
}
