#pragma once
// Whether an event is what its schema asks for. Instantiated for every event type of schemas/*.hpp. Pure functions, any thread.

namespace oppen {

// Whether parse_data takes what to_text writes of it: the same answer, some twenty times sooner and without a text. Text that is not
// UTF-8, which to_text replaces, is not valid. What is wrong is told by parse_data.
template <class Event>
bool is_valid(const Event& event);

}  // namespace oppen
