/// Why a file of JSON is not what was wanted, as the end of a sentence.
package func decodingFault(_ error: any Error) -> String {
  func name(_ context: DecodingError.Context) -> String { context.codingPath.map(\.stringValue).joined(separator: ".") }
  return switch error {
  case DecodingError.keyNotFound(let key, _): "'\(key.stringValue)' is missing"
  case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
    DecodingError.dataCorrupted(let context):
    context.codingPath.isEmpty ? "it is not JSON" : "'\(name(context))' is not what was wanted"
  default: "\(error)"
  }
}
