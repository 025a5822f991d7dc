/// How long one launch took.
struct LaunchTime: Sendable {
  var kernel: String
  var seconds: Double
  var flops: Double
}
