import DeviceNN

/// A line of JSON: an object whose members keep their order.
func jsonObject(_ members: [(String, JSONValue)]) -> String { JSONValue.object(members).text }
