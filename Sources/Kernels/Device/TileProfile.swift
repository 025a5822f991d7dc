/// The numbers that kernels.cl is compiled with on one class of devices.
///
/// The `-D` options and the launch geometry both come from here, so they can't disagree.
public struct TileProfile: Sendable, Hashable, Codable {
  public var name: String
  /// Floats of a vector: `VECTOR`.
  public var vector: Int
  /// Work-items of a group: `LOCAL`.
  public var local: Int
  /// Rows and vectors of a work-item's register tile in matrix products: `TILE_M`, `TILE_N`.
  public var tileM: Int
  public var tileN: Int
  /// Whether a group stages its operands in local memory: `STAGED`. Pays on GPUs, costs on CPUs.
  public var staged: Bool
  /// Work-items of a group along the columns of a staged tile (`ITEMS_N`), and the depth of a stage (`TILE_K`).
  public var itemsN: Int
  public var tileK: Int
  /// Vectors of neighbouring channels that one work-item sums at a time: `COLUMN_VECTORS`.
  public var columnVectors: Int

  public static let cpu = TileProfile(
    name: "cpu", vector: 16, local: 1, tileM: 6, tileN: 4, staged: false, itemsN: 1, tileK: 16, columnVectors: 4)
  public static let gpu = TileProfile(
    name: "gpu", vector: 4, local: 256, tileM: 8, tileN: 2, staged: true, itemsN: 16, tileK: 16, columnVectors: 1)
  /// The tile that CLBlast's tuners found for most GPUs of AMD and Intel: 64x64x32, in place of `gpu`'s 128x128x16.
  public static let medium = TileProfile(
    name: "medium", vector: 4, local: 128, tileM: 8, tileN: 1, staged: true, itemsN: 16, tileK: 32, columnVectors: 1)
  /// That of MLX, on Apple's GPUs: 64x64x16.
  public static let shallow = TileProfile(
    name: "shallow", vector: 4, local: 128, tileM: 8, tileN: 1, staged: true, itemsN: 16, tileK: 16, columnVectors: 1)
  /// For devices whose local memory or largest work-group is too small for `gpu`.
  public static let small = TileProfile(
    name: "small", vector: 4, local: 64, tileM: 4, tileN: 1, staged: true, itemsN: 8, tileK: 16, columnVectors: 1)

  /// Rows that a group of a matrix product covers.
  var groupRows: Int { staged ? local / itemsN * tileM : 8 * tileM }
  /// Rows that a group of an attention covers: `ATTENTION_ROWS`.
  var attentionRows: Int { local == 1 ? 4 * tileM : 32 }
  /// Columns that a group of a matrix product covers at a time.
  var panelColumns: Int { (staged ? itemsN : 1) * tileN * vector }

  /// Every macro with its value, in the order in which kernels.cl lists them.
  public var defines: [(name: String, value: Int)] {
    [
      ("VECTOR", vector), ("LOCAL", local), ("TILE_M", tileM), ("TILE_N", tileN), ("STAGED", staged ? 1 : 0),
      ("ITEMS_N", itemsN), ("TILE_K", tileK), ("COLUMN_VECTORS", columnVectors),
    ]
  }
}
