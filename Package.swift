// swift-tools-version: 6.1
import PackageDescription

let swiftSettings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "DeviceNN",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "Kernels", targets: ["Kernels"]),
    .library(name: "DeviceNN", targets: ["DeviceNN"]),
    .executable(name: "devicenn", targets: ["devicenn"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    .target(name: "COpenCL", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "CPUKernels", linkerSettings: [.linkedLibrary("pthread", .when(platforms: [.linux]))]),
    .target(name: "CJPEG", linkerSettings: [.linkedLibrary("jpeg")]),
    .systemLibrary(
      name: "CPNG", pkgConfig: "libpng", providers: [.apt(["libpng-dev"]), .brew(["libpng"])]),
    .systemLibrary(
      name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
    .target(name: "CPretrained"),
    .target(name: "CCurl", linkerSettings: [.linkedLibrary("dl", .when(platforms: [.linux]))]),
    .target(name: "Kernels", dependencies: ["COpenCL", "CPUKernels"], swiftSettings: swiftSettings),
    .target(
      name: "DeviceNN", dependencies: ["Kernels", "CJPEG", "CPNG", "CZlib", "CPretrained", "CCurl"],
      swiftSettings: swiftSettings),
    .executableTarget(
      name: "devicenn",
      dependencies: ["DeviceNN", "Kernels", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Sources/Apps/devicenn", swiftSettings: swiftSettings),
    .testTarget(name: "KernelsTests", dependencies: ["Kernels", "CPUKernels"], swiftSettings: swiftSettings),
    .target(name: "HTTPTestServer", path: "Tests/HTTPTestServer"),
    .testTarget(
      name: "DeviceNNTests", dependencies: ["DeviceNN", "Kernels", "HTTPTestServer"], swiftSettings: swiftSettings),
    .testTarget(
      name: "AppsTests", dependencies: ["devicenn", "DeviceNN", "Kernels", "HTTPTestServer"],
      swiftSettings: swiftSettings),
  ],
  swiftLanguageModes: [.v6],
  cxxLanguageStandard: .cxx20)
