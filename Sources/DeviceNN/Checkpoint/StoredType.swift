/// The type of a stored tensor's elements, by the name that safetensors gives it.
public enum StoredType: String, Sendable, Hashable, CaseIterable {
  case float64 = "F64"
  case float32 = "F32"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case float8e4m3 = "F8_E4M3"
  case float8e5m2 = "F8_E5M2"
  case int64 = "I64"
  case int32 = "I32"
  case int16 = "I16"
  case int8 = "I8"
  case uint64 = "U64"
  case uint32 = "U32"
  case uint16 = "U16"
  case uint8 = "U8"
  case bool = "BOOL"

  /// Whether its numbers can be had as floats.
  public var isFloat: Bool { [.float64, .float32, .float16, .bfloat16].contains(self) }

  /// Bytes of one element.
  public var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float8e4m3, .float8e5m2, .int8, .uint8, .bool: 1
    }
  }

  /// Bytes of a tensor of this shape; nil where they are more than a computer can count.
  func byteCount(of shape: [Int]) -> Int? {
    shape.reduce(byteCount as Int?) { product, extent in
      product.flatMap { $0.multipliedReportingOverflow(by: extent).overflow ? nil : $0 * extent }
    }
  }
}

/// The value of an IEEE half. By hand, because Swift has no Float16 on Intel Macs.
func float(half bits: UInt16) -> Float {
  let sign = UInt32(bits & 0x8000) << 16
  let magnitude = UInt32(bits & 0x7FFF)
  // Infinities and NaNs have all exponent bits set in both formats.
  if magnitude >= 0x7C00 { return Float(bitPattern: sign | 0x7F80_0000 | (magnitude & 0x3FF) << 13) }
  // The same bits as a float are 2^-112 of the value, subnormals included.
  let scaled = Float(bitPattern: magnitude << 13) * Float(bitPattern: 0x7780_0000)
  return Float(bitPattern: sign | scaled.bitPattern)
}

/// The value of a bfloat16, which is the upper half of a float.
func float(bfloat16 bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }
