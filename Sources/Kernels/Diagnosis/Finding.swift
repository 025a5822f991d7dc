/// Something that keeps a device from being used, and what to do about it.
public struct Finding: Sendable, Hashable, Codable {
  public var problem: String
  public var fix: String

  public init(_ problem: String, fix: String) {
    self.problem = problem
    self.fix = fix
  }
}
