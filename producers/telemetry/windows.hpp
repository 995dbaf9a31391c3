#pragma once
// From readings to samples: means and maxima over windows that are cut on the grid of UTC (whole multiples of their length since
// 1970), so that restarts and other nodes cut at the same moments. Pure: time is what the readings say. One thread.
//
// A window ends early, and the next begins there, when there is news: another XID, new uncorrected ECC errors, a reason of throttling
// that was not there for a minute, or a pod that takes the GPU. Each kind of news does so once per GPU and window length; more of it is
// told at the window's end. So intervals never overlap, and no fault can flood the bus.
//
// A clock that is set back by less than a window is waited for (readings count for nothing until then); one that is set back further
// begins anew at the new time. Where readings are missing for more than three periods, no time is claimed for them.
#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "producers/telemetry/holders.hpp"
#include "producers/telemetry/reading.hpp"
#include "schemas/telemetry.hpp"

namespace oppen::telemetry {

class Windows {
 public:
  // `period`: between readings.
  Windows(std::string node, std::chrono::milliseconds window, std::chrono::milliseconds period);

  // `holders`: of each GPU of the readings, in their order. Returns the samples of the windows that end by it, in the order of their
  // ends for each GPU. A GPU whose utilisation no reading of a window tells (nor SM activity) has no sample, unless there was news of the
  // device: a dying GPU tells its XID and no more. What is not told is 0 there, as the schema needs it.
  std::vector<GpuSample> add(const Readings& readings,
                             const std::vector<std::vector<Holder>>& holders);
  // Ends what is open at the last reading.
  std::vector<GpuSample> flush();

 private:
  enum class News { xid, ecc, throttling, holder };
  static constexpr std::size_t kinds_of_news = 4;

  struct Mean {
    double sum = 0;
    int count = 0;
    void add(std::optional<double> value);
    std::optional<double> value() const;
  };
  struct Held {
    Holder holder;
    double parts = 0;
    Mean memory;
  };
  struct Window {
    int readings = 0;
    Time begin{};
    Time last{};      // reading
    Time grid_end{};  // where it ends at the latest
    int index = 0;
    std::string name;
    Mean utilization, sm_active, memory_used, memory_total, temperature, power;
    std::optional<double> utilization_max;
    bool news = false;  // of the device: XID, ECC, throttling
    std::optional<int> xid;
    std::optional<std::int64_t> ecc_errors;
    std::vector<std::string> throttle_reasons;
    std::map<std::pair<std::string, std::string>, Held> holders;  // by namespace and pod
  };
  struct Gpu {
    Window window;
    Time told_to{};  // samples reach up to here
    bool seen = false;
    std::optional<int> xid;
    std::optional<std::int64_t> ecc_total;
    std::map<std::string, Time> throttled;  // when each reason was there last
    std::array<std::optional<Time>, kinds_of_news> cut;
  };

  bool clock_allows(Time at, std::vector<GpuSample>& samples);
  void take(const std::string& uuid, const GpuReading& reading, const std::vector<Holder>& holders,
            Time at, std::vector<GpuSample>& samples);
  // Whether the window may end early for it; if so that is noted.
  bool may_cut(Gpu& gpu, News news, Time at) const;
  bool is_newly_held(const Window& window, const std::vector<Holder>& holders) const;
  // Puts the reading's news into the window; whether it should end now.
  bool note_news(Gpu& gpu, const GpuReading& reading, Time at);
  void begin_if_none(Gpu& gpu, Time at) const;
  void end(const std::string& uuid, Gpu& gpu, Time at, std::vector<GpuSample>& samples);
  Time grid_end(Time at) const;
  bool follows(Time later, Time earlier) const { return later - earlier <= 3 * period_; }

  const std::string node_;
  const std::chrono::milliseconds window_;
  const std::chrono::milliseconds period_;
  std::optional<Time> last_;
  std::map<std::string, Gpu> gpus_;  // by uuid
};

}  // namespace oppen::telemetry
