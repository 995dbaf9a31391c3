#pragma once
// Alerts and proposals that are stored and not published yet. One thread.
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "producers/client/kafka.hpp"
#include "workers/anomaly/episodes/episodes.hpp"
#include "workers/runtime/cell.hpp"

namespace oppen::anomaly {

class Outbox {
 public:
  static constexpr auto hash = "outbox";
  static constexpr int most_at_once = 100;

  void put(const Said& said);
  // What is to be stored, before it is published, and what is to be forgotten, after that.
  void take_changes(std::vector<runtime::Cell>& cells);
  // Publishes what was stored, in order, the first of it; `go_on` is asked before each. What Kafka will never take (it is too large) is left out,
  // and counted. Errors: of `go_on`; unavailable: the rest stays.
  struct Published {
    int sent = 0;
    int refused = 0;
  };
  Result<Published> publish(client::Producer& producer, const std::function<Status()>& go_on);
  // False: it can't be read.
  bool load(const std::string& field, const std::string& value);
  std::size_t size() const { return entries_.size(); }

 private:
  template <class Event>
  void put(std::string_view topic, const std::string& id, const std::string& key,
           const Event& event, Time at);

  std::map<std::string, std::string> entries_;  // in order
  std::vector<runtime::Cell> changes_;
  Time last_{};
  int count_ = 0;  // of what was put at that time
};

}  // namespace oppen::anomaly
