import Foundation
import Testing

@testable import DeviceNN

@Suite struct TimmConfigurationTests {
  let folder = try! TemporaryFolder()

  private func configuration(_ text: String) throws -> TimmConfiguration {
    try TimmConfiguration(parsing: Data(text.utf8), file: "f/config.json")
  }

  @Test func theNestedLayout() throws {
    let configuration = try configuration(
      """
      {"architecture": "vit_tiny_patch16_224", "num_classes": 2, "num_features": 192, "global_pool": "token",
       "label_names": ["n1", "n2"], "label_descriptions": {"n1": "cat", "n2": "a \\u2603"},
       "model_args": {"img_size": [384, 384], "drop_rate": 0.1, "dynamic_img_size": true},
       "pretrained_cfg": {"tag": "augreg", "input_size": [3, 384, 256], "fixed_input_size": true, "interpolation": "bilinear",
        "crop_pct": 0.9, "mean": [0.5, 0.4, 0.3], "std": [0.5, 0.5, 0.25], "num_classes": 1000, "pool_size": null,
        "first_conv": "patch_embed.proj", "classifier": ["head", "head_dist"]}}
      """)
    var wanted = TimmConfiguration(architecture: "vit_tiny_patch16_224", classCount: 2)
    wanted.labels = ["n1", "n2"]
    wanted.labelDescriptions = ["n1": "cat", "n2": "a ☃"]
    (wanted.preprocessing.height, wanted.preprocessing.width) = (384, 256)
    wanted.preprocessing.interpolation = .bilinear
    wanted.preprocessing.cropFraction = 0.9
    wanted.preprocessing.mean = [0.5, 0.4, 0.3]
    wanted.preprocessing.deviation = [0.5, 0.5, 0.25]
    wanted.firstConvolutions = ["patch_embed.proj"]
    wanted.classifiers = ["head", "head_dist"]
    wanted.modelArguments = [
      "img_size": .list([.number(384), .number(384)]), "drop_rate": .number(0.1), "dynamic_img_size": .flag(true),
    ]
    #expect(configuration == wanted)
    // What is written is read.
    #expect(try self.configuration(wanted.json) == wanted)
  }

  @Test func theFlatLayout() throws {
    let configuration = try configuration(
      """
      {"architecture": "resnet18", "num_classes": 3, "num_features": 512, "labels": {"1": "b", "0": "a", "2": "c"},
       "input_size": [1, 28, 28], "interpolation": "bicubic", "crop_pct": 1, "mean": [0.5], "std": [0.25],
       "first_conv": "conv1", "classifier": "fc"}
      """)
    #expect(configuration.architecture == "resnet18" && configuration.labels == ["a", "b", "c"])
    #expect(configuration.preprocessing.channels == 1 && configuration.preprocessing.mean == [0.5])
    #expect(configuration.firstConvolutions == ["conv1"] && configuration.classifiers == ["fc"])
    #expect(try self.configuration(configuration.json) == configuration)
  }

  @Test func whatIsNotSaidIsAsInTimm() throws {
    let configuration = try configuration(
      #"{"architecture": "resnet18", "num_classes": 7, "pretrained_cfg": {"mean": null}}"#)
    #expect(configuration == TimmConfiguration(architecture: "resnet18", classCount: 7))
    #expect(
      configuration.preprocessing.mean == [0.485, 0.456, 0.406] && configuration.preprocessing.cropFraction == 0.875)
    #expect(try self.configuration(configuration.json) == configuration)
  }

