import ArgumentParser
import DeviceNN
import Foundation

struct WeightsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "weights", abstract: "Downloads published weights into a cache, and lists what is there.",
    subcommands: [PullCommand.self, ListCommand.self])
}

extension WeightsCommand {
  struct PullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pull",
      abstract: "Downloads weights and prints where they lie; what is there already is not asked for.",
      discussion: """
        A download that broke off goes on where it ended, and a file that has not the SHA-256 it is published with is \
        not kept. The environment: DEVICENN_CACHE is the folder of caches; HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE and \
        HF_HUB_DOWNLOAD_TIMEOUT mean what they mean to Hugging Face's own tools.
        """)

    @Argument(
      help: ArgumentHelp("What the weights are called here; a backbone's name is known to be published somewhere."))
    var name: String
    @Option(
      help: ArgumentHelp(
        "Where they are: https://… or a file, or hf:OWNER/NAME or hf:OWNER/NAME@REVISION on the hub.",
        valueName: "address"))
    var from: String?
    @Option(
      help: ArgumentHelp("The SHA-256 that the file must have, or its first 8 digits or more.", valueName: "digits"))
    var sha256: String?

    func validate() throws {
      if let sha256, Checksum(sha256) == nil {
        throw ValidationError("--sha256 '\(sha256)' is not 8 to 64 hexadecimal digits.")
      }
    }

    func run() throws {
      let progress = ProgressBar()
      defer { progress.clear() }
      let signals = whenInterrupted { end in
        progress.print("interrupted; what has come is kept, and the same command goes on from there", then: end)
      }
      defer { signals.forEach { $0.cancel() } }
      let path = try WeightsCache().pull(
        name, from: from.map { try WeightsSource($0) }, checksum: sha256.flatMap(Checksum.init),
        settings: NetworkSettings(environment: ProcessInfo.processInfo.environment)
      ) { event in
        switch event {
        case .progress(let state): progress.update(state)
        case .finished(let state): progress.print("\(state.file): \(byteCount(state.received))")
        case .notice(let line): progress.print(line)
        }
      }
      try say(path)
    }
  }

  struct ListCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "list", abstract: "Lists the weights in the cache: name, size, path.")

    func run() throws {
      let entries = WeightsCache().entries()
      let width = entries.map(\.name.count).max() ?? 0
      for entry in entries {
        let name = entry.name.padding(toLength: width, withPad: " ", startingAt: 0)
        let size = byteCount(entry.bytes)
        try say("\(name)  \(String(repeating: " ", count: max(9 - size.count, 0)))\(size)  \(entry.path)")
      }
      if entries.isEmpty {
        complain("There are no weights in \(WeightsCache().folder): see 'devicenn weights pull --help'.")
      }
    }
  }
}
