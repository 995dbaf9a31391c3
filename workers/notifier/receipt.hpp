#pragma once
// What became of a delivery. Plain values.
#include <string>
#include <vector>

#include "schemas/time.hpp"
#include "workers/notifier/channel.hpp"

namespace oppen::notifier {

struct Receipt {
  Time at{};
  std::string delivery_id;
  std::string route;
  std::string outcome;  // delivered | postponed | refused
  std::string reason;   // "" of what was delivered
  std::vector<std::string> alert_ids;
};

Receipt receipt_of(const Message& message, const Status& status, Time at);
std::string to_json(const Receipt& receipt);

}  // namespace oppen::notifier
