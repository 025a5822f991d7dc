// Swift's own preconditions drop their messages in optimised builds, which are the only fast ones here. These say them
// always; being declared in this module, they take the place of Swift's.

func precondition(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) {
  if !condition() { fatalError(message(), file: file, line: line) }
}

func preconditionFailure(_ message: @autoclosure () -> String, file: StaticString = #fileID, line: UInt = #line)
  -> Never
{
  fatalError(message(), file: file, line: line)
}
