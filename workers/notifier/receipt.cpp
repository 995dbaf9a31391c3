#include "workers/notifier/receipt.hpp"

#include <nlohmann/json.hpp>

namespace oppen::notifier {

Receipt receipt_of(const Message& message, const Status& status, Time at) {
  Receipt receipt{at, message.id, message.route, "delivered", "", {}};
  if (!status) {
    receipt.outcome = status.error().kind == ErrorKind::refused ? "refused" : "postponed";
    receipt.reason = status.error().message;
  }
  for (const auto& alert : message.alerts) receipt.alert_ids.push_back(alert.alert_id);
  return receipt;
}

std::string to_json(const Receipt& receipt) {
  return nlohmann::json{{"at", to_rfc3339(receipt.at)}, {"delivery_id", receipt.delivery_id},
                        {"route", receipt.route},       {"outcome", receipt.outcome},
                        {"reason", receipt.reason},     {"alert_ids", receipt.alert_ids}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace oppen::notifier
