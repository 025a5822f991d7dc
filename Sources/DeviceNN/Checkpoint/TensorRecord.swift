public import Foundation

/// A tensor as it lies in a file: little-endian bytes with a name, a type and a shape.
public struct TensorRecord: Sendable, Equatable {
  public let name: String
  public let type: StoredType
  public let shape: [Int]
  /// A slice of the mapped file where it was read from one, so `startIndex` need not be 0.
  public let bytes: Data

  public init(name: String, type: StoredType, shape: [Int], bytes: Data) {
    precondition(
      bytes.count == shape.reduce(type.byteCount, *),
      "\(bytes.count) bytes do not fill the shape \(shape) of \(type.rawValue) for tensor '\(name)'")
    self.name = name
    self.type = type
    self.shape = shape
    self.bytes = bytes
  }

  public init(name: String, shape: [Int], _ values: [Float]) {
    self.init(name: name, type: .float32, shape: shape, bytes: values.withUnsafeBytes { Data($0) })
  }

  public init(name: String, shape: [Int], _ values: [Int64]) {
    self.init(name: name, type: .int64, shape: shape, bytes: values.withUnsafeBytes { Data($0) })
  }

  public init(name: String, shape: [Int], _ values: [Int32]) {
    self.init(name: name, type: .int32, shape: shape, bytes: values.withUnsafeBytes { Data($0) })
  }

  public init(name: String, shape: [Int], _ values: [UInt8]) {
    self.init(name: name, type: .uint8, shape: shape, bytes: Data(values))
  }
}

extension TensorRecord {
  /// The elements as floats; nil where the type is not one of F32, F16, BF16, F64.
  public var floats: [Float]? {
    switch type {
    case .float32: elements(as: Float.self)
    case .float64: elements(as: Double.self).map { Float($0) }
    case .float16: elements(as: UInt16.self).map { float(half: $0) }
    case .bfloat16: elements(as: UInt16.self).map { float(bfloat16: $0) }
    case .float8e4m3, .float8e5m2, .int64, .int32, .int16, .int8, .uint64, .uint32, .uint16, .uint8, .bool: nil
    }
  }

  /// The elements as integers; nil where the type has fractions or does not fit.
  public var integers: [Int64]? {
    switch type {
    case .int64: elements(as: Int64.self)
    case .int32: elements(as: Int32.self).map { Int64($0) }
    case .int16: elements(as: Int16.self).map { Int64($0) }
    case .int8: elements(as: Int8.self).map { Int64($0) }
    case .uint32: elements(as: UInt32.self).map { Int64($0) }
    case .uint16: elements(as: UInt16.self).map { Int64($0) }
    case .uint8, .bool: bytes.map { Int64($0) }
    case .float64, .float32, .float16, .bfloat16, .float8e4m3, .float8e5m2, .uint64: nil
    }
  }

  /// A copy, because a file promises no alignment. Every platform that this package runs on is little-endian.
  private func elements<Element: BitwiseCopyable>(as type: Element.Type) -> [Element] {
    let count = bytes.count / MemoryLayout<Element>.stride
    return [Element](unsafeUninitializedCapacity: count) { target, initialized in
      bytes.copyBytes(to: UnsafeMutableRawBufferPointer(target))
      initialized = count
    }
  }
}
