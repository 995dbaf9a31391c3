#include "bench/support/bare_burst.hpp"

#include "bench/support/must.hpp"
#include "schemas/topics.hpp"

namespace oppen::bench {
namespace {

using namespace std::chrono_literals;

constexpr auto doing_bare_burst = "measuring a bare burst";
const client::TopicPartition place{std::string(topics::recommendations), 0};

}  // namespace

BareBurst::BareBurst(const client::KafkaSettings& kafka, std::string value)
    : producer_(must(client::Producer::create(kafka, {place.topic}), doing_bare_burst)),
      consumer_(must(client::Consumer::create(kafka, ""), doing_bare_burst)),
      record_{"bench", std::move(value), {{"content-type", "application/json"}}} {
  must(consumer_->assign({{place, must(consumer_->watermarks(place, 10s), doing_bare_burst).high}}),
       doing_bare_burst);
}

SteadyClock::duration BareBurst::operator()(int records) {
  const auto begin = SteadyClock::now();
  for (int i = 0; i < records; ++i)
    must(producer_->send(
             place.topic, record_, [](const auto&) {}, place.partition),
         doing_bare_burst);
  for (int read = 0; read < records;) {
    if (must(consumer_->poll(500ms), doing_bare_burst)) ++read;
    if (SteadyClock::now() - begin > 60s)
      give_up(doing_bare_burst, "not all were read within 60 s");
  }
  return SteadyClock::now() - begin;
}

}  // namespace oppen::bench
