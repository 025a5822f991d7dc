import Foundation
import Testing

@testable import DeviceNN

@Suite struct ChecksumTests {
  private func digest(_ pieces: [UInt8]...) -> String {
    var hash = SHA256()
    for piece in pieces { piece.withUnsafeBytes { hash.update($0) } }
    return hash.digest()
  }

  /// The examples of FIPS 180-4 and NIST's longer ones.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
    (
      String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func publishedDigests(text: String, wanted: String) {
    #expect(digest(Array(text.utf8)) == wanted)
  }

  @Test func piecesMakeNoDifference() {
    for count in 0...200 {
      let bytes = (0..<count).map { UInt8($0) }
      for cut in [0, 1, count / 3, count / 2, max(count - 1, 0), count] where cut <= count {
        #expect(digest(Array(bytes[..<cut]), Array(bytes[cut...])) == digest(bytes), "\(count) bytes cut at \(cut)")
      }
    }
  }

  @Test func digitsAndNames() throws {
    #expect(Checksum("F37072FD")?.description == "f37072fd")
    for text in ["", "f37072f", "f37072fg", String(repeating: "0", count: 65), "０1234567"] {
      #expect(Checksum(text) == nil)
    }
    #expect(Checksum(inName: "resnet18-f37072fd.pth") == Checksum("f37072fd"))
    #expect(Checksum(inName: "efficientnet_b0_rwightman-7f5810bc.pth") == Checksum("7f5810bc"))
    for name in ["net.pth", "net-20240101.pth", "net-f37072fd.zip", "net-f37072f.pth", "net-F37072FD.pth"] {
      #expect(Checksum(inName: name) == nil, "\(name)")
    }
    #expect(try #require(Checksum("f37072fd")).matches("f37072fd" + String(repeating: "0", count: 56)))
    #expect(!(try #require(Checksum("f37072fd"))).matches("f37072fe" + String(repeating: "0", count: 56)))
  }

  @Test func sizesAndLines() {
    #expect(
      [0, 999, 1000, 44_661_000, 2_500_000_000].map(byteCount) == [
        "0 bytes", "999 bytes", "1.00 kB", "44.7 MB", "2.50 GB",
      ])
    let known = DownloadProgress(
      file: "model.safetensors", received: 11_000_000, total: 44_000_000, bytesPerSecond: 3e6)
    #expect(
      known.line(width: 100, isUnicode: true)
        == "model.safetensors  ━━━━━━━━━╸┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈  11.0 MB of 44.0 MB  3.00 MB/s  0:11 left")
    var open = known
    open.total = nil
    #expect(open.line(width: 100, isUnicode: true) == "model.safetensors  11.0 MB  3.00 MB/s")
    for state in [known, open] {
      for width in 0...120 {
        for isUnicode in [true, false] { #expect(state.line(width: width, isUnicode: isUnicode).count <= width) }
      }
    }
  }
}
