#pragma once
// A topic read once, to its end. A function without state, any thread.
#include <cstdint>
#include <functional>
#include <map>
#include <string_view>

#include "producers/client/kafka.hpp"

namespace oppen::client {

// Tells `take` of every record that the topic holds by now, from its beginning or, of a partition in `from`, that offset on, in the order of each partition, also of those of transactions that are open or
// aborted (unless the user's properties say isolation.level). Succeeds only when the broker has told the end of each partition, which also
// comes where the last offsets are no records. `go_on` is asked twice a second at least; false ends it with unavailable. Errors also:
// unavailable (nothing has come for 10 seconds; then something of the topic may be missing), not_found, refused.
Status read_topic(const KafkaSettings& settings, std::string_view topic,
                  const std::function<void(const ConsumedRecord&)>& take,
                  const std::function<bool()>& go_on, const std::map<int, std::int64_t>& from = {});

}  // namespace oppen::client
