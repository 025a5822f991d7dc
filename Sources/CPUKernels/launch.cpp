// Spreads the groups of a launch over the cores.
//
// Threads live as long as the process. Between launches they spin for a moment, because a training step launches every
// few microseconds, then sleep. Groups are claimed in stretches from one counter, shorter ones towards the end, so that
// cores finish together and one that something else slows down holds nobody up. Which thread runs a group changes
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

struct Job {
  void (*call)(void *const *);
  void *const *arguments;
  size_t groups[3];
};

Job job;
std::atomic<uint32_t> total{0}; // groups of the job
// The job's number in the high half, the next group to claim in the low one. A claim is a compare-and-swap, so it
// succeeds only while the job that was read is still the current one.
std::atomic<uint64_t> ticket{closed};
std::atomic<uint32_t> finished{0}; // groups done
std::atomic<int> sleepers{0};
pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER; // launches from several threads take turns
pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
pthread_cond_t wake = PTHREAD_COND_INITIALIZER;

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

void run(size_t begin, size_t end) {
  const size_t nx = job.groups[0], ny = job.groups[1];
  for (int d = 0; d < 3; d++) devicenn_groups[d] = job.groups[d];
  size_t x = begin % nx, y = begin / nx % ny, z = begin / nx / ny;
  for (size_t group = begin; group < end; group++) {
    devicenn_group[0] = (int)x, devicenn_group[1] = (int)y, devicenn_group[2] = (int)z;
    job.call(job.arguments);
    if (++x == nx) {
      x = 0;
      if (++y == ny) y = 0, z++;
    }
  }
}

/// Claims and runs stretches of the current job until none is left: each time a share of what is left.
void work() {
  const uint32_t shares = 4 * (uint32_t)cpu_thread_count();
  uint64_t seen = ticket.load();
  // Told once: until then the job can't end, and no other begins.
  uint32_t done = 0;
  for (;;) {
    const uint32_t next = (uint32_t)seen, end = total.load(std::memory_order_relaxed);
    if (next == closed || next >= end) break;
    const uint32_t stretch = std::max(1u, (end - next) / shares);
    if (!ticket.compare_exchange_weak(seen, seen + stretch)) continue;
    run(next, next + stretch);
    done += stretch;
    seen = ticket.load();
  }
  if (done > 0) finished.fetch_add(done);
}

void *serve(void *) {
  uint32_t last = 0;
  for (;;) {
    for (int spin = 0; (uint32_t)(ticket.load(std::memory_order_relaxed) >> 32) == last && spin < spins; spin++) relax();
    if ((uint32_t)(ticket.load() >> 32) == last) {
      pthread_mutex_lock(&mutex);
      sleepers.fetch_add(1);
      while ((uint32_t)(ticket.load() >> 32) == last) pthread_cond_wait(&wake, &mutex);
      sleepers.fetch_sub(1);
      pthread_mutex_unlock(&mutex);
    }
    last = (uint32_t)(ticket.load() >> 32);
    work();
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

} // namespace

int cpu_thread_count(void) {
  static const int count = startThreads();
  return count;
}

void cpu_launch(const CPUKernel *kernel, void *const *arguments, const size_t groups[3]) {
  const uint32_t count = (uint32_t)(groups[0] * groups[1] * groups[2]);
  const int threads = cpu_thread_count();
  pthread_mutex_lock(&turn);
  ticket.store((ticket.load() & ~(uint64_t)closed) | closed);
  job = {kernel->call, arguments, {groups[0], groups[1], groups[2]}};
  if (count < 2 || threads < 2) {
    run(0, count);
    pthread_mutex_unlock(&turn);
    return;
  }
  total.store(count);
  finished.store(0);
  ticket.store(((ticket.load() >> 32) + 1) << 32);
  if (sleepers.load() > 0) {
    pthread_mutex_lock(&mutex);
    pthread_cond_broadcast(&wake);
    pthread_mutex_unlock(&mutex);
  }
  work();
  for (int spin = 0; finished.load() < count; spin++) spin < spins ? relax() : (void)sched_yield();
  pthread_mutex_unlock(&turn);
}
