import Synchronization

/// What products made of right operands, so that inference packs each weight once: it may be a tenth of the time of one
/// picture. It belongs to the operand's buffer, and is dropped as soon as a product writes that buffer, or anything else is
/// given it.
public enum PackedOperands {
  /// Whether what is packed is kept. Training changes weights in each step, and would only hold memory.
  @TaskLocal public static var areKept = false

  /// The kernels that write their last argument alone, and scratch memory that nothing else is given.
  private static let products: Set<String> = [
    "pack_panels", "matmul", "conv2d", "conv2d_backward_input", "conv2d_backward_weight", "grouped_conv2d",
    "winograd_filter", "winograd_conv2d", "winograd_backward_weight",
  ]

  /// Drops what was packed of buffers that the launch may write.
  static func drop(before launch: Launch) {
    for (place, argument) in launch.arguments.enumerated() {
      guard case .buffer(let buffer) = argument, !buffer.packed.isEmpty else { continue }
      if place == launch.arguments.count - 1 || !products.contains(launch.kernel) { buffer.packed.removeAll() }
    }
  }
}

/// What was packed of one buffer, by how.
struct PackedCopies: ~Copyable, Sendable {
  struct Layout: Hashable {
    let kernel: String
    let sizes: [Int]
  }

  private let copies = Mutex<[Layout: Buffer]>([:])
  private let count = Atomic(0)

  /// Without a lock: each launch asks for it.
  var isEmpty: Bool { count.load(ordering: .acquiring) == 0 }

  func removeAll() {
    copies.withLock { copies in
      copies.removeAll()
      count.store(0, ordering: .releasing)
    }
  }

  /// The copy of this layout, made now if there is none, and then kept if copies are.
  func copy(_ kernel: String, _ sizes: [Int], make: () -> Buffer) -> Buffer {
    let layout = Layout(kernel: kernel, sizes: sizes)
    if !isEmpty, let known = copies.withLock({ $0[layout] }) { return known }
    let made = make()
    if PackedOperands.areKept {
      copies.withLock { copies in
        copies[layout] = made
        count.store(copies.count, ordering: .releasing)
      }
    }
    return made
  }
}
