#include "producers/access/bus.hpp"

#include <algorithm>

namespace oppen::access {
Result<Bus> Bus::connect(const Endpoints& endpoints, const std::string& source) {
  const auto settings = endpoints.kafka();
  if (!settings) return fail(settings.error());
  Bus bus(endpoints);
  auto client = client::Client::create({*settings, source, reach_deadline});
  if (!client) return fail(client.error());
  auto answers = client::Answers::create(*settings);
  if (!answers) return fail(answers.error());
  bus.client_ = *std::move(client);
  bus.answers_ = *std::move(answers);
  return bus;
}

Status Bus::expect(const std::string& id) {
  const auto position = answers_->prepare(id, reach_deadline);
  if (!position) return fail(endpoints_.kafka_error(position.error()));
  expected_[id] = *position;
  return {};
}

Result<CloudEvent> Bus::answer(const std::string& id, std::initializer_list<std::string_view> types,
                               std::chrono::milliseconds deadline, const std::stop_token& stop) {
  auto event = answers_->wait(
      id, expected_.at(id),
      [&types](const CloudEvent& candidate) {
        return std::find(types.begin(), types.end(), candidate.type) != types.end();
      },
      deadline, stop);
  if (event || event.error().kind != ErrorKind::unavailable) return event;
  return fail(ErrorKind::unavailable,
              event.error().message +
                  ". The command is kept on the bus and will be carried out when the scheduler "
                  "reads it; `oppen health` says what is away, --timeout how long to wait");
}

}  // namespace oppen::access
