// Who writes into the folder of a run: one at a time.
internal import Foundation

/// Keeps others, in this process or elsewhere, from training in a run's folder. It locks the folder itself, so that a process
/// that is killed leaves nothing behind.
struct RunLock: ~Copyable {
  private let descriptor: Int32

  init(_ run: RunFolder) throws(ModelError) {
    let folder = open(run.path, O_RDONLY | O_CLOEXEC)
    // Where locks are unknown, as on some file systems of networks, nobody is kept out.
    if folder >= 0, flock(folder, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      close(folder)
      throw .inUse(path: run.path)
    }
    descriptor = folder
  }

  /// Lets others in, and keeps the lock from ending before.
  consuming func release() {}

  deinit { if descriptor >= 0 { close(descriptor) } }
}
