#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "producers/access/render.hpp"
#include "producers/cli/commands.hpp"
#include "producers/cli/dead_letters.hpp"
#include "schemas/text.hpp"

namespace oppen::cli {
namespace {

using nlohmann::json;

constexpr std::chrono::seconds acknowledge_deadline{10};
constexpr std::size_t error_columns = 80;

struct ListRecordsOptions {
  int limit = 20;
  std::int64_t show = -1;
};

struct ReplayOptions {
  std::vector<std::int64_t> offsets;
  bool all = false;
  bool yes = false;
};

int show(Context& context, DeadLetterReader& reader, std::int64_t offset) {
  const auto letter = reader.at(offset);
  if (!letter) return context.fail_with(letter.error());
  if (context.json()) {
    context.print(dead_letter_json(*letter, true));
    return done;
  }
  auto& out = context.out;
  out << "Offset   " << letter->offset << "\nTime     " << to_rfc3339(letter->at) << "\nFrom     "
      << printable(letter->topic) << ' ' << printable(letter->from) << "\nWorker   "
      << printable(letter->worker) << "\nError    " << printable(letter->error) << "\nKey      "
      << printable(letter->original.key) << "\nHeaders\n";
  for (const auto& [name, value] : letter->original.headers)
    out << "  " << printable(name) << ": " << printable(value) << '\n';
  out << "Value\n" << letter->original.value.value_or("(null)") << '\n';
  return done;
}

int list_records(Context& context, const ListRecordsOptions& options) {
  auto reader = DeadLetterReader::open(context);
  if (!reader) return context.fail_with(reader.error());
  if (options.show >= 0) return show(context, *reader, options.show);
  json letters = json::array();
  std::vector<std::vector<std::string>> rows;
  const auto read = reader->read(
      reader->high() - options.limit, reader->high(), [&](const DeadLetter& letter) -> Status {
        letters.push_back(dead_letter_json(letter, false));
        rows.push_back({std::to_string(letter.offset), to_rfc3339(letter.at), letter.topic,
                        letter.worker, letter.original.key,
                        shortened(letter.error, context.width > 0 ? error_columns : 1'000)});
        return {};
      });
  if (!read) return context.fail_with(read.error());
  if (context.json()) {
    context.print({{"dead_letters", letters}});
  } else if (rows.empty()) {
    context.out << "The dead letter is empty.\n";
  } else {
    context.out << table({{"OFFSET", true},
                          {"TIME", false, 2},
                          {"TOPIC"},
                          {"WORKER", false, 3},
                          {"KEY", false, 1},
                          {"ERROR"}},
                         std::move(rows), context.width);
  }
  return done;
}

bool confirmed(Context& context, std::int64_t count) {
  if (!context.in_is_terminal) return true;
  context.err << "Publish " << count << (count == 1 ? " record" : " records") << " again? [y/N] "
              << std::flush;
  std::string answer;
  return std::getline(context.in, answer) && (answer == "y" || answer == "Y" || answer == "yes");
}

class Replayer {
 public:
  explicit Replayer(Context& context) : context_(context) {}

  Status operator()(const DeadLetter& letter) {
    if (letter.topic.empty()) {
      context_.err << "oppen: the record at offset " << letter.offset
                   << " does not say where it came from: left out\n";
      ++left_out;
      return {};
    }
    const auto& prefix = context_.topic_prefix;
    const auto topic =
        letter.topic.starts_with(prefix) ? letter.topic.substr(prefix.size()) : letter.topic;
    auto& producer = producers_[topic];
    if (!producer) {
      const auto settings = context_.kafka();
      if (!settings) return fail(settings.error());
      auto created = client::Producer::create(*settings, {topic});
      if (!created) return fail(created.error());
      producer = *std::move(created);
    }
    const auto sent = producer->send_and_wait(topic, letter.original, acknowledge_deadline);
    if (!sent) return fail(context_.kafka_error(sent.error()));
    const json line = {{"offset", letter.offset},
                       {"topic", letter.topic},
                       {"partition", sent->partition},
                       {"new_offset", sent->offset}};
    if (context_.json()) {
      context_.print(line, false);
    } else {
      context_.out << "Record " << letter.offset << " published again to " << letter.topic
                   << ", partition " << sent->partition << ", offset " << sent->offset << '\n';
    }
    return {};
  }

  int left_out = 0;

 private:
  Context& context_;
  std::map<std::string, std::unique_ptr<client::Producer>> producers_;
};

int replay(Context& context, const ReplayOptions& options) {
  if (options.all == !options.offsets.empty()) {
    return context.fail_with(
        {ErrorKind::invalid, "expected offsets (oppen dead-letter list shows them), or --all"});
  }
  auto reader = DeadLetterReader::open(context);
  if (!reader) return context.fail_with(reader.error());
  std::vector<DeadLetter> letters;
  for (const std::int64_t offset : options.offsets) {
    auto letter = reader->at(offset);
    if (!letter) return context.fail_with(letter.error());
    letters.push_back(*std::move(letter));
  }
  const auto count =
      options.all ? reader->high() - reader->low() : static_cast<std::int64_t>(letters.size());
  if (count == 0) {
    context.err << "The dead letter is empty.\n";
    return done;
  }
  if (!options.yes && !confirmed(context, count)) {
    context.err << "Nothing was published.\n";
    return answer_is_no;
  }
  Replayer replayer(context);
  if (options.all) {
    const auto replayed = reader->read(reader->low(), reader->high(), std::ref(replayer));
    if (!replayed) return context.fail_with(replayed.error());
  }
  for (const DeadLetter& letter : letters) {
    if (const auto replayed = replayer(letter); !replayed)
      return context.fail_with(replayed.error());
  }
  return replayer.left_out == 0 ? done : answer_is_no;
}

}  // namespace

void add_dead_letter(CLI::App& app, Context& context) {
  CLI::App* const dead_letter = app.add_subcommand(
      "dead-letter", "Shows the records that a worker could not handle, and publishes them again.");
  dead_letter->require_subcommand(1);

  const auto is_offset =
      CLI::Range(std::int64_t{0}, std::numeric_limits<std::int64_t>::max()).description("");
  const auto listing = std::make_shared<ListRecordsOptions>();
  CLI::App* const list_command =
      dead_letter->add_subcommand("list", "Lists the latest records that were set aside, and why.");
  list_command->add_option("--limit", listing->limit, "How many at most")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000).description(""))
      ->capture_default_str();
  list_command->add_option("--show", listing->show, "Print the whole record at this offset")
      ->type_name("OFFSET")
      ->check(is_offset);
  list_command->footer(
      "Examples:\n"
      "  oppen dead-letter list\n"
      "  oppen dead-letter list --show 17\n");
  list_command->callback([&context, listing] {
    context.run = [&context, listing] { return list_records(context, *listing); };
  });

  const auto replaying = std::make_shared<ReplayOptions>();
  CLI::App* const replay_command = dead_letter->add_subcommand(
      "replay", "Publishes records again, to the topic that they came from.");
  replay_command->add_option("offset", replaying->offsets, "Their offsets in the dead letter")
      ->type_name("OFFSET")
      ->check(is_offset);
  replay_command->add_flag("--all", replaying->all, "All that are kept");
  replay_command->add_flag("-y,--yes", replaying->yes, "Don't ask");
  replay_command->footer(
      "Examples:\n"
      "  oppen dead-letter replay 17 18\n"
      "  oppen dead-letter replay --all --yes\n"
      "The records stay in the dead letter. Commands are safe to repeat: a job id is taken "
      "once.\n");
  replay_command->callback([&context, replaying] {
    context.run = [&context, replaying] { return replay(context, *replaying); };
  });
}

}  // namespace oppen::cli
