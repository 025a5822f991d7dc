internal import Foundation

/// Faces whose labels are in their files' names: `age_gender_race_date.jpg` (Zhang, Song and Qi 2017). Some names lack a
/// part, which is a missing label then.
enum UTKFace {
  static let genders = ["male", "female"]
  static let races = ["White", "Black", "Asian", "Indian", "other"]

  /// The labels as a CSV file would list them: age, a regression, and gender and race, which are classes.
  static func table(of folder: String) throws(DataError) -> CSVTable {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted().filter { name in
      !name.hasPrefix(".") && ImageFolder.extensions.contains((name as NSString).pathExtension.lowercased())
    }
    let rows = names.compactMap { name in labels(of: name).map { [name] + $0 } }
    guard !rows.isEmpty else {
      throw .malformed(
        file: folder, reason: "it holds no pictures that are named age_gender_race_date.jpg, as UTKFace's; several tasks want those, or a CSV file")
    }
    return CSVTable(
      path: folder + "/names", columns: ["path", "age", "gender", "race"],
      rows: rows.enumerated().map { CSVTable.Row(fields: $1, line: $0 + 1) })
  }

  /// Age, gender and race; nil where the name says nothing of the kind.
  static func labels(of name: String) -> [String]? {
    let parts = name.prefix { $0 != "." }.split(separator: "_").map { Int($0) }
    guard parts.count >= 2, let age = parts[0], (0...130).contains(age), let second = parts[1] else { return nil }
    let gender = parts.count > 2 && genders.indices.contains(second) ? genders[second] : ""
    let race = parts.count > 3 ? parts[2].flatMap { races.indices.contains($0) ? races[$0] : nil } ?? "" : ""
    return ["\(age)", gender, race]
  }
}
