#pragma once
// Differences between what should agree: what the log, Redis, the pods, the quotas and the leader say of the same jobs. Plain values and
// pure functions.
#include <set>
#include <string>
#include <vector>

namespace oppen::core {

struct Drift {
  std::string kind;     // one of kinds()
  std::string subject;  // what it is of: a priority, a job, a pod, a quota's resource
  std::string expected;
  std::string found;
  std::vector<std::string> ids;  // jobs or pods concerned, some of them where there are many
  bool sure = false;             // both sides were read at one moment
  // Of what is behind for a moment after each change: two looks have found the same only if it is the same version.
  std::string version = {};

  std::string key() const;       // the same for the same difference
  std::string sighting() const;  // and the same version
  std::string sentence() const;
};

// Drops what is more of a kind than anyone would read, so that a queue that is wholly wrong does not fill memory and log.
inline constexpr std::size_t most_of_a_kind = 50;
void keep_some(std::vector<Drift>& drifts);

struct DriftKind {
  const char* name;
  const char* means;
  const char* heals;
};
const std::vector<DriftKind>& drift_kinds();
const DriftKind& drift_kind(const std::string& name);

// What is compared is read one thing after the other while the queue moves: a difference that is not sure counts once two looks in a
// row have found the same one. Tells of each once, for as long as it lasts.
class Confirmed {
 public:
  // The differences of one look; returns those to tell of now.
  std::vector<Drift> add(std::vector<Drift> found);

 private:
  std::set<std::string> last_;
  std::set<std::string> told_;
};

}  // namespace oppen::core
