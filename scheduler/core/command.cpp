#include "scheduler/core/command.hpp"

#include "scheduler/core/log_check.hpp"
#include "schemas/commands.hpp"

namespace oppen::core {

Command read_command(client::ConsumedRecord record) {
  Command command;
  command.note = note_of(record);
  command.record = std::move(record);
  command.read = true;
  const auto unreadable = [&](const Error& error) {
    command.fault = error.message;
    return command;
  };
  auto unparsed = decode_unparsed(command.record.record);
  if (!unparsed) return unreadable(unparsed.error());
  command.event = std::move(unparsed->event);
  const std::string_view data =
      unparsed->data.empty() ? *command.record.record.value : unparsed->data;
  if (command.event.type == BatchSubmit::type) {
    auto part = scan_batch(data);
    if (!part) return unreadable(part.error());
    command.part = std::move(*part);
    command.structured_data = std::move(unparsed->data);
    return command;
  }
  auto parsed = parse_event_data(data);
  if (!parsed) return unreadable(parsed.error());
  command.event.data = std::move(*parsed);
  return command;
}

}  // namespace oppen::core
