#include "workers/runtime/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace oppen::runtime {
namespace {

enum class Kind { counter, gauge, histogram };

const char* type_name(Kind kind) {
  switch (kind) {
    case Kind::counter:
      return "counter";
    case Kind::gauge:
      return "gauge";
    case Kind::histogram:
      break;
  }
  return "histogram";
}

std::string escaped(const std::string& text, bool quotes) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') {
      result += "\\\\";
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '"' && quotes) {
      result += "\\\"";
    } else {
      result += c;
    }
  }
  return result;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

// name{a="b"} and its value; `bound` is a histogram bucket's "le", "" elsewhere.
void add_line(std::string& page, const std::string& name, const Labels& labels,
              const std::string& bound, const std::string& value) {
  std::string inner;
  for (const auto& [label, text] : labels) {
    inner += fmt::format("{}{}=\"{}\"", inner.empty() ? "" : ",", label, escaped(text, true));
  }
  if (!bound.empty()) inner += fmt::format("{}le=\"{}\"", inner.empty() ? "" : ",", bound);
  page += inner.empty() ? fmt::format("{} {}\n", name, value)
                        : fmt::format("{}{{{}}} {}\n", name, inner, value);
}

}  // namespace

void Counter::add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
double Counter::value() const { return value_.load(std::memory_order_relaxed); }

void Gauge::set(double value) { value_.store(value, std::memory_order_relaxed); }
void Gauge::add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
double Gauge::value() const { return value_.load(std::memory_order_relaxed); }

Histogram::Histogram(std::vector<double> upper_bounds)
    : upper_bounds_(std::move(upper_bounds)), counts_(upper_bounds_.size() + 1) {}

void Histogram::observe(double value) {
  const auto bucket =
      std::lower_bound(upper_bounds_.begin(), upper_bounds_.end(), value) - upper_bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

struct Metrics::Impl {
  struct Family {
    Kind kind = Kind::counter;
    std::string help;
    std::map<Labels, std::unique_ptr<Counter>> counters;
    std::map<Labels, std::unique_ptr<Gauge>> gauges;
    std::map<Labels, std::unique_ptr<Histogram>> histograms;
  };

  mutable std::mutex mutex;
  std::map<std::string, Family> families;

  Family& family(const std::string& name, const std::string& help, Kind kind) {
    const auto [place, is_new] = families.try_emplace(name);
    auto& found = place->second;
    if (is_new) {
      found.kind = kind;
      found.help = help;
    } else if (found.kind != kind || found.help != help) {
      throw std::logic_error("the metric " + name +
                             " is declared twice, with another type or help");
    }
    return found;
  }
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter& Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock(impl_->mutex);
  auto& metric = impl_->family(name, help, Kind::counter).counters[labels];
  if (!metric) metric = std::make_unique<Counter>();
  return *metric;
}

Gauge& Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  const std::lock_guard lock(impl_->mutex);
  auto& metric = impl_->family(name, help, Kind::gauge).gauges[labels];
  if (!metric) metric = std::make_unique<Gauge>();
  return *metric;
}

Histogram& Metrics::histogram(const std::string& name, const std::string& help,
                              const Labels& labels, std::vector<double> upper_bounds) {
  const std::lock_guard lock(impl_->mutex);
  auto& metric = impl_->family(name, help, Kind::histogram).histograms[labels];
  if (!metric) metric = std::make_unique<Histogram>(std::move(upper_bounds));
  return *metric;
}

std::string Metrics::render() const {
  std::string page;
  const std::lock_guard lock(impl_->mutex);
  for (const auto& [name, family] : impl_->families) {
    page += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, escaped(family.help, false), name,
                        type_name(family.kind));
    for (const auto& [labels, counter] : family.counters)
      add_line(page, name, labels, "", number(counter->value()));
    for (const auto& [labels, gauge] : family.gauges)
      add_line(page, name, labels, "", number(gauge->value()));
    for (const auto& [labels, histogram] : family.histograms) {
      std::uint64_t count = 0;
      for (std::size_t i = 0; i < histogram->counts_.size(); ++i) {
        count += histogram->counts_[i].load(std::memory_order_relaxed);
        const bool last = i == histogram->upper_bounds_.size();
        add_line(page, name + "_bucket", labels,
                 last ? "+Inf" : number(histogram->upper_bounds_[i]), std::to_string(count));
      }
      add_line(page, name + "_sum", labels, "",
               number(histogram->sum_.load(std::memory_order_relaxed)));
      add_line(page, name + "_count", labels, "", std::to_string(count));
    }
  }
  return page;
}

}  // namespace oppen::runtime
