#pragma once
// One description of each event serves for reading and for writing, so that the two cannot
// disagree:
//
//   template <class V>
//   void describe(V& v, JobCancel& e) {
//     v.optional("job_id", e.job_id, forms::id);
//     ...
//   }
//
// `required` must be there and is always written. `optional` may be absent, and is not written when
// it is empty or nullopt. `defaulted` stands for `fallback` when absent, and is not written when it
// equals it. `check` states a rule over several fields, which blames one of them. Internal to this
// folder. One thread per reader or writer.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "schemas/check.hpp"
#include "schemas/forms.hpp"
#include "schemas/json_text.hpp"
#include "schemas/parse.hpp"
#include "schemas/place.hpp"

namespace oppen {

class Reader {
 public:
  // `object` is a JSON object and outlives the reader, like `place`.
  Reader(const nlohmann::json& object, const Place& place)
      : object_(object), place_(place), errors_before_(place.error_count()) {}

  template <class T>
  void required(std::string_view name, T& value) {
    required(name, value, forms::usual_form<T>());
  }
  template <class T, class Form>
  void required(std::string_view name, T& value, const Form& form) {
    const Place here = place_.field(name);
    if (const auto* found = find(name)) {
      form.read(*found, value, here);
    } else {
      here.missing(form.expected());
    }
  }

  template <class T>
  void optional(std::string_view name, T& value) {
    optional(name, value, forms::usual_form<T>());
  }
  template <class T>
  void optional(std::string_view name, std::optional<T>& value) {
    optional(name, value, forms::usual_form<T>());
  }
  template <class T, class Form>
  void optional(std::string_view name, T& value, const Form& form) {
    if (const auto* found = find(name)) form.read(*found, value, place_.field(name));
  }
  template <class T, class Form>
  void optional(std::string_view name, std::optional<T>& value, const Form& form) {
    if (const auto* found = find(name)) {
      if (!form.read(*found, value.emplace(), place_.field(name))) value.reset();
    }
  }

  template <class T, class Fallback, class Form>
  void defaulted(std::string_view name, T& value, const Fallback& fallback, const Form& form) {
    value = fallback;
    optional(name, value, form);
  }

  // Only when every field of this object is right by itself: half-read fields would be blamed for
  // nothing.
  void check(bool good, std::string_view name, const char* expected) {
    if (good || place_.error_count() != errors_before_) return;
    const Place here = place_.field(name);
    if (const auto* found = find(name)) {
      here.wrong(*found, expected);
    } else {
      here.missing(expected);
    }
  }

 private:
  const nlohmann::json* find(std::string_view name) const {
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }

  const nlohmann::json& object_;
  const Place& place_;
  std::size_t errors_before_;
};

class Writer {
 public:
  explicit Writer(JsonObjectText& object) : object_(object) {}

  template <class T>
  void required(const char* name, const T& value) {
    required(name, value, forms::usual_form<T>());
  }
  template <class T, class Form>
  void required(const char* name, const T& value, const Form& form) {
    form.write(object_.member(name), value);
  }

  template <class T>
  void optional(const char* name, const T& value) {
    optional(name, value, forms::usual_form<T>());
  }
  template <class T>
  void optional(const char* name, const std::optional<T>& value) {
    optional(name, value, forms::usual_form<T>());
  }
  template <class T, class Form>
  void optional(const char* name, const T& value, const Form& form) {
    form.write(object_.member(name), value);
    object_.drop_if_empty();
  }
  template <class T, class Form>
  void optional(const char* name, const std::optional<T>& value, const Form& form) {
    if (value) form.write(object_.member(name), *value);
  }

  template <class T, class Fallback, class Form>
  void defaulted(const char* name, const T& value, const Fallback& fallback, const Form& form) {
    if (value != fallback) form.write(object_.member(name), value);
  }

  void check(bool, const char*, const char*) {}

 private:
  JsonObjectText& object_;
};

// Says whether a Reader would take what a Writer writes of an event, without a text between them.
class Checker {
 public:
  bool good() const { return good_; }

  template <class T>
  void required(const char* name, const T& value) {
    required(name, value, forms::usual_form<T>());
  }
  template <class T, class Form>
  void required(const char*, const T& value, const Form& form) {
    good_ = good_ && form.takes(value);
  }

  template <class T>
  void optional(const char* name, const T& value) {
    optional(name, value, forms::usual_form<T>());
  }
  template <class T>
  void optional(const char* name, const std::optional<T>& value) {
    optional(name, value, forms::usual_form<T>());
  }
  template <class T, class Form>
  void optional(const char*, const T& value, const Form& form) {
    if constexpr (requires { value.empty(); }) {
      if (value.empty()) return;
    }
    good_ = good_ && form.takes(value);
  }
  template <class T, class Form>
  void optional(const char*, const std::optional<T>& value, const Form& form) {
    good_ = good_ && (!value || form.takes(*value));
  }

  template <class T, class Fallback, class Form>
  void defaulted(const char*, const T& value, const Fallback& fallback, const Form& form) {
    good_ = good_ && (value == fallback || form.takes(value));
  }

  void check(bool good, const char*, const char*) { good_ = good_ && good; }

 private:
  bool good_ = true;
};

namespace forms {

// An object with a description of its own.
struct Described {
  template <class T>
  bool read(const json& value, T& into, const Place& place) const {
    if (!value.is_object()) return place.wrong(value, expected());
    const std::size_t before = place.error_count();
    Reader reader(value, place);
    describe(reader, into);
    return place.error_count() == before;
  }
  template <class T>
  void write(std::string& out, const T& value) const {
    JsonObjectText object(out);
    Writer writer(object);
    // A description takes what it reads into; the writer only looks.
    describe(writer, const_cast<T&>(value));
    object.end();
  }
  template <class T>
  bool takes(const T& value) const {
    Checker checker;
    describe(checker, const_cast<T&>(value));
    return checker.good();
  }
  std::string expected() const { return "an object"; }
};

}  // namespace forms

template <class Event>
tl::expected<Event, FieldErrors> parse_data(const nlohmann::json& data) {
  FieldErrors errors;
  Event event;
  forms::Described{}.read(data, event, Place(errors));
  if (!errors.empty()) return tl::unexpected(std::move(errors));
  return event;
}

template <class Event>
std::string to_text(const Event& event) {
  std::string text;
  text.reserve(384);  // most fit
  forms::Described{}.write(text, event);
  return text;
}

template <class Event>
bool is_valid(const Event& event) {
  return forms::Described{}.takes(event);
}

// Puts the functions of an event type into this object file.
#define OPPEN_EVENT(Event)                                                            \
  template tl::expected<Event, FieldErrors> parse_data<Event>(const nlohmann::json&); \
  template std::string to_text<Event>(const Event&);                                  \
  template bool is_valid<Event>(const Event&);

}  // namespace oppen
