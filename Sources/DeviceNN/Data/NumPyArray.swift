// NumPy's .npy files, as its documentation describes format 1.0 to 3.0.
internal import Foundation

/// An array of whole numbers in row-major order.
struct NumPyArray {
  let shape: [Int]
  /// Bytes of an element: 1, 2, 4 or 8, little-endian.
  let elementSize: Int
  let isSigned: Bool
  let bytes: Data

  /// Reads the contents of a .npy file; `name` is what messages call it.
  init(_ contents: Data, file: String, name: String) throws(CheckpointError) {
    var reader = ByteReader(contents, file: file, format: .npz)
    func damaged(_ reason: String) -> CheckpointError { reader.damaged("'\(name)' \(reason)") }
    guard try reader.take(6) == Data([0x93] + Array("NUMPY".utf8)) else { throw damaged("is no array of NumPy's") }
    let version = try reader.integer(UInt8.self)
    _ = try reader.take(1)
    let header = try reader.text(version == 1 ? reader.count(UInt16.self) : reader.count(UInt32.self))
    // A Python dictionary: {'descr': '|u1', 'fortran_order': False, 'shape': (2428, 28, 28), }
    guard let type = header.firstMatch(of: /'descr': *'([^']*)'/)?.1,
      let order = header.firstMatch(of: /'fortran_order': *(True|False)/)?.1,
      let extents = header.firstMatch(of: /'shape': *\(([0-9, ]*)\)/)?.1
    else { throw damaged("has the header \(header.prefix(100)), which says neither type nor shape") }
    guard order == "False" else { throw damaged("is stored by columns, but rows were wanted") }
    guard let element = Self.elements[String(type)] else {
      throw damaged("has elements of type '\(type)', but whole numbers were wanted")
    }
    let shape = extents.split(separator: ",").map { Int($0.trimmingCharacters(in: .whitespaces)) }
    let wanted = shape.reduce(element.size as Int?) { product, extent in
      guard let product, let extent else { return nil }
      let (result, overflow) = product.multipliedReportingOverflow(by: extent)
      return overflow ? nil : result
    }
    guard let wanted, wanted == contents.count - reader.position else {
      throw damaged("of shape (\(extents)) has \(contents.count - reader.position) bytes: truncated?")
    }
    (self.shape, elementSize, isSigned) = (shape.map { $0! }, element.size, element.isSigned)
    bytes = try reader.take(wanted)
  }

  private static let elements: [String: (size: Int, isSigned: Bool)] = [
    "|u1": (1, false), "|i1": (1, true), "<u2": (2, false), "<i2": (2, true), "<u4": (4, false), "<i4": (4, true),
    "<u8": (8, false), "<i8": (8, true),
  ]

  var count: Int { bytes.count / elementSize }

  /// One element; nil where it is more than an Int has room for.
  func integer(at index: Int) -> Int? {
    let start = bytes.startIndex + index * elementSize
    var bits = (0..<elementSize).reduce(UInt64(0)) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    let unused = UInt64(64 - 8 * elementSize)
    if isSigned {
      bits <<= unused
      return Int(Int64(bitPattern: bits) >> Int64(unused))
    }
    return Int(exactly: bits)
  }
}
