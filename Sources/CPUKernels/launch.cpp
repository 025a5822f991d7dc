// A queue of launches, run in order on all cores while the thread that asked for them goes on.
//
// Threads live as long as the process. One that finds nothing to do spins for a moment, because a training step launches
// every few microseconds, then sleeps. Groups are claimed in stretches from one counter, shorter ones towards the end, so
// that cores finish together and one that something else slows down holds nobody up. Which thread runs a group changes
// nothing in its result.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#include "CPUKernels.h"

thread_local int devicenn_group[3];
thread_local size_t devicenn_groups[3];

namespace {

constexpr uint32_t closed = UINT32_MAX;
constexpr int spins = 20000; // some 50 µs
// How far a caller may run ahead; then it helps.
constexpr uint32_t capacity = 64;

struct Launch {
  void (*call)(const uint64_t *);
  uint64_t arguments[CPU_MAX_ARGUMENTS];
  size_t groups[3];
  std::atomic<uint32_t> total{0}, finished{0}; // of its groups
};

// A launch's place is its number modulo the capacity. It is written, by whoever has the `turn`, once the launch that had the
// place before has ended, and read by those who have claimed groups of the launch that has it.
Launch queue[capacity];
std::atomic<uint32_t> queued{0}; // the last launch's number
// The current launch's number in the high half, its next group to claim in the low one, or `closed` once it has ended.
// A claim is a compare-and-swap, so it succeeds only while the launch that was read is still the current one.
std::atomic<uint64_t> ticket{closed};
std::atomic<int> sleepers{0};
pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; // launches from several threads take turns
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t wake = PTHREAD_COND_INITIALIZER;

uint32_t number(uint64_t ticket) { return (uint32_t)(ticket >> 32); }
Launch &launch(uint32_t number) { return queue[number % capacity]; }

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// While it lives, numbers too small to be normal count as 0 in its thread, as on most GPUs. Cores take a hundred times as
/// long for them, and the gradients of examples that a network knows are full of them.
class FlushToZero {
#if defined(__x86_64__)
  const unsigned before = __builtin_ia32_stmxcsr();

public:
  FlushToZero() { __builtin_ia32_ldmxcsr(before | 0x8040); } // results, operands
  ~FlushToZero() { __builtin_ia32_ldmxcsr(before); }
#elif defined(__aarch64__)
  const unsigned long before = __builtin_arm_rsr64("fpcr");

public:
  FlushToZero() { __builtin_arm_wsr64("fpcr", before | 1ul << 24); }
  ~FlushToZero() { __builtin_arm_wsr64("fpcr", before); }
#endif
};

void run(const Launch &launch, size_t begin, size_t end) {
  const size_t nx = launch.groups[0], ny = launch.groups[1];
  for (int d = 0; d < 3; d++) devicenn_groups[d] = launch.groups[d];
  size_t x = begin % nx, y = begin / nx % ny, z = begin / nx / ny;
  for (size_t group = begin; group < end; group++) {
    devicenn_group[0] = (int)x, devicenn_group[1] = (int)y, devicenn_group[2] = (int)z;
    launch.call(launch.arguments);
    if (++x == nx) {
      x = 0;
      if (++y == ny) y = 0, z++;
    }
  }
}

/// Makes the next launch current where the current one has ended. Who ends a launch calls it after that, and who queues
/// one after that, so that one of them sees both; who finds nothing to do calls it for one that was stopped in between.
void advance() {
  uint64_t seen = ticket.load();
  if ((uint32_t)seen != closed || number(seen) == queued.load()) return;
  if (!ticket.compare_exchange_strong(seen, (uint64_t)(number(seen) + 1) << 32)) return;
  if (sleepers.load() > 0) {
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&mutex);
  }
}

bool isClaimable(uint64_t seen) { return (uint32_t)seen < launch(number(seen)).total.load(std::memory_order_acquire); }

/// Claims and runs stretches of the current launch until none is left, each time a share of what is left; false where none was.
bool work() {
  const uint32_t shares = 4 * (uint32_t)cpu_thread_count();
  uint64_t seen = ticket.load();
  const uint32_t current = number(seen);
  Launch &job = launch(current);
  // A successful claim shows that it is this launch's. What is told below may let another one take its place.
  const uint32_t total = job.total.load(std::memory_order_acquire);
  // Told once: until then the launch can't end, and no other begins.
  uint32_t done = 0;
  while (number(seen) == current && (uint32_t)seen < total) {
    const uint32_t next = (uint32_t)seen, stretch = std::max(1u, (total - next) / shares);
    if (!ticket.compare_exchange_weak(seen, seen + stretch)) continue;
    run(job, next, next + stretch);
    done += stretch;
    seen = ticket.load();
  }
  if (done == 0) {
    advance();
    return false;
  }
  if (job.finished.fetch_add(done) + done == total) {
    ticket.store((uint64_t)current << 32 | closed);
    advance();
  }
  return true;
}

void *serve(void *) {
  const FlushToZero flush;
  for (int spin = 0;; spin++) {
    if (work()) spin = 0;
    if (spin < spins) {
      relax();
      continue;
    }
    pthread_mutex_lock(&mutex);
    sleepers.fetch_add(1);
    while (!isClaimable(ticket.load())) pthread_cond_wait(&wake, &mutex);
    sleepers.fetch_sub(1);
    pthread_mutex_unlock(&mutex);
    spin = 0;
  }
}

int countThreads() {
  if (const char *wanted = std::getenv("DEVICENN_THREADS"))
    if (const int count = std::atoi(wanted); count > 0) return count;
#if defined(__linux__)
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return CPU_COUNT(&allowed);
#endif
  return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int startThreads() {
  const int count = countThreads();
  for (int i = 1; i < count; i++) {
    pthread_t thread;
    if (pthread_create(&thread, nullptr, serve, nullptr) != 0) return i;
    pthread_detach(thread);
  }
  return count;
}

/// Whether launch `last` has run, and with it all before it.
bool hasEnded(uint32_t last) {
  const uint64_t seen = ticket.load();
  const int32_t ahead = (int32_t)(number(seen) - last); // numbers start over at 2^32
  return ahead > 0 || (ahead == 0 && (uint32_t)seen == closed);
}

/// Works until launch `last` has ended.
void finish(uint32_t last) {
  if (hasEnded(last)) return; // as at most launches: the queue has room
  const FlushToZero flush;
  for (int spin = 0; !hasEnded(last);) {
    if (work()) spin = 0;
    if (spin < spins) {
      relax();
      spin++;
    } else {
      sched_yield();
    }
  }
}

} // namespace

int cpu_thread_count(void) {
  static const int count = startThreads();
  return count;
}

void cpu_launch(const CPUKernel *kernel, const uint64_t *arguments, const size_t groups[3]) {
  const uint32_t total = (uint32_t)(groups[0] * groups[1] * groups[2]);
  if (total == 0) return;
  const bool isAlone = cpu_thread_count() < 2;
  pthread_mutex_lock(&turn);
  const uint32_t last = queued.load() + 1;
  finish(last - capacity);
  Launch &place = launch(last);
  place.call = kernel->call;
  std::copy_n(arguments, kernel->arity, place.arguments);
  std::copy_n(groups, 3, place.groups);
  place.total.store(total, std::memory_order_release);
  place.finished.store(0, std::memory_order_relaxed);
  queued.store(last);
  advance();
  if (isAlone) finish(last);
  pthread_mutex_unlock(&turn);
}

void cpu_wait(void) { finish(queued.load()); }
