#pragma once
// Alerts and proposals that are stored and not published yet. One thread.
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

  void put(const Said& said);
  // What is to be stored, before it is published, and what is to be forgotten, after that.
  void take_changes(std::vector<runtime::Cell>& cells);
  // Publishes all that was stored, in order. unavailable: the rest stays.
  Status publish(client::Producer& producer);
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