  @Test(
    arguments: [
      ("", "'config.json' is text that is not the JSON of one: wanted a value at byte 0, found its end"),
      ("[]", "'architecture' is nothing"),
      (
        #"{"architectures": ["ResNetForImageClassification"]}"#,
        "'architecture' is nothing, wanted the name of one of timm's models"
      ),
      (#"{"architecture": 3}"#, "'architecture' is 3, wanted a text"),
      (#"{"architecture": "a"}"#, "'num_classes' is nothing, wanted a whole number"),
      (#"{"architecture": "a", "num_classes": -1}"#, "'num_classes' is -1, wanted a whole number"),
      (#"{"architecture": "a", "num_classes": 1e300}"#, "wanted a whole number"),
      (
        #"{"architecture": "a", "num_classes": 2, "label_names": ["x"]}"#,
        "'label_names' is 1 names, wanted 2 names, one for each class"
      ),
      (
        #"{"architecture": "a", "num_classes": 1, "label_names": [1]}"#,
        "'label_names' is [1], wanted a text or a list of them"
      ),
      (#"{"architecture": "a", "num_classes": 1, "label_names": {"7": "x"}}"#, "a name for each class from 0 on"),
      (#"{"architecture": "a", "num_classes": 1, "label_descriptions": {"7": 8}}"#, "wanted texts alone"),
      (#"{"architecture": "a", "num_classes": 1, "pretrained_cfg": 3}"#, "'pretrained_cfg' is 3, wanted an object"),
      (
        #"{"architecture": "a", "num_classes": 1, "pretrained_cfg": {"mean": [1, 2]}}"#,
        "'pretrained_cfg.mean' is [1,2], wanted 1 or 3 numbers"
      ),
      (
        #"{"architecture": "a", "num_classes": 1, "std": [1, 2, 0]}"#, "'std' is [1,2,0], wanted 1 or 3 numbers above 0"
      ),
      (#"{"architecture": "a", "num_classes": 1, "std": [1, "2", 3]}"#, "wanted a list of numbers"),
      (
        #"{"architecture": "a", "num_classes": 1, "input_size": [3, 224]}"#,
        "'input_size' is [3,224], wanted channels, height and width"
      ),
      (#"{"architecture": "a", "num_classes": 1, "input_size": [3, 224, 0.5]}"#, "wanted channels, height and width"),
      (
        #"{"architecture": "a", "num_classes": 1, "interpolation": "cubic"}"#,
        "wanted one of nearest, bilinear, bicubic"
      ),
      (#"{"architecture": "a", "num_classes": 1, "crop_pct": 0}"#, "'crop_pct' is 0, wanted a number in 0 … 1"),
      (#"{"architecture": "a", "num_classes": 1, "model_args": []}"#, "'model_args' is [], wanted an object"),
      (#"{"architecture": "a", "num_classes": 1, "num_classes": 2}"#, "has the name 'num_classes' twice"),
    ]) func wrongFields(text: String, words: String) throws
  {
    let error = try #require(throws: CheckpointError.self) { _ = try configuration(text) }
    #expect(error.description.hasPrefix("f/config.json: ") && error.description.contains(words), "\(error)")
  }

  @Test func everyTruncationIsNoticed() throws {
    let bytes = Data(TimmConfiguration(architecture: "resnet18", classCount: 2).json.utf8.dropLast())
    for count in 0..<bytes.count {
      #expect(throws: CheckpointError.self) { try TimmConfiguration(parsing: bytes.prefix(count), file: "x") }
    }
  }

  @Test func aFolderIsWrittenWholeAndReadBack() throws {
    let path = folder.path(of: "new/model")
    var configuration = TimmConfiguration(architecture: "resnet18", classCount: 2)
    configuration.labels = ["größer", "\"kleiner\""]
    let record = TensorRecord(name: "fc.bias", shape: [2], [1, 2] as [Float])
    try writeTimmFolder(configuration, [record], to: path)
    #expect(try TimmConfiguration(folder: path) == configuration)
    let checkpoint = try openCheckpoint(path)
    #expect(try checkpoint.record(named: "fc.bias") == record)
    #expect(checkpoint.metadata == ["format": "pt"])
    #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == ["config.json", "model.safetensors"])
    #expect(throws: CheckpointError.unreadable(file: folder.path + "/config.json", reason: "there is no such file")) {
      try TimmConfiguration(folder: folder.path)
    }
  }

  @Test func otherChannelsAreAnArgumentToo() throws {
    var configuration = TimmConfiguration(architecture: "resnet18", classCount: 2)
    configuration.preprocessing.channels = 4
    (configuration.preprocessing.mean, configuration.preprocessing.deviation) = ([0.5], [0.5])
    try writeTimmFolder(configuration, [], to: folder.path)
    #expect(try TimmConfiguration(folder: folder.path).modelArguments == ["in_chans": .number(4)])
  }

  @Test func jsonOfAllKinds() throws {
    let text = #" {"a" : [1, -2.5e-3, true, false, null, "\u00fc\n", {}, []], "b" : {"c": {"d": 0}}} "#
    let value = try JSONValue(parsing: Data(text.utf8))
    #expect(value.text == #"{"a":[1,-0.0025,true,false,null,"ü\n",{},[]],"b":{"c":{"d":0}}}"#)
    #expect(try JSONValue(parsing: Data(value.prettyText.utf8)) == value)
    for bad in ["", "tru", "nul", "+1", ".5", "1 2", "[1,]", "{1:2}", "-", "1e", "Infinity", "'a'", "[1", "{\"a\"}"] {
      #expect(throws: JSONScanner.Failure.self, "\(bad)") { try JSONValue(parsing: Data(bad.utf8)) }
    }
  }
}
