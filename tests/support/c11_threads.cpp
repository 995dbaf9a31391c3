// C11 threads by way of pthreads, and what the sanitizer can't see, for builds with the thread sanitizer alone.
//
// librdkafka uses C11 threads. The sanitizer does not know them: it crashes in a thread that they started, and sees none
// of their locks. It knows pthreads; glibc's C11 types have the same size and layout. What an executable defines goes
// over what its libraries would take from glibc.
#include <pthread.h>
#include <threads.h>

#include <cerrno>
#include <cstdint>
#include <memory>

static_assert(sizeof(mtx_t) == sizeof(pthread_mutex_t) && sizeof(cnd_t) == sizeof(pthread_cond_t));

namespace {

pthread_mutex_t* as_pthread(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* as_pthread(cnd_t* condition) {
  return reinterpret_cast<pthread_cond_t*>(condition);
}

int as_c11(int error) {
  return error == 0 ? thrd_success : error == ETIMEDOUT ? thrd_timedout : thrd_error;
}

struct Start {
  thrd_start_t function;
  void* argument;
};

void* run(void* argument) {
  const std::unique_ptr<Start> start(static_cast<Start*>(argument));
  return reinterpret_cast<void*>(static_cast<std::intptr_t>(start->function(start->argument)));
}

}  // namespace

extern "C" {

// librdkafka's reference counts are atomics, which the sanitizer does not see in a library either: each free() in it would
// look like a race, and so would the first use of a lock that another thread made. What is guarded by the locks still
// counts.
const char* __tsan_default_suppressions() {
  return "called_from_lib:librdkafka.so\nrace:^mtx_\nrace:^cnd_\n";
}

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  auto start = std::make_unique<Start>(Start{function, argument});
  const int error = pthread_create(thread, nullptr, run, start.get());
  if (error == 0) static_cast<void>(start.release());  // the thread owns it now
  return as_c11(error);
}

int thrd_join(thrd_t thread, int* result) {
  void* returned = nullptr;
  const int error = pthread_join(thread, &returned);
  if (result != nullptr) *result = static_cast<int>(reinterpret_cast<std::intptr_t>(returned));
  return as_c11(error);
}

int mtx_init(mtx_t* mutex, int type) noexcept {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  if ((type & mtx_recursive) != 0) pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
  const int error = pthread_mutex_init(as_pthread(mutex), &attributes);
  pthread_mutexattr_destroy(&attributes);
  return as_c11(error);
}
void mtx_destroy(mtx_t* mutex) noexcept { pthread_mutex_destroy(as_pthread(mutex)); }
int mtx_lock(mtx_t* mutex) { return as_c11(pthread_mutex_lock(as_pthread(mutex))); }
int mtx_unlock(mtx_t* mutex) noexcept { return as_c11(pthread_mutex_unlock(as_pthread(mutex))); }

int cnd_init(cnd_t* condition) noexcept {
  return as_c11(pthread_cond_init(as_pthread(condition), nullptr));
}
void cnd_destroy(cnd_t* condition) noexcept { pthread_cond_destroy(as_pthread(condition)); }
int cnd_signal(cnd_t* condition) noexcept {
  return as_c11(pthread_cond_signal(as_pthread(condition)));
}
int cnd_broadcast(cnd_t* condition) noexcept {
  return as_c11(pthread_cond_broadcast(as_pthread(condition)));
}
int cnd_wait(cnd_t* condition, mtx_t* mutex) {
  return as_c11(pthread_cond_wait(as_pthread(condition), as_pthread(mutex)));
}
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return as_c11(pthread_cond_timedwait(as_pthread(condition), as_pthread(mutex), until));
}

}  // extern "C"
