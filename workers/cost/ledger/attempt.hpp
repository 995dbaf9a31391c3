#pragma once
// What the ledger keeps of a job: of each attempt what is known and what has been charged, and the record of its run. Plain values.
#include <map>
#include <optional>
#include <string>

#include "schemas/error.hpp"
#include "workers/cost/books/run.hpp"
#include "workers/cost/ledger/fact.hpp"

namespace oppen::cost {

struct Attempt {
  // What events have told. Nothing of it depends on their order.
  std::optional<Bearer> bearer;  // none: an event that changes anything will bring it
  std::optional<Time> started_at;
  std::optional<Time> ended_at;
  std::int64_t end_seq = 0;  // of the event that told of the end: of several the first one counts
  std::optional<Time> over_by;  // it can't have run longer, though its end is not known

  // What has been published.
  std::optional<Time> until;  // charged from the start up to here
  pricing::Price charged;
  int corrections = 0;
  bool final = false;
  std::optional<std::string> recalled_node;  // until an event brings what else there is. Not stored

  bool stale =
      false;  // something has changed on which what has been charged depends. Not stored: true of what is loaded
};

struct Job {
  std::map<int, Attempt> attempts;  // by number; a run from outside has one, 0
  Run run;                          // stored by itself

  // When an attempt ended, as far as is known: at its end, else when a later one began.
  std::optional<Time> end_of(int number) const;
  // Nothing of it runs, and everything is charged.
  bool settled() const;
};

// The attempts as one string of Redis, and back. Of a final attempt what it takes to find what comes again or late. Fatal when malformed.
std::string encode(const Job& job);
Result<Job> decode_job(std::string_view text);

}  // namespace oppen::cost
