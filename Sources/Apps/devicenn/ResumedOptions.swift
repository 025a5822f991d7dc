import DeviceNN

extension RunFolder {
  /// A run goes on with the options that it was started with: refuses the first that is given and another.
  func refuseOthers(than options: [(option: String, stored: String, given: String?)]) throws(ModelError) {
    for (option, stored, given) in options {
      if let given, given != stored { throw .otherOption(path: path, option: option, stored: stored, given: given) }
    }
  }
}
