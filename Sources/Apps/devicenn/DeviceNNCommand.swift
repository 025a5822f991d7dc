import ArgumentParser

@main
struct DeviceNNCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "devicenn",
    abstract: "Fine-tunes neural networks on any OpenCL device, and on a plain CPU.",
    subcommands: [
      FinetuneCommand.self, MultitaskCommand.self, EvaluateCommand.self, PredictCommand.self, DevicesCommand.self,
      DemoCommand.self, ProfileCommand.self, TuneCommand.self, BenchCommand.self, DoctorCommand.self, ProbeCommand.self, InspectCommand.self, WeightsCommand.self,
      ModelsCommand.self, RateFinderCommand.self, CompareCommand.self, ExportCommand.self, DataCommand.self,
      DrivingCommand.self, SpeechCommand.self,
    ])
}
