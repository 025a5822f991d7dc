@testable import DeviceNN
@testable import Kernels

extension GoldenCheck {
  func transposedConvolution() throws {
    let (x, w, bias) = (try input("x", Self.toImages), try input("weight", Self.toFilters), try input("bias"))
    let y = x.transposedConvolved(
      with: w, bias: bias, stride: golden.int("stride"), padding: Padding(golden.int("padding")),
      outputPadding: golden.int("outputPadding"), groups: golden.int("groups"))
    try check(
      y, Self.toImages, gradients: [("x", x, Self.toImages), ("weight", w, Self.toFilters), ("bias", bias, nil)])
  }

  func adaptivePooling() throws {
    let (height, width) = golden.pair("output")
    try images { $0.adaptiveAveragePooled(height: height, width: width) }
    // Of one bin, it is what classifiers end with.
    if (height, width) == (1, 1) { try images { $0.mean(axes: [1, 2], keepsAxes: true) } }
  }

  func resizing() throws {
    let (height, width) = golden.pair("size")
    guard case .text(let mode) = golden.values["mode"] else { return }
    let isNearest = mode == "nearest"
    try images {
      $0.resized(
        height: height, width: width,
        isNearest ? .nearest : .bilinear(alignsCorners: golden.isSet("alignCorners")))
    }
  }
}
