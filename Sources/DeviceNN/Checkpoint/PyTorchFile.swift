internal import Foundation

/// What `torch.save` wrote of a state dictionary, alone or inside of a training checkpoint: a `.pth`, `.pt` or `.bin`.
///
/// A pickle is a program for Python, and other readers run it. This one interprets the few instructions that state
/// dictionaries consist of, as `torch.load(weights_only=True)` does; a file that asks for anything else is refused with
/// the name of what it asked for. The file is mapped, and what is not read costs nothing.
public struct PyTorchFile: Checkpoint {
  public let path: String
  public let format: CheckpointFormat
  /// The numbers and texts that lie beside the state dictionary in a training checkpoint, such as its epoch.
  public let metadata: [String: String]
  public let names: [String]
  private let tensors: [String: StridedTensor]
  /// The bytes of each storage, by its place.
  private let storages: [Data]

  public init(path: String) throws(CheckpointError) { try self.init(bytes: mappedFile(path), path: path) }

  init(bytes: Data, path: String) throws(CheckpointError) {
    let isOld = bytes.starts(with: Self.oldSignature)
    let contents = isOld ? try Self.oldContents(bytes, path: path) : try Self.contents(bytes, path: path)
    let dictionary = try StateDictionary(contents.root, contents.objects, path: path, format: contents.format)
    self.path = path
    format = contents.format
    storages = contents.storages
    names = dictionary.tensors.map(\.name)
    tensors = Dictionary(uniqueKeysWithValues: dictionary.tensors.map { ($0.name, $0.tensor) })
    metadata = dictionary.metadata
  }

  public func shape(of name: String) -> [Int]? { tensors[name]?.shape }

  public func type(of name: String) -> StoredType? { tensors[name]?.type }

  public func record(named name: String) throws(CheckpointError) -> TensorRecord {
    guard let tensor = tensors[name] else { throw .missingTensor(file: path, tensor: name) }
    return TensorRecord(
      name: name, type: tensor.type, shape: tensor.shape, bytes: tensor.bytes(in: storages[tensor.storage]))
  }
}

// MARK: Formats

extension PyTorchFile {
  /// A pickled value, and the bytes of the storages that it refers to.
  private struct Contents {
    var format: CheckpointFormat
    var root: PickleValue
    var objects: PickledObjects
    var storages: [Data]
  }

  /// Since PyTorch 1.6: a zip archive of NAME/data.pkl, NAME/data/KEY for each storage and, since 2.1, NAME/byteorder.
  private static func contents(_ bytes: Data, path: String) throws(CheckpointError) -> Contents {
    func damaged(_ reason: String) -> CheckpointError { .damaged(file: path, format: .pyTorch, reason: reason) }
    let archive = try ZipArchive(bytes, file: path)
    let pickles = archive.names.filter { $0.hasSuffix("/data.pkl") }
    guard pickles.count == 1, let pickle = archive[pickles[0]] else {
      throw damaged("it is a zip archive with \(pickles.count) files called data.pkl, wanted one")
    }
    let folder = pickles[0].dropLast("data.pkl".count)
    if let order = archive[folder + "byteorder"], order != Data("little".utf8) {
      throw damaged("its numbers are not little-endian")
    }
    guard pickle.count <= Unpickler.maxByteCount else {
      throw damaged("its pickle has \(pickle.count) bytes, and \(Unpickler.maxByteCount) are the most")
    }
    var unpickler = try Unpickler(pickle, file: path, format: .pyTorch)
    let root = try unpickler.next()
    var storages: [Data] = []
    for storage in unpickler.objects.storages {
      let name = folder + "data/" + storage.key
      guard let data = archive[name] else { throw damaged("it lacks the storage '\(printable(name))'") }
      guard data.count == storage.byteCount else {
        throw damaged("'\(printable(name))' has \(data.count) bytes, wanted \(storage.byteCount!)")
      }
      storages.append(data)
    }
    return Contents(format: .pyTorch, root: root, objects: unpickler.objects, storages: storages)
  }

  /// The pickle of the number 0x1950A86A20F9469CFC6C, with which files of the old format begin.
  static let oldSignature: [UInt8] = [
    0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
  ]

  /// Before PyTorch 1.6: the pickles of that number, a protocol number, the system's sizes, the value and the list of
  /// its storages' keys; then each storage in this order, behind its count in 8 bytes.
  private static func oldContents(_ bytes: Data, path: String) throws(CheckpointError) -> Contents {
    var reader = ByteReader(bytes, file: path, format: .oldPyTorch)
    var unpickler = try Unpickler(bytes, from: oldSignature.count, file: path, format: .oldPyTorch)
    guard case .integer(1001) = try unpickler.next() else {
      throw reader.damaged("it is of another protocol than 1001")
    }
    let system = try unpickler.next()
    guard case .flag(true)? = unpickler.objects.value("little_endian", in: system) else {
      throw reader.damaged("its numbers are not little-endian")
    }
    let root = try unpickler.next()
    guard case .list(let keys) = try unpickler.next() else { throw reader.damaged("it has no list of storages") }
    try reader.move(to: unpickler.position)
    let objects = unpickler.objects
    var storages: [String: Data] = [:]
    let known = Dictionary(uniqueKeysWithValues: objects.storages.map { ($0.key, $0) })
    for case .text(let key) in objects.items[keys] {
      guard let storage = known[key] else { throw reader.damaged("no tensor uses its storage '\(printable(key))'") }
      let count = try reader.count(UInt64.self)
      guard count == storage.count else {
        throw reader.damaged("the storage '\(printable(key))' has \(count) elements, wanted \(storage.count)")
      }
      guard storages.updateValue(try reader.take(storage.byteCount!), forKey: key) == nil else {
        throw reader.damaged("it has the storage '\(printable(key))' twice")
      }
    }
    guard reader.position == bytes.count else {
      throw reader.damaged("its storages end at byte \(reader.position) of \(bytes.count)")
    }
    var ordered: [Data] = []
    for storage in objects.storages {
      guard let data = storages[storage.key] else {
        throw reader.damaged("it lacks the storage '\(printable(storage.key))'")
      }
      ordered.append(data)
    }
    return Contents(format: .oldPyTorch, root: root, objects: objects, storages: ordered)
  }
}
