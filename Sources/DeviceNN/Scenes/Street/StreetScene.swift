public enum StreetScene { public static let regions = ["else", "free road"] }
