#pragma once
// Keeps a snapshot. One is good for 20 times as long as it took to read, at least 0.2 s and at most 10 s: the one who asks when there is none
// that is good waits for the reading. Where it takes long, the next is read ahead, half way, as long as the last question is not 10 s old; and
// who asks after a longer silence gets one that is up to a minute old, while the next is read: of a queue that long it still tells as much.
//
// So that there is one for the first question, too, the queue is read every 45 s without being asked, where 150,000 jobs or fewer wait: some 0.4 s
// of work, and 120 bytes a job. Of a longer queue none is kept: after a minute without questions it is thrown away,
// as is any once this scheduler does not lead. A reading that fails is repeated every 5 s, or with the next question, and not while the core is silent.
//
// Owns a thread and a Redis connection. Any thread may ask.
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "scheduler/answers/snapshot.hpp"

namespace oppen::answers {

class Snapshots {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr auto keep_outdated_for = std::chrono::minutes(5);

  // `leads`: whether there is anybody to be asked; while there isn't nothing is read without a question.
  Snapshots(std::unique_ptr<runtime::Redis> redis, std::string topic_prefix, QueueLook::Ask ask,
            std::function<bool()> leads);
  ~Snapshots();
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;

  // One that is good; `not_before`: one whose reading began then or later. Errors: of the reading; unavailable when it takes too long.
  Result<std::shared_ptr<const Snapshot>> get(Clock::time_point not_before = {});
  // The last one where none can be read now, at most 5 minutes old; nullptr: there is none.
  std::shared_ptr<const Snapshot> last();
  // None is begun to be read as long as this is held: for who needs memory himself. One that is being read is not waited for.
  std::unique_lock<std::mutex> pause() { return std::unique_lock(reading_, std::try_to_lock); }

 private:
  void run(std::stop_token stop);
  Clock::time_point ahead_turn() const;  // under the mutex
  void read(QueueLook& look, std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  // Whether it is to be read though nobody waits. Throws it away where nobody leads, and of a long queue where nobody has asked for a minute.
  bool is_worth_it(QueueLook& look, std::unique_lock<std::mutex>& lock);

  const std::unique_ptr<runtime::Redis> redis_;
  const std::string topic_prefix_;
  const QueueLook::Ask ask_;
  const std::function<bool()> leads_;

  std::mutex reading_;  // held while one is read; taken before the other
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::shared_ptr<const Snapshot> last_;
  Status failure_;                  // of the last reading
  Clock::time_point read_begun_{};  // of the last reading, failed or not
  bool wanted_ = false;             // somebody waits
  Clock::time_point asked_{};       // last
  Clock::time_point unasked_;       // when it is next looked whether to read without being asked
  std::jthread thread_;
};

}  // namespace oppen::answers
