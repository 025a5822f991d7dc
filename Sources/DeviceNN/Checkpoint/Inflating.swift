// Deflated bytes (RFC 1951), by zlib.
internal import CZlib
internal import Foundation

/// What `deflated` holds, if that is `byteCount` bytes to the last; otherwise nil.
func inflated(_ deflated: Data, byteCount: Int) -> Data? {
  var stream = z_stream()
  // Negative: as zip archives have it, without zlib's header.
  guard inflateInit2_(&stream, -MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
  defer { inflateEnd(&stream) }
  var result = Data(count: byteCount)
  let isWhole = deflated.withUnsafeBytes { source in
    result.withUnsafeMutableBytes { target in
      // zlib counts in 32 bits, so both sides are handed over in pieces.
      let piece = 1 << 30
      var (read, written) = (0, 0)
      var spare: UInt8 = 0
      while true {
        let (input, room) = (min(piece, source.count - read), min(piece, target.count - written))
        stream.next_in = source.baseAddress.map { UnsafeMutableRawPointer(mutating: $0 + read).assumingMemoryBound(to: UInt8.self) }
        stream.avail_in = UInt32(input)
        let status: Int32
        if room > 0 {
          stream.next_out = (target.baseAddress! + written).assumingMemoryBound(to: UInt8.self)
          stream.avail_out = UInt32(room)
          status = inflate(&stream, Z_NO_FLUSH)
          written += room - Int(stream.avail_out)
        } else {
          // The end of the stream may be all that is left; a byte more would be one too many.
          status = withUnsafeMutablePointer(to: &spare) { pointer in
            stream.next_out = pointer
            stream.avail_out = 1
            return inflate(&stream, Z_NO_FLUSH)
          }
          if stream.avail_out == 0 { return false }
        }
        read += input - Int(stream.avail_in)
        if status == Z_STREAM_END { return written == target.count && read == source.count }
        if status != Z_OK || input == 0 { return false }
      }
    }
  }
  return isWhole ? result : nil
}
