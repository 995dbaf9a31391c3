#include "workers/anomaly/episodes/view.hpp"

#include "workers/runtime/leased_store.hpp"

namespace oppen::anomaly {
namespace {

template <class V>
Result<std::map<std::string, V>> values_of(runtime::Redis& redis, const std::string& prefix,
                                           const std::string& hash) {
  const auto fields = runtime::fields_of(redis, prefix + hash);
  if (!fields) return fail(fields.error());
  Kept<V> values(hash);
  for (const auto& [field, text] : *fields) {
    if (!values.load(field, text))
      return fail(ErrorKind::fatal, field + " of " + hash + " of the alerts in Redis is broken");
  }
  return values.all();
}

}  // namespace

std::string store_prefix(const std::string& topic_prefix) {
  return "{" + topic_prefix + "anomaly}:";
}

Result<AlertsView> read_alerts(runtime::Redis& redis, const std::string& topic_prefix) {
  const auto prefix = store_prefix(topic_prefix);
  auto episodes = values_of<Episode>(redis, prefix, "episodes");
  if (!episodes) return fail(episodes.error());
  const auto silences = values_of<AlertSilence>(redis, prefix, "silences");
  if (!silences) return fail(silences.error());
  auto feedback = values_of<Feedback>(redis, prefix, "feedback");
  if (!feedback) return fail(feedback.error());
  AlertsView view{std::move(*episodes), {}, std::move(*feedback)};
  for (const auto& [id, silence] : *silences) view.silences.push_back(silence);
  return view;
}

}  // namespace oppen::anomaly
