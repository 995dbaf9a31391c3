#pragma once
// One thing that is watched. A rule is told what happens, in order, and once a minute of that time says what it sees. No clock, no I/O; one
// thread.
#include <string>
#include <vector>

#include "workers/anomaly/episodes/episode.hpp"
#include "workers/anomaly/episodes/kinds.hpp"
#include "workers/anomaly/finding.hpp"
#include "workers/anomaly/rules/fact.hpp"
#include "workers/anomaly/rules/scene.hpp"

namespace oppen::anomaly {

class Rule {
 public:
  virtual ~Rule() = default;

  // `scene` has been told of it already.
  virtual void take(const Happening& one, const Scene& scene) = 0;
  // All that it judges at `now`; what is well, too, where Scene::may_be_open.
  virtual void look(Time now, const Scene& scene, std::vector<Finding>& found) = 0;

  // Nothing at all came for a while, since everything was down: what was heard before counts as heard now.
  virtual void resume(Time /*now*/) {}

  // What a person said of an alert; `until`: where it is planned, up to when.
  virtual void judged(const Episode& /*episode*/, const AlertFeedback& /*feedback*/,
                      Time /*until*/) {}

  // Under which hashes it is stored, what of it has changed, and taking it back in. False: it can't be read.
  virtual std::vector<std::string> hashes() const = 0;
  virtual void take_changes(std::vector<Cell>& cells) = 0;
  virtual bool load(const std::string& hash, const std::string& field,
                    const std::string& value) = 0;
};

// A rule that keeps one value for each thing.
template <class V>
class RuleOf : public Rule {
 public:
  explicit RuleOf(std::string hash) : kept_(std::move(hash)) {}
  std::vector<std::string> hashes() const override { return {kept_.hash()}; }
  void take_changes(std::vector<Cell>& cells) override { kept_.take_changes(cells); }
  bool load(const std::string& /*hash*/, const std::string& field,
            const std::string& value) override {
    return kept_.load(field, value);
  }

 protected:
  Kept<V> kept_;
};

inline Finding about(std::string kind, Labels labels) {
  Finding finding;
  finding.kind = std::move(kind);
  finding.labels = std::move(labels);
  return finding;
}

// Hysteresis: it begins beyond `enter`, and lasts until it is not beyond `leave`.
inline bool still_above(bool was, double value, double enter, double leave) {
  return was ? value > leave : value > enter;
}
inline bool still_below(bool was, double value, double enter, double leave) {
  return was ? value < leave : value < enter;
}

}  // namespace oppen::anomaly
